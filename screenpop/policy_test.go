package screenpop_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
)

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, screenpop.Policy{}.Validate())
	require.NoError(t, screenpop.Policy{On: screenpop.OnRinging, Open: screenpop.OpenTicketOrUser, Deadline: time.Second}.Validate())
	err := screenpop.Policy{On: "ring", Open: "page", Deadline: -1}.Validate()
	for _, want := range []string{`on: "ring": must be ringing or answer`, `open: "page": must be ticket, user or`, "deadline"} {
		require.ErrorContains(t, err, want)
	}
	require.Equal(t, 8*time.Second, screenpop.Policy{}.Within())
	require.Equal(t, time.Second, screenpop.Policy{Deadline: time.Second}.Within())
}

func TestChoose(t *testing.T) {
	t.Parallel()
	const own, open, user = 1, 2, 3
	for _, tc := range []struct {
		name         string
		open         screenpop.Open
		pages        screenpop.Pages
		ticket, user int64
	}{
		{"ticket", screenpop.OpenTicket, screenpop.Pages{Ticket: own, OpenTicket: open, User: user}, own, 0},
		{"ticket by default", "", screenpop.Pages{Ticket: own, User: user}, own, 0},
		{"no ticket yet", screenpop.OpenTicket, screenpop.Pages{OpenTicket: open, User: user}, 0, user},
		{"user", screenpop.OpenUser, screenpop.Pages{Ticket: own, OpenTicket: open, User: user}, 0, user},
		{"user not known", screenpop.OpenUser, screenpop.Pages{Ticket: own}, own, 0},
		{"an open ticket", screenpop.OpenTicketOrUser, screenpop.Pages{Ticket: own, OpenTicket: open, User: user}, open, 0},
		{"no open ticket", screenpop.OpenTicketOrUser, screenpop.Pages{Ticket: own, User: user}, 0, user},
		{"only the call's ticket", screenpop.OpenTicketOrUser, screenpop.Pages{Ticket: own}, own, 0},
		{"nothing", screenpop.OpenTicket, screenpop.Pages{}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ticket, user, ok := tc.open.Choose(tc.pages)
			require.Equal(t, [2]int64{tc.ticket, tc.user}, [2]int64{ticket, user})
			require.Equal(t, ticket+user != 0, ok)
		})
	}
}
