package asterisk

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

var _ = flag.Bool("update", false, "rewrite the golden files")

// received is when the messages of a capture are said to have come.
var received = time.Date(2026, 11, 22, 1, 12, 0, 0, time.UTC)

// lab is the translator for the PBX of the captures.
func lab() *translator {
	return &translator{site: "hq", source: "pbx1", trunks: []string{"PJSIP/trunk"}, node: "node1", conn: "conn1"}
}

// capture returns the recorded bytes of a scenario.
func capture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := asterisktest.Capture(name)
	require.NoError(t, err)
	return data
}

// messages reads a stream to its end. Bad messages are passed over.
func messages(t testing.TB, from io.Reader, wants func(kind, variable []byte) bool) []Message {
	t.Helper()
	r := NewReader(from, wants)
	now := received
	r.now = func() time.Time { now = now.Add(time.Microsecond); return now }
	_, err := r.ReadGreeting()
	require.NoError(t, err)
	var all []Message
	for {
		m, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return all
		case !errors.Is(err, ErrMalformed):
			require.NoError(t, err)
			m.Received = received.Add(time.Duration(len(all)) * time.Millisecond)
			all = append(all, m)
		}
	}
}

// eventsOf translates a stream, as a session does.
func eventsOf(t testing.TB, data []byte) []telephony.Event {
	t.Helper()
	tr, known := lab(), newRoster()
	var all []telephony.Event
	for i, m := range messages(t, bytes.NewReader(data), wanted) {
		if !known.trusts(m) {
			continue
		}
		e, ok, err := tr.translate(m, uint64(i+1))
		require.NoError(t, err)
		if ok {
			all = append(append(all, known.follow(m, e)...), e)
		}
	}
	return all
}

// golden is what a capture must come to.
type golden struct {
	Calls  []telephony.State `json:"calls"`
	Events []telephony.Event `json:"events"`
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"a_inbound_answered", "b_voicemail", "b2_voicemail_hangup_in_greeting", "c_abandoned_ringing", "d1_busy",
		"d2_queue_all_busy_timeout", "e_queue_second_agent", "f_queue_abandoned", "g1_outbound_answered",
		"g2_outbound_unanswered", "g3_outbound_busy", "h1_blind_refer", "h2_blind_ami", "i1_attended_feature",
		"i2_attended_refer", "j_hold", "k_two_concurrent", "o_click_to_call", "l1_anonymous", "l2_no_user",
		"l3_unicode_name", "l4_escaped_crlf_user", "l7_forged_event", "m_internal", "t1_least_privilege_a",
		"t4_no_timestamps_a", "u2_miss_hangup", "v1_mobile_answers", "v2_mobile_blind_refer", "v3_mobile_attended_refer",
		"v4_mobile_click_to_call", "v5_mobile_attended_feature",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := goldenEvents(t, name)
			telephonytest.CompareGolden(t, name, golden{Calls: telephonytest.States(t, events), Events: events})
		})
	}
}

// goldenEvents are the events of a capture. In u2 the connection is lost in
// mid-call and the call is over when it comes back.
func goldenEvents(t *testing.T, name string) []telephony.Event {
	t.Helper()
	if name != "u2_miss_hangup" {
		return eventsOf(t, capture(t, name))
	}
	events := eventsOf(t, capture(t, name+".part1"))
	back := time.Date(2026, 11, 22, 1, 16, 41, 0, time.UTC) // as the capture says
	found := lab().facts(nil, back)
	found.AddGone(liveLegs(t, events), nil, back)
	for _, call := range found.Order {
		events = append(events, found.Events[call]...)
	}
	return events
}

// liveLegs is what a sink answers that has got these events.
func liveLegs(t *testing.T, events []telephony.Event) []telephony.LiveLeg {
	t.Helper()
	var live []telephony.LiveLeg
	for _, s := range telephonytest.States(t, events) {
		for _, l := range s.Legs {
			if l.EndedAt.IsZero() {
				live = append(live, telephony.LiveLeg{Call: s.ID, Leg: l.ID, Endpoint: l.Endpoint, Side: l.Side})
			}
		}
	}
	return live
}
