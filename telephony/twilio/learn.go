package twilio

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/talkbridge/talkbridge/telephony"
)

// learn makes sure that it was told how the call of a leg began. Who observes an
// existing flow hears of the phones that it rings, not of the call that comes in: what
// was told of the phones alone would be a ticket for nobody. So it is asked of Twilio
// first, once a call. order is the one that placed it, if any.
func (s *Source) learn(ctx context.Context, leg, order string) error {
	for strings.HasPrefix(leg, "CA") && !s.known.has(leg) {
		done, asked := s.known.ask(leg)
		if done == nil {
			select {
			case <-asked:
				continue
			case <-ctx.Done():
				return refuse(NotDurable, http.StatusServiceUnavailable, "it took too long, try again")
			}
		}
		err := s.ask(ctx, leg, order)
		done()
		if err != nil && s.script != nil {
			return nil // every call comes in here: another process told of it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ask asks how a leg began, and tells it.
func (s *Source) ask(ctx context.Context, leg, order string) error {
	s.count.asked.Add(1)
	record, err := s.api.service(ctx).FetchCall(leg, nil)
	if err != nil {
		err = explain(err)
		s.log.WithError(err).WithField("call_id", s.translate.callID(leg)).Debug("beginning of a call not found out")
		return refuse(NotKnown, http.StatusServiceUnavailable, "how call %s began is not known, and cannot be asked now: try again", leg)
	}
	events, err := s.translate.recordBegan(record, order, s.now().UTC())
	if err != nil {
		return err
	}
	if err := s.append(ctx, events); err != nil {
		return err
	}
	s.known.add(leg)
	return nil
}

// recordBegan says how a leg began of which Twilio has a record.
func (t *translator) recordBegan(record *openapi.ApiV2010Call, order string, now time.Time) ([]telephony.Event, error) {
	leg, c := text(record.Sid), recordAsCallback(record, now).of(order)
	at, err := beginning(record)
	if err != nil {
		return nil, refuse(NotKnown, http.StatusServiceUnavailable, "call %s: %v", leg, err)
	}
	if parent := c.get("ParentCallSid"); parent != "" {
		// A leg that was dialled dials others: one story with that of who dialled it.
		w := t.tell(c, leg, at)
		to := readAddress(c.form.Get("To"))
		e := w.add(telephony.LegStarted, leg, "started")
		e.Side, e.Endpoint = to.side, to.endpoint
		w.dials(leg, parent, to, readAddress(c.form.Get("From")).number)
		w.add(telephony.CallLinked, leg, "linked with "+parent).Other = t.callID(parent)
		return w.done(), nil
	}
	return t.began(c, leg, at).done(), nil
}

// recordAsCallback writes a record as a callback would tell it.
func recordAsCallback(record *openapi.ApiV2010Call, now time.Time) callback {
	form := url.Values{}
	for key, value := range map[string]*string{
		"CallSid": record.Sid, "ParentCallSid": record.ParentCallSid, "AccountSid": record.AccountSid, "From": record.From, "To": record.To,
		"CallStatus": record.Status, "Direction": record.Direction, "CallDuration": record.Duration, "CallerName": record.CallerName,
	} {
		if text(value) != "" {
			form.Set(key, *value)
		}
	}
	return callback{hook: "record", form: form, received: now}
}

// beginning is when a leg began by its record: one that never rang has only the
// time of its creation.
func beginning(record *openapi.ApiV2010Call) (time.Time, error) {
	for _, text := range []*string{record.StartTime, record.DateCreated} {
		if text != nil && *text != "" {
			return parseTime(*text)
		}
	}
	return time.Time{}, fmt.Errorf("its record has no time")
}
