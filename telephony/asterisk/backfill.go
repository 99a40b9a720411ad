package asterisk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// recordsEvery is how often the call records are looked at while a session
	// goes on.
	recordsEvery = time.Hour
	// recordsRetry is how long it takes until records are looked at again that could
	// not be read: Asterisk makes the file with its first call.
	recordsRetry = time.Minute
	// recordsSettle is how long a session has been up, and how long ago a call
	// ended, before a record of it is used: what is heard of it comes first.
	// Asterisk writes a record within a second after a channel is gone.
	recordsSettle = 5 * time.Second
	// recordsAgain is when they are looked at a second time, for one that took
	// longer: a call that was found gone is waited for.
	recordsAgain = 15 * time.Second
	// toldMargin is how much earlier than a call began the journal may have been
	// told of it: clocks differ.
	toldMargin = time.Hour
	// wholeSecond is what a time in a record may be too early.
	wholeSecond = time.Second
)

// past are the calls whose records need no further look, and when they ended. It
// lives as long as the source, and is its session's.
type past map[string]time.Time

// backfill looks at the call records after the snapshot, and from then on now and
// again, until ctx is over.
func (s *session) backfill(ctx context.Context) {
	if s.source.config.Records == "" {
		return
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return
	}
	timer := time.NewTimer(recordsSettle)
	defer timer.Stop()
	for look := 1; ; look++ {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		seen, err := s.readPast(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.source.once("records: "+err.Error(), logrus.Fields{"err": err.Error()},
				"call records cannot be read: calls that nobody heard of stay unknown")
		} else if look == 1 || seen.late+seen.ended > 0 {
			s.source.log.WithFields(logrus.Fields{
				"records": seen.records, "since": seen.since.Format(time.RFC3339), "calls": seen.late, "ends": seen.ended,
			}).Info("call records looked at")
		}
		switch {
		case err != nil:
			timer.Reset(recordsRetry)
		case look == 1:
			timer.Reset(recordsAgain)
		default:
			timer.Reset(recordsEvery)
		}
	}
}

// glance is what one look at the records found.
type glance struct {
	since   time.Time
	records int
	// late are the calls that nobody had told of, ended those whose end nobody had.
	late, ended int
}

// readPast tells what the records say and nobody has told.
func (s *session) readPast(ctx context.Context) (glance, error) {
	config, now := s.source.config, s.clock.at(time.Now())
	seen := glance{since: now.Add(-config.RecordsWithin)}
	if bound := s.clock.at(config.RecordsSince); bound.After(seen.since) {
		seen.since = bound
	}
	seen.since = seen.since.Truncate(time.Second) // calls are dated so
	file, err := readRecords(ctx, config.Records, seen.since)
	if err != nil {
		return seen, err
	}
	s.source.complain(file)
	seen.records = len(file.records)
	calls := recordedCalls(file.records)
	s.source.past.forget(seen.since)
	calls = slices.DeleteFunc(calls, func(c recorded) bool {
		_, done := s.source.past[c.id]
		return done || !c.due(now, seen.since)
	})
	if len(calls) == 0 {
		return seen, nil
	}
	told, err := s.sink.Told(ctx, s.clock.here(first(calls)).Add(-toldMargin))
	if err != nil {
		return seen, fmt.Errorf("ask for what was told: %w", err)
	}
	return seen, s.tellPast(ctx, calls, told, &seen)
}

// due reports whether a call may be told: it did not begin too early, and has been
// over for long enough.
func (c recorded) due(now, since time.Time) bool {
	return !c.end().After(now.Add(-recordsSettle)) && !begun(c.id).Before(since)
}

// first is when the first of some calls began.
func first(calls []recorded) time.Time {
	earliest := begun(calls[0].id)
	for _, c := range calls {
		earliest = earlier(earliest, begun(c.id))
	}
	return earliest
}

// tellPast appends what nobody told of the calls.
func (s *session) tellPast(ctx context.Context, calls []recorded, told telephony.Told, seen *glance) error {
	live, err := s.sink.Live(ctx)
	if err != nil {
		return fmt.Errorf("ask for live legs: %w", err)
	}
	going := make(map[telephony.CallID]bool)
	for _, leg := range live {
		going[leg.Call] = true
	}
	extras := s.extras(ctx, calls, told, seen.since)
	for _, c := range calls {
		events, known, over := s.unheard(c, told, going)
		if !known {
			events = append(events, extras[c.id]...)
			seen.late++
		} else if len(events) > 0 {
			seen.ended++
		}
		for _, call := range byCall(events) {
			if err := s.pack.Append(ctx, call); err != nil {
				return err
			}
		}
		if over {
			s.source.past[c.id] = c.end()
		}
	}
	s.source.count.late.Add(uint64(seen.late))   //nolint:gosec // not negative
	s.source.count.ended.Add(uint64(seen.ended)) //nolint:gosec // not negative
	return nil
}

// unheard is what the records of a call say and nobody told: all of it, or how it
// went on after the last that was heard. It reports whether the call was known,
// and whether it is over.
func (s *session) unheard(c recorded, told telephony.Told, going map[telephony.CallID]bool) (events []telephony.Event, known, over bool) {
	parts := s.knownAs(c, told)
	if len(parts) == 0 {
		return s.translate.tellRecords(c, s.callID(c.id), func(string) string { return "" }, 0), false, true
	}
	over = true
	for id, part := range parts {
		if over = over && !going[id]; !going[id] {
			events = append(events, s.ending(id, part, told)...)
		}
	}
	return events, true, over
}

// knownAs are the calls that were told of and that the records belong to, with
// those that do.
func (s *session) knownAs(c recorded, told telephony.Told) map[telephony.CallID]recorded {
	var main telephony.CallID
	of := func(r cdr) telephony.CallID { return cmp.Or(told[r.uniqueid].Call, told[r.linkedid].Call) }
	for _, r := range c.records {
		main = cmp.Or(main, of(r))
	}
	if main == "" {
		return nil
	}
	parts := make(map[telephony.CallID]recorded)
	for _, r := range c.records {
		id := cmp.Or(of(r), main)
		part := parts[id]
		part.id = id.Native()
		part.records = append(part.records, r)
		parts[id] = part
	}
	return parts
}

// ending tells how a call went on of which nobody reported the end, nothing of
// others. Who was at it by the records is who was by what was told, as far as one
// leg of that endpoint was found gone.
func (s *session) ending(id telephony.CallID, c recorded, told telephony.Told) []telephony.Event {
	gone := make(map[string][]string) // by endpoint
	for leg, t := range told {
		if t.Call == id && t.Gone {
			gone[t.Endpoint] = append(gone[t.Endpoint], leg)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	events := s.translate.tellRecords(c, id, func(endpoint string) string {
		if legs := gone[endpoint]; len(legs) == 1 {
			return legs[0]
		}
		return ""
	}, wholeSecond)
	ended := make(map[string]bool)
	for _, e := range events {
		if e.Kind == telephony.LegEnded {
			ended[e.Leg] = true
		}
	}
	for _, legs := range gone {
		for _, leg := range legs {
			if !ended[leg] {
				events = append(events, telephony.Event{
					ID: pbx.Digest(string(id), "cdr", string(telephony.LegEnded), leg), Call: id, Kind: telephony.LegEnded, Leg: leg,
					Time: c.end().Add(wholeSecond), Ordinal: pbx.Ranks[telephony.LegEnded] << 16, Late: true,
				})
			}
		}
	}
	return events
}

// byCall cuts events into those of each call, in their order.
func byCall(events []telephony.Event) [][]telephony.Event {
	var cut [][]telephony.Event
	for from := 0; from < len(events); {
		to := from
		for to < len(events) && events[to].Call == events[from].Call {
			to++
		}
		cut = append(cut, events[from:to:to])
		from = to
	}
	return cut
}

// forget drops what is too old to be met again.
func (p past) forget(since time.Time) {
	for id, ended := range p {
		if ended.Before(since) {
			delete(p, id)
		}
	}
}

// complain says once what is wrong with the records.
func (s *Source) complain(file recordFile) {
	if file.short > 0 && len(file.records) == 0 {
		s.once("records without uniqueid", logrus.Fields{"file": s.config.Records},
			"call records have no uniqueid and are not used: loguniqueid=yes in [csv] of cdr.conf")
	}
	if file.bad > 0 {
		s.once("bad records", logrus.Fields{"file": s.config.Records, "lines": file.bad},
			"call records not understood and passed over")
	}
	if !file.whole {
		s.once("many records", logrus.Fields{"file": s.config.Records, "records": len(file.records)},
			"more call records than are looked at: the oldest are left out")
	}
}
