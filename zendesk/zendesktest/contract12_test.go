package zendesktest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestCase12CallWithCommentMakesATicket(t *testing.T) {
	t.Parallel()
	d := start(t)
	caller, err := d.s.AddUser(zendesktest.User{Name: "Caller"})
	require.NoError(t, err)
	body := `{"call":` + minimalCall + `,"comment":{"title":"A call","subject":"About tea","end_user_id":%d,"display_to_agent":%d}}`
	d.want(422, "POST", callsPath, fmt.Sprintf(body, caller.ID, caller.ID))
	require.Empty(t, d.s.Calls(), "nothing is stored if the comment is refused")
	require.Empty(t, d.s.Tickets())

	a := d.want(201, "POST", callsPath, fmt.Sprintf(body, caller.ID, 501))
	tickets := d.s.Tickets()
	require.Len(t, tickets, 1)
	require.Equal(t, tickets[0].ID, a.id("call.ticket_id"))
	require.Equal(t, "About tea", tickets[0].Subject)
	require.Equal(t, caller.ID, tickets[0].RequesterID)
	require.Equal(t, "api_phone_call_inbound", tickets[0].Channel())
	require.Equal(t, a.id("call.ticket_id"), d.s.Pops()[0].TicketID)
	require.Equal(t, "A call", tickets[0].Comments[0].Call.Title)
}

func TestCase12CallOnATicket(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("c1")
	a := d.want(201, "POST", callsPath, fmt.Sprintf(`{"call":{"ticket_id":%d,%s,"comment":{"title":"A call"}}`, id, minimalCall[1:]))
	require.Equal(t, id, a.id("call.ticket_id"))
	require.Len(t, d.s.Tickets(), 1)
	tk, _ := d.s.Ticket(id)
	require.Len(t, tk.Comments, 2)
	require.Equal(t, "TpeVoiceComment", tk.Audits[1].Events[0].Type)

	require.NoError(t, d.s.CloseTicket(id))
	d.want(422, "POST", callsPath, fmt.Sprintf(`{"call":{"ticket_id":%d,%s,"comment":{"title":"Late"}}`, id, minimalCall[1:]))
	require.Len(t, d.s.Calls(), 1)
}

func TestCase12CallAlone(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("c1")
	d.newCall(fmt.Sprintf(`"ticket_id":%d`, id))
	d.newCall()
	tk, _ := d.s.Ticket(id)
	require.Len(t, tk.Comments, 1, "a record shows nothing by itself")
	require.Len(t, d.s.Tickets(), 1)
	require.Len(t, d.s.Calls(), 2)
	for range 2 { // There is no idempotency.
		d.want(201, "POST", callsPath, `{"call":`+minimalCall+`}`, "Idempotency-Key", "k")
	}
	require.Len(t, d.s.Calls(), 4)
}
