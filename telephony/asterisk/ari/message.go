package ari

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// message is an event as ARI sends it: what is used of it. Which fields are set
// depends on Type. (Captures of Asterisk 22.10.1; the same in 16.28.)
type message struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	// Channel is whose event it is; of a Dial it is Peer, whom Caller dials. Caller
	// is nil where Asterisk dials by itself.
	Channel *channel `json:"channel"`
	Caller  *channel `json:"caller"`
	Peer    *channel `json:"peer"`
	Bridge  *bridge  `json:"bridge"`
	// DialString is what was dialled, as the channel's technology writes it.
	// DialStatus is empty when it begins to ring, and then how that goes.
	DialString string `json:"dialstring"`
	DialStatus string `json:"dialstatus"`
	Variable   string `json:"variable"`
	Value      string `json:"value"`
	Cause      int    `json:"cause"`
	// Soft says of a ChannelHangupRequest that Asterisk itself made it.
	Soft bool `json:"soft"`
	// App and Data are the application of the dialplan that begins, and its arguments.
	App  string `json:"dialplan_app"`
	Data string `json:"dialplan_app_data"`

	raw      []byte
	at       time.Time   // what Timestamp says
	received time.Time   // when it came
	secret   <-chan bool // answers whether the number of Channel must be hidden; nil: not asked
	hidden   bool        // it must be
	left     string      // the queue that the channel is in no more
}

// channel is a channel as it stands in events and lists.
type channel struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	State     string   `json:"state"`
	Caller    callerID `json:"caller"`
	Dialplan  dialplan `json:"dialplan"`
	CreatedAt string   `json:"creationtime"`
	// Vars are the variables that ari.conf names in channelvars=.
	Vars map[string]string `json:"channelvars"`
}

type callerID struct {
	Name   string `json:"name"`
	Number string `json:"number"`
}

type dialplan struct {
	Context string `json:"context"`
	Exten   string `json:"exten"`
	App     string `json:"app_name"`
	Data    string `json:"app_data"`
}

// bridge is what channels are joined in.
type bridge struct {
	ID       string   `json:"id"`
	Type     string   `json:"bridge_type"`
	Channels []string `json:"channels"`
}

// holding reports whether a bridge only keeps its channels waiting, as that of a
// car park does: they do not hear each other.
func (b *bridge) holding() bool { return b.Type == "holding" }

// stampLayout is how Asterisk writes a time: milliseconds, and the zone.
const stampLayout = "2006-01-02T15:04:05.000-0700"

// wanted reports whether a message is used.
func (m *message) wanted() bool {
	switch m.Type {
	case "ChannelCreated", "Dial", "ChannelEnteredBridge", "ChannelLeftBridge", "ChannelHold", "ChannelUnhold",
		"ChannelHangupRequest", "ChannelDestroyed", "ChannelDialplan", "ApplicationReplaced":
		return true
	case "ChannelVarset":
		return m.Channel != nil && wantedVariables[strings.TrimLeft(m.Variable, "_")]
	}
	return false
}

// wantedVariables say something of a call. Channels that inherit one report it
// with underscores.
var wantedVariables = map[string]bool{"MIXMONITOR_FILENAME": true, "VM_MESSAGEFILE": true, "TB_DID": true, "TB_DIR": true, "TB_AGENT": true}

// decode reads a message. One that is not wanted is returned as it is; of one that
// is, everything must be there that its kind has. The error wraps ErrMalformed.
func decode(raw []byte, received time.Time) (*message, error) {
	m := &message{raw: raw, received: received}
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if m.Type == "" {
		return nil, fmt.Errorf("%w: it has no type", ErrMalformed)
	}
	if !m.wanted() || m.Type == "ApplicationReplaced" {
		return m, nil
	}
	var err error
	if m.at, err = time.Parse(stampLayout, m.Timestamp); err != nil {
		return nil, fmt.Errorf("%w: %s: timestamp %.40q is no time", ErrMalformed, m.Type, m.Timestamp)
	}
	m.at = m.at.UTC()
	if err := m.complete(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMalformed, m.Type, err)
	}
	return m, nil
}

var (
	errNoChannel = errors.New("it names no channel")
	errNoBridge  = errors.New("it names no bridge")
)

// complete reports what is missing of a wanted message.
func (m *message) complete() error {
	if c := m.subject(); c == nil || c.ID == "" || c.Name == "" {
		return errNoChannel
	}
	if m.Type == "Dial" && m.Caller != nil && m.Caller.ID == "" {
		return errNoChannel
	}
	if (m.Type == "ChannelEnteredBridge" || m.Type == "ChannelLeftBridge") && (m.Bridge == nil || m.Bridge.ID == "") {
		return errNoBridge
	}
	return nil
}

// subject is the channel that the message is about.
func (m *message) subject() *channel {
	if m.Type == "Dial" {
		return m.Peer
	}
	return m.Channel
}

// Size is how much memory the message takes, in bytes.
func (m *message) Size() int { return 1024 + 2*len(m.raw) }

// identity is what is hashed of an event: all of it but for the name of the app
// that it was sent to, so that two nodes, which need an app each, make one entry of
// one event. The order of its fields does not matter.
func (m *message) identity() string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(m.raw, &fields); err != nil {
		return string(m.raw) // it was decoded before
	}
	delete(fields, "application")
	same, err := json.Marshal(fields)
	if err != nil {
		return string(m.raw)
	}
	return string(same)
}
