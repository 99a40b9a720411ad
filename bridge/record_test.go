package bridge

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
)

func TestRecordOfTickets(t *testing.T) {
	t.Parallel()
	final := func(id string) Outcome {
		o := intendedCreate(id, 5)
		o.Final, o.User = true, anaID
		return o
	}
	tests := []struct {
		name string
		done []Outcome
		want Record
	}{
		{name: "nothing"},
		{name: "intended", done: []Outcome{final("i")}, want: Record{Creates: 1, last: 1, Open: &Intent{
			ID: "i", Step: StepCreate, At: second(5), ExternalID: string(testCall), Final: true, Assigned: anaID,
		}}},
		{
			name: "made with everything", done: []Outcome{final("i"), made("i", 1000)},
			want: Record{Creates: 1, last: 2, Ticket: 1000, ExternalID: string(testCall), Assigned: anaID, Completed: true, Told: true},
		},
		{
			name: "made with everything but words", done: []Outcome{spoken(final("i")), made("i", 1000)},
			want: Record{Creates: 1, last: 2, Ticket: 1000, ExternalID: string(testCall), Assigned: anaID, Completed: true},
		},
		{
			name: "and told in words", done: []Outcome{
				spoken(final("i")), made("i", 1000), {Kind: Intended, Step: StepTell, Intent: "t", Ticket: 1000}, resultOf(Done, StepTell, "t"),
			},
			want: Record{Creates: 1, last: 4, Ticket: 1000, ExternalID: string(testCall), Assigned: anaID, Completed: true, Told: true},
		},
		{
			name: "a lost turn's recording is no other", done: []Outcome{
				final("i"),
				made("i", 1000),
				{Kind: AudioKept, Step: StepRecording, Audio: &Audio{URL: "https://x/1"}},
				{Kind: Intended, Step: StepComplete, Intent: "c", Ticket: 1000},
				{Kind: Done, Step: StepComplete, Intent: "c", Ticket: 1000},
				{Kind: AudioKept, Step: StepRecording, Audio: &Audio{URL: "https://x/2"}},
			},
			want: Record{
				Creates: 1, last: 6, Ticket: 1000, ExternalID: string(testCall), Assigned: anaID, Completed: true, Told: true,
				Recording: &Audio{URL: "https://x/1"},
			},
		},
		{
			name: "there already", done: []Outcome{{Kind: Done, Step: StepCreate, ExternalID: "x", Ticket: 1000}},
			want: Record{last: 1, Ticket: 1000, ExternalID: "x"},
		},
		{
			name: "a lost turn's ticket is older", done: []Outcome{final("i"), doubtful(), final("j"), made("j", 1001), made("i", 1000)},
			want: Record{Creates: 2, last: 5, Ticket: 1000, Duplicates: []int64{1001}, ExternalID: string(testCall), Assigned: anaID, Doubtful: true},
		},
		{
			name: "a lost turn's ticket is younger", done: []Outcome{final("i"), doubtful(), final("j"), made("j", 1000), made("i", 1001)},
			want: Record{Creates: 2, last: 5, Ticket: 1000, Duplicates: []int64{1001}, ExternalID: string(testCall), Assigned: anaID, Completed: true, Told: true, Doubtful: true},
		},
		{
			name: "told twice", done: []Outcome{final("i"), made("i", 1000), made("i", 1000)},
			want: Record{Creates: 1, last: 3, Ticket: 1000, ExternalID: string(testCall), Assigned: anaID, Completed: true, Told: true},
		},
		{
			name: "duplicates found", done: []Outcome{final("i"), {Kind: Duplicate, Intent: "i", Tickets: []int64{1000, 1001, 1002}}},
			want: Record{Creates: 1, last: 2, Ticket: 1000, Duplicates: []int64{1001, 1002}, ExternalID: string(testCall), Assigned: anaID, Completed: true, Told: true, Checked: true},
		},
		{
			name: "a duplicate linked", done: []Outcome{{Kind: Duplicate, Tickets: []int64{1000, 1001}}, {Kind: Intended, Step: StepLink, Intent: "l", Ticket: 1001}, {Kind: Done, Step: StepLink, Intent: "l", Ticket: 1001}},
			want: Record{last: 3, Ticket: 1000, Duplicates: []int64{1001}, Linked: 1, Checked: true},
		},
		{
			name: "closed twice over", done: []Outcome{made("", 1000), resultOf(TicketClosed, StepComplete, "c"), resultOf(TicketClosed, StepComplete, "c")},
			want: Record{last: 3, Predecessor: 1000, Successor: 2},
		},
		{name: "another ticket is gone", done: []Outcome{made("", 999), resultOf(TicketGone, StepComplete, "c")}, want: Record{last: 2, Ticket: 999}},
		{
			name: "waits for another intent's result", done: []Outcome{final("j"), resultOf(Freed, StepCreate, "i")},
			want: Record{Creates: 1, last: 2, waits: map[StepKind]wait{StepCreate: {tries: 1, why: "test"}}, Open: &Intent{
				ID: "j", Step: StepCreate, At: second(5), ExternalID: string(testCall), Final: true, Assigned: anaID,
			}},
		},
		{
			name: "asked to wait: no try", done: []Outcome{{Kind: Freed, Step: StepCreate, Intent: "i", Uncounted: true, NotBefore: second(9)}},
			want: Record{last: 1, waits: map[StepKind]wait{StepCreate: {until: second(9)}}},
		},
		{
			name: "dropped", done: []Outcome{known(), final("i"), {Kind: CallerDropped, Step: StepCreate, Intent: "i"}},
			want: Record{Creates: 1, last: 3, Dropped: 1, waits: map[StepKind]wait{StepCreate: {tries: 1}}},
		},
		{
			name: "asked again", done: []Outcome{final("i"), resultOf(Parked, StepCreate, "i"), {Kind: Retried}},
			want: Record{Creates: 1, last: 3},
		},
		{name: "of another version", done: []Outcome{{Kind: "praised"}}, want: Record{last: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := after(test.done...)
			got.begun = false // it has a test of its own
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(Record{}, wait{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordHandedOutDoesNotChange(t *testing.T) {
	t.Parallel()
	record := after(known(), shownIn(""), resultOf(Parked, StepComplete, ""), resultOf(Freed, StepLink, ""), Outcome{Kind: Duplicate, Tickets: []int64{1000, 1001}})
	handed := record
	before, err := json.Marshal(handed)
	require.NoError(t, err)
	waits := len(handed.waits)
	for i, o := range []Outcome{
		{Kind: Popped, Want: "x", Pop: &screenpop.Outcome{}},
		resultOf(Parked, StepLink, ""), resultOf(Freed, StepComplete, ""),
		{Kind: Duplicate, Tickets: []int64{900, 1002}},
		{Kind: Freed, Step: StepCreate, Bare: true},
	} {
		record.apply(uint64(i)+10, o)
	}
	now, err := json.Marshal(handed)
	require.NoError(t, err)
	require.Equal(t, string(before), string(now))
	require.Len(t, handed.waits, waits)
}

func TestOutcomeInJSONHasSeconds(t *testing.T) {
	t.Parallel()
	o := Outcome{
		Kind: Done, Time: start, Step: StepCreate, Intent: "i", Ticket: 1000, Request: json.RawMessage(`{"ticket":{}}`),
		Want: "501/1001", Took: 20 * time.Millisecond,
		Pop: &screenpop.Outcome{Agent: anaID, Ticket: 1000, Result: screenpop.Accepted, Latency: 34567 * time.Microsecond, Attempts: 1},
	}
	require.JSONEq(t, `{"kind":"done","time":"2026-03-02T09:00:00Z","step":"create","intent":"i","ticket":1000,"request":{"ticket":{}},
		"want":"501/1001","took":0.02,"pop":{"agent":501,"ticket":1000,"result":"accepted","latency":0.034567,"attempts":1}}`, string(o.encode()))
	back, err := DecodeOutcome(o.encode())
	require.NoError(t, err)
	require.Equal(t, o, back)
	_, err = DecodeOutcome([]byte(`{"kind":`))
	require.ErrorContains(t, err, "decode outcome")
}

// spoken is a write that tells of the call by a voice comment.
func spoken(o Outcome) Outcome {
	o.Voice = true
	return o
}
