package rehearsal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
)

// The channels of an imagined call, and where it is talked.
const (
	legFirst = "first"
	legTrunk = "trunk"
	room     = "room"
)

// somePhone is the phone that rings where the test names none: it is nobody's.
const somePhone = "phone"

// script tells a call of a test as a phone system would.
type script struct {
	call   config.TestCall
	id     telephony.CallID
	trunk  string
	phones []string // the endpoints that ring, in the order of their names
	// answers and then are the endpoints of who answers and whom it goes on to,
	// "" for nobody.
	answers, then string
	events        []telephony.Event
	// open are the channels that are there, in the order in which they began.
	open []string
}

// tell adds an event some time after the beginning.
func (s *script) tell(after time.Duration, e telephony.Event) {
	n := len(s.events) + 1
	e.ID, e.Call, e.Time, e.Ordinal = strconv.Itoa(n), s.id, s.call.At.Add(after), uint64(n)
	switch e.Kind { //nolint:exhaustive // only these two change what is open
	case telephony.LegStarted:
		s.open = append(s.open, e.Leg)
	case telephony.LegEnded:
		s.open = slices.DeleteFunc(s.open, func(leg string) bool { return leg == e.Leg })
	}
	s.events = append(s.events, e)
}

// play tells the whole call, in the order in which it happens.
func (s *script) play() []telephony.Event {
	if s.call.Direction == config.TestInbound {
		s.comes()
	} else {
		s.dials()
	}
	if s.call.Recorded {
		s.tell(0, telephony.Event{Kind: telephony.CallRecorded, Path: "/var/spool/asterisk/monitor/" + s.id.Native() + ".wav"})
	}
	if s.call.Queue != "" {
		s.tell(0, telephony.Event{Kind: telephony.CallQueued, Name: s.call.Queue})
	}
	s.ring()
	if s.call.Disposition == config.TestAnswered {
		s.talk()
	} else {
		s.unanswered()
	}
	slices.SortStableFunc(s.events, func(a, b telephony.Event) int { return a.Time.Compare(b.Time) })
	return s.events
}

// comes: somebody calls us.
func (s *script) comes() {
	s.tell(0, telephony.Event{
		Kind: telephony.LegStarted, Leg: legFirst, First: true, Side: telephony.SideTrunk, Endpoint: s.trunk, Dialled: s.call.To,
		Party: telephony.Party{Number: s.call.From, Name: s.call.Name, Withheld: s.call.Withheld},
	})
}

// dials: an agent calls somebody.
func (s *script) dials() {
	s.tell(0, telephony.Event{
		Kind: telephony.LegStarted, Leg: legFirst, First: true, Side: telephony.SideAgent, Endpoint: s.answers, Dialled: s.call.To,
		Party: telephony.Party{Number: s.call.From},
	})
}

// ring has the other side's phones ring after the wait.
func (s *script) ring() {
	if s.call.Direction == config.TestOutbound {
		s.rings(s.call.Wait, legTrunk, telephony.Event{Side: telephony.SideTrunk, Endpoint: s.trunk, Dialled: s.call.To})
		return
	}
	for _, phone := range s.phones {
		s.rings(s.call.Wait, phone, telephony.Event{Side: telephony.SideAgent, Endpoint: phone})
	}
}

// rings has one phone ring.
func (s *script) rings(after time.Duration, leg string, e telephony.Event) {
	e.Kind, e.Leg = telephony.LegStarted, leg
	s.tell(after, e)
	s.tell(after, telephony.Event{
		Kind: telephony.LegDialled, Leg: leg, Peer: legFirst, Dialled: cmp.Or(e.Dialled, e.Endpoint), Party: telephony.Party{Number: s.call.From},
	})
}

// stops has a phone ring no more.
func (s *script) stops(after time.Duration, leg string, status telephony.DialStatus) {
	s.tell(after, telephony.Event{Kind: telephony.LegDialEnded, Leg: leg, Status: status})
	if status != telephony.DialAnswer {
		s.tell(after, telephony.Event{Kind: telephony.LegEnded, Leg: leg})
	}
}

// called are the channels that ring.
func (s *script) called() []string {
	if s.call.Direction == config.TestOutbound {
		return []string{legTrunk}
	}
	return s.phones
}

// talk is what follows when somebody answers.
func (s *script) talk() {
	answer := s.call.Wait + s.call.Ring
	taken := s.called()[0]
	if s.call.Direction == config.TestInbound {
		taken = s.answers
	}
	s.stops(answer, taken, telephony.DialAnswer)
	for _, phone := range s.called() {
		if phone != taken {
			s.stops(answer, phone, telephony.DialCancel)
		}
	}
	s.unqueue(answer)
	s.tell(answer, telephony.Event{Kind: telephony.LegBridged, Leg: legFirst, Bridge: room})
	s.tell(answer, telephony.Event{Kind: telephony.LegBridged, Leg: taken, Bridge: room})
	if s.call.Hold > 0 {
		s.hold(answer, taken)
	}
	if s.then != "" {
		s.transfer(answer+s.call.Talk/2, taken)
	}
	s.hangUp(answer + s.call.Talk)
}

// hold has the other side wait on the line.
func (s *script) hold(at time.Duration, taken string) {
	leg := taken
	if s.call.Direction != config.TestInbound {
		leg = legFirst
	}
	s.tell(at, telephony.Event{Kind: telephony.LegHeld, Leg: leg})
	s.tell(at+s.call.Hold, telephony.Event{Kind: telephony.LegResumed, Leg: leg})
}

// transfer has another agent take the call over. The phone rings for some time
// of what is talked before.
func (s *script) transfer(at time.Duration, taken string) {
	const second = "transfer" // whose phone it is may have rung before
	leaves := taken
	if s.call.Direction != config.TestInbound {
		leaves = legFirst
	}
	s.rings(at-min(s.call.Ring, s.call.Talk/4), second, telephony.Event{Side: telephony.SideAgent, Endpoint: s.then})
	s.stops(at, second, telephony.DialAnswer)
	s.tell(at, telephony.Event{Kind: telephony.LegBridged, Leg: second, Bridge: room})
	s.tell(at, telephony.Event{Kind: telephony.LegUnbridged, Leg: leaves, Bridge: room})
	s.tell(at, telephony.Event{Kind: telephony.LegEnded, Leg: leaves})
}

// ringEnds is how the ringing ends where nobody answers.
var ringEnds = map[config.TestDisposition]telephony.DialStatus{
	config.TestMissed: telephony.DialNoAnswer, config.TestAbandoned: telephony.DialCancel, config.TestBusy: telephony.DialBusy,
	config.TestFailed: telephony.DialUnavailable, config.TestVoicemail: telephony.DialNoAnswer,
}

// unanswered is what follows when nobody does.
func (s *script) unanswered() {
	end := s.call.Wait + s.call.Ring
	if s.call.Disposition == config.TestAbandoned {
		s.tell(end, telephony.Event{Kind: telephony.LegHangupAsked, Leg: legFirst})
	}
	for _, leg := range s.called() {
		s.stops(end, leg, ringEnds[s.call.Disposition])
	}
	s.unqueue(end)
	if s.call.Disposition != config.TestVoicemail {
		s.end(end)
		return
	}
	end += s.call.Talk
	s.tell(end, telephony.Event{Kind: telephony.CallVoicemail, Path: "/var/spool/asterisk/voicemail/default/100/INBOX/msg0000"})
	s.hangUp(end)
}

func (s *script) unqueue(at time.Duration) {
	if s.call.Queue != "" {
		s.tell(at, telephony.Event{Kind: telephony.CallUnqueued, Name: s.call.Queue})
	}
}

// hangUp has whoever is there longest end the call.
func (s *script) hangUp(at time.Duration) {
	s.tell(at, telephony.Event{Kind: telephony.LegHangupAsked, Leg: s.open[0]})
	s.end(at)
}

// end has all channels go.
func (s *script) end(at time.Duration) {
	for _, leg := range slices.Clone(s.open) {
		s.tell(at, telephony.Event{Kind: telephony.LegEnded, Leg: leg})
	}
}

// newScript makes the script of the test at a path. What cannot be played is
// told to wrong.
func newScript(cfg *config.Config, path string, call config.TestCall, wrong func(path, message, hint string)) *script {
	s := &script{call: call}
	d := cast{cfg, path + ".call.", wrong}
	source := d.source(call.Source)
	s.id = telephony.CallID(fmt.Sprintf("%s/%s/%s", cfg.Site, source.Name, path))
	if trunks := source.Trunks(); len(trunks) > 0 {
		s.trunk = trunks[0]
	}
	s.answers, s.then = d.phone("agent", call.Agent), d.phone("transfer_to", call.TransferTo)
	for i, name := range call.Rings {
		if phone := d.phone(fmt.Sprintf("rings[%d]", i), name); !slices.Contains(s.phones, phone) {
			s.phones = append(s.phones, phone)
		}
	}
	if call.Direction == config.TestInternal {
		s.phones = []string{call.To}
	} else if s.answers != "" && !slices.Contains(s.phones, s.answers) {
		s.phones = append(s.phones, s.answers)
	}
	if len(s.phones) == 0 {
		s.phones = []string{somePhone}
	}
	switch {
	case call.Disposition != "":
	case call.Agent != "":
		s.call.Disposition = config.TestAnswered
	default:
		s.call.Disposition = config.TestMissed
	}
	d.judge(s.call)
	return s
}
