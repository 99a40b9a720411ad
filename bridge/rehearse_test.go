package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// told is a rehearsal in short.
func told(r Rehearsal) string {
	var b strings.Builder
	if t := r.Ticket; t == nil {
		fmt.Fprintf(&b, "no ticket: %s", r.Reason)
	} else if t.Attached {
		fmt.Fprintf(&b, "attached: comments %d", len(t.Comments))
	} else {
		fmt.Fprintf(&b, "%d %q %v", t.Via, t.Subject, t.Tags)
		if t.Assignee != 0 {
			fmt.Fprintf(&b, " of %d", t.Assignee)
		}
		if t.AnsweredBy != 0 {
			fmt.Fprintf(&b, " by %d", t.AnsweredBy)
		}
		if t.Voice != nil {
			fmt.Fprintf(&b, " plays %s of %v", t.Voice.RecordingURL, t.Voice.CallDuration)
		}
		fmt.Fprintf(&b, " comments %d", len(t.Comments))
	}
	for _, p := range r.Pages {
		fmt.Fprintf(&b, "; %s for %d at %v", p.Page, p.Agent, p.At.Sub(start).Seconds())
	}
	return b.String()
}

func rehearse(t *testing.T, policy *Policy, call *stage, open bool) Rehearsal {
	t.Helper()
	r, err := Rehearse(t.Context(), policy, Scene{Events: call.call.Events(), OpenTicket: open})
	require.NoError(t, err)
	return r
}

func TestRehearse(t *testing.T) {
	t.Parallel()
	recorded := func(p *Policy) { p.Recorded = map[string]bool{"pbx1": true} }
	transferred := func() *stage {
		return answered().rings(28, "1002").joins(30, "1002").leaves(31, "1001").leaves(65, "1002", "t")
	}
	for _, tt := range []struct {
		name   string
		call   *stage
		open   bool
		policy func(*Policy)
		want   string
	}{
		{
			name: "answered", call: ended(),
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 2; ticket for 501 at 5`,
		},
		{
			name: "made at the end", call: ended(), policy: atEnd,
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 1; user for 501 at 5`,
		},
		{
			name: "recorded", call: ended().event(5, telephony.Event{Kind: telephony.CallRecorded, Path: "/a.wav"}), policy: recorded,
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 by 501 plays ` + imaginaryURL + ` of 1m5s comments 1; ticket for 501 at 5`,
		},
		{
			name: "transferred", call: transferred(),
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 502 comments 2; ticket for 501 at 5; ticket for 502 at 30`,
		},
		{
			name: "a page while it rings", call: ended(), policy: onRinging,
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 2; user for 501 at 1.2`,
		},
		{
			name: "an open ticket", call: ended(), open: true, policy: openRecent,
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 2; open_ticket for 501 at 5`,
		},
		{
			name: "onto the open ticket", call: ended(), open: true, policy: func(p *Policy) { p.Match.NewestOpenWithin = time.Hour },
			want: `attached: comments 1; open_ticket for 501 at 5`,
		},
		{
			name: "onto none, since none is open", call: ended(), policy: func(p *Policy) { p.Match.NewestOpenWithin = time.Hour },
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 2; ticket for 501 at 5`,
		},
		{
			name: "none open", call: ended(), policy: openRecent,
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 2; user for 501 at 5`,
		},
		{
			name: "talked on for long enough", call: ended(), policy: func(p *Policy) { p.Rules.ShortestTalk = 10 * time.Second },
			want: `45 "Call from +12125550123" [call_inbound talkbridge] of 501 comments 2; user for 501 at 5`,
		},
		{
			name: "talked on for too short", call: ended(), policy: func(p *Policy) { p.Rules.ShortestTalk = 2 * time.Minute },
			want: "no ticket: no ticket: talked for 1m0s, shorter than shortest_talk (2m0s); user for 501 at 5",
		},
		{
			name: "denied", call: ended(), policy: func(p *Policy) { p.Rules.Callers.Deny = []string{"+1212*"} },
			want: "no ticket: no ticket: the caller is denied (+1212*)",
		},
		{name: "missed", call: missed(), want: `45 "Missed call from +12125550123" [call_inbound call_missed talkbridge] comments 1`},
		{name: "missed ones get none", call: missed(), policy: noMissed, want: "no ticket: nothing is owed any more"},
		{
			name: "voicemail", call: leftMessage(),
			want: `44 "Voicemail from +12125550123" [call_inbound call_voicemail talkbridge] plays ` + imaginaryURL + ` of 41s comments 0`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			policy := testPolicy(t)
			if tt.policy != nil {
				tt.policy(policy)
			}
			require.Equal(t, tt.want, told(rehearse(t, policy, tt.call, tt.open)))
		})
	}
}

// What the log would warn of is told, and the requester is whom talkbridge makes.
func TestRehearseTells(t *testing.T) {
	t.Parallel()
	policy := testPolicy(t)
	policy.Form.Priority = words("hihg")
	r := rehearse(t, policy, ended(), false)
	require.Equal(t, []string{"template wrote no such value, the ticket goes without (template: priority) (wrote: hihg)"}, r.Warnings)
	require.Equal(t, customerA, r.Ticket.Requester.Phone)
	require.Equal(t, telephony.Answered, r.State.Disposition)

	policy = testPolicy(t)
	policy.Pop.On = screenpop.OnRinging
	r = rehearse(t, policy, newStage().comes("anonymous").rings(1, "1001").dialled(20, telephony.DialNoAnswer).leaves(21, "1001", "t"), false)
	require.Equal(t, anonymousName, r.Ticket.Requester.Name)
	require.Empty(t, r.Pages, "the placeholder is nobody's page")
}

func TestRehearseNothing(t *testing.T) {
	t.Parallel()
	_, err := Rehearse(t.Context(), testPolicy(t), Scene{})
	require.EqualError(t, err, "rehearse a call: it has no events")
}
