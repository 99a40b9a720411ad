package aritest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

const (
	entity      = "02:fc:00:00:00:01"
	stampLayout = "2006-01-02T15:04:05.000-0700"
)

// channel is a live channel.
type channel struct {
	id, name, state, protocol string
	number, caller            string
	connected, connectedName  string
	context, exten            string
	priority                  int
	app, data                 string
	created                   time.Time
	linked, presentation      string
	vars                      map[string]string
}

// The fields of a channel stand in the order in which Asterisk writes them.
type (
	channelJSON struct {
		ID        string      `json:"id"`
		Name      string      `json:"name"`
		State     string      `json:"state"`
		Protocol  string      `json:"protocol_id"`
		Caller    nameNumber  `json:"caller"`
		Connected nameNumber  `json:"connected"`
		Account   string      `json:"accountcode"`
		Dialplan  dialplan    `json:"dialplan"`
		Created   string      `json:"creationtime"`
		Language  string      `json:"language"`
		Vars      *orderedMap `json:"channelvars,omitempty"`
	}
	nameNumber struct {
		Name   string `json:"name"`
		Number string `json:"number"`
	}
	dialplan struct {
		Context  string `json:"context"`
		Exten    string `json:"exten"`
		Priority int    `json:"priority"`
		App      string `json:"app_name"`
		Data     string `json:"app_data"`
	}
	orderedMap struct {
		keys   []string
		values map[string]string
	}
)

// MarshalJSON writes the keys in their order.
func (m *orderedMap) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range m.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(key))
		b.WriteByte(':')
		b.Write(encode(m.values[key]))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (c *channel) json(vars []string) json.RawMessage {
	out := channelJSON{
		ID: c.id, Name: c.name, State: c.state, Protocol: c.protocol, Caller: nameNumber{c.caller, c.number},
		Connected: nameNumber{c.connectedName, c.connected}, Dialplan: dialplan{c.context, c.exten, c.priority, c.app, c.data},
		Created: c.created.UTC().Format(stampLayout), Language: "en",
	}
	if len(vars) > 0 {
		out.Vars = &orderedMap{vars, make(map[string]string)}
		for _, name := range vars {
			out.Vars.values[name], _ = c.variable(name)
		}
	}
	return encode(out)
}

// variable is a variable of the channel, or a function.
func (c *channel) variable(name string) (string, bool) {
	switch name {
	case "CHANNEL(linkedid)":
		return c.linked, true
	case "CALLERID(num-pres)":
		return c.presentation, true
	case "CALLERID(dnid)":
		return c.exten, true
	}
	value, ok := c.vars[name]
	return value, ok
}

// bridge is where channels hear each other.
type bridge struct {
	id      string
	members []string
	created time.Time
}

func (b *bridge) json() json.RawMessage {
	return encode(struct {
		ID         string   `json:"id"`
		Technology string   `json:"technology"`
		Type       string   `json:"bridge_type"`
		Class      string   `json:"bridge_class"`
		Creator    string   `json:"creator"`
		Name       string   `json:"name"`
		Channels   []string `json:"channels"`
		Created    string   `json:"creationtime"`
		Video      string   `json:"video_mode"`
	}{b.id, "simple_bridge", "mixing", "basic", "", "", append([]string{}, b.members...), b.created.UTC().Format(stampLayout), "none"})
}

// encode writes JSON as Asterisk does: <, > and & as they are.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // all of it is text
	}
	return bytes.TrimSpace(b.Bytes())
}

// stamped is an event as it is sent to an app.
func stamped(at time.Time, fields map[string]any, app string) []byte {
	all := map[string]any{"timestamp": at.UTC().Format(stampLayout), "asterisk_id": entity, "application": app}
	maps.Copy(all, fields)
	return encode(all)
}

// moment is the time of the next event, never before that of the last one. The lock
// must be held.
func (s *Server) moment() time.Time {
	if now := time.Now().Add(s.config.Ahead).Truncate(time.Millisecond); now.After(s.now) {
		s.now = now
	}
	return s.now
}

// emit sends an event to every app. The lock must be held.
func (s *Server) emit(kind string, fields map[string]any) {
	at := s.moment()
	fields["type"] = kind
	for app, c := range s.clients {
		c.push(stamped(at, fields, app))
	}
}

// tell sends an event of a channel. The lock must be held.
func (s *Server) tell(kind string, c *channel, fields map[string]any) {
	if fields == nil {
		fields = make(map[string]any)
	}
	fields["channel"] = c.json(s.config.ChannelVars)
	s.emit(kind, fields)
}

// newChannel makes a channel and tells of it. The lock must be held.
func (s *Server) newChannel(c channel, linked string) *channel {
	s.last++
	c.id = fmt.Sprintf("pbx1-%d.%d", time.Now().Unix(), s.last)
	c.name = fmt.Sprintf("%s-%08x", c.name, s.last)
	c.created, c.priority, c.vars = time.Now().Add(s.config.Ahead), 1, make(map[string]string)
	if c.linked = linked; linked == "" {
		c.linked = c.id
	}
	if c.presentation == "" {
		c.presentation = "allowed_not_screened"
	}
	s.channels[c.id] = &c
	s.order = append(s.order, c.id)
	s.tell("ChannelCreated", &c, nil)
	return &c
}
