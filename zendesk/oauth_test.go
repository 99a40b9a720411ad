package zendesk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

var oauth = zendesk.OAuthClientCredentials{ClientID: "talkbridge", ClientSecret: "oauth-secret-0815"}

// account is a Zendesk in memory that mints numbered tokens and takes those that it did not revoke. It stands in for
// the network, so that time can be a bubble's.
type account struct {
	mu       sync.Mutex
	minted   int
	requests int
	bodies   []string
	forms    []map[string]any
	revoked  map[string]bool
	lifetime any
	mintWait time.Duration
	hold     chan struct{}                         // If not nil, the first request for ticket 99 is answered when it is closed.
	mint     func(n int) (status int, body string) // Nil mints.
}

func (a *account) client(t *testing.T, opts ...zendesk.Option) *zendesk.Client {
	t.Helper()
	return newClient(t, "https://acme.example", oauth, append(opts, zendesk.WithHTTPClient(&http.Client{Transport: a}))...)
}

func (a *account) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	if req.URL.Path == "/oauth/tokens" {
		return a.token(req, body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hold != nil && req.URL.Path == "/api/v2/tickets/99" {
		hold := a.hold
		a.hold = nil
		a.mu.Unlock()
		<-hold
		a.mu.Lock()
	}
	a.requests++
	a.bodies = append(a.bodies, string(body))
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if token == "" || a.revoked[token] {
		return response(401, `{"error":"invalid_token","error_description":"The access token provided is expired"}`), nil
	}
	return response(200, `{"ticket":{"id":1,"subject":"`+token+`"}}`), nil
}

func (a *account) token(req *http.Request, body []byte) (*http.Response, error) {
	if a.mintWait > 0 {
		select {
		case <-time.After(a.mintWait):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.minted++
	form := map[string]any{}
	if err := json.Unmarshal(body, &form); err != nil || req.Header.Get("Authorization") != "" {
		return response(400, `{"error":"invalid_request"}`), nil
	}
	a.forms = append(a.forms, form)
	if a.mint != nil {
		if status, body := a.mint(a.minted); status != 0 {
			return response(status, body), nil
		}
	}
	answer, err := json.Marshal(map[string]any{
		"access_token": fmt.Sprintf("token-%d", a.minted), "token_type": "bearer", "expires_in": a.lifetime, "scope": "read write",
	})
	return response(201, string(answer)), err
}

func (a *account) counts() (minted, requests int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.minted, a.requests
}

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// usedToken makes a request and returns the token that it carried.
func usedToken(t *testing.T, c *zendesk.Client) string {
	t.Helper()
	ticket, err := c.GetTicket(t.Context(), 1)
	require.NoError(t, err)
	return ticket.Subject
}

// pass lets d go by in the bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestTokenIsFetchedOnceForMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, mintWait: time.Second}
		c := a.client(t)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				_, err := c.GetTicket(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		minted, requests := a.counts()
		require.Equal(t, 1, minted)
		require.Equal(t, 50, requests)
		require.Equal(t, map[string]any{
			"grant_type": "client_credentials", "client_id": "talkbridge", "client_secret": "oauth-secret-0815",
			"scope": "read write", "expires_in": float64(86400),
		}, a.forms[0])
	})
}

func TestTokenIsReplacedInTheBackground(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600}
		c := a.client(t)
		require.Equal(t, "token-1", usedToken(t, c))
		pass(53 * time.Minute)
		require.Equal(t, "token-1", usedToken(t, c))
		synctest.Wait()
		minted, _ := a.counts()
		require.Equal(t, 1, minted, "too early to replace it")
		pass(2 * time.Minute)
		a.mintWait = time.Second
		began := time.Now()
		require.Equal(t, "token-1", usedToken(t, c), "it still works: nobody waits for the next one")
		require.Zero(t, time.Since(began))
		pass(2 * time.Second)
		require.Equal(t, "token-2", usedToken(t, c))
	})
}

func TestTokenThatCannotBeReplacedIsUsedOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, mint: func(n int) (int, string) {
			if n == 1 {
				return 0, ""
			}
			return 503, ""
		}}
		c := a.client(t)
		require.Equal(t, "token-1", usedToken(t, c))
		pass(55 * time.Minute)
		for range 100 {
			require.Equal(t, "token-1", usedToken(t, c))
			synctest.Wait()
		}
		minted, _ := a.counts()
		require.Equal(t, 2, minted, "one attempt, then a pause")
		pass(6 * time.Second)
		require.Equal(t, "token-1", usedToken(t, c))
		synctest.Wait()
		minted, _ = a.counts()
		require.Equal(t, 3, minted)
		pass(5 * time.Minute)
		_, err := c.CreateVoiceTicket(t.Context(), inbound())
		requireMintFailed(t, err, 503)
	})
}

// requireMintFailed demands an error that says: not sent, because there was no token.
func requireMintFailed(t *testing.T, err error, status int) {
	t.Helper()
	var lost *zendesk.TransportError
	require.ErrorAs(t, err, &lost)
	require.False(t, lost.Sent)
	require.False(t, zendesk.Uncertain(err))
	var refused *zendesk.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "CreateToken", refused.Operation)
	require.Equal(t, status, refused.Status)
}

func TestTokenWithoutEndIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: nil}
		c := a.client(t)
		require.Equal(t, "token-1", usedToken(t, c))
		pass(1000 * time.Hour)
		require.Equal(t, "token-1", usedToken(t, c))
	})
}

func TestExpiredTokenIsNotUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 300}
		c := a.client(t)
		require.Equal(t, "token-1", usedToken(t, c))
		pass(296 * time.Second)
		require.Equal(t, "token-2", usedToken(t, c), "the last seconds are too close to the end")
	})
}

func TestClockDecides(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	a := &account{lifetime: 300}
	c := a.client(t, zendesk.WithClock(func() time.Time { return now }))
	require.Equal(t, "token-1", usedToken(t, c))
	now = now.Add(time.Hour)
	require.Equal(t, "token-2", usedToken(t, c))
}

func TestRefusedTokenIsReplacedAndTheRequestRepeatedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, revoked: map[string]bool{}}
		var seen recorder
		c := a.client(t, zendesk.WithObserver(seen.observe))
		require.Equal(t, "token-1", usedToken(t, c))
		a.revoked["token-1"] = true
		ticket, err := c.CreateVoiceTicket(t.Context(), inbound())
		require.NoError(t, err)
		require.Equal(t, "token-2", ticket.Subject)
		_, requests := a.counts()
		require.Equal(t, 3, requests)
		require.Equal(t, a.bodies[1], a.bodies[2], "the same body again")
		var steps []string
		for _, x := range seen.all() {
			steps = append(steps, fmt.Sprint(x.Operation, " ", x.Status))
		}
		require.Equal(t, []string{
			"CreateToken 201", "GetTicket 200", "CreateVoiceTicket 401", "CreateToken 201", "CreateVoiceTicket 200",
		}, steps)
	})
}

func TestRefusedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, revoked: map[string]bool{"token-1": true, "token-2": true}}
		c := a.client(t)
		_, err := c.CreateVoiceTicket(t.Context(), inbound())
		var refused *zendesk.Error
		require.ErrorAs(t, err, &refused)
		require.True(t, refused.IsUnauthorized())
		require.Equal(t, "CreateVoiceTicket", refused.Operation)
		require.False(t, zendesk.Uncertain(err))
		minted, requests := a.counts()
		require.Equal(t, 2, minted)
		require.Equal(t, 2, requests)
	})
}

func TestManyRefusedFetchOneToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, mintWait: time.Second, revoked: map[string]bool{"token-1": true}}
		c := a.client(t)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, err := c.GetTicket(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		minted, requests := a.counts()
		require.Equal(t, 2, minted)
		require.Equal(t, 40, requests)
	})
}

// TestLateRefusal lets the 401 of an old token come after the token was replaced: the new one is as good as ever.
func TestLateRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		a := &account{lifetime: 3600, revoked: map[string]bool{"token-1": true}, hold: hold}
		c := a.client(t)
		var late sync.WaitGroup
		late.Go(func() {
			ticket, err := c.GetTicket(t.Context(), 99)
			if err != nil || ticket.Subject != "token-2" {
				t.Errorf("got %q, %v", ticket.Subject, err)
			}
		})
		synctest.Wait()
		require.Equal(t, "token-2", usedToken(t, c))
		close(hold)
		late.Wait()
		minted, _ := a.counts()
		require.Equal(t, 2, minted)
	})
}

func TestLegacyTokenIsNotRepeated(t *testing.T) {
	t.Parallel()
	var requests int
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		answerJSON(w, 401, `{"error":"Couldn't authenticate you"}`)
	})
	_, err := c.GetTicket(t.Context(), 1)
	require.EqualError(t, err, "zendesk GetTicket: 401 Unauthorized: Couldn't authenticate you")
	require.Equal(t, 1, requests)
}

func TestImpatientCallerDoesNotSpoilTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, mintWait: 3 * time.Second}
		c := a.client(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := c.DisplayTicket(ctx, 1, 2)
		var lost *zendesk.TransportError
		require.ErrorAs(t, err, &lost)
		require.False(t, lost.Sent)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		pass(3 * time.Second)
		require.Equal(t, "token-1", usedToken(t, c))
		minted, _ := a.counts()
		require.Equal(t, 1, minted)
	})
}

func TestTokenServerThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &account{lifetime: 3600, mintWait: time.Hour}
		c := a.client(t)
		_, err := c.CreateVoiceTicket(t.Context(), inbound())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "no answer within 10s")
		require.False(t, zendesk.Uncertain(err))
	})
}

func TestBadTokenAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		body string
		want string
	}{
		{name: "no token", body: `{"token_type":"bearer"}`, want: "no access_token"},
		{name: "another type", body: `{"access_token":"abc","token_type":"mac"}`, want: "no bearer token"},
		{name: "a line break in it", body: `{"access_token":"abc\r\nX: y"}`, want: "no bearer token"},
		{name: "not JSON", body: `hello`, want: "invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &account{mint: func(int) (int, string) { return 200, tt.body }}
			_, err := a.client(t).CreateVoiceTicket(t.Context(), inbound())
			var wrong *zendesk.FormatError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, "CreateToken", wrong.Operation)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "abc")
			require.False(t, zendesk.Uncertain(err), "the ticket was never sent")
		})
	}
}

func TestWrongClientSecret(t *testing.T) {
	t.Parallel()
	a := &account{mint: func(int) (int, string) {
		return 401, `{"error":"invalid_client","error_description":"Client authentication failed"}`
	}}
	_, err := a.client(t).CreateVoiceTicket(t.Context(), inbound())
	requireMintFailed(t, err, 401)
	minted, requests := a.counts()
	require.Equal(t, 1, minted, "a wrong secret is not tried twice")
	require.Zero(t, requests)
	require.NotErrorIs(t, err, context.Canceled)
}
