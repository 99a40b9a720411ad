package feed

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

// The types of messages, as CloudEvents name them.
const (
	// TypeEvent: the phone system reported something of a call. The data is
	// EventData.
	TypeEvent = "com.talkbridge.call.event"
	// TypeOutcome: talkbridge did something about a call. The data is the outcome
	// as the journal has it, without the request and without links to audio.
	TypeOutcome = "com.talkbridge.call.outcome"
	// TypeSnapshot: the live calls. The data is SnapshotData.
	TypeSnapshot = "com.talkbridge.snapshot"
	// TypeGap: it cannot be resumed where the reader asked; a snapshot follows.
	// The data is GapData.
	TypeGap = "com.talkbridge.gap"
	// TypeHeartbeat: nothing that this reader sees has happened up to the cursor.
	TypeHeartbeat = "com.talkbridge.heartbeat"
)

const (
	specVersion = "1.0"
	contentType = "application/json"
)

// Message is one message of the feed: a CloudEvent 1.0 in JSON with two
// extension attributes, cursor and recordedtime.
type Message struct {
	SpecVersion string `json:"specversion"`
	// ID is unique for the journal; it is made of the cursor.
	ID string `json:"id"`
	// Source is "/talkbridge/SITE".
	Source string `json:"source"`
	Type   string `json:"type"`
	// Time is when it happened: the phone system's time of the last event.
	Time time.Time `json:"time"`
	// Subject is the call's id, "" on messages that are of no call.
	Subject         string `json:"subject,omitzero"`
	DataContentType string `json:"datacontenttype"`
	// Cursor is what to resume by once this message has been dealt with.
	Cursor Cursor `json:"cursor"`
	// RecordedTime is when the journal took it, zero on messages of no call.
	RecordedTime time.Time `json:"recordedtime,omitzero"`
	// Data is read as the type says.
	Data json.RawMessage `json:"data"`
}

// envelope is a Message whose data is not encoded yet. The order of its fields is
// theirs on the wire.
type envelope struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Time            time.Time `json:"time"`
	Subject         string    `json:"subject,omitzero"`
	DataContentType string    `json:"datacontenttype"`
	Cursor          Cursor    `json:"cursor"`
	RecordedTime    time.Time `json:"recordedtime,omitzero"`
	Data            any       `json:"data"`
}

// EventData is the data of an event message: all events of one entry of the
// journal, and what the call adds up to with them.
type EventData struct {
	Events []telephony.Event `json:"events"`
	Call   *Call             `json:"call"`
}

// SnapshotData is the data of a snapshot: the live calls that the reader may and
// wants to see, in the order in which they began.
type SnapshotData struct {
	Calls []*Call `json:"calls"`
}

// GapReason says why it cannot be resumed.
type GapReason string

// The reasons.
const (
	// GapPurged: the journal has let go of what came next.
	GapPurged GapReason = "purged"
	// GapOtherJournal: the cursor is of another journal.
	GapOtherJournal GapReason = "other_journal"
	// GapAhead: the journal has not come to that place; it was put back.
	GapAhead GapReason = "ahead"
)

// GapData is the data of a gap. The gap's cursor is the one asked for, so that a
// reader that is cut off before the snapshot meets the gap again.
type GapData struct {
	Reason GapReason `json:"reason"`
	// First is the oldest cursor that can be resumed by.
	First Cursor `json:"first"`
}

// message is an entry of the journal, encoded once for all readers.
type message struct {
	seq    uint64
	stored time.Time
	id     string // of the call
	sight  sight
	frame  []byte
	packed func() (*websocket.PreparedMessage, error) // made when it is first asked for
}

// envelope begins a message of this hub's journal at a sequence.
func (h *Hub) envelope(kind string, seq uint64, at time.Time) envelope {
	cursor := Cursor{Epoch: h.epoch, Seq: seq}
	return envelope{
		SpecVersion: specVersion, ID: cursor.String(), Source: h.source, Type: kind, Time: at.UTC(),
		DataContentType: contentType, Cursor: cursor,
	}
}

// entry encodes an entry, with its call as it is after it.
func (h *Hub) entry(r journal.Record, t taken) (*message, error) {
	var e envelope
	if r.Kind == journal.Event {
		e = h.event(r, t.call, t.events)
	} else {
		var err error
		if e, err = h.outcome(r); err != nil {
			return nil, err
		}
	}
	e.Subject, e.RecordedTime = r.Call, r.Stored.UTC()
	m, err := prepare(r.Seq, e)
	if err != nil {
		return nil, err
	}
	m.id, m.sight, m.stored = r.Call, t.sight, r.Stored
	return m, nil
}

func (h *Hub) event(r journal.Record, call *Call, events []telephony.Event) envelope {
	at, hides := r.Stored, call != nil && withheld(call.State)
	list := make([]telephony.Event, 0, len(events))
	for i, e := range events {
		list = append(list, told(e, hides))
		if i == 0 || e.Time.After(at) {
			at = e.Time
		}
	}
	e := h.envelope(TypeEvent, r.Seq, at)
	e.Data = EventData{Events: list, Call: call}
	return e
}

// outcome passes an outcome through, without what is not for readers: the frozen
// request, which is as large as a ticket, links, which open without asking, and
// what was said.
func (h *Hub) outcome(r journal.Record) (envelope, error) {
	var data map[string]json.RawMessage
	if err := json.Unmarshal(r.Data, &data); err != nil {
		return envelope{}, fmt.Errorf("decode outcome: %w", err)
	}
	delete(data, "request")
	if err := withhold(data, "audio", "url"); err != nil {
		return envelope{}, err
	}
	if err := withhold(data, "transcript", "text"); err != nil {
		return envelope{}, err
	}
	at := r.Stored
	var happened time.Time
	if raw, found := data["time"]; found && json.Unmarshal(raw, &happened) == nil && !happened.IsZero() {
		at = happened
	}
	e := h.envelope(TypeOutcome, r.Seq, at)
	e.Data = data
	return e, nil
}

// withhold takes one field out of a part of an outcome, if it is there.
func withhold(data map[string]json.RawMessage, part, field string) error {
	raw, found := data[part]
	if !found {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return fmt.Errorf("decode %s of outcome: %w", part, err)
	}
	delete(fields, field)
	bare, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("encode %s of outcome: %w", part, err)
	}
	data[part] = bare
	return nil
}

// heartbeat says up to where everything was told.
func (h *Hub) heartbeat(seq uint64, now time.Time) (*message, error) {
	e := h.envelope(TypeHeartbeat, seq, now)
	e.ID += "/heartbeat/" + now.UTC().Format("20060102T150405.000Z")
	e.Data = struct{}{}
	return prepare(seq, e)
}

// gap says that it cannot be resumed at a cursor.
func (h *Hub) gap(since Cursor, reason GapReason, first uint64, now time.Time) (*message, error) {
	e := h.envelope(TypeGap, since.Seq, now)
	e.Cursor = since
	e.ID = Cursor{Epoch: h.epoch, Seq: first}.String() + "/gap/" + since.String()
	e.Data = GapData{Reason: reason, First: Cursor{Epoch: h.epoch, Seq: first}}
	return prepare(since.Seq, e)
}

func prepare(seq uint64, e envelope) (*message, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	f := frame(data)
	return &message{seq: seq, frame: f, packed: packer(f[len(f)-len(data):])}, nil
}
