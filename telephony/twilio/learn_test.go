package twilio

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// Whoever observes hears of the phones that ring, not of the call that comes in:
// Twilio is asked, once, before anything is told that would be a ticket for nobody.
func TestSource_asksHowACallBegan(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	s.api.call(calling, map[string]any{"caller_name": "ERIKA MUSTER"})
	var wg sync.WaitGroup
	for _, n := range []string{"2", "3", "4"} {
		form := newFlow().leg(1, n, mobile, "initiated").callbacks[0].form
		wg.Go(func() { s.post(hookStatus, form) })
	}
	wg.Wait()
	require.Len(t, s.api.questions(), 1)
	state := s.state()
	require.Equal(t, telephony.Inbound, state.Direction)
	require.Equal(t, telephony.Party{Number: caller, Name: "ERIKA MUSTER"}, state.From)
	require.Equal(t, did, state.To.Number)
	require.Len(t, state.Ringing, 3)
}

// While it cannot be asked nothing is told: Twilio comes again, or it is found
// later.
func TestSource_cannotAsk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		refuse int
	}{{name: "unknown yet"}, {name: "a proxy says no", refuse: http.StatusBadGateway}, {name: "redirected", refuse: http.StatusFound}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.listen(s.sink)
			s.api.refuse = tt.refuse
			form := newFlow().leg(1, "2", mobile, "in-progress").callbacks[0].form
			got := s.post(hookStatus, form)
			require.Equal(t, http.StatusServiceUnavailable, got.status)
			require.Contains(t, got.body, "how call "+id("CA", calling)+" began is not known")
			require.Empty(t, s.sink.Entries())
			require.Equal(t, uint64(1), s.source.Stats().Refused[NotKnown])

			s.api.refuse = 0
			s.api.call(calling, nil)
			require.Equal(t, http.StatusNoContent, s.post(hookStatus, form).status)
			require.True(t, s.state().Answered())
		})
	}
}

// A leg that was dialled and dials others is part of the story of who dialled it.
func TestSource_asksOfALegThatDials(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.listen(s.sink)
	s.api.call(calling, map[string]any{"parent_call_sid": id("CA", "9"), "direction": "outbound-dial", "to": ana})
	s.play(newFlow().leg(1, "2", mobile, "in-progress"))
	events := s.sink.Entries()[0]
	require.Equal(t, telephony.CallID("hq/tw/"+id("CA", "9")), events[len(events)-1].Other)
	require.False(t, events[0].First)
}
