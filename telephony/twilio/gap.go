package twilio

import (
	"context"
	"fmt"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// ringsAtMost is how much earlier than its duration says a call may have come in:
	// where Dial answers it on the bridge, its ringing does not count.
	ringsAtMost = 2 * time.Minute
	// catchUpWithin bounds the question for what was not heard: Twilio waits meanwhile.
	catchUpWithin = 2 * time.Second
)

// deaf says that what Twilio told until now may be lost: nobody listened, or it was
// refused, and Twilio gives up after some tries.
func (s *Source) deaf() { s.deafUntil.Store(s.now().UnixNano()) }

// missed is deaf, while a session is up: the lists are to be looked at soon.
func (s *Source) missed() {
	s.deaf()
	select {
	case s.soon <- struct{}{}:
	default: // it is known
	}
}

// halfHeard reports whether a call is over that had begun by the last time that
// nobody listened: it may have had phones of which nobody told.
func (s *Source) halfHeard(c callback, n news) bool {
	at, err := c.time()
	began := at.Add(-c.seconds("CallDuration"))
	return err == nil && n.over && began.Add(-ringsAtMost).UnixNano() < s.deafUntil.Load()
}

// catchUp asks Twilio for the phones that a call rang and tells of them, before its
// end is told: with that the call would be whole, and was missed as far as anybody had
// heard. Where Twilio does not answer, the call ends as it was heard.
func (s *Source) catchUp(ctx context.Context, c callback, n news) error {
	if !s.halfHeard(c, n) {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, catchUpWithin)
	defer cancel()
	dialled, err := s.dialledBy(asking, n.root)
	if err != nil {
		s.log.WithError(err).WithField("call_id", s.translate.callID(n.root)).Warn("phones of a half heard call not found out")
		return nil
	}
	var events []telephony.Event
	for i := range dialled {
		record := &dialled[i]
		if began, err := beginning(record); err == nil && ended(text(record.Status)) && began.UnixNano() < s.deafUntil.Load() {
			events = append(events, s.translate.pastLeg(record, n.root, c.order())...)
		}
	}
	if len(events) == 0 {
		return nil
	}
	return s.append(ctx, events)
}

// dialledBy are the legs that a call dialled, as Twilio has them: more than are on one
// page no call rings.
func (s *Source) dialledBy(ctx context.Context, root string) ([]openapi.ApiV2010Call, error) {
	params := &openapi.ListCallParams{}
	params.SetParentCallSid(root)
	params.SetPageSize(pageSize)
	list, err := s.api.service(ctx).PageCall(params, "", "")
	if err != nil {
		return nil, fmt.Errorf("list the legs of a call: %w", explain(err))
	}
	return list.Calls, nil
}
