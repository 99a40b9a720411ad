package asterisk

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// recorded is one call as its records tell it, in the order of what they tell.
type recorded struct {
	id      string // as the Linkedid of its events would have been
	records []cdr
	// links are the calls that it became one with.
	links []meeting
	// moved says of channels that went on in another call when they ended there.
	moved map[string]time.Time
}

// meeting says that a channel of one call was in another one before.
type meeting struct {
	other, channel string
	at             time.Time
}

// end is when the last of its records ends.
func (c recorded) end() time.Time {
	var last time.Time
	for _, r := range c.records {
		if r.end.After(last) {
			last = r.end
		}
	}
	return last
}

// sameWire is how far apart the times may be that two records tell of one helper
// channel: its name is used again after a restart.
const sameWire = 2 * time.Second

// recordedCalls joins records that are of one call: they share a Linkedid, a
// Uniqueid, or, where Linkedids are not logged, the two ends of a helper channel.
// The id of a call is the oldest of its Linkedids, or else of its Uniqueids: the
// Linkedid of a call is the Uniqueid of the channel that began it.
func recordedCalls(records []cdr) []recorded {
	z := zonesOf(records)
	for i := range records {
		z.settle(&records[i])
	}
	slices.SortStableFunc(records, func(a, b cdr) int {
		// The second end of a helper runs the dialplan before its first is joined.
		return cmp.Or(a.start.Compare(b.start), -compareBool(isSecondEnd(a.channel), isSecondEnd(b.channel)),
			cmp.Compare(a.sequence, b.sequence), older(a.uniqueid, b.uniqueid))
	})
	sets := newSets(len(records))
	first := make(map[string]int) // of each id, the first record that has it
	wires := make(map[string]int) // of each wire, the last one
	for i, r := range records {
		for _, id := range []string{r.uniqueid, r.linkedid} {
			if k, known := first[id]; known {
				sets.join(i, k)
			} else if id != "" {
				first[id] = i
			}
		}
		for _, channel := range []string{r.channel, r.dstChannel} {
			if r.linkedid != "" || pbx.Side(pbx.Endpoint(channel), nil) != telephony.SideHelper {
				continue
			}
			if k, known := wires[pbx.Endpoint(channel)]; known && !r.start.After(records[k].end.Add(sameWire)) {
				sets.join(i, k)
			}
			wires[pbx.Endpoint(channel)] = i
		}
	}
	calls := make([]recorded, 0, len(records)/2)
	at := make(map[int]int) // of each set, its call
	for i, r := range records {
		set := sets.of(i)
		k, known := at[set]
		if !known {
			k = len(calls)
			at[set] = k
			calls = append(calls, recorded{})
		}
		calls[k].records = append(calls[k].records, r)
	}
	for i := range calls {
		calls[i].id = idOf(calls[i].records)
	}
	linkCalls(calls, records, func(i int) int { return at[sets.of(i)] })
	return calls
}

// linkCalls finds the calls that became one: in a transfer that a phone does by
// itself, a colleague or an outside party is asked in a call of its own, and then
// its channel is in the first one. of is the call of a record.
func linkCalls(calls []recorded, records []cdr, of func(int) int) {
	before := make(map[string]int) // of each channel, the record that it was in last
	for i, r := range records {
		for _, channel := range []string{r.channel, r.dstChannel} {
			if channel == "" {
				continue
			}
			k, known := before[channel]
			if !known || of(k) == of(i) || r.start.After(records[k].end.Add(sameWire)) {
				before[channel] = i
				continue
			}
			from := &calls[of(k)]
			if from.moved == nil {
				from.moved = make(map[string]time.Time)
			}
			if r.end.After(from.moved[channel]) {
				from.moved[channel] = r.end
			}
			c, other := &calls[of(i)], from.id
			told := func(l meeting) bool { return l.other == other }
			if len(c.links) < maxLinks && !slices.ContainsFunc(c.links, told) {
				c.links = append(c.links, meeting{other, channel, r.start})
			}
		}
	}
}

// maxLinks bounds how many calls one is linked with.
const maxLinks = 16

// idOf is the id of the call that has these records.
func idOf(records []cdr) string {
	id, linked := "", false
	for _, r := range records {
		switch {
		case r.linkedid != "" && (!linked || older(r.linkedid, id) < 0):
			id, linked = r.linkedid, true
		case r.linkedid == "" && !linked && (id == "" || older(r.uniqueid, id) < 0):
			id = r.uniqueid
		}
	}
	return id
}

// isSecondEnd reports whether a channel is the end of a helper that runs the
// dialplan.
func isSecondEnd(channel string) bool { return strings.HasSuffix(channel, ";2") }

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// sets are disjoint sets of the numbers from 0.
type sets []int

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func (s sets) of(i int) int {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(a, b int) {
	a, b = s.of(a), s.of(b)
	s[max(a, b)] = min(a, b)
}
