package asterisktest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// defaultConcurrency is how many calls a Player plays at a time.
const defaultConcurrency = 100

// Scenario is one capture to be played as if it happened now.
type Scenario struct {
	// Capture is a name out of Captures.
	Capture string
	// Kind is the label in the server's record; "": the name of the capture.
	Kind string
	// Caller replaces number and name of the outside party, also that of an
	// outbound call (where the number is what is dialled after the access
	// digit). Empty values stay as recorded. A capture whose number or name is
	// no plain one (anonymous, forged, quoted) refuses to have it replaced.
	Caller Party
	// DID replaces the first of our numbers, with its "+".
	DID string
	// Agents replace the endpoints of phones, in the order of their appearance.
	Agents []string
	// Variables replace the values of VarSet events, by name without leading
	// underscores.
	Variables map[string]string
	// Hold prolongs a phase of the call, Then another one.
	Hold, Then Hold
	// LeaveUp leaves channels up that the capture does not end; otherwise they
	// are hung up at its end. See Server.HangUp.
	LeaveUp bool
}

// Played is what became of a Scenario.
type Played struct {
	Scenario
	// Linkedids of the calls in it; one, but for "k_two_concurrent" and "burst".
	Linkedids []string
	// Message is the voicemail that was left, without extension; "" if none.
	Message string
	// Start is the time of the first event, by the server's clock.
	Start time.Time
}

// Disorder makes delivery worse than TCP ever does, for tests of what a client
// does with it. The state behind Status is not touched by it.
type Disorder struct {
	Duplicate float64 // probability that an event is sent twice
	Delay     float64 // probability that an event is overtaken by later ones
	Distance  int     // by how many at most; 0: 5
}

// Player plays captures on a Server. Its fields must not change while it plays;
// it may play many scenarios at a time.
type Player struct {
	Server *Server
	// Speed divides the recorded gaps; 0: 1. With +Inf there are none.
	Speed float64
	// RecordedGaps lets the time stamps of the events advance as recorded,
	// whatever the speed: calls played fast then last as long as they did.
	RecordedGaps bool
	// Concurrency bounds how many scenarios are played at a time; 0: 100.
	Concurrency int
	// Voicemail is the spool folder, with context and mailbox beneath it, where
	// messages are left; "": paths are as recorded and no file is written.
	Voicemail string
	// Recordings is the folder that recordings are said to be in, likewise.
	// The files are written too: a header from the start, all of it at the end.
	Recordings string
	// Marked, if above zero, makes every sound silence of at most so many bytes of
	// samples, the first of which are the Linkedid of the call and ".wav": each can
	// be told from all others. 0: messages are as captured, recordings as long.
	Marked int
	// Records is Master.csv, where the calls' detail records are appended; "": no
	// such file is written.
	Records string
	// OldRecords leaves out the columns that newcdrcolumns=yes adds: the Linkedid
	// among them.
	OldRecords bool
	// Disorder of the events of each call.
	Disorder Disorder
	// Seed of everything random; equal seeds give equal choices.
	Seed uint64

	once  sync.Once
	turns chan struct{}
	mail  sync.Mutex // one message or record at a time gets a number

	records int
}

// Play plays one scenario and returns when it is over. A context that ends
// hangs up and gives its error; a PBX that stops gives ErrStopped.
func (p *Player) Play(ctx context.Context, scenario Scenario) (Played, error) {
	p.once.Do(func() {
		orDefault(&p.Concurrency, defaultConcurrency)
		p.turns = make(chan struct{}, p.Concurrency)
	})
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return Played{}, ctx.Err()
	}
	defer func() { <-p.turns }()
	current, err := p.prepare(scenario)
	if err != nil {
		return Played{}, fmt.Errorf("play %q: %w", scenario.Capture, err)
	}
	if err := current.run(ctx); err != nil {
		return current.played, fmt.Errorf("play %q: %w", scenario.Capture, err)
	}
	return current.played, nil
}

func (p *Player) prepare(scenario Scenario) (*play, error) {
	orDefault(&scenario.Kind, scenario.Capture)
	t, err := loadTemplate(scenario.Capture)
	if err != nil {
		return nil, err
	}
	switch {
	case scenario.Caller.Number != "" && t.callerNumber == "":
		return nil, errors.New("the capture has no plain number of the outside party to replace")
	case scenario.Caller.Name != "" && t.callerName == "":
		return nil, errors.New("the capture has no plain name of the outside party to replace")
	case !t.has(scenario.Hold) || !t.has(scenario.Then):
		return nil, errors.New("the capture does not have the phase to be held")
	case len(scenario.Agents) > len(t.originals[slotAgent]):
		return nil, fmt.Errorf("the capture has %d agents, not %d", len(t.originals[slotAgent]), len(scenario.Agents))
	}
	current := &play{player: p, server: p.Server, template: t}
	current.generation, current.down = p.Server.alive()
	current.played.Scenario = scenario
	current.assign()
	return current, nil
}

// play is one scenario on its way.
type play struct {
	player     *Player
	server     *Server
	template   *template
	generation int
	down       <-chan struct{} // closed when the PBX stops
	played     Played
	values     map[slot][]string
	message    string         // msgNNNN
	messages   int            // in the mailbox
	recordings map[string]int // final sizes of those that run, by path
	recorded   int            // how many began
	started    time.Time
	held       time.Duration
	holds      []held // what that is made of
	stamped    stamper
	late       map[int][]*event // to be sent with a later step
	random     *rand.Rand
}

// assign gives the play identities of its own.
func (p *play) assign() {
	s, t := p.server, p.template
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	p.played.Start = now
	p.values = map[slot][]string{
		slotDID:   slices.Clone(t.originals[slotDID]),
		slotAgent: slices.Clone(t.originals[slotAgent]),
	}
	copy(p.values[slotAgent], p.played.Agents)
	if p.played.DID != "" && len(p.values[slotDID]) > 0 {
		p.values[slotDID][0] = strings.TrimPrefix(p.played.DID, "+")
	}
	p.values[slotUniqueid] = make([]string, len(t.originals[slotUniqueid]))
	for _, original := range t.originals[slotChannel] {
		p.values[slotChannel] = append(p.values[slotChannel], s.nextChannel("PJSIP/"+p.agent(endpoint(original))))
	}
	for range t.originals[slotUUID] {
		p.values[slotUUID] = append(p.values[slotUUID], newUUID())
	}
	p.number(0)
	p.random = rand.New(rand.NewPCG(p.player.Seed, uint64(s.ids.uniqueid))) //nolint:gosec // repeatable, not secret
	p.late = map[int][]*event{}
	p.recordings = map[string]int{}
}

// uniqueid is that of the play for one of the capture.
func (p *play) uniqueid(place int) string {
	if p.values[slotUniqueid][place] == "" {
		p.server.mu.Lock()
		defer p.server.mu.Unlock()
		p.number(place)
	}
	return p.values[slotUniqueid][place]
}

// number gives a channel its Uniqueid as it comes to be: the second of that is
// part of it. The caller holds the Server's lock.
func (p *play) number(place int) {
	id := p.server.nextUniqueid(p.server.config.Now())
	p.values[slotUniqueid][place] = id
	if slices.Contains(p.template.firstIDs, p.template.originals[slotUniqueid][place]) {
		p.played.Linkedids = append(p.played.Linkedids, id)
		p.server.ledger.announce(id, p.played.Kind)
	}
}

// agent maps an endpoint of the capture to that of the play.
func (p *play) agent(original string) string {
	if i := slices.Index(p.template.originals[slotAgent], original); i >= 0 {
		return p.values[slotAgent][i]
	}
	return original
}

// run plays step after step.
func (p *play) run(ctx context.Context) error {
	p.started = time.Now()
	for i := range p.template.steps {
		for _, hold := range []Hold{p.played.Hold, p.played.Then} {
			if hold.Phase == 0 || p.template.phase(hold.Phase).cut != i {
				continue
			}
			before := p.held
			if err := p.hold(ctx, hold); err != nil {
				return p.abandon(err)
			}
			p.holds = append(p.holds, held{p.template.steps[i].at, p.held - before})
		}
		s := &p.template.steps[i]
		if err := p.waitFor(ctx, s.at); err != nil {
			return p.abandon(err)
		}
		if s.variable == "VM_MESSAGEFILE" {
			if err := p.leaveMessage(); err != nil {
				return p.abandon(err)
			}
		}
		e := parseEvent(p.render(s))
		if err := errors.Join(p.record(e), p.writeRecord(e)); err != nil {
			return p.abandon(err)
		}
		if err := p.send(i, e); err != nil {
			return err
		}
	}
	if err := p.server.publish(p.generation, nil, p.rest()...); err != nil {
		return err
	}
	if p.played.LeaveUp {
		return nil
	}
	return p.hangUp()
}

// waitFor waits until a recorded moment has come.
func (p *play) waitFor(ctx context.Context, at time.Duration) error {
	wait := time.Until(p.started.Add(p.scaled(at) + p.held))
	if wait <= 0 {
		return ctx.Err()
	}
	return p.sleep(ctx, wait)
}

// sleep waits; the end of the context or of the PBX cuts it short.
func (p *play) sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.down:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *play) scaled(d time.Duration) time.Duration {
	if p.player.Speed == 0 {
		return d
	}
	return time.Duration(float64(d) / p.player.Speed)
}

// held is by how much what was recorded from a moment on happened later.
type held struct{ from, by time.Duration }

// second is a recorded whole second in the play: without holds that began later.
func (p *play) second(recorded time.Duration) time.Time {
	at := p.moment(recorded).Add(-p.held)
	for _, h := range p.holds {
		if h.from < recorded+time.Second {
			at = at.Add(h.by)
		}
	}
	return at
}

// hold stretches a phase.
func (p *play) hold(ctx context.Context, hold Hold) error {
	began := time.Now()
	defer func() { p.held += time.Since(began) }()
	for hold.Known != nil && !p.known(hold) {
		if err := p.sleep(ctx, knownPoll); err != nil {
			return err
		}
	}
	if err := p.sleep(ctx, hold.For); err != nil || hold.Until == nil {
		return err
	}
	select {
	case <-hold.Until:
		return nil
	case <-p.down:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// knownPoll is how often it is asked whether a call is known.
const knownPoll = 50 * time.Millisecond

// known reports whether all calls of the play are.
func (p *play) known(hold Hold) bool {
	return !slices.ContainsFunc(p.played.Linkedids, func(id string) bool { return !hold.Known(id) })
}

// send publishes an event, or puts it off as the disorder wants it.
func (p *play) send(i int, e *event) error {
	due := p.late[i]
	delete(p.late, i)
	delayed := false
	if d := p.player.Disorder; d != (Disorder{}) {
		distance := max(d.Distance, 1)
		if d.Distance == 0 {
			distance = 5
		}
		if p.random.Float64() < d.Delay {
			delayed = true
			p.putOff(i+1+p.random.IntN(distance), e)
		}
		if p.random.Float64() < d.Duplicate {
			p.putOff(i+1+p.random.IntN(distance), e)
		}
	}
	if !delayed {
		due = append(due, e)
	}
	return p.server.publish(p.generation, e, due...)
}

func (p *play) putOff(until int, e *event) { p.late[until] = append(p.late[until], e) }

// rest returns what was put off beyond the end, in order.
func (p *play) rest() []*event {
	var due []*event
	for i := len(p.template.steps); len(p.late) > 0; i++ {
		due = append(due, p.late[i]...)
		delete(p.late, i)
	}
	return due
}

// abandon ends a play that cannot go on: nothing of it stays up.
func (p *play) abandon(cause error) error {
	if errors.Is(cause, ErrStopped) {
		return cause // as everything else did
	}
	return errors.Join(cause, p.hangUp())
}

// hangUp ends what is still up of the play.
func (p *play) hangUp() error {
	for _, linkedid := range p.played.Linkedids {
		if err := p.server.hangUp(p.generation, linkedid); err != nil {
			return err
		}
	}
	return nil
}
