package zendesk_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// What talkbridge relies on must hold for the simulator and for Zendesk alike. By default the simulator is asked. With
// TALKBRIDGE_ZENDESK_URL it is a real account, with TALKBRIDGE_ZENDESK_CLIENT_ID and _CLIENT_SECRET, or with
// TALKBRIDGE_ZENDESK_EMAIL and _API_TOKEN. Then the test says what it would create, and creates it only with
// TALKBRIDGE_ZENDESK_CREATE=yes:
//
//	TALKBRIDGE_ZENDESK_URL=https://acme.zendesk.com … go test ./zendesk -run TestConformance -v
const conformancePlan = `users   Conformance A and B of %s, with the phone %s; A also gets %s
ticket  one, of an inbound call, with external_id %s
Nothing is deleted: a person may, by these names.`

// conformance is one run on one account.
type conformance struct {
	*testing.T

	ctx      context.Context
	c        *zendesk.Client
	run      string // part of every name
	phone    string
	further  string
	a, b     zendesk.User
	indexed  func(found func() bool) // waits for the search index
	ticketID int64
}

func TestConformance(t *testing.T) {
	t.Parallel()
	r := &conformance{T: t, ctx: t.Context(), run: "talkbridge-conformance-" + rand.Text(), phone: fictitious(t), further: fictitious(t)}
	plan := fmt.Sprintf(conformancePlan, r.run, r.phone, r.further, r.run)
	if base := os.Getenv("TALKBRIDGE_ZENDESK_URL"); base != "" {
		t.Logf("on %s:\n%s", base, plan)
		if os.Getenv("TALKBRIDGE_ZENDESK_CREATE") != "yes" {
			t.Skip("nothing was created: set TALKBRIDGE_ZENDESK_CREATE=yes")
		}
		r.c, r.indexed = newClient(t, base, conformanceLogin(t)), r.patiently
	} else {
		account := zendesktest.New(zendesktest.WithSpec(described(t)))
		require.NoError(t, account.Start(""))
		t.Cleanup(account.Close)
		r.c = newClient(t, account.URL(), zendesk.APIToken{Email: zendesktest.DefaultEmail, Token: zendesktest.DefaultAPIToken})
		r.indexed = func(found func() bool) {
			require.False(t, found(), "the index lags")
			account.Advance(zendesktest.DefaultIndexDelay)
			require.True(t, found())
		}
	}
	for _, part := range []struct {
		name string
		do   func(*conformance)
	}{
		{"users are unique by external_id", (*conformance).users},
		{"numbers are direct or shared", (*conformance).numbers},
		{"a ticket is found by its external_id at once", (*conformance).ticket},
		{"what cannot be is refused, and changes nothing", (*conformance).refusals},
		{"audits show who wrote", (*conformance).audits},
		{"search finds by every number, late", (*conformance).search},
	} {
		if !t.Run(part.name, func(t *testing.T) { r.T = t; part.do(r) }) {
			break // what follows needs it
		}
	}
}

// conformanceLogin is how the environment says that a real account is entered.
func conformanceLogin(t *testing.T) zendesk.Authenticator {
	t.Helper()
	if id := os.Getenv("TALKBRIDGE_ZENDESK_CLIENT_ID"); id != "" {
		return zendesk.OAuthClientCredentials{ClientID: id, ClientSecret: os.Getenv("TALKBRIDGE_ZENDESK_CLIENT_SECRET")}
	}
	email := os.Getenv("TALKBRIDGE_ZENDESK_EMAIL")
	require.NotEmpty(t, email, "set TALKBRIDGE_ZENDESK_CLIENT_ID and _CLIENT_SECRET, or TALKBRIDGE_ZENDESK_EMAIL and _API_TOKEN")
	return zendesk.APIToken{Email: email, Token: os.Getenv("TALKBRIDGE_ZENDESK_API_TOKEN")}
}

// fictitious is a number that no telephone has, and no earlier run either.
func fictitious(t *testing.T) string {
	t.Helper()
	area, err := rand.Int(rand.Reader, big.NewInt(790))
	require.NoError(t, err)
	line, err := rand.Int(rand.Reader, big.NewInt(100))
	require.NoError(t, err)
	return fmt.Sprintf("+1%d55501%02d", 201+area.Int64(), line.Int64())
}

// patiently asks every five seconds, for five minutes.
func (r *conformance) patiently(found func() bool) {
	r.Helper()
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for range 60 {
		if found() {
			return
		}
		<-ticker.C
	}
	require.FailNow(r, "search does not find it in five minutes")
}

func (r *conformance) users() {
	me := must[zendesk.User](r.T)(r.c.Me(r.ctx))
	require.NotZero(r, me.ID)
	made := zendesk.NewUser{Name: "Conformance A of " + r.run, ExternalID: r.run, Phone: r.phone, SkipVerifyEmail: true}
	r.a = must[zendesk.User](r.T)(r.c.CreateUser(r.ctx, made))
	require.Equal(r, zendesk.RoleEndUser, r.a.Role)
	made.ExternalID = strings.ToUpper(r.run)
	_, err := r.c.CreateUser(r.ctx, made)
	var refused *zendesk.Error
	require.ErrorAs(r, err, &refused)
	require.Equal(r, 422, refused.Status)
	require.True(r, refused.IsDuplicate("external_id"), "%v", err)
	known := must[[]zendesk.User](r.T)(r.c.UsersByExternalIDs(r.ctx, r.run))
	require.Len(r, known, 1, "the database is asked, not the index")
	require.Equal(r, r.a.ID, known[0].ID)
	require.True(r, known[0].Active)
}

func (r *conformance) numbers() {
	require.False(r, r.a.SharedPhoneNumber)
	r.b = must[zendesk.User](r.T)(r.c.CreateUser(r.ctx, zendesk.NewUser{Name: "Conformance B of " + r.run, Phone: r.phone, SkipVerifyEmail: true}))
	require.True(r, r.b.SharedPhoneNumber, "the number was taken")
	_, err := r.c.AddIdentity(r.ctx, r.a.ID, zendesk.NewIdentity{Type: zendesk.IdentityPhone, Value: r.further, SkipVerifyEmail: true})
	require.NoError(r, err)
	numbers := func(id int64) []string {
		var all []string
		for _, i := range must[[]zendesk.UserIdentity](r.T)(collect(r.c.UserIdentities(r.ctx, id))) {
			if i.Type == zendesk.IdentityPhone {
				all = append(all, i.Value)
			}
		}
		return all
	}
	require.ElementsMatch(r, []string{r.phone, r.further}, numbers(r.a.ID))
	require.Empty(r, numbers(r.b.ID), "a shared number is no identity")
	require.Equal(r, r.phone, must[zendesk.User](r.T)(r.c.GetUser(r.ctx, r.a.ID)).Phone, "the first stays the phone")
}

// voice is the create of a call's ticket.
func (r *conformance) voice(requester int64, externalID string) zendesk.VoiceTicket {
	private := false
	return zendesk.VoiceTicket{Ticket: zendesk.TicketFields{
		ViaID: zendesk.ViaInbound, Subject: r.run, RequesterID: requester, ExternalID: externalID,
		Comment: &zendesk.Comment{Body: "Made by a conformance test.", Public: &private},
	}}
}

func (r *conformance) ticket() {
	made := must[zendesk.Ticket](r.T)(r.c.CreateVoiceTicket(r.ctx, r.voice(r.a.ID, r.run)))
	r.ticketID = made.ID
	require.Equal(r, "api_phone_call_inbound", made.Via.Channel)
	listed := must[[]zendesk.Ticket](r.T)(r.c.TicketsByExternalID(r.ctx, r.run))
	require.Len(r, listed, 1)
	require.Equal(r, made.ID, listed[0].ID)
	require.Equal(r, r.a.ID, listed[0].RequesterID)
}

func (r *conformance) refusals() {
	var refused *zendesk.Error
	require.ErrorAs(r, r.c.DisplayTicket(r.ctx, r.a.ID, r.ticketID), &refused, "no page opens at an end user")
	require.True(r, refused.IsNotFound())
	wrong := r.voice(r.a.ID, r.run+"-refused")
	wrong.DisplayToAgent = r.a.ID
	_, err := r.c.CreateVoiceTicket(r.ctx, wrong)
	require.ErrorAs(r, err, &refused, "nor by a create")
	require.Equal(r, 422, refused.Status)
	require.Empty(r, must[[]zendesk.Ticket](r.T)(r.c.TicketsByExternalID(r.ctx, r.run+"-refused")))
}

func (r *conformance) audits() {
	private := false
	must[zendesk.Ticket](r.T)(r.c.UpdateTicket(r.ctx, r.ticketID, zendesk.TicketUpdate{
		Comment: &zendesk.Comment{Body: "Completed.", Public: &private}, Metadata: zendesk.Metadata{"talkbridge": map[string]any{"step": r.run}},
	}))
	page := must[zendesk.AuditPage](r.T)(r.c.ListTicketAudits(r.ctx, r.ticketID, zendesk.AuditListOptions{NewestFirst: true}))
	require.True(r, slices.ContainsFunc(page.Audits, func(a zendesk.Audit) bool {
		ours, _ := a.Metadata.Custom["talkbridge"].(map[string]any)
		return ours["step"] == r.run
	}))
}

func (r *conformance) search() {
	find := func(number string) []int64 {
		var ids []int64
		for _, u := range must[zendesk.UserHits](r.T)(r.c.SearchUsersByPhone(r.ctx, zendesk.PhoneQuery{Numbers: []string{"*" + number[2:]}})).Users {
			ids = append(ids, u.ID)
		}
		return ids
	}
	r.indexed(func() bool {
		both := find(r.phone)
		return slices.Contains(both, r.a.ID) && slices.Contains(both, r.b.ID) && slices.Contains(find(r.further), r.a.ID)
	})
	require.NotContains(r, find(r.further), r.b.ID)
	last, found, err := r.c.LastChangedTicket(r.ctx, r.a.ID)
	require.NoError(r, err)
	require.True(r, found, "the list of tickets lags less than search")
	require.Equal(r, r.ticketID, last.ID)
}
