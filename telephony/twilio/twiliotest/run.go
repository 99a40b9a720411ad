package twiliotest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// maxDocuments bounds how many documents one leg runs: a Record without an action asks for its own for ever.
const maxDocuments = 200

// ask is a document to be fetched.
type ask struct {
	kind           Kind
	target, method string
	params         url.Values // besides those of the leg
}

// step is what comes after a verb. The zero value is the next verb.
type step struct {
	ask  *ask
	done bool // the document is over, and so is the call
}

// run is a leg that runs a document.
type run struct {
	s *Server
	l *leg
	p *program
	// ctx ends with the leg, and when the document is replaced.
	ctx context.Context //nolint:containedctx // a run is the value of one call's goroutine
	// waiting is what a Leave verb ends; nil elsewhere.
	waiting func()
	first   bool // no verb has run yet
}

// execute runs a document and whatever it leads to, until the leg has nothing more to do.
func (s *Server) execute(l *leg, p *program) {
	for n := 1; p != nil && l.ctx.Err() == nil; n++ {
		next := s.runOnce(l, p)
		if other := l.takeRedirect(); other != nil {
			p = other
			continue
		}
		if next.ask == nil || next.done {
			return
		}
		if n == maxDocuments {
			s.alert(0, l.sid, p.base, fmt.Sprintf("the call ran %d documents: it goes round in circles", n))
			return
		}
		if next.ask.target != "" { // else the document itself, which has no URL
			p = s.fetchProgram(l, *next.ask)
		}
		if replaced := l.takeRedirect(); replaced != nil {
			p = replaced
		}
	}
}

// runOnce runs the verbs of one document.
func (s *Server) runOnce(l *leg, p *program) step {
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	s.mu.Lock()
	l.interrupt = cancel
	s.mu.Unlock()
	r := &run{s: s, l: l, p: p, ctx: ctx, first: true}
	return r.verbs(p.body)
}

func (r *run) verbs(body []node) step {
	for _, n := range body {
		if r.ctx.Err() != nil {
			return step{done: true}
		}
		next := r.verb(n)
		r.first = false
		if next.ask != nil || next.done {
			return next
		}
	}
	if r.first && r.waiting == nil {
		r.l.answer() // an empty document answers and hangs up
	}
	return step{}
}

func (r *run) verb(n node) step {
	switch n.name {
	case "Say", "Play":
		r.speak(n)
	case "Pause":
		r.s.pause(r.ctx, n.seconds("length", 1))
	case "Gather":
		return r.gather(n)
	case "Record":
		return r.record(n)
	case "Dial":
		return r.dial(n)
	case "Enqueue":
		return r.enqueue(n)
	case "Start":
		r.start(n)
	case "Redirect":
		return step{ask: r.request(Document, n.text, n.attrs["method"], nil)}
	case "Leave":
		if r.waiting != nil {
			r.waiting()
		}
		return step{done: true}
	case "Reject":
		r.reject(n)
		return step{done: true}
	case "Hangup":
		if r.first {
			r.l.answer() // as the first verb it does not save the answer
		}
		r.l.refuse()
		return step{done: true}
	}
	return step{}
}

// refuse notes that TwiML hung up: a callee who heard it is not connected.
func (l *leg) refuse() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	l.refused = true
}

// reject refuses a call that was not answered.
func (r *run) reject(n node) {
	if n.attrs["reason"] == "busy" {
		r.l.finish(BusyStatus, sipBusy)
		return
	}
	r.l.finish(Failed, sipNotFound)
}

// request makes an ask of a URL that stands in the document, "" is the document's own.
func (r *run) request(kind Kind, target, method string, params url.Values) *ask {
	return &ask{kind, r.resolve(target), method, params}
}

// resolve completes a URL of the document by the document's own.
func (r *run) resolve(target string) string {
	base, err := url.Parse(r.p.base)
	if err != nil || r.p.base == "" {
		return target
	}
	if target == "" {
		return r.p.base
	}
	to, err := base.Parse(target)
	if err != nil {
		return target
	}
	return to.String()
}

// resolved is resolve for a URL that may be missing.
func (r *run) resolved(target string) string {
	if target == "" {
		return ""
	}
	return r.resolve(target)
}

// takeRedirect returns what REST wants to be run, once.
func (l *leg) takeRedirect() *program {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	p := l.redirect
	l.redirect = nil
	return p
}

// fetchProgram asks for a document, and for the fallback's where there is one. nil says that there is none: then the
// caller heard of an application error.
func (s *Server) fetchProgram(l *leg, a ask) *program {
	p, code := s.fetchOnce(l, a)
	if p != nil {
		return p
	}
	if l.fallback != "" && l.fallback != a.target {
		params := url.Values{"ErrorCode": {fmt.Sprint(code)}, "ErrorUrl": {a.target}}
		if p, _ = s.fetchOnce(l, ask{Fallback, l.fallback, http.MethodPost, params}); p != nil {
			return p
		}
	}
	s.apologise(l)
	return nil
}

// apologise tells the caller of an application error.
func (s *Server) apologise(l *leg) {
	if l.ctx.Err() == nil {
		l.answer() // to say so
		s.pause(l.ctx, speechOf("We are sorry, an application error has occurred. Goodbye."))
	}
}

// fetchOnce also returns the error's code.
func (s *Server) fetchOnce(l *leg, a ask) (*program, int) {
	if a.target == "" {
		return nil, 0
	}
	form := l.params()
	maps.Copy(form, a.params)
	m := message{kind: a.kind, call: l.sid, method: strings.ToUpper(a.method), target: a.target, form: form}
	got := s.fetch(m)
	fail := func(code int, text string) (*program, int) {
		s.alert(code, l.sid, a.target, text)
		return nil, code
	}
	switch {
	case got.class == connectFailure:
		return fail(11205, fmt.Sprintf("no connection: %v", got.err))
	case got.class == readFailure:
		return fail(11200, fmt.Sprintf("no answer: %v", got.err))
	case got.class != "":
		return fail(11200, fmt.Sprintf("answered with status %d", got.status))
	case got.status == http.StatusNoContent:
		return &program{base: a.target}, 0
	case len(got.body) > maxDocument:
		return fail(11750, "the document is over 64 KiB")
	case !isTwiML(got.contentType):
		return fail(12300, fmt.Sprintf("content type %q is no TwiML", got.contentType))
	}
	body, warnings, err := parse(got.body)
	if err != nil {
		return fail(12100, err.Error())
	}
	for _, w := range warnings {
		s.alert(12200, l.sid, a.target, w)
	}
	return &program{base: a.target, body: body}, 0
}
