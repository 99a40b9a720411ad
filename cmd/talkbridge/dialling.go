package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	// orderWithin bounds the wait until an order is durable.
	orderWithin = 3 * time.Second
	// placeWithin bounds the wait for the phone system.
	placeWithin = 10 * time.Second
	// ticketWithin bounds the look at the ticket that a call is placed for.
	ticketWithin = 2 * time.Second
	// lookWithin bounds the look for the call of an order whose answer got lost.
	lookWithin = 5 * time.Second
	// rateWindow is the time in which dial.per_agent calls may be placed for an agent.
	rateWindow = time.Minute
)

// dialOrder is a call that is asked for.
type dialOrder struct {
	Agent  string `json:"agent"`
	Number string `json:"number"`
	Ticket int64  `json:"ticket,omitzero"`
	User   int64  `json:"user,omitzero"`
}

// dialAnswer says what came of it.
type dialAnswer struct {
	Call   telephony.CallID `json:"call"`
	Agent  string           `json:"agent"`
	Number string           `json:"number"`
	Ticket int64            `json:"ticket,omitzero"`
	User   int64            `json:"user,omitzero"`
	State  bridge.DialState `json:"state"`
	// Repeated says that this order was given before: nothing was placed now.
	Repeated bool `json:"repeated,omitzero"`
	// Error says what went wrong.
	Error string `json:"error,omitzero"`
}

// orderError is why an order is not taken, with the status that HTTP has for it.
type orderError struct {
	status int
	text   string
	// after is when it may be given again, 0 for now.
	after time.Duration
}

// Error implements error.
func (p *orderError) Error() string { return p.text }

func wrongOrder(status int, format string, args ...any) *orderError {
	return &orderError{status: status, text: fmt.Sprintf(format, args...)}
}

// asker is who asks for a call. Key names the order: the same key of the same asker
// is the same order.
type asker struct {
	name, key string
	// agent is the only one for whom it may ask; "" for all.
	agent string
}

// dialDesk takes orders for calls. It is safe for concurrent use.
type dialDesk struct {
	d        *daemon
	diallers []telephony.Dialler // in the order of the configuration; not changed once it serves
	settings atomic.Pointer[config.Config]
	counted  *prometheus.CounterVec

	// turn is held by who decides whether an order is a new one: many who give the same
	// at once count as one.
	turn   chan struct{}
	recent map[string][]time.Time // when calls were placed for whom; of who has the turn

	underWay sync.Map // the calls whose orders are being given
}

func newDialDesk(d *daemon) *dialDesk {
	k := &dialDesk{d: d, turn: make(chan struct{}, 1), recent: make(map[string][]time.Time), counted: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "talkbridge_dials_total", Help: "Orders for calls, by what came of them.",
	}, []string{"result"})}
	for _, result := range []string{string(bridge.DialTaken), string(bridge.DialRefused), string(bridge.DialPending), "repeated", "wrong"} {
		k.counted.WithLabelValues(result)
	}
	d.registry.MustRegister(k.counted)
	k.set(d.cfg)
	return k
}

// set takes what a reload may change.
func (k *dialDesk) set(cfg *config.Config) { k.settings.Store(cfg) }

func (k *dialDesk) add(dialler telephony.Dialler) {
	if dialler != nil {
		k.diallers = append(k.diallers, dialler)
	}
}

// place takes an order: it is judged, made durable, and given to the phone system,
// once. The error is a *orderError.
func (k *dialDesk) place(ctx context.Context, who asker, o dialOrder) (dialAnswer, error) {
	a, err := k.tryPlace(ctx, who, o)
	switch {
	case err != nil:
		k.counted.WithLabelValues("wrong").Inc()
	case a.Repeated:
		k.counted.WithLabelValues("repeated").Inc()
	default:
		k.counted.WithLabelValues(string(a.State)).Inc()
	}
	return a, err
}

func (k *dialDesk) tryPlace(ctx context.Context, who asker, o dialOrder) (dialAnswer, error) {
	cfg := k.settings.Load()
	if cfg.Dial == nil {
		return dialAnswer{}, wrongOrder(http.StatusNotFound, "no calls are placed: the configuration has no section dial (docs/dialling.md)")
	}
	agent, number, err := k.judge(cfg, who, o)
	if err != nil {
		return dialAnswer{}, err
	}
	dialler, phone := k.reach(agent)
	if dialler == nil {
		return dialAnswer{}, wrongOrder(http.StatusUnprocessableEntity, "agent %s has no phone at a phone system that places calls: list an extension or a channel among the agent's numbers, or for Twilio a client, a SIP address or a number", agent.Name)
	}
	call, err := dialler.CallFor(who.name + "\n" + who.key)
	if err != nil {
		return dialAnswer{}, wrongOrder(http.StatusInternalServerError, "the call cannot be named: %v", err)
	}
	want := bridge.Dial{Agent: agent.Name, Number: number, Ticket: o.Ticket, User: o.User, Phone: phone, By: who.name}
	if known, err := k.d.bridge.FindDial(ctx, call); err != nil {
		return dialAnswer{}, k.notDurable(call, err)
	} else if known != nil {
		return repeated(call, k.lookUp(ctx, dialler, call, *known), want)
	}
	if !dialler.Connected() {
		return dialAnswer{}, wrongOrder(http.StatusServiceUnavailable, "the phone system %s is not connected, nothing was placed: give the order again", dialler.Name())
	}
	if want.User, err = k.requester(ctx, want); err != nil {
		return dialAnswer{}, err
	}
	known, first, err := k.begin(ctx, cfg, call, want)
	switch {
	case err != nil:
		return dialAnswer{}, err
	case !first:
		return repeated(call, known, want)
	}
	return k.dial(ctx, dialler, telephony.Order{Call: call, Phone: phone, Number: number}, want), nil
}

// begin makes an order durable, if it is a new one that the agent's rate allows.
func (k *dialDesk) begin(ctx context.Context, cfg *config.Config, call telephony.CallID, want bridge.Dial) (bridge.Dialled, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, orderWithin)
	defer cancel()
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return bridge.Dialled{}, false, k.notDurable(call, context.Cause(ctx))
	}
	known, err := k.d.bridge.FindDial(ctx, call)
	if err != nil {
		return bridge.Dialled{}, false, k.notDurable(call, err)
	}
	if known != nil {
		return *known, false, nil
	}
	if wait := k.overRate(want.Agent, cfg.Dial.PerAgent, time.Now()); wait > 0 {
		return bridge.Dialled{}, false, &orderError{
			status: http.StatusTooManyRequests, after: wait,
			text: fmt.Sprintf("%d calls were placed for %s within a minute, which is as many as dial.per_agent allows", cfg.Dial.PerAgent, want.Agent),
		}
	}
	made, first, err := k.d.bridge.BeginDial(ctx, call, want)
	if err != nil {
		err = k.notDurable(call, err)
	}
	return made, first, err
}

// judge says for whom and whom to call, or what is wrong with that.
func (k *dialDesk) judge(cfg *config.Config, who asker, o dialOrder) (screenpop.Agent, string, error) {
	none := screenpop.Agent{}
	switch {
	case strings.TrimSpace(o.Agent) == "":
		return none, "", wrongOrder(http.StatusUnprocessableEntity, "agent: missing: whose phone is to ring?")
	case o.Ticket < 0 || o.User < 0:
		return none, "", wrongOrder(http.StatusUnprocessableEntity, "ticket and user: want a number above 0, or none")
	}
	agent, how := k.d.desk().lookAgent(o.Agent)
	if how == "" {
		return none, "", wrongOrder(http.StatusUnprocessableEntity, "agent: nobody under agents is called %q", safeLine(clipText(o.Agent)))
	}
	if who.agent != "" && who.agent != agent.Name {
		return none, "", wrongOrder(http.StatusForbidden, "this token places calls for %s alone", who.agent)
	}
	number := telephony.ParseNumber(o.Number, cfg.Country)
	if number.E164 == "" {
		return none, "", wrongOrder(http.StatusUnprocessableEntity, "number: %q is no telephone number: write it with its country code, such as +493055512345", safeLine(clipText(o.Number)))
	}
	if why := (bridge.Filter{Allow: cfg.Dial.Allow, Deny: cfg.Dial.Deny}).Excludes(number); why != "" {
		return none, "", wrongOrder(http.StatusForbidden, "number: %s %s: see dial.allow and dial.deny of the configuration", number.E164, why)
	}
	if telephony.IsPremium(number.E164) {
		return none, "", wrongOrder(http.StatusForbidden, "number: %s costs more than a call does; such numbers are not called", number.E164)
	}
	return agent, number.E164, nil
}

// clipText bounds what is repeated of a wrong request.
func clipText(s string) string { return s[:min(len(s), 64)] }

// reach is the first phone system that can call the agent, and at which phone.
func (k *dialDesk) reach(agent screenpop.Agent) (telephony.Dialler, string) {
	for _, dialler := range k.diallers {
		for _, phone := range agent.Numbers {
			if dialler.Reaches(phone) {
				return dialler, phone
			}
		}
	}
	return nil, ""
}

// lookUp is an order that was given before, with what can be found out of it where the
// answer got lost: the order is not given again whatever that is.
func (k *dialDesk) lookUp(ctx context.Context, dialler telephony.Dialler, call telephony.CallID, known bridge.Dialled) bridge.Dialled {
	finder, can := dialler.(telephony.DialFinder)
	if _, underWay := k.underWay.Load(call); !can || underWay || known.State != bridge.DialPending {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	log := k.d.log.WithFields(logrus.Fields{"call_id": call, "source": dialler.Name()})
	found, err := finder.FindCall(ctx, telephony.PlacedOrder{Order: telephony.Order{Call: call, Phone: known.Phone, Number: known.Number}, At: known.At})
	switch {
	case err != nil:
		log.WithError(err).Warn("call of an order whose answer got lost not found out")
	case found:
		known.State = bridge.DialTaken
		if err := k.d.bridge.EndDial(ctx, call, ""); err != nil {
			log.WithError(err).Error("answer to an order not kept: if it is repeated, it counts as unknown")
		}
	default:
		known.Reason = "the phone system did not answer, and shows no such call so far: the call may have been placed, and is not placed again"
	}
	return known
}

// repeated is the answer to an order that was given before: what came of it then.
func repeated(call telephony.CallID, known bridge.Dialled, want bridge.Dial) (dialAnswer, error) {
	same := known.Agent == want.Agent && known.Number == want.Number && known.Ticket == want.Ticket && (want.User == 0 || known.User == want.User)
	if !same {
		return dialAnswer{}, wrongOrder(http.StatusConflict, "another order was given with this Idempotency-Key: give each order one of its own")
	}
	a := answerOf(call, known.Dial, known.State, known.Reason)
	a.Repeated = true
	return a, nil
}

func answerOf(call telephony.CallID, d bridge.Dial, state bridge.DialState, reason string) dialAnswer {
	a := dialAnswer{Call: call, Agent: d.Agent, Number: d.Number, Ticket: d.Ticket, User: d.User, State: state, Error: reason}
	if state == bridge.DialPending && reason == "" {
		a.Error = "the phone system did not answer: the call may have been placed, and is not placed again"
	}
	return a
}

// notDurable: nothing was placed, since it could not be written down.
func (k *dialDesk) notDurable(call telephony.CallID, err error) error {
	k.d.log.WithField("call_id", call).WithError(err).Error("call not placed: its order could not be made durable")
	return wrongOrder(http.StatusServiceUnavailable, "the order could not be made durable, nothing was placed: give it again")
}

// overRate reports how long no more calls are placed for an agent, and counts this one
// if it is 0. It is for who has the turn.
func (k *dialDesk) overRate(agent string, most int, now time.Time) time.Duration {
	var within []time.Time
	for _, at := range k.recent[agent] {
		if now.Sub(at) < rateWindow {
			within = append(within, at)
		}
	}
	if len(within) >= most {
		k.recent[agent] = within
		return rateWindow - now.Sub(within[len(within)-most])
	}
	k.recent[agent] = append(within, now)
	return 0
}

// requester is who the call is for, 0 if he is to be looked up. The ticket that a call
// is placed for must be there; where Zendesk does not say so in time, the call is
// placed all the same.
func (k *dialDesk) requester(ctx context.Context, want bridge.Dial) (int64, error) {
	if want.Ticket == 0 {
		return want.User, nil
	}
	ctx, cancel := context.WithTimeout(ctx, ticketWithin)
	defer cancel()
	ticket, err := k.d.client.GetTicket(ctx, want.Ticket)
	refusal, refused := errors.AsType[*zendesk.Error](err)
	switch {
	case refused && refusal.Status == http.StatusNotFound:
		return 0, wrongOrder(http.StatusUnprocessableEntity, "ticket: there is no ticket #%d", want.Ticket)
	case err != nil:
		k.d.log.WithError(err).WithField("ticket_id", want.Ticket).Warn("ticket of a call that is placed not found out, it is placed all the same")
		return want.User, nil
	case ticket.Status == "closed":
		return 0, wrongOrder(http.StatusUnprocessableEntity, "ticket: #%d is closed and takes no call: give another one, or user", want.Ticket)
	case want.User != 0:
		return want.User, nil
	}
	return ticket.RequesterID, nil
}

// dial gives the order to the phone system, once, and notes the answer. Whoever asked
// may have gone: what was begun is ended all the same.
func (k *dialDesk) dial(ctx context.Context, dialler telephony.Dialler, o telephony.Order, want bridge.Dial) dialAnswer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), placeWithin)
	defer cancel()
	log := k.d.log.WithFields(logrus.Fields{
		"call_id": o.Call, "source": dialler.Name(), "agent": want.Agent, "number": telephony.MaskNumber(o.Number), "by": want.By,
	})
	k.underWay.Store(o.Call, true)
	defer k.underWay.Delete(o.Call)
	err := dialler.Dial(ctx, o)
	state, reason := bridge.DialTaken, ""
	switch {
	case err == nil:
		log.Info("call placed")
	case errors.Is(err, telephony.ErrNotDialled):
		state, reason = bridge.DialRefused, err.Error()
		log.WithError(err).Warn("call not placed: the phone system refused the order")
	default:
		log.WithError(err).Warn("call may have been placed: the phone system did not answer; it is not placed again")
		return answerOf(o.Call, want, bridge.DialPending, "")
	}
	if err := k.d.bridge.EndDial(ctx, o.Call, reason); err != nil {
		log.WithError(err).Error("answer to an order not kept: if it is repeated, it counts as unknown")
	}
	return answerOf(o.Call, want, state, reason)
}

// dialplan translates how calls are placed through an Asterisk for its driver.
func dialplan(country string, a *config.AsteriskDial) *asterisk.Dialplan {
	if a == nil {
		return nil
	}
	return &asterisk.Dialplan{
		Context: a.Context, Prefix: a.Prefix, Format: asterisk.NumberFormat(a.Format), Country: country, Technology: a.Technology, Ring: a.Ring,
	}
}
