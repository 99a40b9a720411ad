package bridge

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	testCall  = telephony.CallID("hq/pbx1/1700000000.1")
	testLine  = "+15550100001"
	customerA = "+12125550123"
	anaID     = 501
	benID     = 502
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func second(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }

// confirm verifies every agent but Cleo.
type confirm struct{}

func (confirm) AgentByEmail(context.Context, string) (int64, string, error) { return 0, "", io.EOF }

func (confirm) AgentByID(_ context.Context, id int64) (string, error) {
	if id == 503 {
		return "", io.EOF
	}
	return "agent", nil
}

func testDirectory(t testing.TB) *screenpop.Directory {
	t.Helper()
	d, err := screenpop.NewDirectory([]screenpop.Agent{
		{Name: "Ana", ZendeskID: anaID, Numbers: []string{"1001"}},
		{Name: "Ben", ZendeskID: benID, Numbers: []string{"1002"}},
		{Name: "Cleo", ZendeskID: 503, Numbers: []string{"1003"}},
	}, "US")
	require.NoError(t, err)
	require.Error(t, d.Resolve(t.Context(), confirm{}))
	return d
}

func testPolicy(t testing.TB) *Policy {
	t.Helper()
	return &Policy{
		Create: CreateOnAnswer, Missed: true, Country: "US", Directory: testDirectory(t),
		Lines: map[string]Line{testLine: {Name: "Support", Country: "US"}},
	}
}

// stage tells a call, one event a line.
type stage struct {
	call *telephony.Call
	n    int
}

func newStage() *stage { return newStageOf(testCall) }

func newStageOf(id telephony.CallID) *stage { return &stage{call: telephony.NewCall(id)} }

func (s *stage) event(at float64, e telephony.Event) *stage {
	s.n++
	e.ID, e.Call, e.Time, e.Ordinal = fmt.Sprint(s.n), s.call.ID(), second(at), uint64(s.n)
	if !s.call.Apply(e) {
		panic("event says nothing new")
	}
	return s
}

// comes: a caller is there.
func (s *stage) comes(number string) *stage {
	return s.event(0, telephony.Event{
		Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true,
		Party: telephony.Party{Number: number}, Dialled: testLine,
	})
}

// dials: an agent calls a number; the trunk leg rings.
func (s *stage) dials(at float64, ext, number string) *stage {
	s.event(at, telephony.Event{
		Kind: telephony.LegStarted, Leg: ext, Side: telephony.SideAgent, Endpoint: "PJSIP/" + ext, First: true, Dialled: number,
	})
	s.event(at, telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Dialled: number})
	return s.event(at, telephony.Event{
		Kind: telephony.LegDialled, Leg: "t", Peer: ext, Dialled: number, Party: telephony.Party{Number: testLine},
	})
}

func (s *stage) rings(at float64, ext string) *stage {
	s.event(at, telephony.Event{Kind: telephony.LegStarted, Leg: ext, Side: telephony.SideAgent, Endpoint: "PJSIP/" + ext})
	return s.event(at, telephony.Event{Kind: telephony.LegDialled, Leg: ext, Peer: "t", Dialled: ext})
}

func (s *stage) talks(ext string) *stage {
	s.event(5, telephony.Event{Kind: telephony.LegBridged, Leg: "t", Bridge: "b"})
	return s.event(5, telephony.Event{Kind: telephony.LegBridged, Leg: ext, Bridge: "b"})
}

func (s *stage) joins(at float64, ext string) *stage {
	return s.event(at, telephony.Event{Kind: telephony.LegBridged, Leg: ext, Bridge: "b"})
}

func (s *stage) dialled(at float64, status telephony.DialStatus) *stage {
	return s.event(at, telephony.Event{Kind: telephony.LegDialEnded, Leg: "1001", Status: status})
}

func (s *stage) leaves(at float64, legs ...string) *stage {
	for _, leg := range legs {
		s.event(at, telephony.Event{Kind: telephony.LegEnded, Leg: leg})
	}
	return s
}

func (s *stage) voicemail(at float64) *stage {
	return s.event(at, telephony.Event{Kind: telephony.CallVoicemail, Path: "/var/spool/voicemail/1001/INBOX/msg0000"})
}

func (s *stage) state() telephony.State { return s.call.State() }

// The calls that most tests are about.

func ringing() *stage  { return newStage().comes(customerA).rings(1, "1001") }
func answered() *stage { return ringing().dialled(5, telephony.DialAnswer).talks("1001") }
func ended() *stage    { return answered().leaves(65, "1001", "t") }

func missed() *stage {
	return ringing().dialled(20, telephony.DialNoAnswer).leaves(20, "1001").leaves(21, "t")
}

func leftMessage() *stage {
	return ringing().dialled(20, telephony.DialNoAnswer).leaves(20, "1001").voicemail(40).leaves(41, "t")
}

func dialledOut() *stage { return newStage().dials(0, "1001", customerA) }

// after is a record of what was done.
func after(outcomes ...Outcome) Record {
	var r Record
	for i, o := range outcomes {
		r.apply(uint64(i)+1, o)
	}
	return r
}

// What was done, in short.

func known() Outcome { return Outcome{Kind: CallerKnown, Step: StepCaller, User: 77, How: howDirect} }

func anonymous() Outcome {
	return Outcome{Kind: CallerKnown, Step: StepCaller, User: 78, How: howPlaceholder}
}

func intendedCreate(id string, at float64) Outcome {
	return Outcome{Kind: Intended, Step: StepCreate, Intent: id, Time: second(at), ExternalID: string(testCall)}
}

func intendedComplete() Outcome {
	return Outcome{Kind: Intended, Step: StepComplete, Intent: "c", Time: second(66), Ticket: 1000}
}

func made(id string, ticket int64) Outcome {
	return Outcome{Kind: Done, Step: StepCreate, Intent: id, Ticket: ticket}
}

func resultOf(kind OutcomeKind, step StepKind, id string) Outcome {
	return Outcome{Kind: kind, Step: step, Intent: id, Ticket: 1000, Reason: "test"}
}

func legOf(ext string, first bool) telephony.Event {
	return telephony.Event{Kind: telephony.LegStarted, Leg: ext, Side: telephony.SideAgent, Endpoint: "PJSIP/" + ext, First: first}
}
