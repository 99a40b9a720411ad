package twilio

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// translator turns callbacks into events. It holds only what is configured; what
// it says of a callback depends on nothing else, so that a callback which comes twice,
// or to two nodes, says the same both times.
type translator struct {
	site, source string
	// whispers says that who answers hears an announcement first and may decline:
	// only what Dial says in the end tells whether he talked.
	whispers bool
	// answers says that talkbridge steers the calls: then it hears of everything that
	// happens to a caller, and one who ends his call while nobody talks to him
	// has given up.
	answers bool
}

// ranks order events that carry the same time, since Twilio's have whole seconds,
// in the way that they follow each other in the life of a call. What follows each
// other within a leg or a conference has its sequence number behind.
var ranks = map[telephony.Kind]uint64{
	telephony.LegStarted: 1, telephony.CallHint: 2, telephony.CallRecorded: 3, telephony.CallQueued: 4, telephony.LegDialled: 5,
	telephony.LegDialEnded: 6, telephony.CallLinked: 7, telephony.LegBridged: 8, telephony.LegUnbridged: 8, telephony.LegHangupAsked: 9,
	telephony.CallUnqueued: 11, telephony.CallVoicemail: 12, telephony.LegEnded: 13,
}

// news is what a callback says.
type news struct {
	// root is the leg that began the call.
	root string
	// begins say how the call began; they are told by themselves, and not again
	// when that is known.
	begins []telephony.Event
	events []telephony.Event
	// ends is the leg of which they tell the end; repeats says that they tell nothing
	// that its own status would not tell, besides the recording.
	ends    string
	repeats bool
	// over says that the call itself is over.
	over bool
	// recording is one of the call that they tell of.
	recording string
	// others are legs that began other calls, of which it must be known how.
	others []string
}

// translate says what a callback means. The error is a *RefusedError. News without
// events say nothing of a call, as most of the kinds of status do not.
func (t *translator) translate(c callback) (news, error) {
	switch c.hook {
	case hookVoice:
		return t.voice(c)
	case hookStatus:
		return t.status(c)
	case hookDial:
		return t.dialled(c)
	case hookRecording:
		return t.recording(c)
	case hookVoicemail:
		return t.messageLeft(c)
	case hookTranscription:
		return t.transcription(c)
	case hookQueue:
		return t.queue(c)
	case hookConference:
		return t.conference(c)
	}
	return news{}, nil
}

// telling gathers the events of one callback.
type telling struct {
	t      *translator
	c      callback
	call   telephony.CallID
	at     time.Time
	events []telephony.Event
}

// tell begins what is told of the call that the leg root began, or an order. What has no
// time of Twilio's, which is in whole seconds, is dated likewise: else what we heard of
// would seem to come after what followed upon it in the same second.
func (t *translator) tell(c callback, root string, at time.Time) *telling {
	return &telling{t: t, c: c, call: t.callID(cmp.Or(c.order(), root)), at: at.Truncate(time.Second)}
}

func (t *translator) callID(root string) telephony.CallID {
	return telephony.CallID(t.site + "/" + t.source + "/" + root)
}

// add tells a fact of a leg, and returns the event for what else is to be said.
// The event's identity is the fact: whoever tells it, however often.
func (w *telling) add(kind telephony.Kind, leg, fact string) *telephony.Event {
	w.events = append(w.events, telephony.Event{
		ID: digest(w.t.site, w.t.source, leg, fact), Call: w.call, Kind: kind, Leg: leg,
		Time: w.at, Ordinal: ranks[kind]<<16 | w.c.sequence(),
	})
	return &w.events[len(w.events)-1]
}

// estimate tells a fact that was not reported when it happened: whoever reports
// it tells it better.
func (w *telling) estimate(kind telephony.Kind, leg, fact string, at time.Time) *telephony.Event {
	e := w.add(kind, leg, fact)
	e.Estimated, e.Time = true, at
	return e
}

// done keeps what was received with the first of the events.
func (w *telling) done() []telephony.Event {
	if len(w.events) > 0 {
		w.events[0].Raw = w.c.raw()
	}
	return w.events
}

// digest is a hash of its parts, of 128 bits.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// voice is a call that comes in. Of itself it has no time.
func (t *translator) voice(c callback) (news, error) {
	leg, err := c.sid("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	at, err := c.time()
	return news{root: leg, begins: t.began(c, leg, at).done()}, err
}

// began tells of the leg that began a call. One that the API dialled is dialled by
// the phone system, as a phone is for which it places a call.
func (t *translator) began(c callback, leg string, at time.Time) *telling {
	w := t.tell(c, leg, at)
	to := readAddress(c.form.Get("To"))
	if !c.inbound() {
		to, ours := c.rung(to), readAddress(c.form.Get("From")).number
		e := w.add(telephony.LegStarted, leg, "started")
		e.First, e.Side, e.Endpoint, e.Dialled = true, to.side, to.endpoint, to.number
		e.Party = telephony.Party{Number: ours}
		w.dials(leg, "", to, ours)
		return w
	}
	from := readAddress(c.form.Get("From"))
	e := w.add(telephony.LegStarted, leg, "started")
	e.First, e.Side, e.Endpoint, e.Party, e.Dialled = true, from.side, from.endpoint, c.caller(), to.number
	return w
}

// dials tells that a leg is dialled: by another, or by Twilio itself if peer is "".
func (w *telling) dials(leg, peer string, to address, shown string) *telephony.Event {
	e := w.add(telephony.LegDialled, leg, "dialled")
	e.Peer, e.Side, e.Endpoint = peer, to.side, to.endpoint
	if to.side == telephony.SideTrunk {
		e.Dialled = to.number
		if !withholds(shown) {
			e.Party = telephony.Party{Number: shown}
		}
	}
	return e
}

// status is the status of a leg.
func (t *translator) status(c callback) (news, error) {
	leg, err := c.sid("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	parent, err := c.optional("ParentCallSid", "CA")
	if err != nil {
		return news{}, err
	}
	at, err := c.time()
	if err != nil {
		return news{}, err
	}
	if parent != "" && parent != leg {
		w := t.tell(c, parent, at)
		w.child(leg, parent)
		n := news{root: parent, events: w.done()}
		if ended(c.get("CallStatus")) {
			n.ends = leg
		}
		return n, nil
	}
	begun := t.began(c, leg, at)
	if ended(c.get("CallStatus")) {
		for i := range begun.events {
			begun.events[i].Time, begun.events[i].Estimated = at.Add(-c.seconds("CallDuration")), true
		}
	}
	w := t.tell(c, leg, at)
	w.root(leg)
	return news{root: leg, begins: begun.done(), events: w.done(), over: ended(c.get("CallStatus"))}, nil
}

// ended reports whether a status of a call is the last.
func ended(status string) bool {
	switch status {
	case "completed", "busy", "no-answer", "failed", "canceled":
		return true
	}
	return false
}

// dialStatuses are the ways in which a ringing comes to an end.
var dialStatuses = map[string]telephony.DialStatus{
	"completed": telephony.DialAnswer, "answered": telephony.DialAnswer, "in-progress": telephony.DialAnswer,
	"busy": telephony.DialBusy, "no-answer": telephony.DialNoAnswer, "canceled": telephony.DialCancel, "failed": telephony.DialUnavailable,
}

// root tells the status of the leg that began the call.
func (w *telling) root(leg string) {
	status := w.c.get("CallStatus")
	if !w.c.inbound() && dialStatuses[status] != "" {
		w.ringingEnded(leg, status)
	}
	if !ended(status) {
		return
	}
	if w.c.inbound() && readAddress(w.c.form.Get("From")).side == telephony.SideTrunk && (status == "canceled" || w.t.answers) {
		w.hint(leg, telephony.HintGaveUp, "caller left")
	}
	w.end(leg)
}

// child tells the status of a leg that another dialled.
func (w *telling) child(leg, parent string) {
	to := readAddress(w.c.form.Get("To"))
	shown := readAddress(w.c.form.Get("From")).number
	switch status := w.c.get("CallStatus"); {
	case status == "initiated" || status == "queued" || status == "ringing":
		e := w.add(telephony.LegStarted, leg, "started")
		e.Side, e.Endpoint = to.side, to.endpoint
		w.dials(leg, parent, to, shown)
	case status == "in-progress":
		w.dials(leg, parent, to, shown).Estimated = true
		w.ringingEnded(leg, status)
		if !w.whispers() {
			w.bridged(leg, parent)
		}
	case ended(status):
		talked := w.c.seconds("CallDuration")
		answered := w.at.Add(-talked)
		e := w.dials(leg, parent, to, shown)
		e.Estimated, e.Time = true, answered
		if e := w.ringingEnded(leg, status); status == "completed" {
			e.Estimated, e.Time = true, answered
		}
		if status == "completed" && talked > 0 && !w.whispers() {
			w.bridgedAt(leg, parent, answered)
		}
		w.end(leg)
	}
}

// whispers reports whether who was dialled may have heard an announcement: nobody does
// whom an order calls.
func (w *telling) whispers() bool { return w.t.whispers && w.c.order() == "" }

func (w *telling) ringingEnded(leg, status string) *telephony.Event {
	e := w.add(telephony.LegDialEnded, leg, "answered")
	e.Status, e.Cause = dialStatuses[status], w.c.cause()
	return e
}

// bridged tells that a leg and the one that dialled it hear each other.
func (w *telling) bridged(leg, parent string) {
	w.add(telephony.LegBridged, leg, "bridged").Bridge = leg
	w.add(telephony.LegBridged, parent, "bridged with "+leg).Bridge = leg
}

// bridgedAt tells so afterwards.
func (w *telling) bridgedAt(leg, parent string, at time.Time) {
	w.estimate(telephony.LegBridged, leg, "bridged", at).Bridge = leg
	w.estimate(telephony.LegBridged, parent, "bridged with "+leg, at).Bridge = leg
}

func (w *telling) end(leg string) {
	w.add(telephony.LegEnded, leg, "ended").Cause = w.c.cause()
}

func (w *telling) hint(leg, name, value string) {
	e := w.add(telephony.CallHint, leg, name)
	e.Name, e.Value = name, value
}

// causes are the Q.850 causes of the usual SIP answers (RFC 3398).
var causes = map[string]int{"403": 21, "404": 1, "408": 102, "480": 18, "484": 28, "486": 17, "500": 41, "503": 41, "600": 17, "603": 21, "604": 1}

// cause is why a leg ended, 0 if Twilio does not say.
func (c callback) cause() int { return causes[c.get("SipResponseCode")] }

// rawKeys are the parameters that are kept, so that a story can be told anew
// after a mistake of ours.
var rawKeys = []string{
	"CallSid", "ParentCallSid", "CallStatus", "Direction", "Timestamp", "SequenceNumber", "CallDuration", "SipResponseCode", "AnsweredBy",
	"CallbackSource", "DialCallSid", "DialCallStatus", "DialCallDuration", "DialBridged", "RecordingSid", "RecordingStatus", "RecordingSource",
	"RecordingDuration", "RecordingStartTime", "ErrorCode", "QueueSid", "QueueTime", "QueueResult", "QueuePosition", "DequeingCallSid",
	"ConferenceSid", "FriendlyName", "StatusCallbackEvent", "ReasonParticipantLeft", "StirVerstat", "SipCallId", "SipDomain",
}

// maxHeaders bounds the headers of a SIP call that are kept.
const maxHeaders = 16

// raw picks the parameters to keep. Numbers and names are none of them: the
// party has them unless it withholds them.
func (c callback) raw() map[string]string {
	kept := map[string]string{"hook": string(c.hook)}
	for _, key := range rawKeys {
		if v := c.get(key); v != "" {
			kept[key] = v
		}
	}
	headers := 0
	for key := range c.form {
		if sipHeader(key) && len(key) <= maxValue && headers < maxHeaders {
			kept[telephony.StripControls(key)] = c.get(key)
			headers++
		}
	}
	return kept
}

// sipHeader reports whether a parameter is a header that the other phone system set
// itself: "SipHeader_X-Customer", "DialSipHeader_X-Agent".
func sipHeader(key string) bool {
	return strings.HasPrefix(key, "SipHeader_") || strings.HasPrefix(key, "DialSipHeader_")
}

// path is the address of a recording, as the event tells it.
func (c callback) path(account, sid string) string {
	return cmp.Or(telephony.StripControls(bounded(c.form.Get("RecordingUrl"), maxPath)),
		fmt.Sprintf("https://api.twilio.com/2010-04-01/Accounts/%s/Recordings/%s", account, sid))
}

// maxPath bounds the address of a recording.
const maxPath = 2048
