package twilio

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/talkbridge/talkbridge/telephony"
)

// A call that was placed here has its id before Twilio gives its legs theirs. So its
// callbacks are asked for at addresses that name it, and tell by themselves, to any
// node, which call they are of. Records of Twilio do not: they belong to the call that
// the journal or a callback told their leg of, or else to the order that they fit.

// orderKey names the order in the address of a callback.
const orderKey = "order"

// order is the id of the call that a callback is of, if an order placed it: "" of
// others.
func (c callback) order() string {
	order := c.query.Get(orderKey)
	if !telephony.IsDialledID(order) {
		return ""
	}
	return order
}

// of is the callback as one of a call that an order placed; "" changes nothing.
func (c callback) of(order string) callback {
	if order == "" {
		return c
	}
	query := url.Values{orderKey: {order}}
	for key, values := range c.query {
		if key != orderKey {
			query[key] = values
		}
	}
	c.query = query
	return c
}

// rung is the phone that a call begins at which was placed: whatever its address looks
// like, somebody of ours is there.
func (c callback) rung(to address) address {
	if c.order() == "" || to.side == telephony.SideAgent {
		return to
	}
	raw := telephony.StripControls(bounded(strings.TrimSpace(c.form.Get("To")), maxValue))
	return address{endpoint: raw, side: telephony.SideAgent, number: to.number}
}

// placed are the legs that orders began, of which is known, and the other way round.
// Both are forgotten as in known. It is safe for concurrent use; its zero value is empty.
type placed struct {
	mu  sync.Mutex
	ids generations[string]
}

// of is the order that began a leg, or the leg that an order began; "" if that is not known.
func (p *placed) of(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids.get(id)
}

func (p *placed) add(leg, order string) {
	if leg == "" || order == "" || p.of(leg) == order {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids.put(leg, order, 2*maxKnown)
	p.ids.put(order, leg, 2*maxKnown)
}

// attribute says which order a callback is of, also where its address does not.
func (s *Source) attribute(c callback) callback {
	root := cmp.Or(c.get("ParentCallSid"), c.get("CallSid"))
	if order := c.order(); order != "" {
		s.placed.add(root, order)
		return c
	}
	return c.of(s.placed.of(root))
}

// The bounds of the time between an order and the record of its call: clocks differ.
const orderMargin = 2 * time.Minute

// made is when Twilio made a call, which it may place later.
func made(record *openapi.ApiV2010Call) time.Time {
	if at, err := parseTime(text(record.DateCreated)); err == nil {
		return at
	}
	at, err := beginning(record)
	if err != nil {
		return time.Time{}
	}
	return at
}

// fits reports whether a record may be that of the first leg of an order's call.
func (s *Source) fits(record *openapi.ApiV2010Call, o telephony.PlacedOrder) bool {
	at := made(record)
	return s.config.Dial != nil && text(record.Direction) == "outbound-api" && text(record.ParentCallSid) == "" && text(record.To) == o.Phone &&
		text(record.From) == s.config.Dial.CallerID && !at.Before(o.At.Add(-orderMargin)) && !at.After(o.At.Add(orderMargin))
}

// unclaimed are the orders of whose calls nobody heard; none where none are kept.
func (s *Source) unclaimed(ctx context.Context, since time.Time) ([]telephony.PlacedOrder, error) {
	if s.config.Orders == nil || s.config.Dial == nil {
		return nil, nil
	}
	return s.config.Orders(ctx, since.Add(-orderMargin))
}

// placedPast is the order that began a call of which there are only records: that of
// which it was told, or else the one that they fit. Legs that were dialled for it must
// have been called as it says.
func (s *Source) placedPast(f family, told telephony.Told, open []telephony.PlacedOrder) string {
	for i := range f.records {
		if native := told[text(f.records[i].Sid)].Call.Native(); telephony.IsDialledID(native) {
			return native
		}
	}
	if _, known := told[f.root]; known {
		return ""
	}
	if order := s.placed.of(f.root); order != "" {
		return order
	}
	for _, o := range open {
		if s.fits(&f.records[0], o) && calls(f.records[1:], o.Number) && s.placed.of(o.Call.Native()) == "" {
			s.placed.add(f.root, o.Call.Native())
			return o.Call.Native()
		}
	}
	return ""
}

// calls reports whether dialled legs, if there are any, reach a number.
func calls(dialled []openapi.ApiV2010Call, number string) bool {
	for i := range dialled {
		if text(dialled[i].To) == number {
			return true
		}
	}
	return len(dialled) == 0
}

// FindCall implements telephony.DialFinder: by what callbacks told, or else by Twilio's
// list of calls to the agent's phone, which lags. A call that fits is told to begin, if
// it is the only one.
func (s *Source) FindCall(ctx context.Context, o telephony.PlacedOrder) (bool, error) {
	order := o.Call.Native()
	if s.placed.of(order) != "" {
		return true, nil
	}
	params := &openapi.ListCallParams{}
	params.SetTo(o.Phone)
	params.SetPageSize(orderPage)
	list, err := s.api.service(ctx).PageCall(params, "", "")
	if err != nil {
		return false, fmt.Errorf("list calls to the agent's phone: %w", explain(err))
	}
	var found []*openapi.ApiV2010Call
	for i := range list.Calls {
		record := &list.Calls[i]
		if sid := text(record.Sid); !s.fits(record, o) || s.known.has(sid) || s.placed.of(sid) != "" {
			continue // another order's, or nobody's
		}
		dialled, err := s.dialledBy(ctx, text(record.Sid))
		if err != nil {
			return false, err
		}
		if calls(dialled, o.Number) {
			found = append(found, record)
		}
	}
	if len(found) != 1 {
		return false, nil
	}
	return true, s.claim(ctx, found[0], order)
}

// orderPage is how many of the newest calls to a phone are looked at.
const orderPage = 50

// claim tells that a call of Twilio's is that of an order.
func (s *Source) claim(ctx context.Context, record *openapi.ApiV2010Call, order string) error {
	events, err := s.translate.recordBegan(record, order, s.now().UTC())
	if err != nil {
		return err
	}
	if err := s.append(ctx, events); err != nil {
		return fmt.Errorf("tell how the call began: %w", err)
	}
	s.placed.add(text(record.Sid), order)
	s.known.add(text(record.Sid))
	return nil
}
