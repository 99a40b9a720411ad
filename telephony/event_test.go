package telephony_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// Only what was heard as it happened says that nothing of the call came before.
func TestEventBegins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		event telephony.Event
		want  bool
	}{
		{"the first leg", telephony.Event{Kind: telephony.LegStarted, First: true}, true},
		{"another leg", telephony.Event{Kind: telephony.LegStarted}, false},
		{"found in a list", telephony.Event{Kind: telephony.LegStarted, First: true, Estimated: true}, false},
		{"read in a record", telephony.Event{Kind: telephony.LegStarted, First: true, Late: true}, false},
		{"the end of the first leg", telephony.Event{Kind: telephony.LegEnded, First: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.event.Begins())
		})
	}
}
