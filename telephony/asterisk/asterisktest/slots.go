package asterisktest

import "strings"

// match finds the slot that begins at a byte of a captured text, and its
// length; slotNone where none does.
func (t *template) match(text string, i int) (slot, int) {
	rest := text[i:]
	if t.callerNumber != "" && strings.HasPrefix(rest, t.callerNumber) {
		return slotCallerNumber, len(t.callerNumber)
	}
	if t.callerName != "" && strings.HasPrefix(rest, t.callerName) {
		return slotCallerName, len(t.callerName)
	}
	if strings.HasPrefix(rest, "+15550100") {
		return shaped(slotDID, rest, "+ddddddddddd")
	}
	if rest[0] == '/' {
		return matchFolder(rest)
	}
	if i > 0 && isWord(text[i-1]) {
		return slotNone, 0 // every other slot begins a word
	}
	switch rest[0] {
	case 'p':
		return matchUniqueid(rest)
	case 'P':
		return matchChannel(rest)
	case 'm':
		return shaped(slotMessage, rest, "msgdddd")
	case 'S':
		if line := "SystemName: " + capturedSystem + crlf; strings.HasPrefix(rest, line) {
			return slotSystem, len(line)
		}
	case '1', '2':
		if kind, length := matchNumber(rest); kind != slotNone {
			return kind, length
		}
	}
	if len(rest) < 9 || rest[8] != '-' {
		return slotNone, 0
	}
	return shaped(slotUUID, rest, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

// matchNumber finds what begins with a digit.
func matchNumber(rest string) (slot, int) {
	for _, known := range []struct {
		kind          slot
		prefix, shape string
	}{
		{slotStamp, "179", "dddddddddd.dddddd"},
		{slotDID, "15550100", "ddddddddddd"},
		{slotAgent, "100", "dddd"},
		{slotFileTime, "20", "dddddddd-dddddd"},
		{slotDateTime, "20", "dddd-dd-dd dd:dd:dd"},
	} {
		if strings.HasPrefix(rest, known.prefix) {
			if kind, length := shaped(known.kind, rest, known.shape); kind != slotNone {
				return kind, length
			}
		}
	}
	return slotNone, 0
}

// matchUniqueid finds pbx1-1795309909.16.
func matchUniqueid(rest string) (slot, int) {
	stem := capturedSystem + "-"
	if !strings.HasPrefix(rest, stem) || !hasShape(rest[len(stem):], "dddddddddd.d") {
		return slotNone, 0
	}
	length := len(stem) + len("1795309909.")
	for length < len(rest) && isDigit(rest[length]) {
		length++
	}
	return slotUniqueid, length
}

// matchChannel finds PJSIP/trunk-00000009, the endpoint being one of the lab's.
func matchChannel(rest string) (slot, int) {
	name, found := strings.CutPrefix(rest, "PJSIP/")
	if !found {
		return slotNone, 0
	}
	dash := strings.IndexByte(name[:min(len(name), 16)], '-')
	if dash < 0 {
		return slotNone, 0
	}
	if kind, length := shaped(slotChannel, name[dash:], "-xxxxxxxx"); kind != slotNone {
		return kind, len("PJSIP/") + dash + length
	}
	return slotNone, 0
}

func matchFolder(rest string) (slot, int) {
	switch {
	case strings.HasPrefix(rest, capturedRecordings):
		return slotRecordings, len(capturedRecordings)
	case strings.HasPrefix(rest, capturedVoicemail):
		return slotVoicemail, len(capturedVoicemail)
	}
	return slotNone, 0
}

// shaped gives the slot if the text begins with the shape and a word ends
// there.
func shaped(kind slot, text, shape string) (slot, int) {
	if !hasShape(text, shape) || len(text) > len(shape) && isWord(text[len(shape)]) {
		return slotNone, 0
	}
	return kind, len(shape)
}

// hasShape compares byte by byte: d is a digit, x a hexadecimal one, anything
// else itself.
func hasShape(text, shape string) bool {
	if len(text) < len(shape) {
		return false
	}
	for i := range len(shape) {
		switch c := text[i]; shape[i] {
		case 'd':
			if !isDigit(c) {
				return false
			}
		case 'x':
			if !isDigit(c) && (c < 'a' || c > 'f') {
				return false
			}
		default:
			if c != shape[i] {
				return false
			}
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
