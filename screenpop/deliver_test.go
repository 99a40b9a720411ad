package screenpop_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
)

var (
	errBusy  = errors.New("zendesk: 503 service unavailable")
	errNoUse = errors.New("zendesk: 404 no such agent")
)

// answer is what Zendesk does with one request.
type answer struct {
	after time.Duration
	err   error
}

// popper answers in order, the last for ever, and notes what it was asked.
type popper struct {
	answers []answer
	asked   []string
}

func (p *popper) answer(ctx context.Context, what string) error {
	a := p.answers[min(len(p.asked), len(p.answers)-1)]
	p.asked = append(p.asked, what)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(a.after):
		return a.err
	}
}

func (p *popper) DisplayTicket(ctx context.Context, _, _ int64) error { return p.answer(ctx, "ticket") }

func (p *popper) DisplayUser(ctx context.Context, _, _ int64) error { return p.answer(ctx, "user") }

func TestDeliver(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	quick := func(err error) answer { return answer{20 * ms, err} }
	hangs := answer{time.Hour, nil}
	ticket, user := screenpop.Pop{Agent: 11, Ticket: 7, User: 9}, screenpop.Pop{Agent: 11, User: 9}
	for _, tc := range []struct {
		name    string
		pop     screenpop.Pop
		age     time.Duration // of the fact
		answers []answer
		asked   string
		want    screenpop.Outcome
	}{
		{"ticket", ticket, 0, []answer{quick(nil)}, "ticket", screenpop.Outcome{Result: screenpop.Accepted, Latency: 20 * ms, Attempts: 1}},
		{"user", user, 0, []answer{quick(nil)}, "user", screenpop.Outcome{Result: screenpop.Accepted, Latency: 20 * ms, Attempts: 1}},
		{"latency counts from the fact", ticket, 500 * ms, []answer{quick(nil)}, "ticket", screenpop.Outcome{Result: screenpop.Accepted, Latency: 520 * ms, Attempts: 1}},
		{"a fact of the future", ticket, -time.Second, []answer{quick(nil)}, "ticket", screenpop.Outcome{Result: screenpop.Accepted, Attempts: 1}},
		{"a fact of the far future hangs no longer", ticket, -time.Hour, []answer{hangs}, "ticket ticket", screenpop.Outcome{Result: screenpop.Late, Attempts: 2, Err: "deadline"}},
		{"second attempt", ticket, 0, []answer{quick(errBusy), quick(nil)}, "ticket ticket", screenpop.Outcome{Result: screenpop.Accepted, Latency: 190 * ms, Attempts: 2}},
		{"no third attempt", ticket, 0, []answer{quick(errBusy)}, "ticket ticket", screenpop.Outcome{Result: screenpop.Failed, Latency: 190 * ms, Attempts: 2, Err: "503"}},
		{"refused", ticket, 0, []answer{quick(errNoUse)}, "ticket", screenpop.Outcome{Result: screenpop.Refused, Latency: 20 * ms, Attempts: 1, Err: "404 no such agent"}},
		{"refused at the second attempt", ticket, 0, []answer{quick(errBusy), quick(errNoUse)}, "ticket ticket", screenpop.Outcome{Result: screenpop.Refused, Latency: 190 * ms, Attempts: 2, Err: "404"}},
		{"late before the first attempt", ticket, 8 * time.Second, []answer{quick(nil)}, "", screenpop.Outcome{Result: screenpop.Late, Latency: 8 * time.Second, Err: "deadline is over"}},
		{"late in the first attempt", ticket, 8*time.Second - 10*ms, []answer{quick(nil)}, "ticket", screenpop.Outcome{Result: screenpop.Late, Latency: 8 * time.Second, Attempts: 1, Err: "deadline is over"}},
		{"late between the attempts", ticket, 8*time.Second - 100*ms, []answer{quick(errBusy)}, "ticket", screenpop.Outcome{Result: screenpop.Late, Latency: 8 * time.Second, Attempts: 1, Err: "503"}},
		{"the first attempt hangs", ticket, 0, []answer{hangs, quick(nil)}, "ticket ticket", screenpop.Outcome{Result: screenpop.Accepted, Latency: 3170 * ms, Attempts: 2}},
		{"both attempts hang", ticket, 0, []answer{hangs}, "ticket ticket", screenpop.Outcome{Result: screenpop.Late, Latency: 8 * time.Second, Attempts: 2, Err: "deadline is over"}},
		{"a deadline of its own", screenpop.Pop{Agent: 11, User: 9, Deadline: time.Second}, 0, []answer{hangs}, "user", screenpop.Outcome{Result: screenpop.Late, Latency: time.Second, Attempts: 1, Err: "deadline"}},
		{"nothing to show", screenpop.Pop{Agent: 11}, 0, []answer{quick(nil)}, "", screenpop.Outcome{Result: screenpop.Refused, Err: "no ticket and no user"}},
		{"nobody to show it to", screenpop.Pop{Ticket: 7}, 0, []answer{quick(nil)}, "", screenpop.Outcome{Result: screenpop.Refused, Err: "no agent"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &popper{answers: tc.answers}
				pop := tc.pop
				pop.Since = time.Now().Add(-tc.age)
				d := screenpop.NewDeliverer(p, func(err error) bool { return errors.Is(err, errBusy) }, nil)
				got := d.Deliver(t.Context(), pop)
				require.Equal(t, tc.asked, strings.Join(p.asked, " "))
				require.Contains(t, got.Err, tc.want.Err)
				require.Equal(t, tc.want.Err == "", got.Err == "")
				want := tc.want
				want.Agent, want.Ticket, want.User, want.Err = pop.Agent, pop.Ticket, pop.User, got.Err
				require.Equal(t, want, got)
			})
		})
	}
}

func TestDeliverStops(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		answers []answer
		wait    time.Duration
	}{
		{"in an attempt", []answer{{after: time.Hour}}, time.Second},
		{"between the attempts", []answer{{err: errBusy}}, 50 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.wait)
				defer cancel()
				d := screenpop.NewDeliverer(&popper{answers: tc.answers}, func(error) bool { return true }, nil)
				got := d.Deliver(ctx, screenpop.Pop{Agent: 11, Ticket: 7, Since: time.Now()})
				require.Equal(t, screenpop.Failed, got.Result)
				require.Equal(t, tc.wait, got.Latency, "it stops at once")
				require.Equal(t, 1, got.Attempts)
			})
		})
	}
}

// Without a verdict no error is worth a second attempt, and what is kept of it
// is bounded.
func TestDeliverWithoutVerdict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &popper{answers: []answer{{err: errors.New("bad\r\n" + strings.Repeat("é", 1000))}}}
		got := screenpop.NewDeliverer(p, nil, nil).Deliver(t.Context(), screenpop.Pop{Agent: 11, Ticket: 7, Since: time.Now()})
		require.Equal(t, screenpop.Refused, got.Result)
		require.LessOrEqual(t, len(got.Err), 300)
		require.True(t, strings.HasPrefix(got.Err, "badé") && strings.HasSuffix(got.Err, "é"), got.Err)
	})
}

func TestOutcomeJSON(t *testing.T) {
	t.Parallel()
	want := screenpop.Outcome{Agent: 11, Ticket: 7, Result: screenpop.Accepted, Latency: 23*time.Millisecond + 400*time.Microsecond, Attempts: 1}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	require.JSONEq(t, `{"agent":11,"ticket":7,"result":"accepted","latency":0.0234,"attempts":1}`, string(text))
	var got screenpop.Outcome
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, want, got)
	require.Error(t, json.Unmarshal([]byte(`{"agent":"x"}`), &got))
}
