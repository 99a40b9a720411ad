package bridge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestOrdinaryCallIsOneTicketOnePopAndAtMostTenJournalMessages(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	r.eventually("caller known while it rings", func() bool { return r.view(p).Record.Caller != 0 })
	p.answers("1001")
	r.eventually("ticket", func() bool { return r.view(p).Record.Ticket != 0 })
	p.ends("1001", "t")
	r.settled(p)

	ticket := r.ticket(p)
	require.Equal(t, 45, ticket.ViaID)
	require.Equal(t, int64(anaID), ticket.AssigneeID)
	require.Equal(t, 1, completions(ticket))
	require.Len(t, ticket.Comments, 2)
	pops := r.desk.Pops()
	require.Len(t, pops, 1)
	require.Equal(t, zendesktest.PopCreate, pops[0].Source)
	require.Equal(t, int64(anaID), pops[0].AgentID)
	require.Equal(t, ticket.ID, pops[0].TicketID)

	story, err := r.journal.Story(t.Context(), string(p.id))
	require.NoError(t, err)
	require.LessOrEqual(t, len(story), 10)
	require.Equal(t, []string{"caller caller", "intent create", "done create", "intent complete", "done complete"}, kinds(r.outcomes(p)))
	require.NoError(t, r.stop())
	r.clean()
}

func TestCreateAtEndIsOneWrite(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{policy: func(p *bridge.Policy) { p.Create = bridge.CreateAtEnd }})
	p := r.call("1")
	p.comes()
	p.rings("1001")
	p.answers("1001")
	r.eventually("page of the user", func() bool { return len(r.desk.Pops()) == 1 })
	require.NotZero(t, r.desk.Pops()[0].UserID)
	p.ends("1001", "t")
	r.settled(p)
	ticket := r.ticket(p)
	require.Len(t, ticket.Comments, 1)
	require.Equal(t, int64(anaID), ticket.AssigneeID)
	r.clean()
}
