package zendesk_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const comesBack = "https://talkbridge.example.com/oauth"

// walk is the user's browser: it goes where it is sent, and returns the query with which Zendesk sends it back.
func walk(t *testing.T, to string) url.Values {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, http.NoBody)
	require.NoError(t, err)
	browser := http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer browser.CloseIdleConnections()
	resp, err := browser.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusFound, resp.StatusCode)
	back, err := resp.Location()
	require.NoError(t, err)
	require.Equal(t, comesBack, back.Scheme+"://"+back.Host+back.Path)
	return back.Query()
}

func TestLeave(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{zendesktest.DefaultClientSecret, ""} {
		t.Run(map[bool]string{true: "public client", false: "confidential client"}[secret == ""], func(t *testing.T) {
			t.Parallel()
			s := zendesktest.New(zendesktest.WithOAuthClient("phones", secret))
			require.NoError(t, s.Start(""))
			t.Cleanup(s.Close)
			store := &memory{}
			auth := zendesk.OAuthRefresh{ClientID: "phones", ClientSecret: secret, Store: store, Lifetime: time.Hour, RefreshLifetime: 8 * 24 * time.Hour}

			asked, err := auth.AskLeave(s.URL(), comesBack)
			require.NoError(t, err)
			require.NotContains(t, printed(asked), asked.Verifier)
			back := walk(t, asked.URL)
			pair, err := auth.TakeLeave(t.Context(), s.URL(), asked, back, zendesk.WithClock(s.Now))
			require.NoError(t, err)
			require.Equal(t, pair, store.pair)
			require.Equal(t, "read write", pair.Scope)
			require.WithinDuration(t, s.Now().Add(time.Hour), pair.ExpiresAt, time.Minute)
			require.WithinDuration(t, s.Now().Add(8*24*time.Hour), pair.RefreshExpiresAt, time.Minute)

			c := newClient(t, s.URL(), auth, zendesk.WithClock(s.Now))
			_, err = c.Me(t.Context())
			require.NoError(t, err)
			s.Advance(2 * time.Hour)
			_, err = c.Me(t.Context())
			require.NoError(t, err, "and it is refreshed from then on")
			require.Equal(t, 2, store.saves)

			s.Advance(9 * 24 * time.Hour)
			_, err = c.Me(t.Context())
			require.ErrorContains(t, err, "invalid_grant", "nobody used it for too long")

			_, err = auth.TakeLeave(t.Context(), s.URL(), asked, back)
			var refused *zendesk.Error
			require.ErrorAs(t, err, &refused, "a code is good for once")
			require.Equal(t, "invalid_grant", refused.Code)
		})
	}
}

func TestLeaveThatIsNone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// query is what comes back, with the right state unless it has one; nil for what the account sends.
		query  url.Values
		spoil  func(*zendesk.LeaveRequest)
		after  time.Duration
		want   string
		unsent bool
	}{
		{name: "the user says no", query: url.Values{"error": {"access_denied"}, "error_description": {"not today"}}, want: "the user gave no leave: access_denied: not today", unsent: true},
		{name: "the state of somebody else", query: url.Values{"code": {"x"}, "state": {"other"}}, want: "is not the one that was sent", unsent: true},
		{name: "no code", query: url.Values{}, want: "has no code", unsent: true},
		{name: "a code that was made up", query: url.Values{"code": {"made-up-4711"}}, want: "invalid_grant"},
		{name: "a code that was stolen", spoil: func(r *zendesk.LeaveRequest) { r.Verifier = strings.Repeat("x", 52) }, want: "invalid_grant"},
		{name: "another address than was said", spoil: func(r *zendesk.LeaveRequest) { r.RedirectURI += "/other" }, want: "invalid_grant"},
		{name: "a code that is too old", after: 121 * time.Second, want: "invalid_grant"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := zendesktest.New(zendesktest.WithOAuthClient("phones", ""))
			require.NoError(t, s.Start(""))
			t.Cleanup(s.Close)
			store := &memory{}
			auth := zendesk.OAuthRefresh{ClientID: "phones", Store: store}
			asked, err := auth.AskLeave(s.URL(), comesBack)
			require.NoError(t, err)
			query := tt.query
			switch {
			case query == nil:
				query = walk(t, asked.URL)
			case !query.Has("state"):
				query.Set("state", asked.State)
			}
			if tt.spoil != nil {
				tt.spoil(&asked)
			}
			s.Advance(tt.after)
			before := len(s.Requests())
			_, err = auth.TakeLeave(t.Context(), s.URL(), asked, query)
			require.ErrorContains(t, err, tt.want)
			require.Equal(t, tt.unsent, len(s.Requests()) == before)
			require.NotContains(t, err.Error(), "made-up-4711")
			require.Zero(t, store.saves)
		})
	}
}

// TestLeaveIsNotLost: a pair that cannot be saved is handed over, since the code is spent.
func TestLeaveIsNotLost(t *testing.T) {
	t.Parallel()
	s := zendesktest.New()
	require.NoError(t, s.Start(""))
	t.Cleanup(s.Close)
	full := errors.New("no space left on device")
	auth := zendesk.OAuthRefresh{ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret, Store: &memory{fail: full}}
	asked, err := auth.AskLeave(s.URL(), comesBack)
	require.NoError(t, err)
	pair, err := auth.TakeLeave(t.Context(), s.URL(), asked, walk(t, asked.URL))
	require.ErrorIs(t, err, full)
	require.NotEmpty(t, pair.RefreshToken)
}

func TestAskLeaveBadInput(t *testing.T) {
	t.Parallel()
	auth := zendesk.OAuthRefresh{ClientID: "phones"}
	_, err := auth.AskLeave("https://acme.zendesk.com", "/oauth")
	require.ErrorContains(t, err, "redirect URI")
	_, err = auth.AskLeave("http://acme.zendesk.com", comesBack)
	require.ErrorContains(t, err, "use https")
	auth.Scope = "everything"
	_, err = auth.AskLeave("https://acme.zendesk.com", comesBack)
	require.ErrorContains(t, err, "Scope")
	_, err = zendesk.New("https://acme.zendesk.com", zendesk.OAuthRefresh{ClientID: "phones", Store: &memory{}, RefreshLifetime: time.Hour})
	require.ErrorContains(t, err, "RefreshLifetime 1h0m0s: want more than 7 and less than 90 days")
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	other := s.IssueTokens("read", time.Hour)
	c := refreshing(t, s, store)
	tokens, err := collect(c.OAuthTokens(t.Context()))
	require.NoError(t, err)
	require.Len(t, tokens, 2)
	require.Equal(t, []string{"read"}, tokens[1].Scopes)

	require.NoError(t, c.RevokeToken(t.Context(), tokens[1].ID))
	lost := newClient(t, s.URL(), zendesk.OAuthRefresh{
		ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret,
		Store: &memory{pair: zendesk.TokenPair{AccessToken: other.Access, RefreshToken: other.Refresh}},
	})
	_, err = lost.GetUser(t.Context(), 1)
	require.ErrorContains(t, err, "invalid_grant", "neither of the pair works any more")

	require.NoError(t, c.RevokeCurrentToken(t.Context()))
	_, err = c.Me(t.Context())
	require.ErrorContains(t, err, "invalid_grant", "the user must give leave again")

	owner := newClient(t, s.URL(), oauthOf(s))
	me, err := owner.Me(t.Context())
	require.NoError(t, err)
	require.NoError(t, owner.RevokeCurrentToken(t.Context()))
	before := tokenRequests(s)
	_, err = owner.GetUser(t.Context(), me.ID)
	require.NoError(t, err, "a client with a secret has another token at once")
	require.Equal(t, before+1, tokenRequests(s))
}

func oauthOf(*zendesktest.Server) zendesk.OAuthClientCredentials {
	return zendesk.OAuthClientCredentials{ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret}
}

// TestAllAgentStatuses: an account may have more of its own than one page holds.
func TestAllAgentStatuses(t *testing.T) {
	t.Parallel()
	var own []zendesktest.AgentStatus
	for i := range int64(230) {
		own = append(own, zendesktest.AgentStatus{ID: 1000 + i, Name: fmt.Sprint("Own ", i)})
	}
	s := zendesktest.New(zendesktest.WithAgentStatuses(own...))
	require.NoError(t, s.Start(""))
	t.Cleanup(s.Close)
	all, err := newClient(t, s.URL(), oauthOf(s)).AgentStatuses(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 4+230)
	require.Equal(t, []any{"Own 229", true, false}, []any{all[233].Name, all[233].Custom, all[3].Custom})
}

// TestAgentStatusesEnd: whatever the links say, the pages end where nothing is new.
func TestAgentStatusesEnd(t *testing.T) {
	t.Parallel()
	asked := 0
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		answerJSON(w, 200, `{"default":[{"id":2}],"custom":[{"id":123}],"links":{"next":"https://x/y?page%5Bafter%5D=`+fmt.Sprint(asked)+`"}}`)
	})
	all, err := c.AgentStatuses(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, 2, asked)
}

// TestRevokeAlone: if the refresh token outlives the one that is revoked, a client goes on with it.
func TestRevokeAlone(t *testing.T) {
	t.Parallel()
	s := zendesktest.New(zendesktest.WithRefreshAfterRevoke())
	require.NoError(t, s.Start(""))
	t.Cleanup(s.Close)
	pair := s.IssueTokens("read write", time.Hour)
	c := refreshing(t, s, &memory{pair: zendesk.TokenPair{AccessToken: pair.Access, RefreshToken: pair.Refresh}})
	require.NoError(t, c.RevokeCurrentToken(t.Context()))
	_, err := c.Me(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, tokenRequests(s))
}
