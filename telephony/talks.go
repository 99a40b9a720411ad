package telephony

import (
	"slices"
	"strings"
	"time"
)

// bridgeMove is how long a leg may be between two bridges and go on talking:
// while a phone system takes helper channels out of the way, or moves a
// transferred caller over, it leaves one and enters another within some
// milliseconds (captures i1 and i2 of Asterisk 22: less than one).
const bridgeMove = 500 * time.Millisecond

// hearing says whom a leg hears now.
type hearing struct{ anybody, outside bool }

// enter notes that a leg is in a bridge.
func (f *folding) enter(l *Leg, e Event) {
	if !l.EndedAt.IsZero() || slices.Contains(f.bridges[e.Bridge], e.Leg) {
		return
	}
	f.bridges[e.Bridge] = append(f.bridges[e.Bridge], e.Leg)
	f.listen(e.Time)
}

// leave notes that a leg is in a bridge no more.
func (f *folding) leave(bridge, leg string, at time.Time) {
	in := f.bridges[bridge]
	i := slices.Index(in, leg)
	if i < 0 {
		return
	}
	if in = slices.Delete(in, i, i+1); len(in) == 0 {
		delete(f.bridges, bridge)
	} else {
		f.bridges[bridge] = in
	}
	f.listen(at)
}

// listen finds out who hears whom, and begins and ends talks by it.
func (f *folding) listen(at time.Time) {
	heard := f.hear()
	for leg := range heard {
		if l := f.legs[leg]; l.TalkedAt.IsZero() {
			l.TalkedAt = at
		}
	}
	f.inside = f.talk(f.inside, at, heard, func(h hearing) bool { return h.anybody })
	f.outside = f.talk(f.outside, at, heard, func(h hearing) bool { return h.outside })
}

// hear has the legs that hear somebody. Who is in one bridge hears each other,
// and so do those in two bridges that a helper's two ends are in.
func (f *folding) hear() map[string]hearing {
	heard := make(map[string]hearing)
	for _, room := range f.rooms() {
		people, outside := 0, 0
		for _, leg := range room {
			if l := f.legs[leg]; l.Side != SideHelper {
				people++
				outside += btoi(l.outside())
			}
		}
		for _, leg := range room {
			l := f.legs[leg]
			others := outside - btoi(l.outside())
			if l.Side != SideHelper && people > 1 {
				heard[leg] = hearing{anybody: true, outside: others > 0 || heard[leg].outside}
			}
		}
	}
	return heard
}

// rooms are the bridges, those joined that a helper channel connects. Both ends
// of a helper have the same endpoint.
func (f *folding) rooms() [][]string {
	var rooms [][]string
	at := make(map[string]int) // of each wire, the room of its first end
	for _, in := range f.bridges {
		into := len(rooms)
		rooms = append(rooms, slices.Clone(in))
		for _, leg := range in {
			if l := f.legs[leg]; l.Side == SideHelper && l.Endpoint != "" {
				other, found := at[l.Endpoint]
				if found && other != into {
					into = f.joinRooms(rooms, at, into, other)
				}
				at[l.Endpoint] = into
			}
		}
	}
	return rooms
}

// joinRooms empties room b into room a, and returns a.
func (f *folding) joinRooms(rooms [][]string, at map[string]int, a, b int) int {
	rooms[a] = append(rooms[a], rooms[b]...)
	rooms[b] = nil
	for wire, room := range at {
		if room == b {
			at[wire] = a
		}
	}
	return a
}

// talk ends the talks of agents who hear nobody any more, and begins those of
// agents who now do. One who was between two bridges for a moment goes on. Those who
// begin in the same moment stand in the order of their legs' ids.
func (f *folding) talk(talks []Talk, at time.Time, heard map[string]hearing, counts func(hearing) bool) []Talk {
	before := len(talks)
	for i, t := range talks {
		if t.Until.IsZero() && !counts(heard[t.Leg]) {
			talks[i].Until = at
		}
	}
	for leg, h := range heard {
		l := f.legs[leg]
		if !l.Ours() || !counts(h) {
			continue
		}
		last := -1
		for i, t := range talks {
			if t.Leg == leg {
				last = i
			}
		}
		switch {
		case last < 0 || (!talks[last].Until.IsZero() && at.Sub(talks[last].Until) > bridgeMove):
			talks = append(talks, Talk{Endpoint: l.Phone(), Leg: leg, From: at})
		default:
			talks[last].Until = time.Time{}
		}
	}
	slices.SortFunc(talks[before:], func(a, b Talk) int { return strings.Compare(a.Leg, b.Leg) })
	return talks
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
