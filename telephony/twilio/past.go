package twilio

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	openapi "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/talkbridge/talkbridge/telephony"
)

// tellPast appends what nobody told of some calls.
func (s *Source) tellPast(ctx context.Context, sink telephony.Sink, families []family, seen *glance) error {
	told, err := sink.Told(ctx, families[0].began().Add(-toldMargin))
	if err != nil {
		return fmt.Errorf("ask for what was told: %w", err)
	}
	legs, err := sink.Live(ctx)
	if err != nil {
		return fmt.Errorf("ask for live legs: %w", err)
	}
	going := make(map[telephony.CallID]bool)
	for _, leg := range legs {
		going[leg.Call] = true
	}
	recordings, err := s.listRecordings(ctx, seen.since)
	if err != nil {
		return err
	}
	open, err := s.unclaimed(ctx, families[0].began())
	if err != nil {
		return err
	}
	for _, f := range families {
		order := s.placedPast(f, told, open)
		call := s.translate.callID(cmp.Or(order, f.root))
		_, known := told[f.root]
		over, _ := f.over()
		var events []telephony.Event
		switch {
		case !known:
			events = append(s.translate.past(f, order), s.translate.pastRecordings(f.root, order, recordings[f.root], true)...)
			seen.late++
		case going[call]:
			events = append(s.translate.past(f, order), s.translate.pastRecordings(f.root, order, recordings[f.root], false)...)
			for i := range f.records {
				events = append(events, s.translate.gone(call, text(f.records[i].Sid), s.now().UTC()))
			}
			seen.ended++
		case s.begun.Sub(over) < time.Hour:
			events = s.translate.pastRecordings(f.root, order, recordings[f.root], false) // it may have come while nobody listened
		}
		if len(events) > 0 {
			if err := sink.Append(ctx, events); err != nil {
				return err
			}
		}
		s.known.add(f.root)
		s.past[f.root] = true
	}
	return nil
}

// past is the story of a call by its records. No answer time is in them: a leg that
// was dialled was answered its duration before its end.
func (t *translator) past(f family, order string) []telephony.Event {
	var events []telephony.Event
	for i := range f.records {
		events = append(events, t.pastLeg(&f.records[i], f.root, order)...)
	}
	return events
}

// pastLeg is the story of one leg by its record, which is over.
func (t *translator) pastLeg(record *openapi.ApiV2010Call, root, order string) []telephony.Event {
	began, err := beginning(record)
	if err != nil {
		return nil
	}
	over, err := ending(record)
	if err != nil {
		return nil
	}
	over = later(over, began)
	c, leg := recordAsCallback(record, over).of(order), text(record.Sid)
	certain := *t
	certain.whispers, certain.answers = false, false // records do not tell who declined, nor that all was heard
	w := certain.tell(c, root, over)
	if leg == root {
		w.events = certain.began(c, leg, began).events
		w.root(leg)
	} else {
		e := w.add(telephony.LegStarted, leg, "started")
		to := readAddress(c.form.Get("To"))
		e.Side, e.Endpoint, e.Time = to.side, to.endpoint, began
		w.child(leg, root)
	}
	events := w.done()
	for i := range events {
		e := &events[i]
		e.ID, e.Late, e.Estimated = digest(e.ID, "late"), true, false
		if e.Kind == telephony.LegDialled {
			e.Time = began
		}
	}
	return events
}

// gone tells that a leg is no more, by our clock. What its record says of the end is
// better, unless that was before the last that was heard of the call: two clocks
// date it.
func (t *translator) gone(call telephony.CallID, leg string, now time.Time) telephony.Event {
	return telephony.Event{
		ID: digest(t.site, t.source, leg, "ended"), Call: call, Kind: telephony.LegEnded, Leg: leg, Time: now, Ordinal: ranks[telephony.LegEnded] << 16,
		Estimated: true,
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// listRecordings has the recordings of some days by the calls that they are of.
func (s *Source) listRecordings(ctx context.Context, since time.Time) (map[string][]openapi.ApiV2010Recording, error) {
	params := &openapi.ListRecordingParams{}
	params.SetPageSize(pageSize)
	params.SetDateCreatedAfter(since.Add(-day).Truncate(day))
	recordings := make(map[string][]openapi.ApiV2010Recording)
	seen := make(map[string]bool)
	var next page
	for range maxPages {
		list, err := s.api.service(ctx).PageRecording(params, next.token, next.number)
		if err != nil {
			return nil, fmt.Errorf("list recordings: %w", explain(err))
		}
		for _, r := range list.Recordings {
			if call, sid := text(r.CallSid), text(r.Sid); call != "" && !seen[sid] {
				seen[sid] = true
				recordings[call] = append(recordings[call], r)
			}
		}
		if next = nextPage(list.NextPageUri); next == (page{}) {
			break
		}
	}
	return recordings, nil
}

// pastRecordings tells of the recordings of a call. late says that nothing of the
// call was heard; otherwise they count like any other news of it.
func (t *translator) pastRecordings(root, order string, recordings []openapi.ApiV2010Recording, late bool) []telephony.Event {
	var events []telephony.Event
	for i := range recordings {
		r := &recordings[i]
		sid := text(r.Sid)
		at, err := parseTime(text(r.StartTime))
		if err != nil {
			at, err = parseTime(text(r.DateCreated))
		}
		if err != nil || text(r.Status) != "completed" || !sidForm.MatchString(sid) {
			continue
		}
		c := callback{hook: "record", received: at, form: map[string][]string{
			"RecordingDuration": {text(r.Duration)}, "RecordingSid": {sid}, "RecordingUrl": {text(r.MediaUrl)},
		}}
		w := t.tell(c.of(order), root, at.Add(c.seconds("RecordingDuration")))
		url := c.path(text(r.AccountSid), sid)
		if text(r.Source) == "RecordVerb" {
			w.message(sid, url)
		} else {
			w.recorded(sid, url)
		}
		for _, e := range w.done() {
			e.Late = late
			events = append(events, e)
		}
	}
	return events
}

// askLive asks about legs that go on for long, the oldest first: of one that is over
// nobody told the end.
func (s *Source) askLive(ctx context.Context, sink telephony.Sink) error {
	legs, err := sink.Live(ctx)
	if err != nil {
		return fmt.Errorf("ask for live legs: %w", err)
	}
	before := s.now().Add(-liveAfter)
	legs = slices.DeleteFunc(legs, func(l telephony.LiveLeg) bool { return !sidForm.MatchString(l.Leg) || l.Since.After(before) })
	slices.SortFunc(legs, func(a, b telephony.LiveLeg) int { return a.Since.Compare(b.Since) })
	for _, leg := range legs[:min(len(legs), maxLive)] {
		record, err := s.api.service(ctx).FetchCall(leg.Leg, nil)
		if err != nil {
			return fmt.Errorf("ask about call %s: %w", leg.Leg, explain(err))
		}
		over, err := ending(record)
		if err != nil || !ended(text(record.Status)) || over.After(s.now().Add(-recordsSettle)) {
			continue
		}
		root, order := leg.Call.Native(), ""
		if telephony.IsDialledID(root) {
			root, order = cmp.Or(text(record.ParentCallSid), leg.Leg), root
		}
		events := append(s.translate.pastLeg(record, root, order), s.translate.gone(leg.Call, leg.Leg, s.now().UTC()))
		if err := sink.Append(ctx, events); err != nil {
			return err
		}
		s.count.ended.Add(1)
	}
	return nil
}

// recall remembers which calls were told to begin, so that nobody has to be asked.
func (s *Source) recall(ctx context.Context, sink telephony.Sink) error {
	s.begun = s.now().UTC()
	s.deaf()
	told, err := sink.Told(ctx, s.begun.Add(-recordsOverlap))
	if err != nil {
		return fmt.Errorf("ask for what was told: %w", err)
	}
	for leg, t := range told {
		if t.Call.Native() == leg && t.Endpoint != "" {
			s.known.add(leg)
		}
		if order := t.Call.Native(); telephony.IsDialledID(order) {
			s.placed.add(leg, order)
			s.known.add(leg)
		}
	}
	return nil
}
