package twiliotest

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The limits of a Dial. Twilio docs: voice/twiml/dial, number.
const (
	maxRinging = 10
	ringStart  = 200 * time.Millisecond // from when a phone is dialled to when it rings
)

// dialled is what came of a Dial.
type dialled struct {
	status   Status // for the action
	child    *leg   // nil after a conference or a queue
	bridged  bool
	recorded *recording
	silent   bool // the action is not requested
}

// dial connects the leg with somebody.
//
// Twilio docs: voice/twiml/dial.
func (r *run) dial(n node) step {
	if !n.is("answerOnBridge") {
		r.l.answer()
	}
	nouns := n.children
	if len(nouns) == 0 && n.text != "" {
		nouns = []node{{name: "Number", text: n.text, attrs: map[string]string{}}}
	}
	if len(nouns) == 0 {
		r.s.alert(12200, r.l.sid, r.p.base, "a <Dial> without anybody to call")
		return step{}
	}
	var d dialled
	switch nouns[0].name {
	case "Conference":
		r.l.answer()
		d = r.joinConference(nouns[0])
	case "Queue":
		r.l.answer()
		d = r.dialQueue(nouns[0])
	default:
		d = r.dialPhones(n, nouns)
	}
	return r.dialAction(n, d)
}

// dialAction tells what came of it, and asks what is next. Without an action the next verb is.
func (r *run) dialAction(n node, d dialled) step {
	if r.ctx.Err() != nil && r.l.ctx.Err() == nil {
		return step{done: true} // it was redirected
	}
	if n.attrs["action"] == "" {
		return step{}
	}
	params := url.Values{"DialCallStatus": {string(d.status)}, "DialBridged": {fmt.Sprint(d.bridged)}}
	r.s.mu.Lock()
	if d.child != nil {
		params.Set("DialCallSid", d.child.sid)
		params.Set("DialCallDuration", fmt.Sprint(d.child.seconds()))
		phone, _ := r.s.phone(d.child)
		for key, value := range phone.SIP {
			params.Set("DialSipHeader_"+key, value)
		}
	}
	if d.recorded != nil {
		d.recorded.describe(params)
	}
	r.s.mu.Unlock()
	next := r.request(Action, n.attrs["action"], n.attrs["method"], params)
	if r.l.ctx.Err() == nil {
		return step{ask: next}
	}
	if !d.silent {
		r.s.fetchOnce(r.l, *next) // it is told, and what it answers is heard by nobody
	}
	return step{done: true}
}

// dialPhones rings phones, at once or in turn, and has both sides talk.
func (r *run) dialPhones(n node, nouns []node) dialled {
	callerID, trouble := r.callerID(n, nouns)
	if trouble != 0 {
		r.s.alert(trouble, r.l.sid, r.p.base, "the call is not placed: callerId "+callerID)
		return dialled{status: Failed}
	}
	if len(nouns) > maxRinging && !n.is("sequential") {
		r.s.alert(13200, r.l.sid, r.p.base, fmt.Sprintf("%d phones are to ring, only %d do", len(nouns), maxRinging))
		nouns = nouns[:maxRinging]
	}
	groups := [][]node{nouns}
	if n.is("sequential") {
		groups = nil
		for _, noun := range nouns {
			groups = append(groups, []node{noun})
		}
	}
	var d dialled
	for _, group := range groups {
		d = r.ringGroup(n, group, callerID)
		if d.bridged || r.ctx.Err() != nil {
			break
		}
	}
	return d
}

// callerID is what callees see, and the error's code if it must not be shown.
//
// Twilio docs: api/errors/13214, voice/twiml/dial#callerid.
func (r *run) callerID(n node, nouns []node) (string, int) {
	id := cmp.Or(n.attrs["callerId"], r.l.from)
	numbers := slices.ContainsFunc(nouns, func(noun node) bool { return noun.name == "Number" })
	if !numbers {
		return id, 0
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	owned := r.s.number(id) != nil || slices.Contains(r.s.config.Verified, id)
	own := (id == r.l.from || id == r.l.to) && !strings.Contains(r.l.from, ":")
	if !owned && !own || !strings.HasPrefix(id, "+") && own && n.attrs["callerId"] != "" {
		return id, 13214
	}
	return id, 0
}

// ring rings a group of phones at once, until one side has enough.
func (r *run) ringGroup(n node, nouns []node, callerID string) dialled {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	b := newBell(r.s)
	var children []*leg
	for _, noun := range nouns {
		if r.s.isForbidden(noun.text) {
			r.s.alert(13227, r.l.sid, r.p.base, "no permission to call "+noun.text)
			continue
		}
		child := r.s.newLeg(&leg{
			parent: r.l.sid, from: callerID, to: addressOf(noun), direction: outboundDial, status: Queued, fields: url.Values{},
			hook: hook{r.resolved(noun.attrs["statusCallback"]), noun.attrs["statusCallbackMethod"], noun.words("statusCallbackEvent")},
		})
		children = append(children, child)
		whisper := r.whisper(noun)
		b.expect()
		r.s.begin(func() { b.callee(child, whisper) })
	}
	if len(children) == 0 {
		return dialled{status: Failed}
	}
	var recorded *recording
	if strings.HasPrefix(n.attrs["record"], "record-from-ringing") {
		recorded = r.s.startRecording(r.l, r.dialRecording(n))
	}
	winner, status := r.await(ctx, b, children, n.seconds("timeout", 30))
	if winner == nil {
		if recorded != nil {
			recorded.silent = true
			recorded.finish(0)
		}
		return dialled{status: status, child: b.latest(children), silent: r.l.ctx.Err() != nil && r.s.config.Choices.HangupAction == ""}
	}
	r.l.answer()
	if recorded == nil && recordsDial(n.attrs["record"]) {
		recorded = r.s.startRecording(r.l, r.dialRecording(n))
	}
	r.s.talk(ctx, r.l, winner, n.seconds("timeLimit", 14_400))
	winner.hangUp()
	if recorded != nil {
		recorded.finish(0)
	}
	return dialled{status: Completed, child: winner, bridged: true, recorded: recorded}
}

func recordsDial(record string) bool {
	return record == "true" || strings.HasPrefix(record, "record-from")
}

func (r *run) dialRecording(n node) recording {
	channels := 1
	if strings.HasSuffix(n.attrs["record"], "-dual") {
		channels = 2
	}
	return recording{source: "DialVerb", channels: channels, hook: r.recordingHook(n)}
}

// addressOf is whom a noun calls.
func addressOf(n node) string {
	if n.name != "Client" {
		return n.text
	}
	identity := n.text
	for _, child := range n.children {
		if child.name == "Identity" {
			identity = child.text
		}
	}
	return "client:" + strings.TrimPrefix(identity, "client:")
}

// whisper is the document that a callee hears before he is connected; nil if there is none.
func (r *run) whisper(n node) *ask {
	if n.attrs["url"] == "" {
		return nil
	}
	return r.request(Whisper, n.attrs["url"], n.attrs["method"], nil)
}

// isForbidden reports whether the account has no permission to call a number.
func (s *Server) isForbidden(number string) bool {
	return slices.ContainsFunc(s.config.Forbidden, func(prefix string) bool { return strings.HasPrefix(number, prefix) })
}

// await waits until somebody is ready to talk, nobody is left who could, or the ringing is over. It returns who is
// ready, or what came of it; all others do not ring any more.
func (r *run) await(ctx context.Context, b *bell, children []*leg, timeout time.Duration) (*leg, Status) {
	ringing, stop := context.WithCancel(ctx)
	defer stop()
	over := r.s.after(ringing, timeout+ringStart)
	r.s.mu.Lock()
	patience := r.l.person.patience
	r.s.mu.Unlock()
	gaveUp := r.s.after(ringing, patience)
	for {
		select {
		case <-b.changed:
			winner, left := b.look()
			if winner != nil {
				b.close(r.s.loser())
				return winner, ""
			}
			if left == 0 {
				return nil, b.verdict(children)
			}
		case <-over:
			if winner := b.close(NoAnswer); winner != nil {
				return winner, ""
			}
			return nil, b.verdict(children)
		case <-gaveUp:
			r.l.hangUp()
			gaveUp = nil
		case <-ctx.Done():
			if winner := b.close(Canceled); winner != nil {
				winner.hangUp()
			}
			return nil, cmp.Or(Status(r.s.config.Choices.HangupAction), Canceled)
		}
	}
}

// loser is how those end who were slower than another.
func (s *Server) loser() Status {
	if s.config.Choices.LosersNoAnswer {
		return NoAnswer
	}
	return Canceled
}

// talk waits until one of the two hangs up, or the talk has lasted its time.
func (s *Server) talk(ctx context.Context, a, b *leg, limit time.Duration) {
	talking, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	aTalks, bTalks := a.person.talks, b.person.talks
	s.mu.Unlock()
	select {
	case <-s.after(talking, aTalks):
		a.hangUp()
	case <-s.after(talking, bTalks):
		b.hangUp()
	case <-s.after(talking, limit):
	case <-b.ctx.Done():
	case <-ctx.Done():
	}
}
