package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// With recordings.mode: upload the ticket plays what is stored with Zendesk;
// where Zendesk does not take it, a link.
func TestUploadMode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   *zendesktest.Fault
		uploads int
	}{
		{name: "taken", uploads: 1},
		{name: "taken at the second try", fault: &zendesktest.Fault{Count: 1, Effect: zendesktest.Unavailable(time.Second)}, uploads: 1},
		{name: "answer lost", fault: &zendesktest.Fault{Count: 1, Effect: zendesktest.DropAfterCommit()}, uploads: 2},
		{name: "refused", fault: &zendesktest.Fault{Effect: zendesktest.Status(http.StatusForbidden, 0)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{recordings: true, extra: "recordings: {mode: upload}\n"})
			if tt.fault != nil {
				tt.fault.Method, tt.fault.Path = http.MethodPost, "/api/v2/uploads"
				s.zendesk.Inject(*tt.fault)
			}
			c := s.startReady()
			ticket := s.ticketOf(c, s.play(answered()), 2)
			require.Len(t, ticket.VoiceComments(), 1)
			url := ticket.VoiceComments()[0].RecordingURL
			uploads := s.zendesk.Uploads()
			require.Len(t, uploads, tt.uploads)
			if tt.uploads == 0 {
				require.Contains(t, url, "/recordings/")
				c.stop(t)
				return
			}
			last := uploads[len(uploads)-1]
			require.Equal(t, last.ContentURL, url)
			require.Equal(t, "audio/wav", last.ContentType)
			require.True(t, strings.HasSuffix(last.Name, ".wav"))
			require.NotEmpty(t, last.Content)
			c.stop(t)
		})
	}
}
