package cti

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// Mapping says where in the messages of a phone system the fields of an Event stand:
// paths such as data.call.id or data.users[0]. What is "" is not there.
type Mapping struct {
	// Kind and Call must be there.
	Kind, Call                           string
	ID, Time                             string
	Direction, From, FromName, To, Agent string
	Queue, With, Reason                  string
	// Kinds, Directions and Reasons say what the words of the phone system mean. A
	// kind that is not among them tells nothing; of directions and reasons ours are
	// known, too.
	Kinds      map[string]Type
	Directions map[string]telephony.Direction
	Reasons    map[string]Reason
}

// read makes an Event of a message that came at a time.
func (m *Mapping) read(body []byte, now time.Time) (Event, error) {
	var message any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&message); err != nil {
		return Event{}, malformed("the message is no JSON")
	}
	get := func(path string) string {
		values := at(message, path)
		if len(values) == 0 {
			return ""
		}
		return strings.TrimSpace(values[0])
	}
	kind, known := m.Kinds[get(m.Kind)]
	if !known {
		return Event{}, errUnknown
	}
	e := Event{
		Type: kind, Time: now, Call: get(m.Call), From: get(m.From), FromName: get(m.FromName), To: get(m.To), Queue: get(m.Queue), With: get(m.With),
		Raw: rawOf(body),
	}
	for _, name := range at(message, m.Agent) {
		if name = strings.TrimSpace(name); name != "" {
			e.Agents = append(e.Agents, Agent{name})
		}
	}
	word := get(m.Direction)
	if e.Direction = m.Directions[word]; e.Direction == "" {
		e.Direction = directions[strings.ToLower(word)]
	}
	if e.Reason = m.Reasons[get(m.Reason)]; e.Reason == "" && slices.Contains(Reasons, Reason(get(m.Reason))) {
		e.Reason = Reason(get(m.Reason))
	}
	if text := get(m.Time); text != "" {
		when, err := parseTime(text)
		if err != nil {
			return Event{}, malformed(err.Error())
		}
		e.Time = when
	}
	e.Identity = identity(get(m.ID), get(m.Time), kind, e.Agents)
	return e, checked(e, now)
}

// identity is what tells an event of a call from others: its id, or else its time, or
// else what it tells.
func identity(id, when string, kind Type, agents []Agent) string {
	if id != "" {
		return "id " + id
	}
	return fmt.Sprintf("%s %s %v", kind, when, agents)
}

// at is what stands at a path: a text, a number, a truth, or all of these in a list.
func at(value any, path string) []string {
	if path == "" {
		return nil
	}
	for step := range strings.SplitSeq(strings.NewReplacer("[", ".", "]", "").Replace(path), ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	var texts []string
	for _, v := range list {
		if text, plain := textOf(v); plain {
			texts = append(texts, text)
		}
	}
	return texts
}

// farStamp is the number from which on a time is in milliseconds: in seconds it
// would be the year 5138.
const farStamp = 100_000_000_000

// parseTime reads RFC 3339, or seconds or milliseconds since 1970.
func parseTime(text string) (time.Time, error) {
	if number, err := strconv.ParseFloat(text, 64); err == nil && number > 0 && number < 1e15 {
		if number >= farStamp {
			return time.UnixMilli(int64(number)).UTC(), nil
		}
		return time.UnixMicro(int64(number * 1e6)).UTC(), nil
	}
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("time %.40q: want RFC 3339, or seconds or milliseconds since 1970", text)
	}
	return when.UTC(), nil
}

// rawOf is what is kept of a message.
func rawOf(body []byte) map[string]string {
	const most = 2 << 10
	return map[string]string{"message": telephony.StripControls(string(body[:min(len(body), most)]))}
}
