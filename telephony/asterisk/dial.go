package asterisk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// NumberFormat is how the dialplan wants a number.
type NumberFormat string

// The formats.
const (
	// FormatE164: +493055512345.
	FormatE164 NumberFormat = "e164"
	// FormatInternational: 00493055512345.
	FormatInternational NumberFormat = "international"
	// FormatNational: 03055512345 for numbers of Dialplan.Country, and as
	// FormatInternational for others.
	FormatNational NumberFormat = "national"
)

// Dialplan says how calls are placed. Context must be set.
type Dialplan struct {
	// Context is where the agents' phones dial.
	Context string
	// Prefix stands before the number: "9", where that gets a line.
	Prefix string
	// Format of the number; "" is FormatE164. Country is an ISO 3166 code, for
	// FormatNational.
	Format  NumberFormat
	Country string
	// Technology is of phones that are named by their extension alone; "" is PJSIP.
	Technology string
	// Ring is how long the agent's phone rings; 0 means 30 s.
	Ring time.Duration
}

const (
	defaultTechnology = "PJSIP"
	defaultRing       = 30 * time.Second
	// originateWithin bounds the wait for Asterisk's answer, which takes a
	// millisecond: it comes before anything rings.
	originateWithin = 5 * time.Second
	// maxOrders bounds the orders that wait for an answer.
	maxOrders = 256
)

var (
	_ telephony.Dialler = (*Source)(nil)

	errNotConnected = errors.New("the phone system is not connected")
	errNoDialplan   = errors.New("no calls are placed through this phone system")
)

func (d *Dialplan) validate() error {
	if d == nil {
		return nil
	}
	var errs []error
	for name, value := range map[string]string{"context": d.Context, "prefix": d.Prefix, "technology": d.Technology} {
		if strings.ContainsFunc(value, func(r rune) bool { return !strings.ContainsRune("-_.*#+", r) && !alphanumeric(r) }) {
			errs = append(errs, fmt.Errorf("dial %s %q: want letters, digits, dashes and dots", name, value))
		}
	}
	if d.Context == "" {
		errs = append(errs, errors.New("dial: context: required, that of the agents' phones"))
	}
	return errors.Join(errs...)
}

func alphanumeric(r rune) bool {
	return (r >= '0' && r <= '9') || (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z')
}

// number is what is dialled in the dialplan.
func (d *Dialplan) number(e164 string) string {
	digits := strings.TrimPrefix(e164, "+")
	switch d.Format {
	case FormatE164, "":
		return d.Prefix + e164
	case FormatNational:
		if national := telephony.National(e164, d.Country); national != "" {
			return d.Prefix + national
		}
	case FormatInternational:
	}
	return d.Prefix + "00" + digits
}

// channel is the channel of a phone: "1001" is PJSIP/1001. A telephone number is
// none: it would be called over a trunk.
func (d *Dialplan) channel(phone string) (string, bool) {
	tech, name, given := strings.Cut(phone, "/")
	if !given {
		tech, name = d.Technology, phone
	}
	if tech == "" {
		tech = defaultTechnology
	}
	strange := func(r rune) bool { return !strings.ContainsRune("-_.", r) && !alphanumeric(r) }
	if name == "" || strings.ContainsFunc(name, strange) || strings.ContainsFunc(tech, strange) {
		return "", false
	}
	return tech + "/" + name, true
}

// Connected implements telephony.Dialler.
func (s *Source) Connected() bool { return s.session.Load() != nil }

// Reaches implements telephony.Dialler.
func (s *Source) Reaches(phone string) bool {
	if s.config.Dial == nil {
		return false
	}
	_, ok := s.config.Dial.channel(phone)
	return ok
}

// CallFor implements telephony.Dialler: Asterisk takes the id of the first channel
// from whoever originates a call.
func (s *Source) CallFor(key string) (telephony.CallID, error) {
	return telephony.NewCallID(s.config.Site, s.config.Name, telephony.DialledID(key))
}

// Dial implements telephony.Dialler: by the action Originate, which needs the class
// originate in write=. Asterisk answers when it has queued the call; that nobody
// answers is told by events.
func (s *Source) Dial(ctx context.Context, o telephony.Order) error {
	plan := s.config.Dial
	if plan == nil {
		return fmt.Errorf("%w: %w", telephony.ErrNotDialled, errNoDialplan)
	}
	channel, ok := plan.channel(o.Phone)
	number := strings.TrimPrefix(o.Number, "+")
	if !ok || number == o.Number || number == "" || strings.ContainsFunc(number, func(r rune) bool { return r < '0' || r > '9' }) || o.Call.Native() == "" {
		return fmt.Errorf("%w: %q cannot call %s", telephony.ErrNotDialled, o.Phone, telephony.MaskNumber(o.Number))
	}
	session := s.session.Load()
	if session == nil {
		return fmt.Errorf("%w: %w", telephony.ErrNotDialled, errNotConnected)
	}
	ring := plan.Ring
	if ring == 0 {
		ring = defaultRing
	}
	answer, err := session.orders.ask(ctx, session.link, "Originate",
		field{"Channel", channel}, field{"Context", plan.Context}, field{"Exten", plan.number(o.Number)}, field{"Priority", "1"},
		field{"CallerID", o.Number}, field{"Timeout", strconv.FormatInt(ring.Milliseconds(), 10)}, field{"ChannelId", o.Call.Native()}, field{"Async", "true"})
	if err != nil {
		return fmt.Errorf("originate: %w", err)
	}
	if answer.Get("Response") == "Success" {
		return nil
	}
	said := telephony.StripControls(answer.Get("Message"))
	if strings.EqualFold(said, "Permission denied") {
		said += ": give the user of manager.conf write=originate"
	}
	return fmt.Errorf("%w: Asterisk refused it (%s)", telephony.ErrNotDialled, said)
}

// orders are the actions whose answers somebody outside the session waits for. Safe
// for concurrent use.
type orders struct {
	mu      sync.Mutex
	waiting map[string]chan Message
	over    chan struct{} // closed when the session is over
}

func newOrders() *orders {
	return &orders{waiting: make(map[string]chan Message), over: make(chan struct{})}
}

// ask writes an action and waits for its answer. The error wraps ErrNotDialled if it
// was not written.
func (o *orders) ask(ctx context.Context, l *link, name string, fields ...field) (Message, error) {
	answer := make(chan Message, 1)
	if !o.place() {
		return Message{}, fmt.Errorf("%w: %d orders wait for an answer", telephony.ErrNotDialled, maxOrders)
	}
	expected := ""
	_, err := l.actAs(func(id string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.waiting[id], expected = answer, id
	}, name, fields...)
	defer o.forget(expected)
	if err != nil {
		return Message{}, err // some of it may have been written
	}
	timer := time.NewTimer(originateWithin)
	defer timer.Stop()
	select {
	case m := <-answer:
		return m, nil
	case <-o.over:
		return Message{}, errors.New("the connection ended before Asterisk answered")
	case <-timer.C:
		return Message{}, fmt.Errorf("no answer within %s", originateWithin)
	case <-ctx.Done():
		return Message{}, context.Cause(ctx)
	}
}

// place reports whether one more may wait.
func (o *orders) place() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) < maxOrders
}

func (o *orders) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiting, id)
}

// take gives an answer to whoever waits for it, and reports whether somebody did.
func (o *orders) take(m Message) bool {
	if m.Kind() != "" {
		return false
	}
	o.mu.Lock()
	answer := o.waiting[m.Get("ActionID")]
	o.mu.Unlock()
	if answer == nil {
		return false
	}
	select {
	case answer <- m:
	default: // it was answered twice
	}
	return true
}
