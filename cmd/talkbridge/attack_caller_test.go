package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// A caller's name is the text of a stranger. It is no template of ours and no
// placeholder of Zendesk's, moves no cursor and opens no tag.
func TestAttackCallerName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, caller, shown string }{
		{"a placeholder of Zendesk's", "{{ticket.requester.email}}", "((ticket.requester.email))"},
		{"one with a zero-width blank in it", "{\u200b{current_user.name}\u200b}", "((current_user.name))"},
		{"one of three braces", "{{{dc.secret}}}", "(((dc.secret)))"},
		{"Liquid", "{% for c in ticket.comments %}{{c}}{% endfor %}", "(% for c in ticket.comments %)((c))(% endfor %)"},
		{"one that another one completes", "{ticket.id}}{", "(ticket.id))("},
		{"a template of ours", "{{.call_id}}", "((.call_id))"},
		{"the escapes of a terminal", "\x1b]0;owned\x07\x1b[2J\x9b31mRed", "]0;owned[2J�31mRed"},
		{"text from right to left", "Ann\u202egpj.exe", "Anngpj.exe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{edit: []string{"tickets: {", `tickets: {subject: '{{.name}}{{.name}} of {{.name | replace " " ""}}', comment: '{{.name}} called', `}})
			c := s.startReady()
			call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234", Name: tt.caller}, "+15550100001")
			call.Ring("1001")
			call.Answer("1001")
			id := "hq/pbx1/" + call.Linkedid()
			s.ticketOf(c, id, 1)
			call.Hangup()
			require.NoError(t, call.Err())
			ticket := s.ticketOf(c, id, 2)
			require.Equal(t, tt.shown+tt.shown+" of "+strings.ReplaceAll(tt.shown, " ", ""), ticket.Subject)
			require.Equal(t, tt.shown, s.requester(ticket).Name)
			sent, err := json.Marshal(ticket)
			require.NoError(t, err)
			require.NotContains(t, string(sent), "{{")
			require.NotContains(t, string(sent), "{%")
			for _, text := range []string{string(sent), s.said("calls"), s.said("explain", id), s.said("calls", "--json")} {
				require.NotRegexp(t, "[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u200b\u202e]", text)
			}
			c.stop(t)
		})
	}
}

// said is what a command prints.
func (s *site) said(args ...string) string {
	s.t.Helper()
	code, out, errs := runCLI(s.t.Context(), append(args, "--config", s.config)...)
	require.Equal(s.t, exitOK, code, errs)
	return out
}
