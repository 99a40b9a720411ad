package bridge_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	usersPath  = "/api/v2/users"
	searchPath = "/api/v2/search"
)

// knows makes a user whom search finds at once.
func (r *rig) knows(u zendesktest.User) zendesktest.User {
	r.t.Helper()
	stored, err := r.desk.AddUser(u)
	require.NoError(r.t, err)
	return stored
}

// restart is another bridge on the same journal, which remembers nobody.
func (r *rig) restart() {
	r.t.Helper()
	require.NoError(r.t, r.stop())
	r.start(setup{})
}

// requester is whose ticket a call came to be.
func (r *rig) requester(name string) int64 {
	r.t.Helper()
	p := r.call(name)
	p.ordinary("1001")
	r.settled(p)
	return r.ticket(p).RequesterID
}

// atOnce has search see everything at once.
func atOnce() []zendesktest.Option { return []zendesktest.Option{zendesktest.WithIndexDelay(0)} }

func TestFurtherDirectLineFindsItsUser(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: atOnce()})
	r.knows(zendesktest.User{Name: "Shares it", Phone: caller, SharedPhone: true})
	customer := r.knows(zendesktest.User{Name: "Customer", Phone: "+12125550199", PhoneIdentities: []string{"+12125550199", "(212) 555-0123"}})
	r.knows(zendesktest.User{Name: "Abroad", Phone: "+442125550123"}) // is found before him
	require.Equal(t, customer.ID, r.requester("1"))
	require.Len(t, customers(r), 3, "nobody is made")
	require.Equal(t, 1, r.requests(http.MethodGet, fmt.Sprintf("%s/%d/identities", usersPath, customer.ID)))
	for _, u := range customers(r) {
		if u.ID == customer.ID {
			continue
		}
		require.Zero(t, r.requests(http.MethodGet, fmt.Sprintf("%s/%d/identities", usersPath, u.ID)), "his phone says why he was found")
	}
	r.clean()
}

// Agents merge what talkbridge made into the profile of the customer whom they
// recognise: from then on the calls are his.
func TestUserThatAnAgentMergedIsFollowed(t *testing.T) {
	t.Parallel()
	for _, lag := range []time.Duration{0, time.Hour} {
		t.Run(fmt.Sprintf("index behind by %s", lag), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{desk: []zendesktest.Option{zendesktest.WithIndexDelay(lag)}})
			customer := r.knows(zendesktest.User{Name: "Customer", Phone: "+12125550199"})
			made := r.requester("1")
			require.NotEqual(t, customer.ID, made)
			require.NoError(t, r.desk.MergeUser(made, customer.ID))

			second := r.requester("2")
			require.NotEqual(t, made, second, "who is remembered is refused, and forgotten")
			if lag == 0 {
				require.Equal(t, customer.ID, second)
			}
			r.desk.Advance(2 * lag)
			r.restart()
			require.Equal(t, customer.ID, r.requester("3"), "whatever was made meanwhile")
			r.clean()
		})
	}
}

// The documents of the voice endpoint have 404 and 422 with empty bodies: who is
// meant is asked for.
func TestRefusalWithoutAWordMayBeAboutTheRequester(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusUnprocessableEntity} {
		for _, gone := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d, gone %t", status, gone), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, setup{desk: atOnce()})
				old := r.knows(zendesktest.User{Name: "Old", Phone: caller})
				require.Equal(t, old.ID, r.requester("1"))
				if gone {
					require.NoError(t, r.desk.DeleteUser(old.ID))
				}
				fault := r.desk.Inject(zendesktest.Fault{
					Method: http.MethodPost, Path: voicePath, BodyContains: fmt.Sprintf(`"requester_id":%d`, old.ID),
					Effect: zendesktest.Status(status, 0),
				})
				p := r.call("2")
				p.ordinary("1001")
				if !gone {
					r.eventually("parked", func() bool { return r.view(p).Record.Parked[bridge.StepCreate] != "" })
					require.NotContains(t, kinds(r.outcomes(p)), "caller.dropped create", "it was not about him")
					return
				}
				r.settled(p)
				require.Equal(t, 1, fault.Hits())
				require.NotEqual(t, old.ID, r.ticket(p).RequesterID)
				require.NotEqual(t, old.ID, r.requester("3"), "he is remembered no more")
				require.Equal(t, 1, fault.Hits())
				r.clean()
			})
		}
	}
}

func TestUserWhoseTicketsAreNotThereIsFoundAnew(t *testing.T) {
	t.Parallel()
	r, customer := matchRig(t, newestOpen(), setup{})
	other := r.knows(zendesktest.User{Name: "Shares it", Phone: caller, SharedPhone: true})
	r.desk.Inject(zendesktest.Fault{
		Method: http.MethodGet, Path: fmt.Sprintf("/api/v2/users/%d/tickets/requested", customer.ID), Effect: zendesktest.Status(http.StatusNotFound, 0),
	})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	require.Contains(t, kinds(r.outcomes(p)), "caller.dropped match")
	require.Equal(t, other.ID, r.ticket(p).RequesterID)
	second := r.call("2")
	second.ordinary("1001")
	r.settled(second)
	require.Equal(t, other.ID, r.view(second).Record.Caller, "he is remembered no more")
	require.NotContains(t, kinds(r.outcomes(second)), "caller.dropped match")
	r.clean()
}

func TestUserWhosePageHasNoTicketsIsForgotten(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: atOnce(), policy: func(p *bridge.Policy) { p.Pop.Open = screenpop.OpenTicketOrUser }})
	customer := r.knows(zendesktest.User{Name: "Customer", Phone: caller})
	r.desk.Inject(zendesktest.Fault{
		Path: fmt.Sprintf("/api/v2/users/%d/tickets/requested", customer.ID), Count: 1, Effect: zendesktest.Status(http.StatusNotFound, 0),
	})
	p := r.talk()
	r.eventually("page", func() bool { return len(r.desk.Pops()) == 1 })
	p.ends("1001", "t")
	r.settled(p)
	require.Equal(t, customer.ID, r.ticket(p).RequesterID, "Zendesk takes him all the same")
	known, err := r.bridge.LookUp(t.Context(), caller, "")
	require.NoError(t, err)
	require.Zero(t, known.Remembered)
	require.Equal(t, "refused as a requester within the last hour", known.Hits[0].Excluded)
	r.clean()
}

// numberField is where the customers of these tests have further numbers.
const numberField = "more_numbers"

func inField(numbers string) map[string]any { return map[string]any{numberField: numbers} }

func TestNumberInAField(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		users []zendesktest.User
		want  string
		how   string
		asked int // searches
	}{
		{name: "one number", users: []zendesktest.User{{Name: "A", Fields: inField(caller)}}, want: "A", how: "field", asked: 2},
		{name: "one of several", users: []zendesktest.User{{Name: "A", Phone: "+12125550199", Fields: inField("+12125550198; +12125550123")}}, want: "A", how: "field", asked: 2},
		{name: "a direct line is better, and nobody else is asked for", users: []zendesktest.User{{Name: "A", Fields: inField(caller)}, {Name: "B", Phone: caller}}, want: "B", how: "direct", asked: 1},
		{name: "two have it, the policy decides", users: []zendesktest.User{{Name: "A", Fields: inField(caller)}, {Name: "B", Phone: caller, SharedPhone: true}}, want: "A", how: "field", asked: 2},
		{name: "suspended", users: []zendesktest.User{{Name: "A", Fields: inField(caller), Suspended: true}}, want: "Caller " + caller, how: "created", asked: 2},
		{name: "of another field", users: []zendesktest.User{{Name: "A", Fields: map[string]any{"fax": caller}}}, want: "Caller " + caller, how: "created", asked: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{desk: atOnce(), policy: func(p *bridge.Policy) { p.NumberField, p.Shared = numberField, bridge.SharedOldest }})
			for _, u := range test.users {
				r.knows(u)
			}
			p := r.call("1")
			p.ordinary("1001")
			r.settled(p)
			requester, _ := r.desk.User(r.ticket(p).RequesterID)
			require.Equal(t, test.want, requester.Name)
			require.Equal(t, test.how, r.view(p).Record.CallerHow)
			require.Equal(t, test.asked, r.requests(http.MethodGet, searchPath))
			r.clean()
		})
	}
}

func TestFieldThatCannotBeSearchedCostsNoTicket(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: atOnce(), policy: func(p *bridge.Policy) { p.NumberField = numberField }})
	fault := r.desk.Inject(zendesktest.Fault{Method: http.MethodGet, Path: searchPath, Skip: 1, Effect: zendesktest.Status(http.StatusUnprocessableEntity, 0)})
	require.NotZero(t, r.requester("1"))
	require.Equal(t, 1, fault.Hits())
	require.Equal(t, 1, r.logged(logrus.WarnLevel, "zendesk does not say, the caller is found without"))
	r.clean()
}

func TestFieldIsAskedForAgainAfterAnOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: atOnce(), policy: func(p *bridge.Policy) { p.NumberField = numberField }})
	customer := r.knows(zendesktest.User{Name: "A", Fields: inField(caller)})
	r.desk.Inject(zendesktest.Fault{Method: http.MethodGet, Path: searchPath, Skip: 1, Count: 1, Effect: zendesktest.ServerError()})
	require.Equal(t, customer.ID, r.requester("1"), "what is there in a moment is waited for")
	r.clean()
}

func TestCallerWhoIsOneOfSeveralIsTold(t *testing.T) {
	t.Parallel()
	for _, shared := range []bridge.SharedNumbers{bridge.SharedTag, bridge.SharedNone} {
		t.Run(string(shared), func(t *testing.T) {
			t.Parallel()
			f := &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav", Seconds: 20}}
			r := newRig(t, setup{desk: atOnce(), audio: f, policy: func(p *bridge.Policy) { p.Shared = shared }})
			one := r.knows(zendesktest.User{Name: "Ann", Phone: caller, SharedPhone: true})
			two := r.knows(zendesktest.User{Name: "Bob", Phone: caller, SharedPhone: true})
			said := fmt.Sprintf("May be: Ann (user %d), Bob (user %d): they share the caller's number", one.ID, two.ID)
			tells := func(p *phone) {
				ticket := r.ticket(p)
				require.Equal(t, "Caller "+caller, func() string { u, _ := r.desk.User(ticket.RequesterID); return u.Name }())
				require.Equal(t, shared == bridge.SharedTag, ticket.HasTag("caller_ambiguous"))
				require.Equal(t, shared == bridge.SharedTag, slices.ContainsFunc(ticket.Comments, func(c zendesktest.Comment) bool {
					return !c.Public && containsLine(c.Body, said)
				}))
			}
			var phones []*phone
			for _, name := range []string{"1", "2"} { // the second one is remembered
				p := r.call(name)
				p.ordinary("1001")
				r.settled(p)
				phones = append(phones, p)
			}
			r.restart()
			third := r.call("3") // whom talkbridge made has the number too now
			third.ordinary("1001")
			message := r.call("4")
			message.leavesMessage()
			r.settled(third, message)
			for _, p := range append(phones, third) {
				tells(p)
			}
			require.Len(t, customers(r), 3)
			r.clean()
		})
	}
}

func containsLine(text, line string) bool {
	return slices.Contains(strings.Split(text, "\n"), line)
}

// A message is told of by a voice comment, which takes no other text.
func TestMessageOfOneOfSeveralIsToldInWords(t *testing.T) {
	t.Parallel()
	f := &folder{audio: bridge.Audio{URL: "https://calls.example.com/r/abc.wav", Seconds: 20}}
	r := newRig(t, setup{desk: atOnce(), audio: f, policy: func(p *bridge.Policy) { p.Shared = bridge.SharedTag }})
	r.knows(zendesktest.User{Name: "Ann", Phone: caller, SharedPhone: true})
	r.knows(zendesktest.User{Name: "Bob", Phone: caller, SharedPhone: true})
	p := r.call("1")
	p.leavesMessage()
	r.settled(p)
	ticket := r.ticket(p)
	require.Len(t, ticket.VoiceComments(), 1)
	require.True(t, ticket.HasTag("caller_ambiguous"))
	require.Len(t, ticket.Comments, 2)
	require.Contains(t, ticket.Comments[1].Body, "May be: Ann")
	r.clean()
}

func TestMostActiveOfSeveral(t *testing.T) {
	t.Parallel()
	const requested = "/api/v2/users/*/tickets/requested"
	for _, test := range []struct {
		name  string
		fault zendesktest.Effect
		asked bool // the first has a ticket
		gone  bool // Zendesk does not know the second, whose profile changed last
		want  int
		warn  bool
	}{
		{name: "whose ticket changed", asked: true, want: 0},
		{name: "nobody asked for anything: whose profile changed", want: 1},
		{name: "who is not there is not taken", gone: true, want: 2},
		{name: "Zendesk does not say", asked: true, fault: zendesktest.ServerError(), want: 1, warn: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{desk: atOnce(), policy: func(p *bridge.Policy) { p.Shared = bridge.SharedActive }})
			var users []zendesktest.User
			for _, name := range []string{"First", "Imported", "Last"} {
				users = append(users, r.knows(zendesktest.User{Name: name, Phone: caller, SharedPhone: true}))
				r.desk.Advance(time.Minute)
			}
			if test.asked {
				r.asks(users[0], "by mail")
			}
			r.desk.Advance(time.Hour)
			require.NoError(t, r.desk.SetUser(users[1].ID, func(u *zendesktest.User) { u.Notes = "seen" }))
			switch {
			case test.gone:
				r.desk.Inject(zendesktest.Fault{Path: fmt.Sprintf("/api/v2/users/%d/tickets/requested", users[1].ID), Effect: zendesktest.Status(http.StatusNotFound, 0)})
			case test.warn:
				r.desk.Inject(zendesktest.Fault{Path: requested, Effect: test.fault})
			}
			require.Equal(t, users[test.want].ID, r.requester("1"))
			require.Equal(t, test.warn, r.logged(logrus.WarnLevel, "last tickets of users who share a number not found out") > 0)
			r.clean()
		})
	}
}

// Search finds whom talkbridge made after a while, and a customer whom somebody
// filed with the same number later.
func TestCustomerWhoIsFiledLaterGetsTheCalls(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{desk: atOnce()})
	made := r.requester("1")
	filed, err := r.client.CreateUser(t.Context(), newUser("Customer"))
	require.NoError(t, err)
	require.True(t, filed.SharedPhoneNumber, "the number was taken")
	require.Equal(t, made, r.requester("2"), "for an hour nobody is asked")
	r.restart()
	require.Equal(t, filed.ID, r.requester("3"))

	// Whom somebody has given a name is nobody's stand-in.
	require.NoError(t, r.desk.SetUser(made, func(u *zendesktest.User) { u.Name = "Jane Doe" }))
	r.restart()
	require.Equal(t, made, r.requester("4"), "it is her own number")
	r.clean()
}

// The bridge dies after it has made a user, before it could note him: nothing of
// him is in the journal, nor does search find him. The next one finds him by his
// external_id.
func TestDeathBetweenMakingAUserAndNotingHimMakesOneUser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		effect zendesktest.Effect
	}{
		{name: "answered"},
		{name: "answer lost", effect: zendesktest.DropAfterCommit()},
		{name: "late", effect: zendesktest.LateCommit(300 * time.Millisecond)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{idle: true, desk: []zendesktest.Option{zendesktest.WithIndexDelay(time.Hour)}})
			r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: usersPath, Count: 1, Effect: test.effect})
			d := &dying{left: 2, died: make(chan struct{})}
			r.start(setup{wrap: func(j bridge.Journal) bridge.Journal { d.Journal = j; return d }})
			first := r.call("1")
			first.comes()
			first.rings("1001") // the last entry that is stored
			r.eventually("user made", func() bool { return len(customers(r)) == 1 })
			if err := r.stop(); err != nil {
				require.ErrorIs(t, err, journal.ErrClosed)
			}
			require.Empty(t, r.outcomes(first), "nobody knows of him")

			r.start(setup{})
			resumed := r.call("1")
			resumed.n = first.n
			resumed.answers("1001")
			resumed.ends("1001", "t")
			second := r.call("2")
			second.ordinary("1001")
			r.settled(resumed, second)
			require.Len(t, customers(r), 1)
			require.Equal(t, customers(r)[0].ID, r.ticket(resumed).RequesterID)
			require.Equal(t, customers(r)[0].ID, r.ticket(second).RequesterID)
			require.Equal(t, 1, r.requests(http.MethodGet, usersPath+"/show_many"), "search did not find him")
			r.clean()
		})
	}
}

func newUser(name string) zendesk.NewUser {
	return zendesk.NewUser{Name: name, Phone: caller, Role: zendesk.RoleEndUser, SkipVerifyEmail: true}
}
