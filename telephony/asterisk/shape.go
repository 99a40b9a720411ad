package asterisk

import (
	"bytes"
	"slices"
)

// A remote caller can write line breaks into the AMI stream: the user part of
// his SIP address may hold %0d%0a, which Asterisk decodes, cuts at 79 bytes and
// prints in CallerIDNum and ConnectedLineNum as it is. A blank line ends the
// message there, and what follows looks like another event. (Seen in 16.28 and
// 22.10.1; captures l4_escaped_crlf_user and l7_forged_event.)
//
// So an event counts only if its headers are those of its kind, complete and
// in Asterisk's order. That cannot be forged: what comes before CallerIDNum in
// any event of a channel takes more than the 79 bytes, and so do the seven
// lines after ConnectedLineName. The latter also tell where a cut event really
// goes on.

// shape is how Asterisk writes one kind of event.
type shape struct {
	// bridge: headers that begin with Bridge stand before the channel.
	bridge bool
	// blocks are the prefixes of the channels in it, in order.
	blocks []string
	// sourceless: the first block may be missing (an Originate).
	sourceless bool
	// needs are headers that must be there besides the channels.
	needs []string
	// answer: the event belongs to an action of ours, whose ActionID ends it.
	answer bool
}

var shapes = map[string]shape{
	"Newchannel":       {blocks: []string{""}},
	"DialBegin":        {blocks: []string{"", "Dest"}, sourceless: true, needs: []string{"DialString"}},
	"DialEnd":          {blocks: []string{"", "Dest"}, sourceless: true, needs: []string{"DialStatus"}},
	"BridgeEnter":      {bridge: true, blocks: []string{""}, needs: []string{"BridgeUniqueid", "BridgeNumChannels"}},
	"BridgeLeave":      {bridge: true, blocks: []string{""}, needs: []string{"BridgeUniqueid", "BridgeNumChannels"}},
	"Hold":             {blocks: []string{""}}, // a MusicClass only where one is asked for
	"Unhold":           {blocks: []string{""}},
	"HangupRequest":    {blocks: []string{""}},
	"Hangup":           {blocks: []string{""}, needs: []string{"Cause", "Cause-txt"}},
	"VarSet":           {blocks: []string{""}, needs: []string{"Variable", "Value"}},
	"QueueCallerJoin":  {blocks: []string{""}, needs: []string{"Queue", "Position", "Count"}},
	"QueueCallerLeave": {blocks: []string{""}, needs: []string{"Queue", "Position", "Count"}},
	"Status":           {blocks: []string{""}, needs: []string{"BridgeID", "Seconds"}, answer: true},
}

// The lines of a channel: up to the number, around the names, after them.
var (
	blockHead = []string{"Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum"}
	blockBody = []string{"CallerIDName", "ConnectedLineNum", "ConnectedLineName"}
	blockTail = []string{"Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid", "Linkedid"}
)

// maxCut bounds what is looked through for the rest of a cut event: two
// numbers of 79 bytes, two names, and what a dialplan may have added to them.
const maxCut = 2048

// verdict is what a look at an event says.
type verdict int

const (
	genuine  verdict = iota
	unfit            // not as Asterisk writes it
	unending         // more bytes are needed to say
)

// matcher looks at one event in the bytes that were read so far.
type matcher struct {
	data     []byte
	pos      int
	spans    []span
	tampered bool
}

// match decides whether data begins with a genuine event of that shape. On
// genuine, pos is behind its last header, before the empty line. The id is how
// our ActionIDs begin.
func (m *matcher) match(s shape, id []byte) verdict {
	if !m.take("Event") || !m.take("Privilege") {
		return m.miss()
	}
	m.take("Timestamp")
	m.take("SystemName")
	early := s.answer && m.take("ActionID")
	for s.bridge && m.takePrefixed("Bridge") {
	}
	for i, prefix := range s.blocks {
		if i == 0 && s.sourceless && !m.next(prefix+blockHead[0]) {
			continue
		}
		if v := m.block(prefix); v != genuine {
			return v
		}
	}
	if s.answer && !early {
		return m.answerRest(id)
	}
	return m.rest(s)
}

// block reads one channel. A cut one is read on after the cut.
func (m *matcher) block(prefix string) verdict {
	for _, key := range blockHead {
		if !m.take(prefix + key) {
			return m.miss()
		}
	}
	number := m.spans[len(m.spans)-1].value
	mark := len(m.spans)
	if !m.takeAll(prefix, blockBody) || !m.takeAll(prefix, blockTail) {
		m.spans = m.spans[:mark-1] // the number is not to be trusted either
		if v := m.resume(prefix, number); v != genuine {
			return v
		}
		m.tampered = true
	}
	for m.take(prefix + "ChanVariable") {
	}
	return genuine
}

// resume looks for the seven last lines of a channel after a cut in a number
// that begins at from.
func (m *matcher) resume(prefix string, from int) verdict {
	window := m.data[from:min(len(m.data), from+maxCut)]
	mark := len(m.spans)
	first := []byte("\r\n" + prefix + blockTail[0] + ": ")
	for at := 0; ; {
		i := bytes.Index(window[at:], first)
		if i < 0 {
			break
		}
		at += i + len(crlf)
		if crossesEvent(window[:at]) {
			return unfit
		}
		m.pos = from + at
		if m.takeAll(prefix, blockTail) {
			return genuine
		}
		m.spans = m.spans[:mark]
	}
	if len(window) == maxCut || crossesEvent(window) {
		return unfit
	}
	return unending
}

// crossesEvent reports whether a whole head of a channel's event stands in the
// bytes: no caller can write that, so the cut event never went on.
func crossesEvent(window []byte) bool {
	begin := []byte("\r\n\r\nEvent: ")
	for {
		i := bytes.Index(window, begin)
		if i < 0 {
			return false
		}
		window = window[i+len(blank):]
		head := matcher{data: window, spans: make([]span, 0, 16)}
		ok := head.take("Event") && head.take("Privilege")
		head.take("Timestamp")
		head.take("SystemName")
		for head.takePrefixed("Bridge") {
		}
		if ok && (head.takeAll("", blockHead) || head.takeAll("Dest", blockHead)) {
			return true
		}
	}
}

// rest reads what follows the channels up to the empty line.
func (m *matcher) rest(s shape) verdict {
	for {
		line, ok := m.line()
		if !ok {
			return m.miss()
		}
		if line.key == line.valueEnd {
			break
		}
		if line.key == line.keyEnd || len(m.spans) >= maxHeaders || repeated(m.data, m.spans, line) {
			return unfit
		}
		m.spans = append(m.spans, line)
	}
	m.pos -= len(crlf)
	for _, key := range s.needs {
		if !slices.ContainsFunc(m.spans, func(have span) bool { return m.is(have, key) }) {
			return unfit
		}
	}
	return genuine
}

// answerRest reads the rest of an event that answers an action: our ActionID,
// which nobody else knows, says where it really ends. If the rest is not clean
// none of it is kept.
func (m *matcher) answerRest(id []byte) verdict {
	from := m.pos - len(crlf)
	marker := append([]byte("\r\nActionID: "), id...)
	i := bytes.Index(m.data[from:], marker)
	if len(id) == 0 || i < 0 {
		return m.answerMiss(from)
	}
	end := bytes.Index(m.data[from+i:], blank)
	if end < 0 {
		return m.answerMiss(from)
	}
	stop := from + i + end
	mark := len(m.spans)
	m.spans = splitLines(m.spans, m.data[m.pos:stop])
	clean := len(m.spans) <= maxHeaders
	for k := mark; k < len(m.spans); k++ {
		m.spans[k] = m.spans[k].shift(m.pos)
		s := m.spans[k]
		clean = clean && s.key < s.keyEnd && (m.is(s, "Variable") || !repeated(m.data, m.spans[mark:k], s))
	}
	if !clean {
		m.spans = append(m.spans[:mark], splitLine(m.data, from+i+len(crlf), stop))
		m.tampered = true
	}
	m.pos = stop + len(crlf)
	return genuine
}

func (m *matcher) answerMiss(from int) verdict {
	if len(m.data)-from > maxMessage/2 {
		return unfit
	}
	return unending
}

// miss says why a line was not there.
func (m *matcher) miss() verdict {
	if !bytes.Contains(m.data[m.pos:], crlf) {
		return unending
	}
	return unfit
}

// line reads the next line, if it is complete.
func (m *matcher) line() (span, bool) {
	i := bytes.Index(m.data[m.pos:], crlf)
	if i < 0 {
		return span{}, false
	}
	s := splitLine(m.data, m.pos, m.pos+i)
	m.pos += i + len(crlf)
	return s, true
}

// next reports whether the next line has that key.
func (m *matcher) next(key string) bool {
	rest := m.data[m.pos:]
	return len(rest) >= len(key)+2 && string(rest[:len(key)]) == key && rest[len(key)] == ':' && rest[len(key)+1] == ' '
}

// take reads the next line if it is complete and has that key.
func (m *matcher) take(key string) bool {
	if !m.next(key) {
		return false
	}
	before := m.pos
	s, ok := m.line()
	if !ok {
		m.pos = before
		return false
	}
	m.spans = append(m.spans, s)
	return true
}

func (m *matcher) takeAll(prefix string, keys []string) bool {
	for _, key := range keys {
		if !m.take(prefix + key) {
			return false
		}
	}
	return true
}

func (m *matcher) takePrefixed(prefix string) bool {
	rest := m.data[m.pos:]
	if len(rest) < len(prefix) || string(rest[:len(prefix)]) != prefix {
		return false
	}
	before := m.pos
	s, ok := m.line()
	if !ok || s.key == s.keyEnd || len(m.spans) >= maxHeaders || repeated(m.data, m.spans, s) {
		m.pos = before
		return false
	}
	m.spans = append(m.spans, s)
	return true
}

func (m *matcher) is(s span, key string) bool { return string(m.data[s.key:s.keyEnd]) == key }

func repeated(data []byte, spans []span, s span) bool {
	key := data[s.key:s.keyEnd]
	return slices.ContainsFunc(spans, func(have span) bool { return bytes.Equal(data[have.key:have.keyEnd], key) })
}

func (s span) shift(by int) span {
	return span{s.key + by, s.keyEnd + by, s.value + by, s.valueEnd + by}
}
