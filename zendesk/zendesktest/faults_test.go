package zendesktest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const voicePath = "/api/v2/channels/voice/tickets"

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		effect     zendesktest.Effect
		status     int
		retryAfter string
		isJSON     bool
	}{
		{"rate limited", zendesktest.RateLimited(93 * time.Second), 429, "93", false},
		{"unavailable", zendesktest.Unavailable(0), 503, "", false},
		{"unavailable for a while", zendesktest.Unavailable(1500 * time.Millisecond), 503, "2", false},
		{"server error", zendesktest.ServerError(), 500, "", false},
		{"bad gateway", zendesktest.Status(502, 0), 502, "", false},
		{"a web page", zendesktest.HTML(), 200, "", false},
		{"expired token", zendesktest.TokenExpired(), 401, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := start(t)
			f := d.s.Inject(zendesktest.Fault{Method: "POST", Path: voicePath, Count: 1, Effect: tt.effect})
			a := d.want(tt.status, "POST", voicePath+".json", voiceBody("c1"))
			require.Equal(t, tt.retryAfter, a.header.Get("Retry-After"))
			require.Equal(t, tt.isJSON, a.body != nil)
			require.Empty(t, d.s.Tickets())
			require.Equal(t, tt.effect.String(), d.s.Requests()[0].Fault)
			d.want(201, "POST", voicePath, voiceBody("c1"))
			require.Equal(t, 1, f.Hits())
		})
	}
}

// A server that has done what was asked may be said to have failed.
func TestFailAfterCommit(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.s.Inject(zendesktest.Fault{Method: "POST", Path: voicePath, Count: 1, Effect: zendesktest.FailAfterCommit(http.StatusServiceUnavailable)})
	a := d.want(503, "POST", voicePath+".json", voiceBody("c1"))
	require.Nil(t, a.body)
	require.Len(t, d.s.TicketsByExternalID("c1"), 1)
	requests := d.s.Requests()
	require.Len(t, requests, 1)
	require.Equal(t, 503, requests[0].Status)
	require.True(t, requests[0].Committed)
	require.Equal(t, "status 503 after commit", requests[0].Fault)
}

func TestFaultMatching(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.voiceTicket("c1")
	get := func() int { return d.do("GET", fmt.Sprintf("/api/v2/tickets/%d", id), "").status }

	f := d.s.Inject(zendesktest.Fault{Path: "/api/v2/tickets/*", Skip: 1, Count: 2, Effect: zendesktest.ServerError()})
	require.Equal(t, []int{200, 500, 500, 200}, []int{get(), get(), get(), get()})
	f.Remove()

	d.s.Inject(zendesktest.Fault{Path: "/api/v2/channels/**", BodyContains: "c7", Effect: zendesktest.ServerError()})
	d.want(201, "POST", voicePath, voiceBody("c6"))
	d.want(500, "POST", voicePath, voiceBody("c7"))
	d.s.ClearFaults()
	d.want(201, "POST", voicePath, voiceBody("c7"))

	d.s.Inject(zendesktest.Fault{Method: "GET", Probability: 0.5, Effect: zendesktest.ServerError()})
	failed := 0
	for range 200 {
		if get() == 500 {
			failed++
		}
	}
	require.InDelta(t, 100, failed, 40)
}

func TestFaultSlowAndLatency(t *testing.T) {
	t.Parallel()
	d := start(t, zendesktest.WithLatency(20*time.Millisecond))
	d.s.Inject(zendesktest.Fault{Effect: zendesktest.ServerError().After(30 * time.Millisecond), Count: 1})
	d.s.Inject(zendesktest.Fault{Effect: zendesktest.Slow(40 * time.Millisecond), Count: 1})
	for _, want := range []struct {
		status int
		least  time.Duration
	}{{500, 50 * time.Millisecond}, {200, 60 * time.Millisecond}, {200, 20 * time.Millisecond}} {
		began := time.Now()
		d.want(want.status, "GET", "/api/v2/users/501", "")
		require.GreaterOrEqual(t, time.Since(began), want.least)
	}
}

func TestCase09DropBeforeAndAfterCommit(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.s.Inject(zendesktest.Fault{Path: voicePath, Count: 1, Effect: zendesktest.DropBeforeCommit()})
	d.s.Inject(zendesktest.Fault{Path: voicePath, Count: 1, Effect: zendesktest.DropAfterCommit()})
	_, err := d.try("POST", voicePath, voiceBody("before"))
	require.ErrorIs(t, err, io.EOF)
	require.Empty(t, d.s.Tickets())
	_, err = d.try("POST", voicePath, voiceBody("after"))
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, d.s.TicketsByExternalID("after"), 1)

	log := d.s.Requests()
	require.Equal(t, []bool{false, true}, []bool{log[0].Committed, log[1].Committed})
	require.Equal(t, []int{0, 0}, []int{log[0].Status, log[1].Status})
	require.Len(t, d.want(200, "GET", "/api/v2/tickets?external_id=after", "").list("tickets"), 1)
}

func TestCase09LateCommit(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.s.Inject(zendesktest.Fault{Path: voicePath, Count: 1, Effect: zendesktest.LateCommit(time.Hour)})
	_, err := d.try("POST", voicePath, voiceBody("late"))
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 1, d.s.PendingCommits())
	require.Empty(t, d.want(200, "GET", "/api/v2/tickets?external_id=late", "").list("tickets"))
	d.s.Advance(59 * time.Minute)
	require.Empty(t, d.s.Tickets())
	d.s.Advance(time.Minute)
	require.Len(t, d.s.TicketsByExternalID("late"), 1)
	require.Zero(t, d.s.PendingCommits())

	d.s.Inject(zendesktest.Fault{Path: voicePath, Count: 1, Effect: zendesktest.LateCommit(20 * time.Millisecond)})
	_, err = d.try("POST", voicePath, voiceBody("soon"))
	require.Error(t, err)
	require.Eventually(t, func() bool { return len(d.s.TicketsByExternalID("soon")) == 1 }, time.Minute, 5*time.Millisecond)
}

func TestCase09StalledCommit(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.s.Inject(zendesktest.Fault{Path: voicePath, Count: 1, Effect: zendesktest.StalledCommit(time.Hour)})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for d.s.PendingCommits() == 0 && ctx.Err() == nil {
			<-time.After(time.Millisecond)
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.s.URL()+voicePath, strings.NewReader(voiceBody("late")))
	require.NoError(t, err)
	r.Header.Set("Authorization", d.bot)
	resp, err := d.hc.Do(r)
	if err == nil {
		_ = resp.Body.Close()
	}
	require.ErrorIs(t, err, context.Canceled, "the client gives up")
	require.Empty(t, d.s.Tickets())
	d.s.Advance(time.Hour)
	require.Len(t, d.s.TicketsByExternalID("late"), 1)
}

func TestFaultTruncatedBody(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.s.Inject(zendesktest.Fault{Path: voicePath, Count: 1, Effect: zendesktest.TruncatedBody()})
	a, err := d.try("POST", voicePath, voiceBody("cut"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, 201, a.status)
	require.NotEmpty(t, a.raw)
	require.Nil(t, a.body)
	require.Len(t, d.s.TicketsByExternalID("cut"), 1)
}

func TestCloseDropsLateCommitsAndStalledClients(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.s.Inject(zendesktest.Fault{Path: voicePath, Effect: zendesktest.StalledCommit(time.Hour)})
	changes, _ := d.s.Subscribe(1)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = d.try("POST", voicePath, voiceBody("x")) })
	require.Eventually(t, func() bool { return d.s.PendingCommits() == 1 }, time.Minute, time.Millisecond)
	d.s.Close()
	d.s.Close()
	wg.Wait()
	require.Zero(t, d.s.PendingCommits())
	_, open := <-changes
	require.False(t, open)
	require.Error(t, d.s.Start(""))
	require.Empty(t, d.s.Tickets())
}
