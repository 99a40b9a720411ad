package twilio

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sirupsen/logrus"
	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// recordsSettle is how long a call must have been over for its record to be
	// used: until then callbacks may come, and Twilio's lists lag.
	recordsSettle = 15 * time.Second
	// recordsEvery is how often the lists are looked at, recordsAgain when the
	// second time after a start, and recordsRetry after a failure.
	recordsEvery, recordsAgain, recordsRetry = time.Hour, 20 * time.Second, time.Minute
	// recordsOverlap is how far a look reaches back before the last one: the
	// lists lag by a quarter of an hour, and a call lasts four hours at most by itself.
	recordsOverlap = 15*time.Minute + 4*time.Hour
	// liveEvery is how often those are asked about that should have ended, liveAfter
	// how long they must have lasted, and maxLive how many are at a time.
	liveEvery, liveAfter, maxLive = 5 * time.Minute, 2 * time.Minute, 100
	// toldMargin is how much earlier than a call began the journal may have been
	// told of it: clocks differ.
	toldMargin = time.Hour
	day        = 24 * time.Hour
)

// backfill looks at Twilio's lists after the start of a session and from then on
// now and again, and asks about calls that go on for long, until ctx is over.
func (s *Source) backfill(ctx context.Context, sink telephony.Sink) {
	if s.config.RecordsWithin <= 0 {
		return
	}
	lists, live := time.NewTimer(s.waits.settle), time.NewTicker(s.waits.live)
	defer lists.Stop()
	defer live.Stop()
	next := time.Now().Add(s.waits.settle)
	wait := func(d time.Duration) { next = time.Now().Add(d); lists.Reset(d) }
	for look := 1; ; {
		select {
		case <-ctx.Done():
			return
		case <-live.C:
			if err := s.askLive(ctx, sink); err != nil && ctx.Err() == nil {
				s.once("live: "+err.Error(), logrus.Fields{"err": err.Error()}, "calls that go on for long cannot be asked about")
			}
			continue
		case <-s.soon:
			if time.Until(next) > s.waits.retry {
				wait(s.waits.retry)
			}
			continue
		case <-lists.C:
		}
		seen, err := s.readLists(ctx, sink)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.once("lists: "+err.Error(), logrus.Fields{"err": err.Error()}, "Twilio's lists of calls cannot be read: calls that nobody heard of stay unknown")
			wait(s.waits.retry)
			continue
		case look == 1 || seen.late+seen.ended > 0:
			s.log.WithFields(logrus.Fields{
				"records": seen.records, "since": seen.since.Format(time.RFC3339), "calls": seen.late, "ends": seen.ended,
			}).Info("Twilio's lists of calls looked at")
		}
		if wait(recordsEvery); look == 1 {
			wait(recordsAgain)
		}
		look++
	}
}

// once logs a trouble when it is another than the last.
func (s *Source) once(trouble string, fields logrus.Fields, message string) {
	if s.trouble != trouble {
		s.trouble = trouble
		s.log.WithFields(fields).Warn(message)
	}
}

// glance is what one look at the lists found.
type glance struct {
	since   time.Time
	records int
	// late are the calls that nobody had told of, ended those whose end nobody had.
	late, ended int
}

// family are the records of one call, the root's first.
type family struct {
	root    string
	records []openapi.ApiV2010Call
}

// readLists tells what the lists say and nobody has told.
func (s *Source) readLists(ctx context.Context, sink telephony.Sink) (glance, error) {
	now := s.now().UTC()
	seen := glance{since: s.since(now)}
	records, err := s.listCalls(ctx, seen.since, now)
	if err != nil {
		return seen, err
	}
	seen.records = len(records)
	families := slices.DeleteFunc(familiesOf(records), func(f family) bool {
		return s.past[f.root] || !f.due(seen.since, now)
	})
	if len(families) > 0 {
		if err := s.tellPast(ctx, sink, families, &seen); err != nil {
			return seen, err
		}
	}
	s.looked = now
	s.count.late.Add(uint64(seen.late))   //nolint:gosec // not negative
	s.count.ended.Add(uint64(seen.ended)) //nolint:gosec // not negative
	return seen, nil
}

// since is before when no call is told.
func (s *Source) since(now time.Time) time.Time {
	since := now.Add(-s.config.RecordsWithin)
	for _, bound := range []time.Time{s.config.RecordsSince, s.looked.Add(-recordsOverlap)} {
		if bound.After(since) {
			since = bound.UTC()
		}
	}
	return since
}

// listCalls has the calls of some days. Twilio filters by day, and finds nothing
// from a day to the same day: so the day before and the one after are asked for too.
// Pages move while they are read; a record may come twice.
func (s *Source) listCalls(ctx context.Context, since, now time.Time) (map[string]openapi.ApiV2010Call, error) {
	params := &openapi.ListCallParams{}
	params.SetPageSize(pageSize)
	params.SetStartTimeAfter(since.Add(-day).Truncate(day))
	params.SetStartTimeBefore(now.Add(2 * day).Truncate(day))
	records := make(map[string]openapi.ApiV2010Call)
	var next page
	for range maxPages {
		list, err := s.api.service(ctx).PageCall(params, next.token, next.number)
		if err != nil {
			return nil, fmt.Errorf("list calls: %w", explain(err))
		}
		for _, record := range list.Calls {
			records[text(record.Sid)] = record
		}
		if next = nextPage(list.NextPageUri); next == (page{}) {
			return records, nil
		}
	}
	s.once("many", logrus.Fields{"records": len(records)}, "more calls than are looked at: some that nobody heard of stay unknown")
	return records, nil
}

// familiesOf gathers records by the leg that began the call, in the order in which
// the calls began.
func familiesOf(records map[string]openapi.ApiV2010Call) []family {
	gathered := make(map[string]*family)
	for _, sid := range slices.Sorted(maps.Keys(records)) {
		root := sid
		for range maxDepth {
			parent := text(records[root].ParentCallSid)
			if _, have := records[parent]; !have {
				break
			}
			root = parent
		}
		f := gathered[root]
		if f == nil {
			f = &family{root: root, records: []openapi.ApiV2010Call{records[root]}}
			gathered[root] = f
		}
		if sid != root {
			f.records = append(f.records, records[sid])
		}
	}
	var families []family
	for _, root := range slices.Sorted(maps.Keys(gathered)) {
		families = append(families, *gathered[root])
	}
	slices.SortStableFunc(families, func(a, b family) int { return a.began().Compare(b.began()) })
	return families
}

// maxDepth bounds how many legs dial each other.
const maxDepth = 8

// began is when the call did, zero if its record has no time.
func (f family) began() time.Time {
	at, err := beginning(&f.records[0])
	if err != nil {
		return time.Time{}
	}
	return at
}

// over is when the last leg ended, and whether all have.
func (f family) over() (time.Time, bool) {
	last := f.began()
	for i := range f.records {
		at, err := ending(&f.records[i])
		if err != nil || !ended(text(f.records[i].Status)) {
			return last, false
		}
		if at.After(last) {
			last = at
		}
	}
	return last, true
}

// ending is when a leg ended; one that never rang has only the time of its last
// change.
func ending(record *openapi.ApiV2010Call) (time.Time, error) {
	for _, text := range []*string{record.EndTime, record.DateUpdated, record.StartTime, record.DateCreated} {
		if text != nil && *text != "" {
			return parseTime(*text)
		}
	}
	return time.Time{}, errors.New("its record has no time")
}

// due reports whether a call may be told: it began late enough, it is over for
// long enough, and its first leg is a root.
func (f family) due(since, now time.Time) bool {
	last, over := f.over()
	return over && !f.began().Before(since) && last.Before(now.Add(-recordsSettle)) && text(f.records[0].ParentCallSid) == "" &&
		sidForm.MatchString(f.root)
}
