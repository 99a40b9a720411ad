package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// The recording of a call is what its ticket plays, and none is made of the 44
// bytes that a call leaves which nobody answered.
func TestRecordingPlays(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{recordings: true})
	c := s.startReady()
	ticket := s.ticketOf(c, s.play(answered()), 2)
	voices := ticket.VoiceComments()
	require.Len(t, voices, 1)
	require.Equal(t, s.agentID("Alice"), voices[0].AnsweredByID)
	require.NotZero(t, voices[0].CallDuration)
	require.NotEmpty(t, voices[0].Location)

	link, err := url.Parse(voices[0].RecordingURL)
	require.NoError(t, err)
	link.Host = c.address(t, "public_listen")
	files, err := filepath.Glob(filepath.Join(s.player.Recordings, "*.wav"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	want, err := os.ReadFile(files[0])
	require.NoError(t, err)
	r := request(t, http.MethodGet, link.String(), nil)
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, want, r.body)
	r = request(t, http.MethodGet, link.String(), http.Header{"Range": {"bytes=100-199"}})
	require.Equal(t, http.StatusPartialContent, r.status)
	require.Equal(t, want[100:200], r.body)

	missed := s.play(asterisktest.Scenario{Capture: "c_abandoned_ringing", Kind: "missed"})
	require.Empty(t, s.ticketOf(c, missed, 1).VoiceComments())
	c.stop(t)
}

// What a person takes back is served no more, with the daemon and without, and
// stays so.
func TestRevoke(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{recordings: true})
	c := s.startReady()
	var ids, links []string
	for range 3 {
		id := s.play(answered())
		ids = append(ids, id)
		links = append(links, s.ticketOf(c, id, 2).VoiceComments()[0].RecordingURL)
	}
	served := func(link string) int {
		u, err := url.Parse(link)
		require.NoError(t, err)
		u.Host = c.address(t, "public_listen")
		return request(t, http.MethodGet, u.String(), nil).status
	}
	require.Equal(t, http.StatusOK, served(links[0]))

	out, _ := s.cli(exitOK, "revoke", ids[0])
	require.Contains(t, out, ".wav is served no more")
	require.Equal(t, http.StatusNotFound, served(links[0]))
	out, _ = s.cli(exitOK, "revoke", ids[0])
	require.Contains(t, out, "nothing of it is served")
	out, _ = s.cli(exitOK, "revoke", links[1], "--json")
	require.Contains(t, out, ".wav")
	require.Equal(t, http.StatusNotFound, served(links[1]))
	require.Equal(t, http.StatusOK, served(links[2]), "others are not concerned")
	_, errs := s.cli(exitRun, "revoke", links[2]+"x")
	require.Contains(t, errs, "no link to a recording")
	require.Contains(t, c.log.String(), "audio revoked by a person")
	c.stop(t)

	out, _ = s.cli(exitOK, "revoke", ids[2])
	require.Contains(t, out, ".wav is served no more")
	c = s.startReady()
	for _, link := range links {
		require.Equal(t, http.StatusNotFound, served(link))
	}
	c.stop(t)
}

// scenarioTicket is what a captured call must come to.
type scenarioTicket struct {
	capture string
	// tickets are how many there are, over all ids of the call.
	tickets, via int
	assignee     string
	answeredBy   string // of the recording, "" for none
	pops         []string
	says         string // in a comment
}

// Every kind of call, through the daemon: one ticket each, with the right
// agents, and a page for everybody who came to talk to the caller.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, tt := range []scenarioTicket{
		{capture: "d2_queue_all_busy_timeout", tickets: 1, via: 44},
		{capture: "e_queue_second_agent", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Bob", pops: []string{"Bob"}, says: "Queue: support"},
		{capture: "f_queue_abandoned", tickets: 1, via: 45, says: "abandoned"},
		{capture: "h1_blind_refer", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
		{capture: "h2_blind_ami", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
		{capture: "i1_attended_feature", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
		{capture: "i2_attended_refer", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
		{capture: "j_hold", tickets: 1, via: 45, assignee: "Alice", answeredBy: "Alice", pops: []string{"Alice"}},
		{capture: "o_click_to_call", tickets: 1, via: 46, assignee: "Alice", answeredBy: "Alice", pops: []string{"Alice"}},
		{capture: "g3_outbound_busy"},
		{capture: "v1_mobile_answers", tickets: 1, via: 45, assignee: "Alice", answeredBy: "Alice", pops: []string{"Alice"}},
		{capture: "v2_mobile_blind_refer", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
		{capture: "v3_mobile_attended_refer", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
		{capture: "v4_mobile_click_to_call", tickets: 1, via: 46, assignee: "Alice", answeredBy: "Alice", pops: []string{"Alice"}},
		{capture: "v5_mobile_attended_feature", tickets: 1, via: 45, assignee: "Bob", answeredBy: "Alice", pops: []string{"Alice", "Bob"}},
	} {
		t.Run(tt.capture, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{recordings: true, edit: []string{
				`["1001"]`, `["1001", "+15550100101"]`, `["PJSIP/1002"]`, `["PJSIP/1002", "+15550100102"]`,
			}})
			c := s.startReady()
			call := asterisktest.Scenario{Capture: tt.capture, Kind: tt.capture}
			played, err := s.player.Play(t.Context(), s.untilShown(call, len(tt.pops)))
			require.NoError(t, err)
			id := "hq/pbx1/" + played.Linkedids[0]
			s.eventually(c, id+" settled", func() bool { return s.settled(id) })
			require.Len(t, s.zendesk.Tickets(), tt.tickets)
			var shown []string
			for _, pop := range s.zendesk.Pops() {
				for _, name := range []string{"Alice", "Bob", "Carol"} {
					if s.agentID(name) == pop.AgentID {
						shown = append(shown, name)
					}
				}
			}
			require.Equal(t, tt.pops, shown)
			if tt.tickets == 0 {
				return
			}
			ticket := s.zendesk.Tickets()[0]
			require.Equal(t, tt.via, ticket.ViaID)
			if tt.assignee != "" {
				require.Equal(t, s.agentID(tt.assignee), ticket.AssigneeID)
			}
			var said strings.Builder
			for _, comment := range ticket.Comments {
				said.WriteString(comment.Body)
			}
			require.Contains(t, said.String(), tt.says)
			if tt.answeredBy != "" {
				require.Len(t, ticket.VoiceComments(), 1)
				require.Equal(t, s.agentID(tt.answeredBy), ticket.VoiceComments()[0].AnsweredByID)
				require.NotEmpty(t, ticket.VoiceComments()[0].RecordingURL)
			}
			c.stop(t)
		})
	}
}
