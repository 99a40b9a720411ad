package asterisk

import (
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// A caller may ask his carrier not to show his number. Where the carrier is
// trusted (trust_id_inbound) Asterisk has it nevertheless and prints it in
// CallerIDNum; that it must not be shown stands in no event, only in
// CALLERID(num-pres). So this is asked for at the first channel of a call from
// outside, before anything of the call is told. (Asterisk 22, scenario l5.)

const (
	// presentationWait is how long a call waits for the answer, which takes
	// well under a millisecond. Without one the number is taken to be public.
	presentationWait = 250 * time.Millisecond
	// maxInquiries and maxHeldBack bound what waits for answers.
	maxInquiries = 1024
	maxHeldBack  = 256
	// presentation is the variable that says whether a number may be shown.
	presentation = "CALLERID(num-pres)"
)

// secretPresentation reports whether a value of CALLERID(num-pres) says that
// the number must not be shown.
func secretPresentation(value string) bool {
	return strings.HasPrefix(value, "prohib") || value == "unavailable"
}

// inquiry is a call of which nothing is told before an answer is here.
type inquiry struct {
	linked   string
	held     []Message // the first channel, and what came after it
	deadline time.Time
}

// inquiries are the calls that wait for answers. One owner. See newInquiries.
type inquiries struct {
	link    *link
	byID    map[string]*inquiry
	byCall  map[string]*inquiry
	refused bool
}

func newInquiries(l *link) *inquiries {
	return &inquiries{link: l, byID: make(map[string]*inquiry), byCall: make(map[string]*inquiry)}
}

// holds reports whether a message has to wait, and keeps it then. The first
// channel of a call from outside, with a number to be seen, is asked about.
func (q *inquiries) holds(m Message, trunks []string, now time.Time) (bool, error) {
	linked := m.Get("Linkedid")
	if i := q.byCall[linked]; i != nil {
		i.held = append(i.held, m)
		if len(i.held) >= maxHeldBack {
			i.deadline = now
		}
		return true, nil
	}
	if q.refused || len(q.byCall) >= maxInquiries || !isPublicCaller(m, trunks) {
		return false, nil
	}
	id, err := q.link.act("Getvar", field{"Channel", m.Get("Channel")}, field{"Variable", presentation})
	if err != nil {
		return false, err
	}
	i := &inquiry{linked: linked, held: []Message{m}, deadline: now.Add(presentationWait)}
	q.byID[id], q.byCall[linked] = i, i
	return true, nil
}

// isPublicCaller reports whether a message is of a new call from outside with
// a number, on a channel whose name can be sent.
func isPublicCaller(m Message, trunks []string) bool {
	return !strings.ContainsAny(m.Get("Channel"), breaks) && m.Kind() == "Newchannel" && !m.Tampered && m.Get("Uniqueid") == m.Get("Linkedid") &&
		pbx.Side(pbx.Endpoint(m.Get("Channel")), trunks) == telephony.SideTrunk && !partyOf(m).Withheld
}

// answer takes the answer to an inquiry, and returns what waited for it.
func (q *inquiries) answer(m Message) []Message {
	id := m.Get("ActionID")
	i := q.byID[id]
	if i == nil {
		return nil
	}
	if m.Get("Response") != "Success" && strings.EqualFold(m.Get("Message"), "Permission denied") {
		q.refused = true
	}
	if secretPresentation(m.Get("Value")) {
		i.held[0].Secret = true
	}
	return q.release(id)
}

// expired returns what has waited long enough; all of it if now is zero.
func (q *inquiries) expired(now time.Time) []Message {
	var out []Message
	for id, i := range q.byID {
		if now.IsZero() || !i.deadline.After(now) {
			out = append(out, q.release(id)...)
		}
	}
	return out
}

func (q *inquiries) release(id string) []Message {
	i := q.byID[id]
	delete(q.byID, id)
	delete(q.byCall, i.linked)
	return i.held
}

// next is when a wait ends next; zero if nothing waits.
func (q *inquiries) next() time.Time {
	var first time.Time
	for _, i := range q.byID {
		if first.IsZero() || i.deadline.Before(first) {
			first = i.deadline
		}
	}
	return first
}
