package bridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Candidate is one of several users whose call it may be.
type Candidate struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// choice is whom a search came to.
type choice struct {
	// id is the user, 0 if it is nobody of those that were found.
	id  int64
	how string
	// several are the users who share the number, if none of them is taken or
	// one was by the policy.
	several []hit
	// standIn says that it is the user whom talkbridge made.
	standIn bool
}

// choose picks among what a search returned. A direct line comes before a
// number that others may have too; of several who have it the policy picks; and
// whom talkbridge made for want of anybody comes last. active is when each of
// them was active last, for SharedActive.
func choose(hits []hit, shared SharedNumbers, active map[int64]time.Time) choice {
	hits = slices.Clone(hits)
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	if i := slices.IndexFunc(hits, func(h hit) bool { return h.candidate() && h.direct() }); i >= 0 {
		return choice{id: hits[i].ID, how: howDirect}
	}
	var c choice
	several := rivals(hits)
	if len(several) > 1 {
		c.several = several
	}
	if picked, found := pick(several, shared, active); found {
		c.id, c.how = picked.ID, howShared
		if picked.place == inField {
			c.how = howField
		}
		return c
	}
	i := slices.IndexFunc(hits, func(h hit) bool { return h.exact && h.excluded == "" && h.standIn })
	if i >= 0 {
		c.id, c.how, c.standIn = hits[i].ID, howDirect, true
	}
	return c
}

// rivals are those who have the number and may share it.
func rivals(hits []hit) []hit {
	return slices.DeleteFunc(slices.Clone(hits), func(h hit) bool { return !h.candidate() })
}

// pick takes one of several, the oldest first, as the policy says.
func pick(several []hit, shared SharedNumbers, active map[int64]time.Time) (hit, bool) {
	switch {
	case len(several) == 0:
		return hit{}, false
	case len(several) == 1, shared == SharedOldest:
		return several[0], true
	case shared == SharedNewest:
		return several[len(several)-1], true
	case shared == SharedActive:
		return slices.MaxFunc(several, func(a, b hit) int {
			return cmp.Or(active[a.ID].Compare(active[b.ID]), a.UpdatedAt.Compare(b.UpdatedAt), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		}), true
	}
	return hit{}, false // none, and tag
}

const (
	// maxActive bounds of how many users the last ticket is asked for. Beyond,
	// those whose profile was changed last are asked for.
	maxActive = 10
	// activeWithin bounds that: the page waits for it.
	activeWithin = 2 * time.Second
	// maxNamed bounds how many candidates a ticket names.
	maxNamed = 10
)

// choose is the function choose, with what Zendesk knows of the tickets of
// several who share the number. A ticket is what a customer did; a profile is
// also changed by whoever imports all of them at night, so it only decides
// between those without tickets. What Zendesk does not say must not hold up
// the call.
func (w *work) choose(ctx context.Context, hits []hit) choice {
	several := rivals(hits)
	if w.policy.Shared != SharedActive || len(several) < 2 || slices.ContainsFunc(several, hit.direct) {
		return choose(hits, w.policy.Shared, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, activeWithin)
	defer cancel()
	slices.SortFunc(several, func(a, b hit) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	active := make(map[int64]time.Time)
	for _, h := range several[:min(len(several), maxActive)] {
		last, found, err := w.b.zendesk.LastChangedTicket(ctx, h.ID)
		switch {
		case classify(err, false).kind == gone:
			hits = slices.DeleteFunc(slices.Clone(hits), func(o hit) bool { return o.ID == h.ID })
		case err != nil:
			w.warn(err).Warn("last tickets of users who share a number not found out")
			return choose(hits, w.policy.Shared, active)
		case found:
			active[h.ID] = last.UpdatedAt
		}
	}
	return choose(hits, w.policy.Shared, active)
}

// candidates are whom a ticket is to name: where none of several was taken, and
// the policy says that this is to be seen.
func (w *work) candidates(c choice) []Candidate {
	if w.policy.Shared != SharedTag || c.how == howShared || c.how == howField {
		return nil
	}
	var named []Candidate
	for _, h := range c.several[:min(len(c.several), maxNamed)] {
		named = append(named, Candidate{h.ID, clip(telephony.StripControls(h.Name), maxName)})
	}
	return named
}

// ambiguousTag is the tag of a ticket whose caller is one of several.
func (w *work) ambiguousTag() []string {
	if len(w.record.Candidates) == 0 {
		return nil
	}
	return []string{"caller_ambiguous"}
}

// ambiguity names those whose call it may be, for people.
func (w *work) ambiguity() string {
	if len(w.record.Candidates) == 0 {
		return ""
	}
	var names []string
	for _, c := range w.record.Candidates {
		names = append(names, fmt.Sprintf("%s (user %d)", c.Name, c.ID))
	}
	return strings.Join(names, ", ") + ": they share the caller's number"
}
