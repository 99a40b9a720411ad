package cti

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// TypePrefix stands before the type of an Event in a CloudEvent.
const TypePrefix = "com.talkbridge.phone."

// The content types of CloudEvents in JSON (cloudevents/spec, JSON format and HTTP
// binding), and their subprotocol on WebSockets.
const (
	typeEvent   = "application/cloudevents+json"
	typeBatch   = "application/cloudevents-batch+json"
	subprotocol = "cloudevents.json"
)

// maxBatch is how many events may be told at once.
const maxBatch = 1000

// CloudEvent is an event as it is told over /v1/events: CloudEvents 1.0 in JSON.
type CloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Time            time.Time `json:"time,omitzero"`
	DataContentType string    `json:"datacontenttype,omitzero"`
	Data            *Data     `json:"data,omitzero"`
}

// Data is what an event tells; docs/events.schema.json describes it.
type Data struct {
	Call      string   `json:"call"`
	Direction string   `json:"direction,omitzero"`
	From      string   `json:"from,omitzero"`
	FromName  string   `json:"from_name,omitzero"`
	To        string   `json:"to,omitzero"`
	Agents    []string `json:"agents,omitzero"`
	Machine   bool     `json:"machine,omitzero"`
	Queue     string   `json:"queue,omitzero"`
	Position  int      `json:"position,omitzero"`
	With      string   `json:"with,omitzero"`
	Reason    string   `json:"reason,omitzero"`
}

// event makes an Event of a CloudEvent that came at a time.
func (c CloudEvent) event(now time.Time) (Event, error) {
	switch {
	case c.SpecVersion != "1.0":
		return Event{}, malformed(fmt.Sprintf("specversion %.20q: want \"1.0\"", c.SpecVersion))
	case c.ID == "" || len(c.ID) > maxText:
		return Event{}, malformed(fmt.Sprintf("id: want 1 to %d bytes", maxText))
	case c.Source == "" || len(c.Source) > maxText:
		return Event{}, malformed(fmt.Sprintf("source: want 1 to %d bytes", maxText))
	case c.Type == "":
		return Event{}, malformed("type is missing")
	}
	name, ours := strings.CutPrefix(c.Type, TypePrefix)
	if !ours || !slices.Contains(Types, Type(name)) {
		return Event{}, errUnknown
	}
	if c.Data == nil {
		return Event{}, malformed("data is missing")
	}
	d := *c.Data
	e := Event{
		Type: Type(name), Identity: c.Source + "\n" + c.ID, Time: c.Time, Call: d.Call, Direction: directions[d.Direction], From: d.From,
		FromName: d.FromName, To: d.To, Machine: d.Machine, Queue: d.Queue, Position: d.Position, With: d.With, Reason: Reason(d.Reason),
		Raw: map[string]string{"source": clean(c.Source), "id": clean(c.ID), "type": c.Type},
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	for _, a := range d.Agents {
		if a = strings.TrimSpace(a); a == "" {
			return Event{}, malformed("agents has an empty name")
		}
		e.Agents = append(e.Agents, Agent{a})
	}
	if d.Direction != "" && e.Direction == "" {
		return Event{}, malformed(fmt.Sprintf("direction %.20q: want inbound, outbound or internal", d.Direction))
	}
	if d.Reason != "" && !slices.Contains(Reasons, e.Reason) {
		return Event{}, malformed(fmt.Sprintf("reason %.20q: want one of %v", d.Reason, Reasons))
	}
	return e, checked(e, now)
}

// checked is e.validate as a refusal.
func checked(e Event, now time.Time) error {
	err := e.validate(now)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTime):
		return refuse(http.StatusBadRequest, "time", err.Error())
	}
	return malformed(err.Error())
}

// readCloudEvents reads what was posted: one event, or a batch, or one whose
// attributes are in the headers.
func readCloudEvents(header http.Header, body []byte) ([]CloudEvent, error) {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case err == nil && kind == typeEvent:
		var c CloudEvent
		err := decode(body, &c)
		return []CloudEvent{c}, err
	case err == nil && kind == typeBatch:
		return readBatch(body)
	case err == nil && kind == "application/json" && header.Get("Ce-Id") != "":
		return readBinary(header, body)
	}
	return nil, refuse(http.StatusUnsupportedMediaType, "content_type",
		fmt.Sprintf("content type %.60q: send %s, %s, or application/json with the attributes in headers (ce-id, ce-source, ce-type, ce-specversion)",
			header.Get("Content-Type"), typeEvent, typeBatch))
}

// decode reads one value in JSON, with nothing behind it.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(into); err != nil {
		return malformed("the body is no CloudEvent in JSON: " + clean(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed("there is something behind the event")
	}
	return nil
}

func readBatch(body []byte) ([]CloudEvent, error) {
	var all []CloudEvent
	if err := decode(body, &all); err != nil {
		return nil, err
	}
	if len(all) > maxBatch {
		return nil, malformed(fmt.Sprintf("%d events, at most %d at once", len(all), maxBatch))
	}
	return all, nil
}

// readBinary reads an event whose attributes are in the headers, where what is not
// ASCII is written with percent signs.
func readBinary(header http.Header, body []byte) ([]CloudEvent, error) {
	attribute := func(name string) string {
		value := header.Get("Ce-" + name)
		if plain, err := url.PathUnescape(value); err == nil {
			return plain
		}
		return value
	}
	c := CloudEvent{SpecVersion: attribute("Specversion"), ID: attribute("Id"), Source: attribute("Source"), Type: attribute("Type")}
	if text := attribute("Time"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, malformed(fmt.Sprintf("ce-time %.40q: want a time as RFC 3339 has it", text))
		}
		c.Time = at
	}
	if err := decode(body, &c.Data); err != nil {
		return nil, err
	}
	return []CloudEvent{c}, nil
}

// telephonyEvents are the events of one message, ready to be appended; nothing for
// one of a type that is not known.
func (t Translator) telephonyEvents(c CloudEvent, now time.Time) ([]telephony.Event, error) {
	e, err := c.event(now)
	if err != nil {
		return nil, err
	}
	events, err := t.Translate(e)
	if err != nil {
		return nil, malformed(err.Error())
	}
	return events, nil
}
