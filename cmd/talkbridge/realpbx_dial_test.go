package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
)

// realDials has calls placed through a real Asterisk: one by HTTP, one by the command.
// Each is an outbound call of the agent whose phone rang first, with its ticket and its
// page; one that is ordered twice rings once. The dialplan wants a 9, and the number as it is dialled
// within the country.
func realDials(t *testing.T, installed lab.Installation) {
	t.Helper()
	const secret = "dialling-token-of-the-crm"
	s := newRealSite(t, installed, false, func(o *lab.Options) {
		o.Manager = strings.Replace(o.Manager, "\nwrite = reporting\n", "\nwrite = reporting,originate\n", 1)
		require.Contains(t, o.Manager, "originate")
	})
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	for _, edit := range [][2]string{
		{"trunks: [PJSIP/trunk],", "trunks: [PJSIP/trunk], dial: {context: from-internal, prefix: \"9\", format: national},"},
		{"http: {", "dial: {allow: [\"+4930*\"]}\nhttp: {tokens: [{name: wall, token: a-token-that-reads-calls, scope: all}, {name: crm, token: " + secret + ", scope: dial}], "},
	} {
		require.Contains(t, string(text), edit[0])
		text = bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
	}
	require.NoError(t, os.WriteFile(s.config, text, 0o600))
	daemon := s.startReady()
	daemon.says(t, "phone system connected")

	rows := []realRow{
		{
			name: "dialled by HTTP, twice the same order", phones: []string{"1046"},
			place: func(st *stage) {
				st.answers("1046")
				for range 2 {
					if st.err == nil {
						st.err = orderCall(daemon, s, secret, "1046", "+493055512464")
					}
				}
			},
			tickets: []wantTicket{{via: 46, agents: []string{"1046"}, pops: []string{"1046"}, length: [2]int{3, 8}, recording: true, caller: hasNumber("+493055512464")}},
		},
		{
			name: "dialled by the command", phones: []string{"1047"},
			place: func(st *stage) {
				st.answers("1047")
				if st.err == nil {
					code, _, errs := runCLI(st.ctx, "dial", "--config", s.config, "--agent", "Agent 1047", "+493055512474")
					if code != exitOK {
						st.err = fmt.Errorf("talkbridge dial: exit %d: %s", code, errs)
					}
				}
			},
			tickets: []wantTicket{{via: 46, agents: []string{"1047"}, pops: []string{"1047"}, length: [2]int{3, 8}, recording: true, caller: hasNumber("+493055512474")}},
		},
	}
	s.play(rows)
	s.verdict(daemon, rows)
}

// orderCall orders a call for an agent.
func orderCall(daemon *child, s *realSite, secret, agent, number string) error {
	body, err := json.Marshal(dialOrder{Agent: agent, Number: number})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+daemon.address(s.t, "listen")+dialPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = http.Header{"Authorization": {"Bearer " + secret}, "Idempotency-Key": {"order-for-" + agent}, "Content-Type": {"application/json"}}
	answer, err := plain.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("order a call: %s: %s", answer.Status, text)
	}
	return err
}
