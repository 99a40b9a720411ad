package twilio

import (
	"cmp"
	"strconv"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// dialled is what Dial says in the end, to its action. The call is the caller's,
// and DialCallSid the leg that was dialled; none is told of a conference.
func (t *translator) dialled(c callback) (news, error) {
	root, err := c.sid("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	leg, err := c.optional("DialCallSid", "CA")
	if err != nil {
		return news{}, err
	}
	at, err := c.time()
	if err != nil {
		return news{}, err
	}
	w := t.tell(c, root, at)
	n := news{root: root, ends: leg}
	status := c.get("DialCallStatus")
	bridged := c.get("DialBridged") != "false" && (status == "completed" || status == "answered")
	if leg != "" && dialStatuses[status] != "" {
		w.dialOver(leg, root, status, bridged)
		n.repeats = (bridged || status != "completed") && (!bridged || !w.whispers())
	}
	if url := c.get("RecordingUrl"); url != "" && bridged {
		// It may not be there yet, but it will be.
		n.recording = cmp.Or(c.get("RecordingSid"), lastElement(url))
		w.recorded(n.recording, url)
	}
	gone := ended(c.get("CallStatus"))
	switch {
	case bridged || c.get("DialCallStatus") == "":
	case gone || status == "canceled":
		w.hint(root, telephony.HintGaveUp, "caller left")
		n.repeats = false
	}
	n.events = w.done()
	return n, nil
}

// dialOver tells what became of the leg, as far as nobody tells it better.
func (w *telling) dialOver(leg, root, status string, bridged bool) {
	talked := w.c.seconds("DialCallDuration")
	answered := w.at.Add(-talked)
	e := w.estimate(telephony.LegDialled, leg, "dialled", answered)
	// Whom it reached is not said: somebody of ours, unless one of ours called.
	if e.Peer, e.Side = root, telephony.SideAgent; readAddress(w.c.form.Get("From")).side == telephony.SideAgent {
		e.Side, e.Endpoint, e.Dialled = telephony.SideTrunk, outside, readAddress(w.c.form.Get("To")).number
	}
	if w.c.order() != "" {
		e.Side, e.Endpoint = telephony.SideTrunk, outside // the number is told by the leg
	}
	if status == "completed" && !bridged {
		w.add(telephony.LegDialEnded, leg, "declined").Status = telephony.DialDeclined
	} else {
		w.estimate(telephony.LegDialEnded, leg, "answered", answered).Status = dialStatuses[status]
	}
	if bridged {
		w.bridgedAt(leg, root, answered)
	}
	w.estimate(telephony.LegEnded, leg, "ended", w.at)
}

// recording is the status of a recording. It names the caller's leg, or the
// conference.
func (t *translator) recording(c callback) (news, error) {
	sid, err := c.sid("RecordingSid", "RE")
	if err != nil {
		return news{}, err
	}
	conference, err := c.optional("ConferenceSid", "CF")
	if err != nil {
		return news{}, err
	}
	root, err := c.optional("CallSid", "CA")
	if err == nil && root == "" && conference == "" {
		_, err = c.sid("CallSid", "CA")
	}
	if err != nil {
		return news{}, err
	}
	if at, err := parseTime(c.get("RecordingStartTime")); err == nil && !at.After(c.received) && at.After(c.received.Add(-maxLate)) {
		c.received = at.Add(c.seconds("RecordingDuration"))
	}
	root = cmp.Or(root, conference)
	w := t.tell(c, root, c.received)
	url := c.path(c.get("AccountSid"), sid)
	n := news{root: root}
	switch status := c.get("RecordingStatus"); {
	case status != "completed" && (status != "in-progress" || c.get("RecordingSource") == "RecordVerb"):
		return n, nil // absent, or failed: nothing will come
	case c.get("RecordingSource") == "RecordVerb":
		w.message(sid, url)
	default:
		n.recording = sid
		w.recorded(sid, url)
	}
	n.events = w.done()
	return n, nil
}

func (w *telling) recorded(sid, url string) {
	w.add(telephony.CallRecorded, "", "recorded "+sid).Path = url
}

// message tells of a message that the caller left. One without length is none.
func (w *telling) message(sid, url string) {
	if length := w.c.get("RecordingDuration"); length != "" && w.c.seconds("RecordingDuration") == 0 {
		return
	}
	w.add(telephony.CallVoicemail, "", "message "+sid).Path = url
}

// messageLeft is the action of Record.
func (t *translator) messageLeft(c callback) (news, error) {
	root, err := c.sid("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	w := t.tell(c, root, c.received)
	if url := c.get("RecordingUrl"); url != "" {
		w.message(cmp.Or(c.get("RecordingSid"), lastElement(url)), url)
	}
	return news{root: root, events: w.done()}, nil
}

// transcription is the text of a message.
func (t *translator) transcription(c callback) (news, error) {
	root, err := c.sid("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	sid, err := c.sid("RecordingSid", "RE")
	if err != nil {
		return news{}, err
	}
	w := t.tell(c, root, c.received)
	w.message(sid, c.path(c.get("AccountSid"), sid))
	if text := telephony.StripControls(bounded(c.form.Get("TranscriptionText"), maxTranscript)); text != "" && c.get("TranscriptionStatus") != "failed" {
		e := w.add(telephony.CallHint, "", "transcript "+sid)
		e.Name, e.Value = telephony.HintTranscript, text
	}
	return news{root: root, events: w.done()}, nil
}

// maxTranscript bounds the text of a message: Twilio transcribes two minutes.
const maxTranscript = 16 << 10

// queue is what Enqueue and Queue say: that a caller waits (waitUrl), that he is
// taken by an agent (the url of Queue), that he waits no more (the action of Enqueue).
func (t *translator) queue(c callback) (news, error) {
	root, err := c.sid("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	sid, err := c.optional("QueueSid", "QU")
	if err != nil {
		return news{}, err
	}
	agent, err := c.optional("DequeingCallSid", "CA")
	if err != nil {
		return news{}, err
	}
	w := t.tell(c, root, c.received)
	name := cmp.Or(telephony.StripControls(bounded(c.query.Get("queue"), maxValue)), c.get("QueueName"), sid)
	joined := w.at.Add(-c.seconds("QueueTime"))
	result := c.get("QueueResult")
	n := news{root: root}
	switch {
	case agent != "":
		w.waits(root, name, joined)
		w.add(telephony.CallUnqueued, root, "left "+name).Name = name
		if agent != root {
			w.add(telephony.CallLinked, root, "linked with "+agent).Other = t.callID(agent)
			w.bridged(agent, root)
			n.others = []string{agent}
		}
	case result == "bridged":
		// It comes after the talk: when he joined cannot be told, nor who took him.
		w.hint(root, telephony.HintTaken, strconv.Itoa(int(c.seconds("QueueTime").Seconds())))
	case result != "":
		w.waits(root, name, joined)
		w.add(telephony.CallUnqueued, root, "left "+name).Name = name
		if result == "hangup" {
			w.add(telephony.LegHangupAsked, root, "gave up in "+name)
		}
	case sid != "":
		w.waits(root, name, joined)
	}
	n.events = w.done()
	return n, nil
}

func (w *telling) waits(root, name string, since time.Time) {
	e := w.add(telephony.CallQueued, root, "joined "+name)
	e.Name, e.Time = name, since
	if at, err := strconv.ParseUint(w.c.get("QueuePosition"), 10, 16); err == nil {
		e.Position = int(at)
	}
}

// conference says who joins and leaves. Each participant is a call of its own: what
// makes them one is that they are linked with the conference, which is told of as
// a call without legs. A participant on hold hears nobody.
func (t *translator) conference(c callback) (news, error) {
	sid, err := c.sid("ConferenceSid", "CF")
	if err != nil {
		return news{}, err
	}
	kind := c.get("StatusCallbackEvent")
	leg, err := c.optional("CallSid", "CA")
	if err != nil {
		return news{}, err
	}
	at, err := c.time()
	if err != nil || leg == "" {
		return news{}, err
	}
	w := t.tell(c, leg, at)
	fact := sid + " " + kind + " " + c.get("SequenceNumber")
	switch kind {
	case "participant-join", "participant-unhold":
		w.add(telephony.CallLinked, leg, "linked with "+sid).Other = t.callID(sid)
		w.add(telephony.LegBridged, leg, fact).Bridge = sid
	case "participant-leave", "participant-hold":
		w.add(telephony.LegUnbridged, leg, fact).Bridge = sid
	}
	return news{root: leg, events: w.done()}, nil
}

// lastElement is what follows the last slash of an address.
func lastElement(url string) string {
	for i := len(url) - 1; i >= 0; i-- {
		if url[i] == '/' {
			return url[i+1:]
		}
	}
	return url
}
