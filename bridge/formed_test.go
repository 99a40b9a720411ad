package bridge_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func template(t testing.TB, source string) *wording.Template {
	t.Helper()
	parsed, err := wording.Parse(source)
	require.NoError(t, err)
	return parsed
}

func formed(t testing.TB) func(*bridge.Policy) {
	return func(p *bridge.Policy) {
		p.Form = bridge.Form{
			Subject: template(t, "{{.line}}: {{.number}}"), Priority: template(t, "high"),
			Tags:   []*wording.Template{template(t, "{{.line}} calls")},
			Fields: []bridge.Field{{ID: 12, Template: template(t, "{{.line}}")}, {ID: 13, Template: template(t, "{{.disposition}}")}},
		}
	}
}

func TestTicketHasItsForm(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: formed(t)})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, "Support: "+caller, ticket.Subject)
	require.Equal(t, "high", ticket.Priority)
	require.True(t, ticket.HasTag("support_calls"))
	got, err := r.client.GetTicket(t.Context(), ticket.ID)
	require.NoError(t, err)
	values := map[int64]any{}
	for _, f := range got.CustomFields {
		values[f.ID] = f.Value
	}
	require.Equal(t, "Support", values[12])
	require.Equal(t, "answered", values[13], "known at the end only")
	r.clean()
}

func TestDeniedCallerMakesNoUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: func(p *bridge.Policy) { p.Rules.Callers.Deny = []string{"+1212*"} }})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	require.Equal(t, "no ticket: the caller is denied (+1212*)", r.view(p).Next.Reason)
	require.Empty(t, r.desk.Tickets())
	require.Empty(t, r.desk.Pops())
	require.Zero(t, r.requests(http.MethodPost, "/api/v2/users"))
	require.Zero(t, r.requests(http.MethodGet, "/api/v2/search"))
	r.clean()
}

func TestRefusedFormDoesNotCostATicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: formed(t)})
	r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Count: 1, Effect: zendesktest.Status(http.StatusUnprocessableEntity, 0)})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	ticket := r.ticket(p)
	require.Equal(t, "Support: "+caller, ticket.Subject)
	require.Empty(t, ticket.Priority)
	ana, found := r.directory.Lookup("1001")
	require.True(t, found)
	require.True(t, ana.Verified(), "the form may have been at fault")
	r.clean()
}
