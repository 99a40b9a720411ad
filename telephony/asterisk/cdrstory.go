package asterisk

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// What dispositions of records mean for the party B.
var dialStatuses = map[string]telephony.DialStatus{
	"ANSWERED": telephony.DialAnswer, "NO ANSWER": telephony.DialNoAnswer, "BUSY": telephony.DialBusy,
	"FAILED": telephony.DialUnavailable, "CONGESTION": telephony.DialCongestion,
}

// answered reports whether the two parties of a record talked. That of a party A
// alone says only that Asterisk answered: to play a greeting, or music in a queue.
func (r *cdr) answered() bool {
	return r.disposition == "ANSWERED" && r.dstChannel != "" && !r.answer.IsZero()
}

// arguments are those of the application that the party A was in last.
func (r *cdr) arguments() []string { return strings.Split(r.data, ",") }

// patience is how long the dialplan lets it go on, 0 for as long as the caller
// likes: the second argument of Dial, the fifth of Queue.
func (r *cdr) patience() time.Duration {
	at := map[string]int{"dial": 1, "queue": 4}[strings.ToLower(r.app)]
	args := r.arguments()
	if at == 0 || at >= len(args) {
		return 0
	}
	seconds, err := strconv.ParseUint(args[at], 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// dialled is the number that the party A had dialled over that trunk, "" where
// the record does not say: after a transfer it still has the phone that was
// dialled before.
func (r *cdr) dialled(trunk string) string {
	if _, resource, _ := strings.Cut(r.arguments()[0], "/"); !strings.ContainsAny(resource, "@/") {
		return ""
	}
	return pbx.AppNumber(r.data, trunk)
}

// queue is the queue that the party A waited in, "" if in none.
func (r *cdr) queue() string {
	if !strings.EqualFold(r.app, "Queue") {
		return ""
	}
	return telephony.StripControls(pbx.Bounded(r.arguments()[0], pbx.MaxValue))
}

// teller turns the records of one call into events. It has one owner.
type teller struct {
	*translator
	call recorded
	id   telephony.CallID
	// known names the legs of the party B that were told of by their channels.
	known func(endpoint string) string
	// round is added to times that are cut to the second.
	round time.Duration

	legs   map[string]string    // by channel
	begun  map[string]bool      // legs that were told of
	ends   map[string]time.Time // by leg
	events []telephony.Event
	told   map[string]bool // by the ids of events
}

// tellRecords says what the records of one call mean. The ids of the events come
// from what they say: told twice, they are the same. Of a call that was heard of
// known says what the leg of an endpoint is called, "" where it is not clear, and
// round makes times late rather than early.
func (t *translator) tellRecords(c recorded, id telephony.CallID, known func(string) string, round time.Duration) []telephony.Event {
	w := &teller{
		translator: t, call: c, id: id, known: known, round: round,
		legs: make(map[string]string), begun: make(map[string]bool), ends: make(map[string]time.Time),
		told: make(map[string]bool),
	}
	for _, r := range c.records {
		w.legs[r.channel] = r.uniqueid
	}
	for i := range c.records {
		w.partyA(&c.records[i], i == 0)
		w.partyB(&c.records[i], i)
	}
	w.queues()
	w.finish()
	for _, l := range c.links {
		w.add(telephony.Event{Kind: telephony.CallLinked, Leg: w.legs[l.channel], Other: pbx.Sibling(id, l.other)}, l.at)
	}
	return w.events
}

// add adds an event. Of two of a kind in one second the one that is added first
// comes first.
func (w *teller) add(e telephony.Event, at time.Time) {
	e.Call, e.Time, e.Late = w.id, at.Add(w.round), true
	e.Ordinal = pbx.Ranks[e.Kind]<<16 | uint64(min(len(w.events), 1<<16-1))
	e.ID = pbx.Digest(string(w.id), "cdr", string(e.Kind), e.Leg, e.Peer, e.Bridge, e.Name, e.Path, string(e.Status), string(e.Other), e.Time.Format(time.RFC3339))
	if !w.told[e.ID] && e.Validate() == nil {
		w.told[e.ID] = true
		w.events = append(w.events, e)
	}
}

func (w *teller) leg(kind telephony.Kind, leg, channel string) telephony.Event {
	endpoint := pbx.Endpoint(pbx.Bounded(channel, pbx.MaxValue))
	return telephony.Event{Kind: kind, Leg: leg, Endpoint: endpoint, Side: pbx.Side(endpoint, w.trunks)}
}

// partyA tells of the channel whose record it is.
func (w *teller) partyA(r *cdr, begins bool) {
	if w.begun[r.uniqueid] {
		return
	}
	w.begun[r.uniqueid] = true
	e := w.leg(telephony.LegStarted, r.uniqueid, r.channel)
	e.First, e.Party = r.uniqueid == w.call.id, r.party()
	if e.First {
		e.Dialled = telephony.StripControls(pbx.Bounded(r.dst, pbx.MaxValue))
	}
	e.Raw = r.raw()
	placed := e.First && begins && w.placed(r)
	if placed {
		e.Dialled = "" // that is whom the other side is
	}
	w.add(e, earlier(begun(r.uniqueid), r.start))
	if placed {
		w.add(w.leg(telephony.LegDialled, r.uniqueid, r.channel), r.start)
	}
}

// placed reports whether the phone system dialled the first channel itself, over
// a trunk, to join it with a number outside: the dialplan was asked for the number
// that was then dialled, as only our side asks.
func (w *teller) placed(r *cdr) bool {
	a, b := pbx.Side(pbx.Endpoint(r.channel), w.trunks), pbx.Side(pbx.Endpoint(r.dstChannel), w.trunks)
	dialled := r.dialled(pbx.Endpoint(r.dstChannel))
	return a == telephony.SideTrunk && b == telephony.SideTrunk && dialled != "" && len(r.dst) > len(dialled) && strings.HasSuffix(r.dst, dialled)
}

// partyB tells of the other channel: that it was dialled, what came of it, and
// how long the two talked.
func (w *teller) partyB(r *cdr, number int) {
	w.until(r.uniqueid, r.over())
	if r.dstChannel == "" {
		return
	}
	leg, told := w.legs[r.dstChannel]
	if !told {
		leg = cmp.Or(w.known(pbx.Endpoint(r.dstChannel)), pbx.Bounded(r.dstChannel, pbx.MaxValue))
		w.legs[r.dstChannel] = leg
	}
	if !w.begun[leg] && leg == pbx.Bounded(r.dstChannel, pbx.MaxValue) {
		w.begun[leg] = true
		w.add(w.leg(telephony.LegStarted, leg, r.dstChannel), r.start)
	}
	d := w.leg(telephony.LegDialled, leg, r.dstChannel)
	d.Peer = r.uniqueid
	if d.Side == telephony.SideTrunk {
		d.Dialled = r.dialled(d.Endpoint)
		if !isSecondEnd(r.channel) {
			d.Party = r.party() // what we show; a helper shows who is joined by it
		}
		if pbx.Side(pbx.Endpoint(r.channel), w.trunks) == telephony.SideAgent {
			d.Dialled = cmp.Or(d.Dialled, telephony.StripControls(pbx.Bounded(r.dst, pbx.MaxValue)))
		}
	}
	w.add(d, r.start)
	over := w.leg(telephony.LegDialEnded, leg, r.dstChannel)
	over.Status = dialStatuses[r.disposition]
	if over.Status == telephony.DialNoAnswer && w.gaveUp(r) {
		over.Status = telephony.DialCancel
	}
	at := r.end
	if r.answered() {
		at = r.answer
		w.talk(r, leg, number)
	}
	w.add(over, at)
	w.until(leg, r.over())
}

// talk tells that the two parties of a record were joined.
func (w *teller) talk(r *cdr, leg string, number int) {
	for _, party := range [...]struct{ leg, channel string }{{r.uniqueid, r.channel}, {leg, r.dstChannel}} {
		e := w.leg(telephony.LegBridged, party.leg, party.channel)
		e.Bridge = "cdr-" + r.uniqueid + "-" + strconv.Itoa(number)
		w.add(e, r.answer)
		e.Kind = telephony.LegUnbridged
		w.add(e, r.over())
	}
}

// over is when a record ends. Who talked did so for a moment, also within one
// second.
func (r *cdr) over() time.Time {
	if r.answered() && !r.end.After(r.answer) {
		return r.answer.Add(time.Second / 2)
	}
	return r.end
}

// gaveUp reports whether the caller hung up while a phone rang or he waited: it
// is the last that his channel did, and he might have gone on.
func (w *teller) gaveUp(r *cdr) bool {
	begun := r.start
	for _, o := range w.call.records {
		if o.uniqueid != r.uniqueid {
			continue
		}
		if o.end.After(r.end) {
			return false
		}
		if o.app == r.app && o.data == r.data && o.queue() != "" {
			begun = earlier(begun, o.start)
		}
	}
	patience := r.patience()
	return patience == 0 || r.end.Sub(begun) < patience
}

// queues tells where callers waited: each from the first record that says so to
// the answer, or the last.
func (w *teller) queues() {
	type wait struct {
		r     *cdr
		until time.Time
		over  bool // somebody answered
	}
	waits := make(map[string]*wait)
	var order []string
	for i := range w.call.records {
		r := &w.call.records[i]
		name := r.queue()
		if name == "" {
			continue
		}
		at, known := waits[r.uniqueid+name]
		if !known {
			at = &wait{r: r}
			waits[r.uniqueid+name] = at
			order = append(order, r.uniqueid+name)
			w.add(telephony.Event{Kind: telephony.CallQueued, Leg: r.uniqueid, Name: name}, r.start)
		}
		switch {
		case at.over:
		case r.answered():
			at.until, at.over = r.answer, true
		default:
			at.until = r.end
		}
	}
	for _, key := range order {
		at := waits[key]
		w.add(telephony.Event{Kind: telephony.CallUnqueued, Leg: at.r.uniqueid, Name: at.r.queue()}, at.until)
	}
}

// finish tells who asked for the end, where that can be known, and the ends.
func (w *teller) finish() {
	for i := range w.call.records {
		r := &w.call.records[i]
		if r.uniqueid == w.call.id && !w.laterThan(r) && !r.answered() && w.leaves(r) {
			w.add(w.leg(telephony.LegHangupAsked, r.uniqueid, r.channel), r.end)
		}
	}
	ended := make(map[string]bool)
	for _, r := range w.call.records {
		for _, channel := range []string{r.channel, r.dstChannel} {
			if leg := w.legs[channel]; channel != "" && !ended[leg] {
				ended[leg] = true
				w.until(leg, w.call.moved[channel])
				w.add(w.leg(telephony.LegEnded, leg, channel), w.ends[leg])
			}
		}
	}
}

// laterThan reports whether the channel of a record did something after it.
func (w *teller) laterThan(r *cdr) bool {
	for i := range w.call.records {
		o := &w.call.records[i]
		if o != r && o.uniqueid == r.uniqueid && (o.end.After(r.end) || (o.end.Equal(r.end) && o.start.After(r.start))) {
			return true
		}
	}
	return false
}

// leaves reports whether the caller hung up in what a record says, which nobody
// answered, rather than the dialplan.
func (w *teller) leaves(r *cdr) bool {
	switch strings.ToLower(r.app) {
	case "hangup", "busy", "congestion", "":
		return false
	case "dial", "queue":
		return (r.disposition == "NO ANSWER" || r.dstChannel == "") && w.gaveUp(r)
	}
	return r.dstChannel == ""
}

func (w *teller) until(leg string, end time.Time) {
	if end.After(w.ends[leg]) {
		w.ends[leg] = end
	}
}

// party is the caller id of a record.
func (r *cdr) party() telephony.Party {
	name := r.clid
	if i := strings.LastIndex(name, "<"); i >= 0 {
		name = name[:i]
	}
	name = strings.TrimSpace(name)
	if len(name) > 1 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	return party(pbx.Bounded(r.src, pbx.MaxValue), pbx.Bounded(name, pbx.MaxValue))
}

// raw is what a record says, for a replay after a mistake of ours.
func (r *cdr) raw() map[string]string {
	kept := make(map[string]string, 8)
	for key, value := range map[string]string{
		"CDR": r.uniqueid, "Channel": r.channel, "DestChannel": r.dstChannel, "LastApp": r.app, "LastData": r.data,
		"Disposition": r.disposition,
	} {
		if value != "" {
			kept[key] = telephony.StripControls(pbx.Bounded(value, pbx.MaxValue))
		}
	}
	return kept
}
