package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// rehearsedFor is how long after its last event a rehearsed call is followed:
	// longer than a ticket waits for anything.
	rehearsedFor = 24 * time.Hour
	// maxRehearsed bounds the steps of one rehearsal. An ordinary call takes four.
	maxRehearsed = 200
)

// Scene is a call to rehearse, and the account that it meets.
type Scene struct {
	// Events are those of one call, in the order of their times. What has one
	// time becomes known at once.
	Events []telephony.Event
	// OpenTicket says that the caller has a ticket already that is not solved.
	OpenTicket bool
	// NoVoicemail says that the phone system's messages cannot be collected.
	NoVoicemail bool
}

// Rehearsal is what became of a call that was rehearsed.
type Rehearsal struct {
	// State is what the events added up to.
	State telephony.State
	// Ticket is the call's own, nil if it got none.
	Ticket *RehearsedTicket
	// Pages are those that were shown to agents, in that order.
	Pages []RehearsedPage
	// Reason says why nothing more is owed, in words for people.
	Reason string
	// Warnings are what the log of a real call would have said.
	Warnings []string
}

// Rehearse plays a call to the conductor, as the journal would bring it, with an
// account that takes everything and answers at once, on a clock that goes from
// one appointment to the next. It asks nobody and writes nothing. The agents of
// the policy's directory should be verified: only those see pages and tickets
// with their names. What does not come to an end is an error.
func Rehearse(ctx context.Context, policy *Policy, scene Scene) (Rehearsal, error) {
	if len(scene.Events) == 0 {
		return Rehearsal{}, errors.New("rehearse a call: it has no events")
	}
	if policy.Transcription != nil { // what is said is not known
		quiet := *policy
		quiet.Transcription = nil
		policy = &quiet
	}
	r := &rehearsal{call: scene.Events[0].Call}
	r.account = &imaginaryZendesk{now: r.clock, openTicket: scene.OpenTicket, tickets: make(map[int64]*RehearsedTicket)}
	if scene.OpenTicket {
		r.account.tickets[imaginaryOpenTicket] = &RehearsedTicket{Subject: "the caller's open ticket", Attached: true}
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.AddHook(r)
	var err error
	r.bridge, err = New(Options{
		Journal: r, Zendesk: r.account, Audio: imaginaryAudio{scene.NoVoicemail}, Policy: policy, Node: "rehearsal", Log: log, Now: r.clock,
	})
	if err != nil {
		return Rehearsal{}, err
	}
	if err := r.play(ctx, scene.Events); err != nil {
		return Rehearsal{}, fmt.Errorf("rehearse %s: %w", r.call, err)
	}
	view := r.bridge.view(r.call, r.bridge.calls[r.call])
	return Rehearsal{
		State: view.State, Ticket: r.account.tickets[view.Record.Ticket], Pages: r.account.pages,
		Reason: view.Next.Reason, Warnings: r.warnings,
	}, nil
}

// rehearsal is the loop of the conductor without waiting. Either it runs or the
// one step that it waits for: so nothing here needs a lock.
type rehearsal struct {
	bridge  *Bridge
	account *imaginaryZendesk
	call    telephony.CallID
	now     time.Time
	// records are the journal, of which read have been read.
	records  []journal.Record
	read     int
	steps    int
	warnings []string
}

func (r *rehearsal) clock() time.Time { return r.now }

// play brings the events at their times, and does what is due between them and
// afterwards.
func (r *rehearsal) play(ctx context.Context, events []telephony.Event) error {
	r.bridge.catchUp()
	for len(events) > 0 {
		at, n := events[0].Time, 1
		for n < len(events) && events[n].Time.Equal(at) {
			n++
		}
		if err := r.until(ctx, at); err != nil {
			return err
		}
		message, err := EncodeEvents(events[:n])
		if err != nil {
			return err
		}
		r.now, events = at, events[n:]
		if _, err := r.Append(ctx, message); err != nil {
			return err
		}
		if err := r.work(ctx); err != nil {
			return err
		}
	}
	return r.until(ctx, r.now.Add(rehearsedFor))
}

// until keeps the appointments before a time.
func (r *rehearsal) until(ctx context.Context, end time.Time) error {
	for {
		next := r.bridge.agenda.first()
		if next.IsZero() || !next.Before(end) {
			return nil
		}
		r.now = next
		if err := r.work(ctx); err != nil {
			return err
		}
	}
}

// work does what is due now.
func (r *rehearsal) work(ctx context.Context) error {
	for {
		for ; r.read < len(r.records); r.read++ {
			if err := r.bridge.take(ctx, r.records[r.read]); err != nil {
				return err
			}
		}
		r.bridge.dispatch(ctx, ctx)
		if r.bridge.lanes.busy() == 0 {
			return ctx.Err()
		}
		if err := r.bridge.finish(ctx, <-r.bridge.finished); err != nil {
			return err
		}
		if r.steps++; r.steps > maxRehearsed {
			return fmt.Errorf("it does not come to an end within %d steps", maxRehearsed)
		}
	}
}

// Append implements Journal: what is appended is there, and a moment later read.
func (r *rehearsal) Append(_ context.Context, messages ...journal.Message) ([]uint64, error) {
	var seqs []uint64
	for _, m := range messages {
		seq := uint64(len(r.records) + 1)
		r.records = append(r.records, journal.Record{Seq: seq, Stored: r.now, Call: m.Call, Kind: m.Kind, Data: m.Data})
		seqs = append(seqs, seq)
	}
	return seqs, nil
}

// AppendIf implements Journal. Nobody else writes, so that the condition holds.
func (r *rehearsal) AppendIf(ctx context.Context, m journal.Message, _ uint64) (uint64, error) {
	seqs, err := r.Append(ctx, m)
	if err != nil {
		return 0, err
	}
	return seqs[0], nil
}

// Tail implements Journal. The rehearsal reads by itself.
func (r *rehearsal) Tail(context.Context, uint64, func(journal.Record) error) error { return nil }

// Story implements Journal.
func (r *rehearsal) Story(ctx context.Context, call string) ([]journal.Record, error) {
	return r.StoryBefore(ctx, call, math.MaxUint64)
}

// StoryBefore implements Journal.
func (r *rehearsal) StoryBefore(_ context.Context, call string, before uint64) ([]journal.Record, error) {
	var story []journal.Record
	for _, record := range r.records {
		if record.Call == call && record.Seq < before {
			story = append(story, record)
		}
	}
	return story, nil
}

// State implements Journal.
func (r *rehearsal) State(context.Context) (journal.State, error) {
	return journal.State{Last: uint64(len(r.records))}, nil
}

// Checkpoint implements Journal.
func (r *rehearsal) Checkpoint(context.Context) (uint64, error) { return 0, nil }

// SetCheckpoint implements Journal.
func (r *rehearsal) SetCheckpoint(context.Context, uint64) error { return nil }

// Levels implements logrus.Hook.
func (r *rehearsal) Levels() []logrus.Level {
	return []logrus.Level{logrus.WarnLevel, logrus.ErrorLevel}
}

// Fire implements logrus.Hook: it keeps what the log would say, once.
func (r *rehearsal) Fire(e *logrus.Entry) error {
	var said strings.Builder
	said.WriteString(e.Message)
	for _, key := range []string{"template", "wrote", logrus.ErrorKey, "err"} {
		if value, found := e.Data[key]; found {
			fmt.Fprintf(&said, " (%s: %v)", key, value)
		}
	}
	if text := said.String(); !slices.Contains(r.warnings, text) {
		r.warnings = append(r.warnings, text)
	}
	return nil
}
