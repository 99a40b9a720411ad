package twiliotest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// node is an element of TwiML.
type node struct {
	name     string
	attrs    map[string]string
	children []node
	text     string
}

// program is a TwiML document and where it came from.
type program struct {
	base string // its URL; "" for TwiML that a REST request brought
	body []node
}

// parse reads a TwiML document. What does not belong into it is left out and named in the warnings.
func parse(body []byte) (nodes []node, warnings []string, err error) {
	d := xml.NewDecoder(bytes.NewReader(body)) //nolint:gosec // of at most 64 KiB, into elements and texts
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil, nil, errors.New("the document is empty")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("parse TwiML: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if start.Name.Local != "Response" {
			return nil, nil, fmt.Errorf("the document begins with <%s>, want <Response>", start.Name.Local)
		}
		root, err := element(d, start)
		if err != nil {
			return nil, nil, err
		}
		nodes, warnings = checked(root.children, verbs, "Response")
		return nodes, warnings, nil
	}
}

func element(d *xml.Decoder, start xml.StartElement) (node, error) {
	n := node{name: start.Name.Local, attrs: map[string]string{}}
	for _, a := range start.Attr {
		n.attrs[a.Name.Local] = a.Value
	}
	for {
		token, err := d.Token()
		if err != nil {
			return n, fmt.Errorf("parse TwiML: %w", err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			child, err := element(d, t)
			if err != nil {
				return n, err
			}
			n.children = append(n.children, child)
		case xml.CharData:
			n.text += string(t)
		case xml.EndElement:
			n.text = strings.TrimSpace(n.text)
			return n, nil
		}
	}
}

// shape says what an element may hold.
type shape struct {
	attrs    string // separated by spaces
	children map[string]shape
}

const (
	actionAttrs = "action method "
	statusAttrs = "statusCallback statusCallbackMethod statusCallbackEvent "
	recordAttrs = "recordingStatusCallback recordingStatusCallbackMethod recordingStatusCallbackEvent recordingTrack trim "
)

var (
	say    = shape{attrs: "voice language loop", children: map[string]shape{"break": {attrs: "strength time"}, "prosody": {attrs: "rate pitch volume"}}}
	play   = shape{attrs: "loop digits"}
	pause  = shape{attrs: "length"}
	callee = statusAttrs + "url method "
)

// verbs are what a Response may hold. Twilio docs: voice/twiml and the page of each verb.
var verbs = map[string]shape{
	"Say": say, "Play": play, "Pause": pause, "Hangup": {}, "Leave": {},
	"Redirect": {attrs: "method"}, "Reject": {attrs: "reason"},
	"Gather": {
		attrs: actionAttrs + "input timeout speechTimeout maxSpeechTime finishOnKey numDigits language hints actionOnEmptyResult " +
			"bargeIn profanityFilter partialResultCallback partialResultCallbackMethod speechModel enhanced debug dtmfDetection",
		children: map[string]shape{"Say": say, "Play": play, "Pause": pause},
	},
	"Record": {attrs: actionAttrs + recordAttrs + "timeout finishOnKey maxLength playBeep transcribe transcribeCallback"},
	"Dial": {
		attrs: actionAttrs + recordAttrs + "timeout timeLimit callerId answerOnBridge hangupOnStar sequential record referUrl " +
			"referMethod ringTone events",
		children: map[string]shape{
			"Number": {attrs: callee + "sendDigits byoc machineDetection amdStatusCallback"},
			"Sip":    {attrs: callee + "username password"},
			"Client": {attrs: callee, children: map[string]shape{"Identity": {}, "Parameter": {attrs: "name value"}}},
			"Queue":  {attrs: "url method reservationSid postWorkActivitySid"},
			"Conference": {attrs: statusAttrs + "muted beep startConferenceOnEnter endConferenceOnExit waitUrl waitMethod maxParticipants " +
				"participantLabel jitterBufferSize record region coach eventCallbackUrl " + recordAttrs},
		},
	},
	"Enqueue": {attrs: actionAttrs + "waitUrl waitUrlMethod workflowSid maxQueueSize", children: map[string]shape{"Task": {attrs: "priority timeout"}}},
	"Start":   {children: map[string]shape{"Recording": {attrs: recordAttrs + "channels"}}},
}

// checked keeps what belongs below parent.
func checked(list []node, known map[string]shape, parent string) (kept []node, warnings []string) {
	for _, n := range list {
		shape, ok := known[n.name]
		if !ok {
			warnings = append(warnings, fmt.Sprintf("<%s> is not known in <%s>", n.name, parent))
			continue
		}
		for a := range n.attrs {
			if !slices.Contains(strings.Fields(shape.attrs), a) {
				warnings = append(warnings, fmt.Sprintf("attribute %s is not known in <%s>", a, n.name))
				delete(n.attrs, a)
			}
		}
		var more []string
		n.children, more = checked(n.children, shape.children, n.name)
		kept, warnings = append(kept, n), append(warnings, more...)
	}
	return kept, warnings
}

// attr is an attribute, or a default where it is missing.
func (n node) attr(name, missing string) string {
	if v, ok := n.attrs[name]; ok && v != "" {
		return v
	}
	return missing
}

func (n node) is(name string) bool { return strings.EqualFold(n.attrs[name], "true") }

func (n node) number(name string, missing int) int {
	if v, err := strconv.Atoi(n.attrs[name]); err == nil && v >= 0 {
		return v
	}
	return missing
}

func (n node) seconds(name string, missing int) time.Duration {
	return time.Duration(n.number(name, missing)) * time.Second
}

// words are the items of a list that is separated by spaces.
func (n node) words(name string) []string { return strings.Fields(n.attrs[name]) }
