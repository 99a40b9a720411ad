package bridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// person is a hit with exactly the number; the id says how old he is.
func person(id int64, with ...func(*hit)) hit {
	h := hit{exact: true, User: zendesk.User{ID: id, Phone: customerA, Active: true, CreatedAt: second(float64(id)), UpdatedAt: second(1000)}}
	for _, change := range with {
		change(&h)
	}
	return h
}

func shares(h *hit)  { h.SharedPhoneNumber = true }
func stands(h *hit)  { h.standIn = true }
func fielded(h *hit) { h.place = inField }

// furthers has a phone that is shared, and the number as a further line of his own.
func furthers(h *hit)  { h.place, h.SharedPhoneNumber = inIdentity, true }
func elsewhere(h *hit) { h.exact = false }
func banned(h *hit)    { h.excluded = "suspended" }

func TestChoose(t *testing.T) {
	t.Parallel()
	both := []hit{person(2, shares), person(1, shares)}
	tests := []struct {
		name    string
		hits    []hit
		shared  SharedNumbers
		active  map[int64]time.Time
		want    int64
		how     string
		several int
		standIn bool
	}{
		{name: "nobody"},
		{name: "his own number", hits: []hit{person(1)}, want: 1, how: howDirect},
		{name: "the same ending elsewhere", hits: []hit{person(1, elsewhere), person(2)}, want: 2, how: howDirect},
		{name: "only the same ending", hits: []hit{person(1, elsewhere)}},
		{name: "suspended", hits: []hit{person(1, banned)}},
		{name: "suspended passed over for one who shares it", hits: []hit{person(1, banned), person(2, shares)}, want: 2, how: howShared},
		{name: "direct before shared", hits: []hit{person(1, shares), person(2)}, shared: SharedOldest, want: 2, how: howDirect},
		{name: "a further line before shared", hits: []hit{person(1, shares), person(2, furthers)}, shared: SharedOldest, want: 2, how: howDirect},
		{name: "direct before field", hits: []hit{person(1, fielded), person(2)}, want: 2, how: howDirect},
		{name: "two direct lines, the older user", hits: []hit{person(2), person(1)}, want: 1, how: howDirect},
		{name: "one shares it", hits: []hit{person(1, shares)}, want: 1, how: howShared},
		{name: "one by the field", hits: []hit{person(1, fielded)}, want: 1, how: howField},
		{name: "a field is as a shared number", hits: []hit{person(1, fielded), person(2, shares)}, shared: SharedNewest, want: 2, how: howShared, several: 2},
		{name: "the field's user may win", hits: []hit{person(1, fielded), person(2, shares)}, shared: SharedOldest, want: 1, how: howField, several: 2},
		{name: "several share it, nothing decided", hits: both, several: 2},
		{name: "several share it, none is taken", hits: both, shared: SharedNone, several: 2},
		{name: "several share it, and it is told", hits: both, shared: SharedTag, several: 2},
		{name: "several share it, the oldest", hits: both, shared: SharedOldest, want: 1, how: howShared, several: 2},
		{name: "several share it, the newest", hits: both, shared: SharedNewest, want: 2, how: howShared, several: 2},
		{name: "the one whose ticket changed last", hits: both, shared: SharedActive, active: map[int64]time.Time{1: second(9), 2: second(8)}, want: 1, how: howShared, several: 2},
		{name: "a ticket before a changed profile", hits: []hit{person(2, shares, func(h *hit) { h.UpdatedAt = second(5000) }), person(1, shares)}, shared: SharedActive, active: map[int64]time.Time{1: second(9)}, want: 1, how: howShared, several: 2},
		{name: "nobody has tickets: whose profile changed last", hits: []hit{person(2, shares), person(1, shares, func(h *hit) { h.UpdatedAt = second(5000) })}, shared: SharedActive, want: 1, how: howShared, several: 2},
		{name: "nothing tells them apart: the newest", hits: both, shared: SharedActive, want: 2, how: howShared, several: 2},
		{name: "a stand-in is better than nobody", hits: []hit{person(1, stands)}, want: 1, how: howDirect, standIn: true},
		{name: "one found later before the stand-in", hits: []hit{person(1, stands), person(2, shares)}, want: 2, how: howShared},
		{name: "a stand-in is none of several", hits: []hit{person(1, stands), person(2, shares), person(3, fielded)}, shared: SharedOldest, want: 2, how: howShared, several: 2},
		{name: "none of several: the stand-in", hits: []hit{person(1, stands), person(2, shares), person(3, shares)}, shared: SharedTag, want: 1, how: howDirect, several: 2, standIn: true},
		{name: "a stand-in who is suspended", hits: []hit{person(1, stands, banned)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := choose(test.hits, test.shared, test.active)
			require.Equal(t, test.want, got.id)
			require.Equal(t, test.how, got.how)
			require.Len(t, got.several, test.several)
			require.Equal(t, test.standIn, got.standIn)
		})
	}
}

func TestHoldsNumber(t *testing.T) {
	t.Parallel()
	number := telephony.ParseNumber(customerA, "")
	require.Equal(t, "+12125550123", number.E164, "the rows below are about it")
	for _, test := range []struct {
		name  string
		value any
		want  bool
	}{
		{name: "nothing"},
		{name: "empty", value: ""},
		{name: "alone", value: "+12125550123", want: true},
		{name: "as people write it", value: " +1 (212) 555-0123 ", want: true},
		{name: "as on the site", value: "(212) 555-0123", want: true},
		{name: "behind a comma", value: "+12125550199,+12125550123", want: true},
		{name: "behind a semicolon", value: "+1 212 555 0199; +1 212 555 0123", want: true},
		{name: "behind a blank", value: "+12125550199 +12125550123", want: true},
		{name: "on a line of its own", value: "+12125550199\r\n+12125550123", want: true},
		{name: "among words", value: "office +12125550123 (mornings)", want: true},
		{name: "another", value: "+12125550199"},
		{name: "a longer one", value: "+121255501234"},
		{name: "the same ending elsewhere", value: "+442125550123"},
		{name: "the end of one that is written apart", value: "+44 2125550123"},
		{name: "no text", value: 12125550123.0},
		{name: "a list", value: []any{"+12125550123"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, holdsNumber(test.value, number, "US"))
		})
	}
}

func TestCandidatesAreNamedWithinBounds(t *testing.T) {
	t.Parallel()
	w := &work{policy: &Policy{Shared: SharedTag}}
	var several []hit
	for id := range int64(30) {
		several = append(several, person(id+1, shares, func(h *hit) { h.Name = "Ann\x1b[2J" }))
	}
	named := w.candidates(choose(several, SharedTag, nil))
	require.Len(t, named, maxNamed)
	require.Equal(t, Candidate{ID: 1, Name: "Ann[2J"}, named[0])
	w.policy.Shared = SharedOldest
	require.Empty(t, w.candidates(choose(several, SharedOldest, nil)), "one was taken")
	w.policy.Shared = SharedTag
	require.Empty(t, w.candidates(choose(several[:1], SharedTag, nil)), "there is only one")
}
