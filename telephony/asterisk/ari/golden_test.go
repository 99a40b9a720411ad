package ari

import (
	"bytes"
	"encoding/json"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/ari/aritest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

var _ = flag.Bool("update", false, "rewrite the golden files")

// lab is the translator for the PBX of the captures.
func lab() *translator {
	return &translator{site: "hq", source: "pbx1", trunks: []string{"PJSIP/trunk"}}
}

// eventsOf translates messages, as a session does. linked, if not nil, has the call
// of each channel, as ari.conf's channelvars would tell.
func eventsOf(t testing.TB, raw [][]byte, linked map[string]string) []telephony.Event {
	t.Helper()
	tr, known := lab(), newRoster(func() {})
	var all []telephony.Event
	for _, line := range raw {
		m, err := decode(line, time.Now())
		require.NoError(t, err)
		if !m.wanted() {
			continue
		}
		if c := m.subject(); linked[c.ID] != "" {
			c.Vars = map[string]string{linkedID: linked[c.ID]}
		}
		for _, p := range known.place(m) {
			if left, ok := tr.unqueued(p); ok {
				all = append(all, left)
			}
			e, ok, err := tr.translate(p.message, p.linked)
			require.NoError(t, err)
			if ok {
				all = append(append(all, known.follow(p, e)...), e)
			}
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
	for _, name := range aritest.Captures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := aritest.Capture(name)
			require.NoError(t, err)
			events := eventsOf(t, raw, nil)
			telephonytest.CompareGolden(t, name, golden{Calls: telephonytest.States(t, events), Events: events})
		})
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(v))
	return text.String()
}
