package zendesk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// memory is a store that can fail.
type memory struct {
	mu    sync.Mutex
	pair  zendesk.TokenPair
	saves int
	fail  error
}

func (m *memory) Load(context.Context) (zendesk.TokenPair, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pair, nil
}

func (m *memory) Save(_ context.Context, pair zendesk.TokenPair) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.pair, m.saves = pair, m.saves+1
	return nil
}

func (m *memory) failing(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// granted is a simulated account whose owner gave leave, and the store with his tokens.
func granted(t *testing.T) (*zendesktest.Server, *memory) {
	t.Helper()
	s := zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited))
	require.NoError(t, s.Start(""))
	t.Cleanup(s.Close)
	pair := s.IssueTokens("read write", time.Hour)
	return s, &memory{pair: zendesk.TokenPair{
		AccessToken: pair.Access, RefreshToken: pair.Refresh, ExpiresAt: s.Now().Add(time.Hour),
	}}
}

func refreshing(t *testing.T, s *zendesktest.Server, store zendesk.TokenStore, opts ...zendesk.Option) *zendesk.Client {
	t.Helper()
	auth := zendesk.OAuthRefresh{ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret, Store: store}
	return newClient(t, s.URL(), auth, append(opts, zendesk.WithClock(s.Now))...)
}

// tokenRequests is how often a token was asked for.
func tokenRequests(s *zendesktest.Server) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Path == "/oauth/tokens" {
			n++
		}
	}
	return n
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	old := store.pair
	c := refreshing(t, s, store)
	me := func() {
		t.Helper()
		_, err := c.Me(t.Context())
		require.NoError(t, err)
	}
	me()
	require.Zero(t, tokenRequests(s), "the stored token is good")
	s.Advance(2 * time.Hour)
	me()
	me()
	require.Equal(t, 1, tokenRequests(s))
	require.Equal(t, 1, store.saves)
	require.NotEqual(t, old.AccessToken, store.pair.AccessToken)
	require.NotEqual(t, old.RefreshToken, store.pair.RefreshToken)
	require.Equal(t, "read write", store.pair.Scope)
	require.WithinDuration(t, s.Now().Add(24*time.Hour), store.pair.ExpiresAt, time.Minute)
	require.WithinDuration(t, s.Now().Add(30*24*time.Hour), store.pair.RefreshExpiresAt, time.Minute)

	s.ExpireTokens() // A 401, which only the server knows of.
	me()
	require.Equal(t, 2, store.saves)

	known, err := c.CurrentToken(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"read", "write"}, known.Scopes)

	again := refreshing(t, s, store)
	_, err = again.Me(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, tokenRequests(s), "a new process goes on with what was saved")
}

func TestRefreshOnceForMany(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	s.Advance(2 * time.Hour)
	c := refreshing(t, s, store)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := c.Me(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	require.Equal(t, 1, tokenRequests(s))
}

// TestRefreshSavesFirst holds that no new token is used before it is kept, and none is asked for twice.
func TestRefreshSavesFirst(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	s.Advance(2 * time.Hour)
	full := errors.New("no space left on device")
	store.failing(full)
	c := refreshing(t, s, store)
	for range 2 {
		_, err := c.Me(t.Context())
		require.ErrorIs(t, err, full)
		require.ErrorContains(t, err, "save the new OAuth tokens")
		require.False(t, zendesk.Uncertain(err), "nothing was sent")
	}
	require.Equal(t, 1, tokenRequests(s))
	require.Len(t, s.Requests(), 1)
	store.failing(nil)
	_, err := c.Me(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, tokenRequests(s), "the pair that could not be saved was not lost")
	require.Equal(t, 1, store.saves)
}

func TestRefreshByAnother(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	first, second := refreshing(t, s, store), refreshing(t, s, store)
	for _, c := range []*zendesk.Client{first, second} {
		_, err := c.Me(t.Context())
		require.NoError(t, err)
	}
	s.ExpireTokens()
	for _, c := range []*zendesk.Client{first, second} {
		_, err := c.Me(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 1, tokenRequests(s), "the second one finds the pair of the first")
}

// TestRefreshSpent is a pair that somebody else spent without telling: it is over, and nothing secret is said.
func TestRefreshSpent(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	s.Advance(2 * time.Hour)
	spent := &memory{pair: store.pair}
	_, err := refreshing(t, s, store).Me(t.Context())
	require.NoError(t, err)
	var seen recorder
	_, err = refreshing(t, s, spent, zendesk.WithObserver(seen.observe)).Me(t.Context())
	var refused *zendesk.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "invalid_grant", refused.Code)
	for _, text := range []string{printed(err), err.Error(), printed(seen.all()), printed(spent.pair)} {
		require.NotContains(t, text, spent.pair.RefreshToken)
		require.NotContains(t, text, spent.pair.AccessToken)
		require.NotContains(t, text, zendesktest.DefaultClientSecret)
	}
	_, err = refreshing(t, s, &memory{}).Me(t.Context())
	require.ErrorContains(t, err, "no refresh token")
}

func TestTokenFile(t *testing.T) {
	t.Parallel()
	s, store := granted(t)
	s.Advance(2 * time.Hour)
	dir := t.TempDir()
	file := zendesk.TokenFile{Path: filepath.Join(dir, "tokens.json")}
	_, err := refreshing(t, s, file).Me(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, file.Save(t.Context(), store.pair))
	_, err = refreshing(t, s, file).Me(t.Context())
	require.NoError(t, err)
	kept, err := file.Load(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, store.pair.RefreshToken, kept.RefreshToken)
	info, err := os.Stat(file.Path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")

	require.NoError(t, os.Chmod(file.Path, 0o640))
	_, err = file.Load(t.Context())
	require.ErrorContains(t, err, "want 0600")
	require.NoError(t, os.WriteFile(file.Path, []byte(`secret-but-no-json`), 0o600))
	require.NoError(t, os.Chmod(file.Path, 0o600))
	_, err = file.Load(t.Context())
	require.ErrorContains(t, err, "does not hold a pair")
	require.NotContains(t, err.Error(), "secret")
	require.Error(t, zendesk.TokenFile{Path: filepath.Join(dir, "gone", "x")}.Save(t.Context(), store.pair))
}

func TestRefreshRefusesConfiguration(t *testing.T) {
	t.Parallel()
	for want, auth := range map[string]zendesk.Authenticator{
		"Store is nil":      zendesk.OAuthRefresh{ClientID: "a"},
		"ClientID is empty": zendesk.OAuthRefresh{Store: &memory{}},
		`Scope "raed"`:      zendesk.OAuthRefresh{ClientID: "a", Store: &memory{}, Scope: "raed write"},
		`Scope "calls"`:     zendesk.OAuthClientCredentials{ClientID: "a", ClientSecret: "b", Scope: "read calls"},
	} {
		_, err := zendesk.New("https://acme.zendesk.com", auth)
		require.ErrorContains(t, err, want)
	}
	_, err := zendesk.New("https://acme.zendesk.com", zendesk.OAuthClientCredentials{
		ClientID: "a", ClientSecret: "b", Scope: " tickets:read  " + zendesk.ScopeAnyChannel,
	})
	require.NoError(t, err)
}
