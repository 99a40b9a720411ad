package asterisktest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What stands in the captures and is exchanged when they are played.
const (
	capturedSystem     = "pbx1"
	capturedRecordings = "/srv/callcentre/pbx1/asterisk1/spool/monitor"
	capturedVoicemail  = "/srv/callcentre/pbx1/asterisk1/spool/voicemail"
)

// slot is a place in a template that is filled anew for each play.
type slot int

const (
	slotNone slot = iota
	slotUniqueid
	slotChannel
	slotUUID
	slotRecordings
	slotVoicemail
	slotMessage  // msg0000
	slotFileTime // 20261122-011149
	slotDateTime // 2026-11-22 01:11:49
	slotStamp    // 1795309909.146786
	slotSystem   // a whole line
	slotDID
	slotAgent
	slotCallerNumber
	slotCallerName
)

// part is a piece of an event: text that stays, then a slot.
type part struct {
	text     string
	slot     slot
	original string
	index    int           // among the different originals of the slot
	offset   time.Duration // of a time, from the start of the capture
}

// step is one event of a template.
type step struct {
	kind     string
	variable string        // of a VarSet, without marks of inheritance
	at       time.Duration // when it goes out; never decreases
	stamped  time.Duration // what its Timestamp says; may run backwards a little
	head     string        // up to where the Timestamp header goes
	parts    []part
}

// template is a capture prepared for being played.
type template struct {
	name             string
	steps            []step
	originals        map[slot][]string // in order of appearance
	callerNumber     string            // of the outside party; "" if it cannot be exchanged
	callerName       string
	begins           [256]bool // bytes that a slot can begin with
	firstIDs         []string  // Linkedids, in order of appearance
	base             time.Time
	ringing, talking span
	mail, longest    span
	parting, meeting span
}

// span is a range of steps; the pause in a phase goes before step cut.
type span struct {
	found bool
	cut   int
}

var templates sync.Map // name to *template

// loadTemplate prepares a capture once.
func loadTemplate(name string) (*template, error) {
	if cached, ok := templates.Load(name); ok {
		return cached.(*template), nil
	}
	data, err := Capture(name)
	if err != nil {
		return nil, err
	}
	t, err := newTemplate(name, data)
	if err != nil {
		return nil, fmt.Errorf("prepare capture %q: %w", name, err)
	}
	templates.Store(name, t)
	return t, nil
}

// raw is one genuine event of a capture and when it came.
type raw struct {
	data []byte
	at   time.Time
}

var (
	boundaryStamped = regexp.MustCompile(`\r\n\r\n(?:\r\n)?(Event: \w+\r\nPrivilege: \w+,all\r\nTimestamp: )`)
	boundaryPlain   = regexp.MustCompile(`\r\n\r\n(?:\r\n)?(Event: \w+\r\nPrivilege: \w+,all\r\n)`)
	timestampLine   = regexp.MustCompile(`^(Event: \w+\r\nPrivilege: \w+,all\r\n)(?:Timestamp: (\d+)\.(\d{6})\r\n)?`)
	plainNumber     = regexp.MustCompile(`^\+?\d{5,}$`)
	plainName       = regexp.MustCompile(`^[A-Za-z][A-Za-z .]+$`)
	firstUniqueid   = regexp.MustCompile(`\r\nUnique[iI][dD]: ` + capturedSystem + `-(\d{10})\.\d+\r\n`)
	dialString      = regexp.MustCompile(`\r\nDialString: (\+?\d{5,})@trunk\r\n`)
)

// splitCapture cuts a capture into genuine events: one that a caller forged
// inside his number lacks the headers that every event begins with, and stays
// part of the event it came in.
func splitCapture(name string, data []byte) ([]raw, error) {
	boundary := boundaryPlain
	stamped := bytes.Contains(data, []byte("\r\nTimestamp: "))
	if stamped {
		boundary = boundaryStamped
	}
	cuts := boundary.FindAllSubmatchIndex(data, -1)
	events := make([]raw, 0, len(cuts))
	for i, cut := range cuts {
		end := len(data)
		if i+1 < len(cuts) {
			end = cuts[i+1][2]
		}
		events = append(events, raw{data: data[cut[2]:end]})
	}
	if stamped {
		for i := range events {
			m := timestampLine.FindSubmatch(events[i].data)
			events[i].at = parseStamp(string(m[2]), string(m[3]))
		}
		return events, nil
	}
	reads, err := Times(name)
	if err != nil {
		return nil, err
	}
	for i, cut := range cuts {
		last := cut[2] + len(events[i].data) - 1
		n, _ := slices.BinarySearchFunc(reads, last, func(r Read, offset int) int {
			return r.Offset + r.Length - 1 - offset
		})
		events[i].at = time.Unix(0, 0).Add(reads[min(n, len(reads)-1)].At)
	}
	return events, setClock(events)
}

// setClock moves events that carry no time of their own to when they happened,
// as the first Uniqueid tells it, to the second.
func setClock(events []raw) error {
	for _, e := range events {
		m := firstUniqueid.FindSubmatch(e.data)
		if m == nil {
			continue
		}
		shift := parseStamp(string(m[1]), "0").Sub(e.at)
		for i := range events {
			events[i].at = events[i].at.Add(shift)
		}
		return nil
	}
	return fmt.Errorf("it has no call: %w", ErrNoCapture)
}

func parseStamp(seconds, micros string) time.Time {
	s, _ := strconv.ParseInt(seconds, 10, 64) // digits, by the expression
	us, _ := strconv.ParseInt(micros, 10, 64)
	return time.Unix(s, us*1000)
}

func newTemplate(name string, data []byte) (*template, error) {
	events, err := splitCapture(name, data)
	if err != nil {
		return nil, err
	}
	parsed := make([]*event, len(events))
	for i := range events {
		parsed[i] = parseEvent(events[i].data)
	}
	isCall := func(e *event) bool { return e.linkedid() != "" && e.linkedid() != "none" }
	first := slices.IndexFunc(parsed, isCall)
	if first < 0 {
		return nil, fmt.Errorf("it has no call: %w", ErrNoCapture)
	}
	t := &template{name: name, originals: map[slot][]string{}, base: events[first].at}
	t.findCaller(parsed[first:], data)
	for _, c := range []byte("pP/mS+0123456789abcdef" + t.callerNumber + t.callerName) {
		t.begins[c] = true
	}
	var at time.Duration
	for i := first; i < len(events); i++ {
		e := parsed[i]
		if e.kind == "SuccessfulAuth" || e.get("Uniqueid") == "none" {
			continue
		}
		stamped := events[i].at.Sub(t.base)
		at = max(at, stamped)
		t.steps = append(t.steps, t.newStep(e, at, stamped))
		if isCall(e) && !slices.Contains(t.firstIDs, e.linkedid()) {
			t.firstIDs = append(t.firstIDs, e.linkedid())
		}
	}
	last := len(t.steps)
	for last > 0 && t.steps[last-1].kind == "TestEvent" { // of the recorder and of SIP sessions that end later
		last--
	}
	t.steps = t.steps[:last]
	t.findPhases()
	return t, nil
}

// findCaller finds number and name of the outside party.
func (t *template) findCaller(events []*event, data []byte) {
	i := slices.IndexFunc(events, func(e *event) bool { return e.kind == "Newchannel" })
	if i < 0 {
		return
	}
	number, name := events[i].get("CallerIDNum"), events[i].get("CallerIDName")
	if endpoint(events[i].get("Channel")) != "trunk" {
		number, name = "", ""
		if m := dialString.FindSubmatch(data); m != nil {
			number = string(m[1])
		}
	}
	if plainNumber.MatchString(number) {
		t.callerNumber = number
		if plainName.MatchString(name) {
			t.callerName = name
		}
	}
}

// newStep cuts an event at its slots.
func (t *template) newStep(e *event, at, stamped time.Duration) step {
	head := timestampLine.FindSubmatchIndex(e.raw)
	s := step{kind: e.kind, at: at, stamped: stamped, head: string(e.raw[:head[3]])}
	if e.kind == "VarSet" {
		s.variable = variableName(e.get("Variable"))
	}
	text := string(e.raw[head[1]:])
	done := 0
	for i := 0; i < len(text); {
		if !t.begins[text[i]] {
			i++
			continue
		}
		kind, length := t.match(text, i)
		if kind == slotNone {
			i++
			continue
		}
		s.parts = append(s.parts, t.newPart(text[done:i], kind, text[i:i+length]))
		i += length
		done = i
	}
	s.parts = append(s.parts, part{text: text[done:]})
	return s
}

func (t *template) newPart(text string, kind slot, original string) part {
	p := part{text: text, slot: kind, original: original}
	switch kind { //nolint:exhaustive // the others are all told apart by their text
	case slotFileTime:
		p.offset = t.offset("20060102-150405", original)
	case slotDateTime:
		p.offset = t.offset(time.DateTime, original)
	case slotStamp:
		seconds, micros, _ := strings.Cut(original, ".")
		p.offset = parseStamp(seconds, micros).Sub(t.base)
	case slotDID:
		p.index = t.indexOf(kind, strings.TrimPrefix(original, "+"))
	default:
		p.index = t.indexOf(kind, original)
	}
	return p
}

// offset returns how long after the start of the capture a local time was; the
// captures come from a machine that lived in UTC.
func (t *template) offset(layout, text string) time.Duration {
	when, err := time.Parse(layout, text)
	if err != nil {
		return 0
	}
	return when.Sub(t.base.Truncate(time.Second))
}

func (t *template) indexOf(kind slot, original string) int {
	if i := slices.Index(t.originals[kind], original); i >= 0 {
		return i
	}
	t.originals[kind] = append(t.originals[kind], original)
	return len(t.originals[kind]) - 1
}

// contains reports whether a piece of unchanging text is in the step.
func (s step) contains(text string) bool {
	return slices.ContainsFunc(s.parts, func(p part) bool { return strings.Contains(p.text, text) })
}
