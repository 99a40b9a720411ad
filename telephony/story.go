package telephony

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// story is the events of one call, in order, one for each ID, as a call keeps
// them: packed. A call may go on for an hour, thousands may go on at once, and an
// Event as a value takes ten times as much. A copy of a story stays what it was.
type story struct {
	n int
	// facts are the events, each behind its length; see pack.
	facts string
	// texts holds each text of the events once, behind its length. Facts name
	// them by their place, from 1.
	texts string
}

// key is what events are told apart and ordered by.
type key struct {
	id      string
	sec     int64
	nsec    uint64
	ordinal uint64
}

func keyOf(e Event) key {
	return key{e.ID, e.Time.Unix(), uint64(e.Time.Nanosecond()), e.Ordinal} //nolint:gosec // below 1e9
}

// compare is Event.compare.
func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.sec, o.sec), cmp.Compare(k.nsec, o.nsec), cmp.Compare(k.ordinal, o.ordinal), cmp.Compare(k.id, o.id))
}

// find says where in facts the event with that ID begins, -1 if there is none,
// and where it belongs by its order.
func (s *story) find(k key) (same, place int) {
	same, place = -1, len(s.facts)
	for r := (reader{s.facts}); r.rest != ""; {
		at := len(s.facts) - len(r.rest)
		fact := reader{r.text()}
		have := fact.key()
		if have.id == k.id {
			same = at
		}
		if place == len(s.facts) && have.compare(k) > 0 {
			place = at
		}
	}
	return same, place
}

// at is the event that begins at a place.
func (s *story) at(call CallID, place int) Event {
	r := reader{s.facts[place:]}
	return unpack(call, r.text(), s.table(nil))
}

// remove takes away the event that begins at a place.
func (s *story) remove(place int) {
	r := reader{s.facts[place:]}
	r.text()
	s.facts = s.facts[:place] + r.rest
	s.n--
}

// insert puts an event at a place.
func (s *story) insert(place int, e Event) {
	s.facts = s.facts[:place] + string(appendText(nil, s.pack(e))) + s.facts[place:]
	s.n++
}

// events unpacks the story.
func (s *story) events(call CallID) []Event {
	room := scratch{events: make([]Event, 0, s.n)}
	return room.unpack(s, call)
}

// scratch is room in which a story is unpacked for a moment. The zero value is empty.
type scratch struct {
	events []Event
	table  []string
}

// largestScratch bounds the events for which room is kept.
const largestScratch = 256

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// unpack returns the events of a story. They are only there until release.
func (r *scratch) unpack(s *story, call CallID) []Event {
	r.events, r.table = slices.Grow(r.events[:0], s.n), s.table(r.table[:0])
	for facts := (reader{s.facts}); facts.rest != ""; {
		r.events = append(r.events, unpack(call, facts.text(), r.table))
	}
	return r.events
}

// release gives the room to the next one.
func (r *scratch) release() {
	if cap(r.events) > largestScratch {
		return
	}
	clear(r.events)
	clear(r.table)
	scratches.Put(r)
}

// table adds the texts by their numbers.
func (s *story) table(table []string) []string {
	table = append(slices.Grow(table, 32), "")
	for r := (reader{s.texts}); r.rest != ""; {
		table = append(table, r.text())
	}
	return table
}

// number names a text, which is added if it is new.
func (s *story) number(text string) uint64 {
	n := uint64(1)
	for r := (reader{s.texts}); r.rest != ""; n++ {
		if r.text() == text {
			return n
		}
	}
	s.texts += string(appendText(nil, text))
	return n
}

// texts are the fields of an event that are packed as numbers of texts.
func (e *Event) texts() [15]*string {
	return [...]*string{
		(*string)(&e.Kind), &e.Leg, (*string)(&e.Side), &e.Endpoint, &e.Party.Number, &e.Party.Name, &e.Dialled, &e.Peer, &e.Bridge,
		(*string)(&e.Status), (*string)(&e.Other), &e.Name, &e.Value, &e.Path, &e.Party.Location,
	}
}

// pack writes an event: its key, its flags and cause, which of its texts are not
// empty, and their numbers. Call and Raw are left out.
func (s *story) pack(e Event) string {
	k := keyOf(e)
	b := binary.AppendVarint(appendText(make([]byte, 0, 64), k.id), k.sec)
	b = binary.AppendUvarint(binary.AppendUvarint(b, k.nsec), k.ordinal)
	var flags, present uint64
	for i, set := range [...]bool{e.First, e.Estimated, e.Party.Withheld, e.Position != 0, e.Late} {
		if set {
			flags |= 1 << i
		}
	}
	b = binary.AppendVarint(binary.AppendUvarint(b, flags), int64(e.Cause))
	if e.Position != 0 {
		b = binary.AppendVarint(b, int64(e.Position))
	}
	texts := e.texts()
	for i, text := range texts {
		if *text != "" {
			present |= 1 << i
		}
	}
	b = binary.AppendUvarint(b, present)
	for _, text := range texts {
		if *text != "" {
			b = binary.AppendUvarint(b, s.number(*text))
		}
	}
	return string(b)
}

// unpack reads what pack wrote.
func unpack(call CallID, fact string, table []string) Event {
	r := reader{fact}
	k := r.key()
	e := Event{ID: k.id, Call: call, Time: time.Unix(k.sec, int64(k.nsec)).UTC(), Ordinal: k.ordinal} //nolint:gosec // below 1e9
	flags := r.uvarint()
	e.First, e.Estimated, e.Party.Withheld, e.Late = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&16 != 0
	e.Cause = int(r.varint())
	if flags&8 != 0 {
		e.Position = int(r.varint())
	}
	present := r.uvarint()
	for i, text := range e.texts() {
		if present&(1<<i) != 0 {
			*text = table[r.uvarint()]
		}
	}
	return e
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// reader reads what was packed, which is always whole: it never left the memory.
type reader struct{ rest string }

// uvarint reads what binary.AppendUvarint wrote, which encoding/binary reads from
// bytes only.
func (r *reader) uvarint() (v uint64) {
	for shift := 0; ; shift += 7 {
		b := r.rest[0]
		r.rest = r.rest[1:]
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) text() string {
	size := r.uvarint()
	text := r.rest[:size]
	r.rest = r.rest[size:]
	return text
}

func (r *reader) key() key {
	return key{id: r.text(), sec: r.varint(), nsec: r.uvarint(), ordinal: r.uvarint()}
}
