package screenpop_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// reached is a telephone outside that begins to ring, and whoever dials it.
func reached(at float64, leg, number, peer string) []telephony.Event {
	dial := dialled(at, leg)
	dial.Dialled, dial.Peer = number, peer
	return []telephony.Event{began(at, leg, trunk), dial}
}

// An agent's mobile, which the phone system dials over a trunk, is a phone of his
// like any other.
func TestDecide_reached(t *testing.T) {
	t.Parallel()
	const anasMobile, bensMobile, nobodys = "+15550100101", "5550100102", "+15550100199"
	inbound := first("t", trunk)
	answered := story(inbound, rung(1, "a", ana), dialEnded(4, "a", telephony.DialAnswer), talks(4, "a", "t", "b1"))
	placed := story(first("m", trunk), reached(0, "m", anasMobile, "")[1], dialEnded(3, "m", telephony.DialAnswer), reached(4, "t", "03055512341", "m"))
	for _, tt := range []decideCase{
		{
			name: "it answers", events: story(inbound, reached(1, "m", anasMobile, "t"), talks(4, "m", "t", "b1")),
			want: []want{{Key: "11/m", Text: "answered by Ana (+15550100101)", Since: 4}},
		},
		{
			name: "it answers beside his phone: one want", events: story(inbound, rung(1, "a", ana), reached(1.01, "m", anasMobile, "t"), talks(4, "m", "t", "b1"), ended(4.1, "a")),
			want: []want{{Key: "11/a", Text: "answered by Ana (+15550100101)", Since: 4}},
		},
		{name: "nobody's telephone answers", events: story(inbound, reached(1, "m", nobodys, "t"), talks(4, "m", "t", "b1")), wantNot: true},
		{
			name: "a caller is transferred to it", events: story(answered, leaves(10, "a", "b1"), ended(10, "a"), reached(11, "m", bensMobile, "t"), talks(13, "m", "t", "b2")),
			want: []want{{Key: "12/m", Text: "transferred to Ben (5550100102)", Since: 13}},
		},
		{
			name: "it rings with his phone", on: screenpop.OnRinging, events: story(inbound, rung(1, "a", ana), reached(1.01, "m", anasMobile, "t")),
			want: []want{{Key: "11/a", Text: "ringing alone Ana (PJSIP/1001)", Since: 1, NotBefore: 1.2}},
		},
		{
			name: "it rings with a colleague's phone", on: screenpop.OnRinging, events: story(inbound, rung(1, "a", ana), reached(1.0625, "m", bensMobile, "t")),
			wantNot: true,
		},
		{
			name: "it rings with a colleague's phone, all", on: screenpop.OnRinging, all: true, events: story(inbound, rung(1, "a", ana), reached(1.0625, "m", bensMobile, "t")),
			want: []want{
				{Key: "11/a", Text: "ringing in a group Ana (PJSIP/1001)", Since: 1}, {Key: "12/m", Text: "ringing in a group Ben (5550100102)", Since: 1.0625},
			},
		},
		{
			name: "a colleague has taken the call on his", on: screenpop.OnRinging, events: story(inbound, rung(1, "a", ana), reached(1, "m", bensMobile, "t"), dialEnded(3, "m", telephony.DialAnswer)),
			wantNot: true,
		},
		{
			name: "a call is placed for it", on: screenpop.OnRinging, events: placed,
			want: []want{{Key: "11/m", Text: "dialling Ana (+15550100101)", Since: 4}},
		},
		{
			name: "a call that was placed for it is answered", events: story(placed, talks(6, "m", "t", "b1")),
			want: []want{{Key: "11/m", Text: "answered by Ana (+15550100101)", Since: 6}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.NotEqual(t, tt.wantNot, len(tt.want) > 0)
			entries := agents()
			entries[0].Numbers = append(entries[0].Numbers, "+15550100101")
			entries[1].Numbers = append(entries[1].Numbers, "+15550100102")
			directory, err := screenpop.NewDirectory(entries, "US")
			require.NoError(t, err)
			got := screenpop.Decide(fold(t, tt.events), screenpop.Policy{On: tt.on, RingGroups: tt.all}, directory)
			require.Empty(t, cmp.Diff(tt.want, shorten(got)))
		})
	}
}
