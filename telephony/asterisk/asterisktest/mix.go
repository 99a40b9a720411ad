package asterisktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Mix is a number of calls of each kind. The names of its fields in lower case
// are the kinds in the server's record.
type Mix struct {
	Inbound    int // answered by an agent
	Missed     int // the caller gives up while it rings
	Busy       int
	Voicemail  int // nobody answers, a message is left
	Greeting   int // nobody answers, the caller leaves during the greeting
	Outbound   int // answered
	Unanswered int // outbound, nobody answers
	Internal   int // from agent to agent
	Withheld   int // answered, the caller is anonymous
}

// Calls is how many calls the mix has.
func (m Mix) Calls() int {
	n := 0
	for _, ingredient := range m.ingredients() {
		n += ingredient.count
	}
	return n
}

type ingredient struct {
	count         int
	kind, capture string
}

func (m Mix) ingredients() []ingredient {
	return []ingredient{
		{m.Inbound, "inbound", "a_inbound_answered"},
		{m.Missed, "missed", "c_abandoned_ringing"},
		{m.Busy, "busy", "d1_busy"},
		{m.Voicemail, "voicemail", "b_voicemail"},
		{m.Greeting, "greeting", "b2_voicemail_hangup_in_greeting"},
		{m.Outbound, "outbound", "g1_outbound_answered"},
		{m.Unanswered, "unanswered", "g2_outbound_unanswered"},
		{m.Internal, "internal", "m_internal"},
		{m.Withheld, "withheld", "l1_anonymous"},
	}
}

// MixOptions say how a mix is played.
type MixOptions struct {
	// Every is the time from the start of a call to that of the next; 0: all at
	// once, as far as the Player's Concurrency allows.
	Every time.Duration
	// Vary may change the i-th scenario, such as its agents or how it is held;
	// i is its place in the order of starts. It is called before anything is
	// played.
	Vary func(i int, scenario *Scenario)
}

// Scenarios lays out a mix in a random order that depends on the seed alone,
// each call with an outside party of its own: inbound calls come from
// +49301000 and four digits, outbound ones go to 030 2000 and four digits.
func (m Mix) Scenarios(seed uint64) []Scenario {
	var all []Scenario
	for _, ingredient := range m.ingredients() {
		for range ingredient.count {
			all = append(all, Scenario{Capture: ingredient.capture, Kind: ingredient.kind})
		}
	}
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // repeatable, not secret
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i := range all {
		switch all[i].Kind {
		case "internal", "withheld":
		case "outbound", "unanswered":
			all[i].Caller.Number = fmt.Sprintf("0302000%04d", i)
		default:
			all[i].Caller = Party{Number: fmt.Sprintf("+49301000%04d", i), Name: fmt.Sprintf("Caller %04d", i)}
		}
	}
	return all
}

// PlayMix plays a mix and returns what became of each call, in the order of
// starts, when the last one is over. The errors of all are joined; a context
// that ends starts no more of them.
func (p *Player) PlayMix(ctx context.Context, mix Mix, options MixOptions) ([]Played, error) {
	scenarios := mix.Scenarios(p.Seed)
	if options.Vary != nil {
		for i := range scenarios {
			options.Vary(i, &scenarios[i])
		}
	}
	ticker := time.NewTicker(max(options.Every, 1))
	defer ticker.Stop()
	played := make([]Played, len(scenarios))
	failures := make([]error, len(scenarios))
	var running sync.WaitGroup
	for i := range scenarios {
		if i > 0 && options.Every > 0 {
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			failures[i] = ctx.Err()
			break
		}
		running.Go(func() { played[i], failures[i] = p.Play(ctx, scenarios[i]) })
	}
	running.Wait()
	return played, errors.Join(failures...)
}
