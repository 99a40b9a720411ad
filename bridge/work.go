package bridge

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// stale is how old an intent may be when its request is sent. A process that
// was frozen in between must not write: somebody else may have.
const stale = 5 * time.Second

// work is one step of one call, with all that it needs. A worker does it.
type work struct {
	b      *Bridge
	id     telephony.CallID
	call   telephony.State
	record Record
	policy *Policy
	step   Step
	lane   lane
	// ticket is the one that the step updates, 0 if it updates none; sent whether
	// it did.
	ticket int64
	sent   bool
	found  bool
	heard  time.Time
	log    logrus.FieldLogger
	// numbers are those that were read already.
	numbers map[telephony.Party]telephony.Number
	// said is what templates may say, once they have said something.
	said *wording.Call
	// answer is what Zendesk made of our credentials.
	answer answer
}

// answer says whether Zendesk takes our credentials.
type answer int

const (
	notAsked answer = iota
	taken
	refusedUs
)

// result is what a worker reports to the conductor. What is true was appended
// to the journal before.
type result struct {
	call telephony.CallID
	step StepKind
	lane lane
	// ticket is the one for whose update there is a place, sent whether the place
	// was used.
	ticket int64
	sent   bool
	// seq is the last outcome appended: the next plan must have seen it.
	seq uint64
	// looked is when the open intent was looked up in vain.
	looked time.Time
	// later puts a step off without a word in the journal: nothing happened.
	later *Outcome
	// pause stops the lane for a while.
	pause  time.Duration
	answer answer
	// reread: another node wrote; conflict is the sequence of its outcome.
	reread   bool
	conflict uint64
	// err ends the bridge: the journal is broken.
	err error
}

// run does the step.
func (w *work) run(ctx context.Context) result {
	if !w.heard.IsZero() {
		w.b.metrics.reaction.WithLabelValues(string(w.step.Kind)).Observe(w.b.now().Sub(w.heard).Seconds())
	}
	var r result
	if w.b.ours() {
		r = w.do(ctx)
	}
	r.call, r.step, r.lane, r.answer = w.id, w.step.Kind, w.lane, w.answer
	r.ticket, r.sent = w.ticket, w.sent
	return r
}

// do is the step alone.
func (w *work) do(ctx context.Context) (r result) {
	switch w.step.Kind {
	case StepCaller:
		r = w.caller(ctx)
	case StepMatch:
		r = w.match(ctx)
	case StepAttach:
		r = w.attach(ctx)
	case StepAudio:
		r = w.audio(ctx)
	case StepRecording:
		r = w.recording(ctx)
	case StepCreate:
		r = w.create(ctx)
	case StepLookup:
		r = w.lookup(ctx)
	case StepPop:
		r = w.pop(ctx)
	case StepComplete:
		r = w.complete(ctx)
	case StepTell:
		r = w.tell(ctx)
	case StepTranscribe:
		r = w.transcribe(ctx)
	case StepTranscript:
		r = w.transcript(ctx)
	case StepVerify:
		r = w.verify(ctx)
	case StepLink:
		r = w.link(ctx)
	case StepJoin:
		r = w.join(ctx)
	case StepGiveUp:
		r = w.giveUp(ctx)
	}
	return r
}

// judge classifies an error of Zendesk, and keeps in mind what it says of our
// credentials.
func (w *work) judge(err error, write bool) verdict {
	v := classify(err, write)
	switch v.kind {
	case halt:
		w.answer = refusedUs
	case ok, reapply, reresolve, closed, gone, invalid, park:
		w.answer = taken
	case retry, unknown, waitUntil: // it says nothing of them
	}
	return v
}

// warn is the log with an error, whose text may show a number.
func (w *work) warn(err error) logrus.FieldLogger {
	return w.log.WithField(logrus.ErrorKey, maskNumbers(err.Error()))
}

// longNumber is a telephone number in a text.
var longNumber = regexp.MustCompile(`\+[0-9][0-9 ()./-]{5,}`)

func maskNumbers(text string) string {
	return longNumber.ReplaceAllStringFunc(text, telephony.MaskNumber)
}

// note appends an outcome, unconditionally: it is a fact, also when this node
// has lost its turn. It waits while the journal is full.
func (w *work) note(ctx context.Context, o Outcome) result {
	o.Time = w.b.now().UTC()
	o.Reason = clip(o.Reason, maxReason)
	m := journal.Message{Call: string(w.id), Kind: journal.Outcome, ID: rand.Text(), Data: o.encode()}
	ctx, cancel := outlive(ctx, noteWithin)
	defer cancel()
	var r result
	err := w.b.whileFull(ctx, w.log, func() error {
		seqs, err := w.b.journal.Append(ctx, m)
		if err == nil {
			r.seq = seqs[0]
		}
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		r.err = fmt.Errorf("append outcome of %s: %w", w.id, err)
	}
	w.b.metrics.outcome(o)
	return r
}

const (
	// noteWithin is how long a result may take to become durable after the
	// bridge has been told to stop.
	noteWithin = 2 * time.Second
	// maxReason bounds the text of an outcome, in bytes.
	maxReason = 1 << 10
)

// outlive returns a context that ends some time after ctx.
func outlive(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(by)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// intent is a write whose intent is durable: it may be sent until it is stale.
type intent struct {
	id   string
	seq  uint64
	born time.Duration // boot-time clock
}

// intend makes an intent durable. It is refused if another outcome of the call
// has come since the record was read: then the result says to read again, and
// the write must not be sent.
func (w *work) intend(ctx context.Context, o Outcome, request any) (intent, *result) {
	body, err := json.Marshal(request)
	if err != nil {
		return intent{}, &result{err: fmt.Errorf("freeze the request of %s: %w", w.id, err)}
	}
	in := intent{id: o.Intent, born: journal.BootTime()}
	o.Kind, o.Time, o.Request = Intended, w.b.now().UTC(), body
	o.Reason = w.step.Reason
	var refused *result
	if in.seq, refused = w.appendNext(ctx, o, o.Intent); refused != nil {
		return intent{}, refused
	}
	if reason := w.tooLate(in); reason != "" {
		r := w.note(ctx, Outcome{Kind: Freed, Step: o.Step, Intent: in.id, Reason: reason})
		return intent{}, &r
	}
	return in, nil
}

// tooLate says why the request of an intent must not be sent any more, "" if it
// may be: somebody else may have sent it.
func (w *work) tooLate(in intent) string {
	switch {
	case journal.BootTime()-in.born > stale:
		return "stale: the process stood still"
	case !w.b.ours():
		return "another node acts now"
	}
	return ""
}

// appendNext makes a decision durable, unless another outcome of the call has
// come since the record was read. id names the entry; "" makes one up.
func (w *work) appendNext(ctx context.Context, o Outcome, id string) (seq uint64, refused *result) {
	m := journal.Message{Call: string(w.id), Kind: journal.Outcome, ID: cmp.Or(id, rand.Text()), Data: o.encode()}
	err := w.b.whileFull(ctx, w.log, func() (err error) {
		seq, err = w.b.journal.AppendIf(ctx, m, w.record.last)
		return err
	})
	conflict, lost := errors.AsType[*journal.ConflictError](err)
	switch {
	case lost:
		return 0, &result{reread: true, conflict: conflict.Last}
	case errors.Is(err, context.Canceled):
		return 0, &result{}
	case err != nil:
		return 0, &result{err: fmt.Errorf("append %s of %s: %w", o.Kind, w.id, err)}
	}
	return seq, nil
}

// newIntent names a write. The ticket's audits show it.
func (w *work) newIntent() string { return w.b.node + "-" + rand.Text() }

// putOff tries the step again after a growing wait, or the one that was asked for.
func (w *work) putOff(v verdict, err error) result {
	later := Outcome{Step: w.step.Kind}
	wait := max(v.wait, backoff(w.record.waits[w.step.Kind].tries))
	r := result{later: &later}
	switch v.kind {
	case halt: // the lanes say when, and the conductor says so in the log
		wait, later.Uncounted = 0, true
	case waitUntil:
		wait, later.Uncounted = v.wait, true
		if !v.alone {
			r.pause = v.wait
		}
	case ok, retry, unknown, reapply, reresolve, closed, gone, invalid, park:
	}
	later.NotBefore, later.Reason = w.b.now().Add(wait), clip(err.Error(), maxReason)
	if v.kind != halt {
		w.warn(err).WithField("verdict", v.kind.String()).WithField("retry_in", wait.String()).Warn("step put off")
	}
	return r
}
