package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// The size of the kill test.
const (
	killCalls = 200
	kills     = 10
)

// killMix is what 200 calls are made of.
var killMix = asterisktest.Mix{
	Inbound: 85, Outbound: 30, Missed: 20, Voicemail: 20, Busy: 10, Greeting: 10, Unanswered: 10, Internal: 10, Withheld: 5,
}

// TestKill is the promise: one call, one ticket, none lost of those the phone
// system can still tell about, none twice, while the daemon is killed with -9.
//
// It runs alone: what it measures is the daemon, not the machine.
//
//nolint:paralleltest // see above
func TestKill(t *testing.T) {
	t.Run("plain", func(t *testing.T) { killTest(t) })
	t.Run("answers lost and late commits", func(t *testing.T) {
		killTest(t,
			zendesktest.Fault{Method: http.MethodPost, Path: "/api/v2/channels/voice/tickets", Probability: 0.05, Effect: zendesktest.DropAfterCommit()},
			zendesktest.Fault{Method: http.MethodPost, Path: "/api/v2/channels/voice/tickets", Probability: 0.05, Effect: zendesktest.LateCommit(5 * time.Second)},
			zendesktest.Fault{Method: http.MethodPost, Path: "/api/v2/channels/voice/tickets", Probability: 0.03, Effect: zendesktest.StalledCommit(8 * time.Second)},
			zendesktest.Fault{Method: http.MethodPut, Path: "/api/v2/tickets/*", Probability: 0.05, Effect: zendesktest.DropAfterCommit()},
			zendesktest.Fault{Method: http.MethodPut, Path: "/api/v2/tickets/*", Probability: 0.05, Effect: zendesktest.LateCommit(5 * time.Second)},
			zendesktest.Fault{Method: http.MethodPost, Path: "/api/v2/users", Probability: 0.05, Effect: zendesktest.DropAfterCommit()},
		)
	})
}

func killTest(t *testing.T, faults ...zendesktest.Fault) {
	t.Helper()
	// That a call was taken in, the journal says: told at all is enough to be seen.
	pbx := asterisktest.Config{SeenAfter: time.Nanosecond}
	s := newSite(t, siteOptions{settle: 30 * time.Second, recordings: true, pbx: pbx})
	for _, f := range faults {
		s.zendesk.Inject(f)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	s.player.Seed = seed
	c := s.start()
	durable := s.witness()

	played := make(chan error, 1)
	go func() {
		_, err := s.player.PlayMix(t.Context(), killMix, asterisktest.MixOptions{
			Every: 130 * time.Millisecond,
			// None ends before it is in the journal how it stands: what is not, a
			// killed daemon cannot know, and the phone system does not tell again
			// of what is over. After that it may end at any moment, also while
			// there is no daemon.
			Vary: func(i int, sc *asterisktest.Scenario) {
				phase := asterisktest.Talking
				switch sc.Kind {
				case "missed", "unanswered", "greeting", "busy":
					phase = asterisktest.Ringing
				case "voicemail":
					phase = asterisktest.Recording
				}
				sc.Hold = asterisktest.Hold{
					Phase: phase, For: time.Duration(i%8) * 400 * time.Millisecond,
					Known: func(linkedid string) bool { return durable(linkedid, phase == asterisktest.Talking) },
				}
			},
		})
		played <- err
	}()
	var playing error
	for range kills {
		select {
		case playing = <-played:
			played <- playing
		case <-time.After(time.Duration(1500+dice.IntN(1500)) * time.Millisecond):
		}
		c.kill()
		c = s.start()
	}
	require.NoError(t, <-played)
	require.Equal(t, killCalls, killMix.Calls())

	v := s.awaitVerdict(150 * time.Second)
	t.Logf("calls=%d kills=%d unseen=%d tickets=%d lost=%d duplicate=%d wrong=%d incomplete=%d",
		v.calls, kills, s.pbx.Unseen(), v.tickets, v.lost, v.duplicate, v.wrong, v.incomplete)
	for _, call := range v.faulty {
		t.Logf("%s from %s to %s: %s\n%s", call.Linkedid, call.Start, call.End, s.about("hq/pbx1/"+call.Linkedid), s.story(call.Linkedid))
	}
	if len(v.faulty) > 0 {
		t.Logf("the daemons:\n%s%s", s.story("journal open"), s.story("phone system"))
	}
	require.Zero(t, s.pbx.Unseen(), "the test itself failed: calls that nobody could see")
	require.Zero(t, v.lost+v.duplicate+v.wrong+v.incomplete, "%s", strings.Join(v.faults, "\n"))
	c.stop(t)
	// What is in doubt must not commit after the verdict.
	require.Zero(t, s.zendesk.PendingCommits())
	require.Empty(t, s.zendesk.Duplicates())
}

// witness asks the daemons, one after the other, what their journal holds. It says
// of a call whether it is there, or whether it is there that people talk.
func (s *site) witness() func(linkedid string, talking bool) bool {
	s.t.Helper()
	cfg, err := loadConfig(s.config)
	require.NoError(s.t, err)
	var known, talking sync.Map
	ctx, stop := context.WithCancel(s.t.Context())
	var asking sync.WaitGroup
	s.t.Cleanup(func() { stop(); asking.Wait() })
	asking.Go(func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			rows, _ := callsQuestion.askDaemon(ctx, cfg, callsQuery{Limit: killCalls}) // there may be none now
			for _, row := range rows {
				known.Store(row.ID.Native(), true)
				if row.State == "talking" {
					talking.Store(row.ID.Native(), true)
				}
			}
			<-tick.C
		}
	})
	return func(linkedid string, talks bool) bool {
		_, isKnown := known.Load(linkedid)
		if talks {
			_, isKnown = talking.Load(linkedid)
		}
		return isKnown
	}
}

// verdict is what a run left in Zendesk.
type verdict struct {
	calls, tickets, lost, duplicate, wrong, incomplete int
	faults                                             []string
	faulty                                             []asterisktest.Call
}

// awaitVerdict waits until every call has what it should, or patience is over.
func (s *site) awaitVerdict(patience time.Duration) verdict {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		v := s.verdict()
		if v.lost+v.duplicate+v.wrong+v.incomplete == 0 && s.zendesk.PendingCommits() == 0 {
			return v
		}
		select {
		case <-deadline.C:
			return v
		case <-tick.C:
		}
	}
}

func (s *site) verdict() verdict {
	var v verdict
	for _, call := range s.pbx.Calls() {
		v.calls++
		want := expected[call.Kind]
		tickets := s.zendesk.TicketsByExternalID("hq/pbx1/" + call.Linkedid)
		v.tickets += len(tickets)
		fault := ""
		switch {
		case want.via == 0 && len(tickets) > 0:
			v.wrong++
			fault = "wants no ticket"
		case want.via == 0:
		case len(tickets) == 0:
			v.lost++
			fault = "lost"
		case len(tickets) > 1:
			v.duplicate++
			fault = "duplicate"
		case tickets[0].ViaID != want.via:
			v.wrong++
			fault = fmt.Sprintf("via %d, wants %d", tickets[0].ViaID, want.via)
		default:
			fault = incomplete(tickets[0], want)
			if fault != "" {
				v.incomplete++
			}
		}
		if fault != "" {
			v.faults = append(v.faults, fmt.Sprintf("%s %s: %s", call.Kind, call.Linkedid, fault))
			v.faulty = append(v.faulty, call)
		}
	}
	return v
}

// incomplete says what a ticket lacks, or has twice: an answered call is
// completed exactly once, with its recording, whether its ticket was made at the
// answer or after it.
func incomplete(ticket zendesktest.Ticket, want expectation) string {
	if want.pops == 0 {
		if len(ticket.Comments) != 1 {
			return fmt.Sprintf("%d comments, wants 1", len(ticket.Comments))
		}
		return ""
	}
	voices := ticket.VoiceComments()
	if len(voices) != 1 || len(ticket.Comments) > 2 {
		return fmt.Sprintf("completed %d times in %d comments", len(voices), len(ticket.Comments))
	}
	if voices[0].RecordingURL == "" {
		return "no recording"
	}
	return ""
}
