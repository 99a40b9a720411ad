package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"
	"github.com/twilio/twilio-go/twiml"

	"github.com/talkbridge/talkbridge/telephony"
)

// Dialling says how calls are placed. CallerID must be set.
type Dialling struct {
	// CallerID is the number that both sides see, in E.164: one of the account's own, or
	// one that is verified there.
	CallerID string
	// Ring is how long the agent's phone rings; 0 means 20 s, which most mailboxes let
	// pass: one that answers would be connected with whom is called.
	Ring time.Duration
}

const (
	defaultRing = 20 * time.Second
	// createWithin bounds the wait for the answer to an order, findWithin that for a sign
	// of its call where the answer got lost.
	createWithin, findWithin = 5 * time.Second, 4 * time.Second
	// busyWait is the first wait where Twilio answers 429, after which it has done nothing;
	// it doubles, busyTries times at most.
	busyWait, busyTries = 500 * time.Millisecond, 3
	// findEvery is how often such a sign is looked for.
	findEvery = 500 * time.Millisecond
)

var (
	_ telephony.Dialler    = (*Source)(nil)
	_ telephony.DialFinder = (*Source)(nil)

	errNoDialling = errors.New("no calls are placed through this phone system")
	numberForm    = regexp.MustCompile(`^\+[0-9]{7,15}$`)
	numbers       = regexp.MustCompile(`\+[0-9]{7,15}`)
)

func (d *Dialling) validate() error {
	if d != nil && !numberForm.MatchString(d.CallerID) {
		return fmt.Errorf("dial: caller id %q: want a number in E.164, such as +15550100001", d.CallerID)
	}
	return nil
}

// CallRefusedError is Twilio's refusal to place a call: nothing rings.
type CallRefusedError struct {
	// Code is Twilio's code of the error, Text what it says, with numbers masked.
	Code int
	Text string
	// Remedy says what to do; "" where that is not known: Twilio has many codes, and more
	// each year.
	Remedy string
}

// Error implements error.
func (e *CallRefusedError) Error() string {
	said := fmt.Sprintf("Twilio refuses the call: %s (%d)", strings.TrimRight(e.Text, ". "), e.Code)
	if e.Remedy == "" {
		return said
	}
	return said + ": " + e.Remedy
}

// remedies are what to do about the errors that a call is refused with, by code. Twilio
// docs: api/errors; 10001, 20005 and 30002, of accounts that are closed or have no money
// left, and 21216 and 21219 were never seen.
var remedies = map[int]string{
	10001: remedyAccount, 20005: remedyAccount, 30002: remedyAccount,
	10004: "more calls go on than the account allows: try later, or have the limit raised in Twilio's console",
	20003: "correct account_sid and auth_token, or api_key, of the source",
	20429: "too many requests at once: try again in a moment",
	21203: remedyCountry, 21215: remedyCountry,
	21210: remedyCaller, 21212: remedyCaller, 21213: remedyCaller,
	21211: remedyPhone, 21217: remedyPhone, 21214: remedyPhone, 21216: remedyPhone,
	21219: "a trial account calls only numbers that are verified: verify the agent's, or upgrade the account",
}

const (
	remedyAccount = "the account is suspended or has no money left: see Twilio's console"
	remedyCountry = "allow calls to the country of the agent's phone in Twilio's console (Voice, Geo permissions)"
	remedyCaller  = "set dial.caller_id of the source to a number of the account, or verify it there"
	remedyPhone   = "Twilio cannot call that phone: correct the agent's number under agents"
)

// Connected implements telephony.Dialler: whether what Twilio tells of the call would
// be taken.
func (s *Source) Connected() bool { return s.up.Load() }

// Reaches implements telephony.Dialler: clients, SIP addresses and telephone numbers.
func (s *Source) Reaches(phone string) bool {
	if s.config.Dial == nil {
		return false
	}
	scheme, rest, _ := strings.Cut(phone, ":")
	switch scheme {
	case "client":
		return rest != ""
	case "sip", "sips":
		return strings.Contains(rest, "@")
	}
	return numberForm.MatchString(phone)
}

// CallFor implements telephony.Dialler.
func (s *Source) CallFor(key string) (telephony.CallID, error) {
	return telephony.NewCallID(s.config.Site, s.config.Name, telephony.DialledID(key))
}

// Dial implements telephony.Dialler: Twilio calls the agent's phone, and whoever answers
// there has the number called. All that follows is in the order, so that nobody need be
// asked when the phone is answered. Twilio keeps no keys of requests: where its answer
// gets lost, a call that fits is looked for, and the order never repeated.
func (s *Source) Dial(ctx context.Context, o telephony.Order) error {
	if s.config.Dial == nil {
		return fmt.Errorf("%w: %w", telephony.ErrNotDialled, errNoDialling)
	}
	if !s.Reaches(o.Phone) || !numberForm.MatchString(o.Number) || !telephony.IsDialledID(o.Call.Native()) {
		return fmt.Errorf("%w: %q cannot call %s", telephony.ErrNotDialled, o.Phone, telephony.MaskNumber(o.Number))
	}
	params, err := s.create(o)
	if err != nil {
		return fmt.Errorf("%w: %w", telephony.ErrNotDialled, err)
	}
	given := s.now().UTC()
	record, err := s.give(ctx, params)
	switch {
	case err == nil:
		s.placed.add(text(record.Sid), o.Call.Native())
	case errors.Is(err, telephony.ErrNotDialled):
		return err
	case !s.appears(ctx, telephony.PlacedOrder{Order: o, At: given}):
		return fmt.Errorf("create call: %w", err)
	}
	return nil
}

// create is the request for a call.
func (s *Source) create(o telephony.Order) (*openapi.CreateCallParams, error) {
	status := s.address(hookStatus, o)
	document, err := twiml.Voice([]twiml.Element{&twiml.VoiceDial{
		Action: s.address(hookDial, o), CallerId: s.config.Dial.CallerID,
		InnerElements: []twiml.Element{&twiml.VoiceNumber{PhoneNumber: o.Number, StatusCallback: status, StatusCallbackEvent: statusEvents}},
	}})
	if err != nil {
		return nil, fmt.Errorf("write TwiML: %w", err)
	}
	ring := s.config.Dial.Ring
	if ring <= 0 {
		ring = defaultRing
	}
	p := &openapi.CreateCallParams{}
	p.SetTo(o.Phone).SetFrom(s.config.Dial.CallerID).SetTwiml(document).SetTimeout(int(ring / time.Second))
	p.SetStatusCallback(status).SetStatusCallbackEvent(strings.Fields(statusEvents))
	return p, nil
}

// address is where the callbacks of an order's call go.
func (s *Source) address(h hook, o telephony.Order) string {
	return (&script{base: s.base}).address(h, orderKey, o.Call.Native())
}

// give gives an order. The error wraps ErrNotDialled where Twilio said that it does
// nothing, or was told nothing.
func (s *Source) give(ctx context.Context, params *openapi.CreateCallParams) (*openapi.ApiV2010Call, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, createWithin, fmt.Errorf("no answer within %s", createWithin))
	defer cancel()
	for try, wait := 1, busyWait; ; try, wait = try+1, 2*wait {
		record, err := s.api.service(ctx).CreateCall(params)
		if err == nil {
			return record, nil
		}
		refused, found := errors.AsType[*client.TwilioRestError](err)
		switch {
		case found && refused.Code != 0 && refused.Status >= 400 && refused.Status < 500:
			if refused.Status != http.StatusTooManyRequests || try == busyTries || !pause(ctx, wait) {
				said := telephony.StripControls(bounded(numbers.ReplaceAllStringFunc(refused.Message, telephony.MaskNumber), maxValue))
				return nil, fmt.Errorf("%w: %w", telephony.ErrNotDialled, &CallRefusedError{refused.Code, said, remedies[refused.Code]})
			}
		case errors.Is(err, errNotSent):
			return nil, fmt.Errorf("%w: Twilio is not reached: %w", telephony.ErrNotDialled, err)
		default:
			return nil, explain(err)
		}
	}
}

// appears reports whether a sign of an order's call is there in time.
func (s *Source) appears(ctx context.Context, o telephony.PlacedOrder) bool {
	ctx, cancel := context.WithTimeout(ctx, findWithin)
	defer cancel()
	for {
		found, err := s.FindCall(ctx, o)
		if err != nil && ctx.Err() == nil {
			s.log.WithError(err).WithField("call_id", o.Call).Debug("call of an order whose answer got lost not found out")
		}
		if found || !pause(ctx, findEvery) {
			return found
		}
	}
}

// pause waits; false says that ctx was over before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// tellUncalled says that nobody was called for an order whose phone was answered: Dial
// failed before there was a leg, which Twilio's debugger alone explains.
func (s *Source) tellUncalled(c callback) {
	if order := c.order(); order != "" && c.hook == hookDial && c.get("DialCallStatus") == "failed" && c.get("DialCallSid") == "" {
		s.log.WithField("call_id", s.translate.callID(order)).
			Warn("number of a placed call not called: Twilio's debugger says why, mostly the country (13227) or the caller id (13214)")
	}
}
