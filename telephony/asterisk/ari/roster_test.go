package ari

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// said makes messages as ARI writes them, a millisecond apart.
type said struct {
	t    *testing.T
	at   time.Time
	list [][]byte
}

func say(t *testing.T) *said {
	t.Helper()
	return &said{t: t, at: time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)}
}

func (s *said) add(kind string, fields map[string]any) *said {
	s.t.Helper()
	s.at = s.at.Add(time.Millisecond)
	fields["type"], fields["timestamp"] = kind, s.at.Format(stampLayout)
	text, err := json.Marshal(fields)
	require.NoError(s.t, err)
	s.list = append(s.list, text)
	return s
}

func ch(id, name, state string) map[string]any {
	return map[string]any{"id": id, "name": name, "state": state, "caller": map[string]string{"number": "+493012345678"}, "dialplan": map[string]string{"exten": "+15550100001"}}
}

func (s *said) created(id, name, state string) *said {
	return s.add("ChannelCreated", map[string]any{"channel": ch(id, name, state)})
}

func (s *said) dial(caller, callerName, peer, peerName, to string) *said {
	fields := map[string]any{"peer": ch(peer, peerName, "Down"), "dialstring": to}
	if caller != "" {
		fields["caller"] = ch(caller, callerName, "Ring")
	}
	return s.add("Dial", fields)
}

func (s *said) enters(id, name string, all ...string) *said {
	return s.add("ChannelEnteredBridge", map[string]any{"channel": ch(id, name, "Up"), "bridge": map[string]any{"id": "b", "bridge_type": "mixing", "channels": all}})
}

func (s *said) gone(id, name string) *said {
	return s.add("ChannelDestroyed", map[string]any{"channel": ch(id, name, "Up"), "cause": 16})
}

// calls are the legs of each call, by the names of their channels.
func (s *said) calls() map[string][]string {
	s.t.Helper()
	got := make(map[string][]string)
	for _, e := range eventsOf(s.t, s.list, nil) {
		if e.Kind == telephony.LegStarted {
			got[e.Call.Native()] = append(got[e.Call.Native()], e.Leg)
		}
		if e.Kind == telephony.CallLinked {
			got[e.Call.Native()] = append(got[e.Call.Native()], "+"+e.Other.Native())
		}
	}
	return got
}

// Which call a channel is of, where Asterisk does not say so.
func TestRoster(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		said func(s *said)
		want map[string][]string
	}{
		{name: "who is dialled is of the caller's call", want: map[string][]string{"1": {"1", "2"}}, said: func(s *said) {
			s.created("1", "PJSIP/trunk-1", "Ring").created("2", "PJSIP/1001-2", "Down").dial("1", "PJSIP/trunk-1", "2", "PJSIP/1001-2", "1001")
		}},
		{name: "two calls at once", want: map[string][]string{"1": {"1", "3"}, "2": {"2", "4"}}, said: func(s *said) {
			s.created("1", "PJSIP/trunk-1", "Ring").created("2", "PJSIP/trunk-2", "Ring").created("3", "PJSIP/1001-3", "Down").created("4", "PJSIP/1002-4", "Down")
			s.dial("2", "PJSIP/trunk-2", "4", "PJSIP/1002-4", "1002").dial("1", "PJSIP/trunk-1", "3", "PJSIP/1001-3", "1001")
		}},
		{name: "Asterisk dials by itself", want: map[string][]string{"1": {"1", "2"}}, said: func(s *said) {
			s.created("1", "PJSIP/1001-1", "Down").dial("", "", "1", "PJSIP/1001-1", "1001")
			s.created("2", "PJSIP/trunk-2", "Down").dial("1", "PJSIP/1001-1", "2", "PJSIP/trunk-2", "030@trunk")
		}},
		{name: "over a Local channel", want: map[string][]string{"1": {"1", "2", "3", "4"}}, said: func(s *said) {
			s.created("1", "PJSIP/trunk-1", "Ring").created("2", "Local/1001@f-0;1", "Down").created("3", "Local/1001@f-0;2", "Ring")
			s.dial("1", "PJSIP/trunk-1", "2", "Local/1001@f-0;1", "1001@f")
			s.created("4", "PJSIP/trunk-4", "Down").dial("3", "Local/1001@f-0;2", "4", "PJSIP/trunk-4", "0171@trunk")
		}},
		{name: "the far end of a Local channel dials first", want: map[string][]string{"1": {"1", "2", "3", "4"}}, said: func(s *said) {
			s.created("1", "PJSIP/trunk-1", "Ring").created("2", "Local/1001@f-0;1", "Down").created("3", "Local/1001@f-0;2", "Ring")
			s.created("4", "PJSIP/trunk-4", "Down").dial("3", "Local/1001@f-0;2", "4", "PJSIP/trunk-4", "0171@trunk")
			s.dial("1", "PJSIP/trunk-1", "2", "Local/1001@f-0;1", "1001@f")
		}},
		{name: "a channel of nobody", want: map[string][]string{"2": {"2"}}, said: func(s *said) {
			s.created("2", "PJSIP/1001-2", "Down").gone("2", "PJSIP/1001-2").gone("9", "PJSIP/1009-9")
		}},
		{name: "two that nobody dialled meet", want: map[string][]string{"1": {"1", "2"}}, said: func(s *said) {
			s.created("1", "PJSIP/1001-1", "Down").created("2", "PJSIP/1002-2", "Down")
			s.enters("1", "PJSIP/1001-1", "1").enters("2", "PJSIP/1002-2", "1", "2").gone("2", "PJSIP/1002-2").gone("1", "PJSIP/1001-1")
		}},
		{name: "two calls meet", want: map[string][]string{"1": {"1"}, "2": {"2", "+1"}}, said: func(s *said) {
			s.created("1", "PJSIP/trunk-1", "Ring").created("2", "PJSIP/1002-2", "Ring")
			s.enters("1", "PJSIP/trunk-1", "1").enters("2", "PJSIP/1002-2", "1", "2")
		}},
		{name: "a known one comes to one that nobody dialled", want: map[string][]string{"1": {"1", "2"}}, said: func(s *said) {
			s.created("1", "PJSIP/trunk-1", "Ring").created("2", "PJSIP/1002-2", "Down")
			s.enters("2", "PJSIP/1002-2", "2").enters("1", "PJSIP/trunk-1", "2", "1")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := say(t)
			tt.said(s)
			require.Equal(t, tt.want, s.calls())
		})
	}
}

// Asterisk says of a channel that it is of another call from now on.
func TestRoster_relabelled(t *testing.T) {
	t.Parallel()
	s := say(t).created("1", "PJSIP/1001-1", "Ring")
	moved := ch("1", "PJSIP/1001-1", "Up")
	moved["channelvars"] = map[string]string{linkedID: "0"}
	s.add("ChannelHold", map[string]any{"channel": moved})
	require.Equal(t, map[string][]string{"1": {"1"}, "0": {"+1"}}, s.calls())
}

// What is held back is bounded, and so is what is remembered.
func TestRoster_bounds(t *testing.T) {
	t.Parallel()
	s := say(t).created("1", "PJSIP/1001-1", "Down")
	for i := range maxHeldBack {
		s.add("ChannelVarset", map[string]any{"channel": ch("1", "PJSIP/1001-1", "Down"), "variable": "TB_DID", "value": fmt.Sprint(i)})
	}
	require.Equal(t, map[string][]string{"1": {"1"}}, s.calls())
	r := newRoster(func() {})
	for i := range maxRoster + 1 {
		m := &message{Type: "ChannelCreated", Channel: &channel{ID: fmt.Sprint(i), Name: "PJSIP/1001-1", State: "Ring"}}
		require.Equal(t, i < maxRoster, len(r.place(m)) == 1)
	}
}

// Two nodes, each with an app of its own, make one entry of one event.
func TestIdentity(t *testing.T) {
	t.Parallel()
	one := []byte(`{"type":"ChannelUnhold","timestamp":"2026-11-22T01:11:49.146+0100","channel":{"id":"1.1","name":"PJSIP/1001-1"},"application":"a"}`)
	two := []byte(`{"application":"b","timestamp":"2026-11-22T01:11:49.146+0100", "type":"ChannelUnhold","channel":{"id":"1.1","name":"PJSIP/1001-1"}}`)
	other := []byte(`{"type":"ChannelUnhold","timestamp":"2026-11-22T01:11:49.147+0100","channel":{"id":"1.1","name":"PJSIP/1001-1"},"application":"a"}`)
	var events []telephony.Event
	for _, raw := range [][]byte{one, two, other} {
		m, err := decode(raw, time.Now())
		require.NoError(t, err)
		e, ok, err := lab().translate(m, "1.1")
		require.NoError(t, err)
		require.True(t, ok)
		events = append(events, e)
	}
	require.Equal(t, events[0], events[1])
	require.NotEqual(t, events[0].ID, events[2].ID)
	require.Equal(t, time.Date(2026, 11, 22, 0, 11, 49, 146e6, time.UTC), events[0].Time)
}

// FuzzMessages reads what comes as Asterisk's, message by message.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"type":"ChannelCreated","timestamp":"2026-11-22T01:11:49.146+0000","channel":{"id":"1.1","name":"PJSIP/trunk-1","state":"Ring","channelvars":{"CHANNEL(linkedid)":"1.1"}}}`))
	f.Add([]byte(`{"type":"Dial","timestamp":"2026-11-22T01:11:49.146+0000","dialstring":"030@trunk","caller":{"id":"1.1","name":"a-1"},"peer":{"id":"1.2","name":"PJSIP/trunk-2"}}` + "\n" +
		`{"type":"ChannelEnteredBridge","timestamp":"2026-11-22T01:11:49.146+0000","channel":{"id":"1.2","name":"x"},"bridge":{"id":"b","channels":["1.1"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		known, tr := newRoster(func() {}), lab()
		for line := range bytes.Lines(data) {
			m, err := decode(line, time.Unix(1e9, 0))
			if err != nil {
				require.ErrorIs(t, err, ErrMalformed)
				continue
			}
			if !m.wanted() || m.Type == "ApplicationReplaced" {
				continue
			}
			for _, p := range known.place(m) {
				e, ok, err := tr.translate(p.message, p.linked)
				if err != nil || !ok {
					continue
				}
				require.NoError(t, e.Validate())
				for _, link := range known.follow(p, e) {
					require.NoError(t, link.Validate())
				}
			}
		}
	})
}
