package rehearsal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
)

const base = `
site: hq
country: US
zendesk: {url: https://acme.example.com, oauth: {client_id: tb, client_secret: hunter2}}
sources:
  - {name: pbx1, asterisk: {address: 127.0.0.1:5038, username: tb, secret: hunter2, trunks: [PJSIP/trunk]}}
  - {name: pbx2, asterisk: {address: 127.0.0.1:5038, username: tb, secret: hunter2, trunks: [SIP/out]}}
agents:
  - {name: Ana, zendesk: ana@example.com, numbers: ["1001"]}
  - {name: Ben, zendesk: 502, numbers: [PJSIP/1002, "1002"]}
tests:
`

// parse reads a configuration with tests.
func parse(t *testing.T, tests string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("tb.yaml", []byte(base+tests))
	require.NoError(t, err)
	return cfg
}

// folded is what a call adds up to, in one line.
func folded(s telephony.State) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s>%s", s.Direction, s.Disposition, s.From.Number, s.To.Number)
	for _, talk := range s.Talks {
		fmt.Fprintf(&b, " %s %v-%v", talk.Endpoint, talk.From.Sub(s.StartedAt).Seconds(), talk.Until.Sub(s.StartedAt).Seconds())
	}
	if s.Queue() != "" {
		fmt.Fprintf(&b, " in %s", s.Queue())
	}
	if held := s.HoldTime(); held > 0 {
		fmt.Fprintf(&b, " held %v", held.Seconds())
	}
	return fmt.Sprintf("%s, waited %v, %v in all", b.String(), s.Wait().Seconds(), s.Duration().Seconds())
}

// A call is what the test says of it once the real fold has seen its events.
func TestCallsFold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, call, want string }{
		{"answered", "agent: Ana", "inbound answered 1>2 1001 5-65, waited 5, 65 in all"},
		{"by nobody's phone", "agent: SIP/9", "inbound answered 1>2 SIP/9 5-65, waited 5, 65 in all"},
		{"in a queue", "agent: Ana, queue: vip, wait: 20s", "inbound answered 1>2 1001 25-85 in vip, waited 25, 85 in all"},
		{"of a group", "agent: Ana, rings: [Ben, Ana], ring: 0s", "inbound answered 1>2 1001 0-60, waited 0, 60 in all"},
		{"handed over", "agent: Ana, transfer_to: Ben", "inbound answered 1>2 1001 5-35 PJSIP/1002 35-65, waited 5, 65 in all"},
		{"handed over to who rang", "agent: Ana, rings: [Ben], transfer_to: Ben", "inbound answered 1>2 1001 5-35 PJSIP/1002 35-65, waited 5, 65 in all"},
		{"on hold", "agent: Ana, hold: 10s", "inbound answered 1>2 1001 5-65 held 10, waited 5, 65 in all"},
		{"on hold and handed over", "agent: Ana, transfer_to: Ben, hold: 30s", "inbound answered 1>2 1001 5-35 PJSIP/1002 35-65 held 30, waited 5, 65 in all"},
		{"out and on hold", "direction: outbound, agent: Ana, hold: 10s", "outbound answered 1>2 1001 5-65 held 10, waited 5, 65 in all"},
		{"missed", "{}", "inbound missed 1>2, waited 5, 5 in all"},
		{"missed in a queue", "queue: vip", "inbound missed 1>2 in vip, waited 5, 5 in all"},
		{"missed by an agent", "agent: Ana, disposition: missed", "inbound missed 1>2, waited 5, 5 in all"},
		{"abandoned", "disposition: abandoned", "inbound abandoned 1>2, waited 5, 5 in all"},
		{"abandoned in a queue", "disposition: abandoned, queue: vip, ring: 30s", "inbound abandoned 1>2 in vip, waited 30, 30 in all"},
		{"busy", "disposition: busy, agent: Ana", "inbound busy 1>2, waited 5, 5 in all"},
		{"failed", "disposition: failed", "inbound failed 1>2, waited 5, 5 in all"},
		{"voicemail", "disposition: voicemail, talk: 20s", "inbound voicemail 1>2, waited 25, 25 in all"},
		{"out", "direction: outbound, agent: Ana", "outbound answered 1>2 1001 5-65, waited 5, 65 in all"},
		{"out and handed over", "direction: outbound, agent: Ana, transfer_to: Ben", "outbound answered 1>2 1001 5-35 PJSIP/1002 35-65, waited 5, 65 in all"},
		{"out in vain", "direction: outbound, agent: Ana, disposition: missed", "outbound missed 1>2, waited 5, 5 in all"},
		{"out and busy", "direction: outbound, agent: Ana, disposition: busy", "outbound busy 1>2, waited 5, 5 in all"},
		{"out and given up", "direction: outbound, agent: Ana, disposition: abandoned", "outbound abandoned 1>2, waited 5, 5 in all"},
		{"between agents", "direction: internal, agent: Ana", "internal answered 1>2 2 5-65 1001 5-65, waited 5, 65 in all"},
		{"between agents in vain", "direction: internal, agent: Ana, disposition: missed", "internal missed 1>2, waited 5, 5 in all"},
		{"of another phone system", "source: pbx2", "inbound missed 1>2, waited 5, 5 in all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			more := ""
			if tt.call != "{}" {
				more = ", " + tt.call
			}
			cfg := parse(t, `  - {name: x, call: {from: "1", to: "2"`+more+"}}")
			s := newScript(cfg, "tests[0]", *cfg.Tests[0].Call, func(path, message, hint string) { t.Fatal(path, message, hint) })
			call := telephony.NewCall(s.id)
			for _, e := range s.play() {
				require.NoError(t, e.Validate())
				require.True(t, call.Apply(e), "%+v", e)
			}
			require.Equal(t, tt.want, folded(call.State()))
		})
	}
}

// What a phone system tells besides who talked when is told too.
func TestCallsTell(t *testing.T) {
	t.Parallel()
	cfg := parse(t, `  - {name: x, call: {from: "1", name: Erika, to: "2", withheld: true, recorded: true, source: pbx2, at: 2026-12-24T22:00:00+01:00}}`)
	s := newScript(cfg, "tests[0]", *cfg.Tests[0].Call, func(string, string, string) {})
	call := telephony.NewCall(s.id)
	for _, e := range s.play() {
		call.Apply(e)
	}
	state := call.State()
	require.Equal(t, telephony.Party{Withheld: true}, state.From)
	require.NotEmpty(t, state.Recording)
	require.Equal(t, "pbx2", state.ID.Source())
	require.Equal(t, "SIP/out", state.Legs[0].Endpoint)
	require.Equal(t, time.Date(2026, 12, 24, 21, 0, 0, 0, time.UTC), state.StartedAt)
}
