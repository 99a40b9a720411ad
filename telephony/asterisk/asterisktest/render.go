package asterisktest

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// stamper makes time stamps that run as recorded and are never equal where the
// recorded ones differ, however fast the play.
type stamper struct {
	recorded time.Duration // the latest
	written  time.Time     // for it
}

// next returns the time stamp of an event that should have happened at a time.
// A recorded step backwards stays one of the same size.
func (s *stamper) next(recorded time.Duration, at time.Time) time.Time {
	if s.written.IsZero() || recorded > s.recorded {
		if floor := s.written.Add(time.Microsecond); at.Before(floor) && !s.written.IsZero() {
			at = floor
		}
		s.recorded, s.written = recorded, at
		return at
	}
	return s.written.Add(recorded - s.recorded)
}

// render fills a step.
func (p *play) render(s *step) []byte {
	var w writer
	w.put(s.head)
	if !p.server.config.NoTimestamps {
		w.add("Timestamp", stamp(p.stamped.next(s.stamped, p.moment(s.stamped))))
	}
	p.fill(&w, s.parts)
	if value, found := p.played.Variables[s.variable]; found && s.variable != "" {
		end := bytes.Index(w.text, []byte(crlf+"Value: "))
		w.text = w.text[:end+len(crlf)]
		w.add("Value", value)
		w.put(crlf)
	}
	if s.kind == "MessageWaiting" && p.messages > 0 {
		return bytes.Replace(w.text, []byte("\r\nNew: 1\r\n"), []byte("\r\nNew: "+strconv.Itoa(p.messages)+crlf), 1)
	}
	return w.text
}

// moment is when something recorded happens in the play, by the server's clock.
func (p *play) moment(recorded time.Duration) time.Time {
	if p.player.RecordedGaps {
		return p.played.Start.Add(recorded + p.held)
	}
	return p.played.Start.Add(p.scaled(recorded) + p.held)
}

func (p *play) fill(w *writer, parts []part) {
	for i := range parts {
		w.put(parts[i].text)
		if parts[i].slot != slotNone {
			w.put(p.value(&parts[i]))
		}
	}
}

func (p *play) value(part *part) string {
	switch part.slot {
	case slotUniqueid:
		return p.uniqueid(part.index)
	case slotChannel, slotUUID, slotAgent:
		return p.values[part.slot][part.index]
	case slotDID:
		return part.original[:len(part.original)-len(strings.TrimPrefix(part.original, "+"))] + p.values[slotDID][part.index]
	case slotRecordings:
		return or(p.player.Recordings, part.original)
	case slotVoicemail:
		return or(p.player.Voicemail, part.original)
	case slotMessage:
		return or(p.message, part.original)
	case slotFileTime:
		return p.moment(part.offset).UTC().Format("20060102-150405")
	case slotDateTime:
		return p.second(part.offset).UTC().Format(time.DateTime)
	case slotStamp:
		return stamp(p.moment(part.offset))
	case slotSystem:
		if p.server.config.SystemName == "" {
			return ""
		}
		return "SystemName: " + p.server.config.SystemName + crlf
	case slotCallerNumber:
		return or(p.played.Caller.Number, part.original)
	case slotCallerName:
		return or(escapeName(p.played.Caller.Name), part.original)
	case slotNone:
	}
	return part.original
}

func or(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}
