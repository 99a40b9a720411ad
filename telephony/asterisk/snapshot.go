package asterisk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// snapshotTimeout bounds the wait for the list of channels.
	snapshotTimeout = 30 * time.Second
	// snapshotTries is how often a list that cannot be believed is asked for
	// again.
	snapshotTries = 3
	// statusVariables are asked for with each channel.
	statusVariables = presentation + ",TB_DID,TB_DIR,TB_AGENT,MIXMONITOR_FILENAME,VM_MESSAGEFILE"
)

// errCut says that a list was not complete.
var errCut = errors.New("list of channels incomplete")

// errLate says that an answer was not complete in time.
var errLate = errors.New("no complete answer in time")

// takeSnapshot turns events on and reports the live channels, and the end of
// those that were alive before and are no more; then who waits in a queue. It
// returns the events that came meanwhile.
func (s *session) takeSnapshot(ctx context.Context) ([]Message, error) {
	if _, err := s.link.act("Events", field{"EventMask", eventMask}); err != nil {
		return nil, err
	}
	collect := collector{session: s, timer: time.NewTimer(snapshotTimeout)}
	defer collect.timer.Stop()
	for range snapshotTries {
		at := s.clock.at(time.Now())
		channels, err := collect.list()
		if errors.Is(err, errCut) {
			s.source.once("snapshot", nil, "list of live channels was incomplete, asking again")
			continue
		}
		if err != nil {
			return nil, err
		}
		entries, err := collect.waiting()
		if err != nil {
			return nil, err
		}
		return collect.held, s.report(ctx, channels, entries, at, true)
	}
	s.source.log.Error("no complete list of live channels: calls that ended while there was no connection stay open until the next session")
	return collect.held, s.report(ctx, collect.channels, nil, s.clock.at(time.Now()), false)
}

// report appends what the snapshot says, call by call. Only a complete one can
// say that a channel is gone.
func (s *session) report(ctx context.Context, channels, entries []Message, at time.Time, complete bool) error {
	before, err := s.sink.Live(ctx)
	if err != nil {
		return fmt.Errorf("ask for live legs: %w", err)
	}
	channels = presented(channels)
	for _, m := range channels {
		s.roster.follow(m, telephony.Event{})
	}
	facts := s.translate.facts(channels, at)
	s.translate.addWaiting(&facts, entries, channels, at)
	s.addVoicemails(&facts, before)
	if complete {
		facts.addGone(before, channels, at)
	}
	for _, call := range facts.order {
		if err := s.pack.append(ctx, facts.events[call]); err != nil {
			return err
		}
	}
	return nil
}

// presented marks the channels whose number must not be shown.
func presented(channels []Message) []Message {
	marked := slices.Clone(channels)
	for i, m := range marked {
		marked[i].Secret = secretPresentation(m.variables()[presentation])
	}
	return marked
}

// addVoicemails adds the messages that were left while there was no session.
func (s *session) addVoicemails(f *facts, before []telephony.LiveLeg) {
	if s.source.config.VoicemailDir == "" || len(before) == 0 {
		return
	}
	calls := make(map[string]telephony.CallID, len(before))
	for _, leg := range before {
		calls[leg.Call.Native()] = leg.Call
	}
	found, err := scanSpool(s.source.config.VoicemailDir, calls, time.Now())
	if err != nil {
		s.source.once("spool", map[string]any{"err": err.Error()}, "voicemail spool cannot be read: messages left while there was no connection are not found")
	}
	for _, e := range found {
		f.add(e)
	}
}

// collector reads the answers to the actions of a snapshot, and holds what else
// comes.
type collector struct {
	session  *session
	timer    *time.Timer
	channels []Message
	held     []Message
	bytes    int
}

// list asks for the live channels and awaits the whole answer.
func (c *collector) list() ([]Message, error) {
	c.channels = nil
	id, err := c.session.link.act("Status", field{"Variables", statusVariables})
	if err != nil {
		return nil, err
	}
	err = c.await(id, c.timer.C, c.status)
	if errors.Is(err, errLate) {
		return nil, fmt.Errorf("%w within %s", ErrSnapshot, snapshotTimeout)
	}
	return c.channels, err
}

// await gives each message of the answer to an action to use, until that
// reports that the answer is complete.
func (c *collector) await(id string, late <-chan time.Time, use func(Message) (bool, error)) error {
	for {
		messages, ended := c.session.queue.take(maxTurn)
		for i, m := range messages {
			done, err := c.sort(m, id, use)
			if err != nil || done {
				return errors.Join(err, c.hold(messages[i+1:]...))
			}
		}
		if ended != nil {
			return ended
		}
		if len(messages) > 0 {
			continue
		}
		select {
		case <-c.session.queue.ready:
		case <-late:
			return errLate
		}
	}
}

// sort puts a message where it belongs, and reports whether the answer is
// complete.
func (c *collector) sort(m Message, id string, use func(Message) (bool, error)) (bool, error) {
	if m.Get("ActionID") == id {
		return use(m)
	}
	if m.Kind() == "" || m.Get("ActionID") != "" {
		return false, nil // the answer to something else
	}
	return false, c.hold(m)
}

// status takes one message of the list of channels, and reports whether that is
// complete.
func (c *collector) status(m Message) (bool, error) {
	switch m.Kind() {
	case "":
		if m.Get("Response") != "Success" {
			return false, fmt.Errorf("%w: Asterisk refused Status (%s): give the user of manager.conf write=call or write=reporting",
				ErrSnapshot, m.Get("Message"))
		}
	case "Status":
		c.channels = append(c.channels, m)
	case "StatusComplete":
		items, err := strconv.Atoi(m.Get("ListItems"))
		if m.Get("EventList") != "Complete" || err != nil || items != len(c.channels) {
			return true, fmt.Errorf("%w: %d channels, %q announced", errCut, len(c.channels), m.Get("ListItems"))
		}
		return true, nil
	}
	return false, nil
}

// hold keeps events until the snapshot is in.
func (c *collector) hold(messages ...Message) error {
	for _, m := range messages {
		c.bytes += m.size()
	}
	if c.bytes > maxBacklog {
		return fmt.Errorf("%w while the snapshot was awaited", ErrBacklog)
	}
	c.held = append(c.held, messages...)
	return nil
}

// facts are events of a snapshot, by call.
type facts struct {
	order  []telephony.CallID
	events map[telephony.CallID][]telephony.Event
}

func (f *facts) add(e telephony.Event) {
	if e.Validate() != nil {
		return
	}
	if _, ok := f.events[e.Call]; !ok {
		f.order = append(f.order, e.Call)
	}
	f.events[e.Call] = append(f.events[e.Call], e)
}

// addGone ends the legs that were alive and are not listed, and links the calls
// of those that are listed under another one. Both are estimates: it happened
// somewhen before.
func (f *facts) addGone(before []telephony.LiveLeg, listed []Message, at time.Time) {
	now := make(map[string]string, len(listed))
	for _, m := range listed {
		now[m.Get("Uniqueid")] = m.Get("Linkedid")
	}
	for _, leg := range before {
		linked, alive := now[leg.Leg]
		if alive && linked == leg.Call.Native() {
			continue
		}
		e := telephony.Event{
			Call: leg.Call, Kind: telephony.LegEnded, Leg: leg.Leg, Endpoint: leg.Endpoint, Side: leg.Side,
			Time: at, Estimated: true,
		}
		if alive {
			e.Kind, e.Other = telephony.CallLinked, sibling(leg.Call, linked)
		}
		f.add(identified(e))
	}
}

// identified gives a fact of a snapshot its identity: what it says of which
// leg, so that it is one fact however often it is seen.
func identified(e telephony.Event) telephony.Event {
	e.ID = digest(string(e.Call), e.Leg, string(e.Kind), e.Bridge, e.Name, e.Path, string(e.Other))
	e.Ordinal = ranks[e.Kind]
	return e
}

// facts says what a list of live channels means. The time is that of the PBX
// when it was asked.
func (t *translator) facts(channels []Message, at time.Time) facts {
	f := facts{events: make(map[telephony.CallID][]telephony.Event)}
	calls := make(map[string][]Message)
	for _, m := range channels {
		calls[m.Get("Linkedid")] = append(calls[m.Get("Linkedid")], m)
	}
	for _, m := range channels {
		call, err := telephony.NewCallID(t.site, t.source, m.Get("Linkedid"))
		if err != nil {
			continue
		}
		begun := begunAt(m, at)
		for _, e := range t.channelFacts(m, calls[m.Get("Linkedid")]) {
			e.Call, e.Time, e.Estimated = call, begun, true
			if e.Kind == telephony.LegBridged || e.Kind == telephony.CallVoicemail {
				e.Time = at
			}
			f.add(identified(e))
		}
	}
	return f
}

// channelFacts says what one live channel means, among those of its call.
func (t *translator) channelFacts(m Message, call []Message) []telephony.Event {
	vars := m.variables()
	started := t.started(m)
	if first := cut(m.Get("DNID")); started.First && first != "" {
		started.Dialled = first
	}
	out := []telephony.Event{started}
	if dialled, ok := t.rung(m, started, call); ok {
		out = append(out, dialled)
	}
	for _, name := range []string{"TB_DID", "TB_DIR", "TB_AGENT"} {
		if v := cut(vars[name]); v != "" && started.First {
			out = append(out, telephony.Event{Kind: telephony.CallHint, Leg: started.Leg, Name: hintNames[name], Value: v})
		}
	}
	if path := vars["MIXMONITOR_FILENAME"]; path != "" {
		out = append(out, telephony.Event{Kind: telephony.CallRecorded, Leg: started.Leg, Path: telephony.StripControls(bounded(path, maxPath))})
	}
	if path := vars["VM_MESSAGEFILE"]; path != "" {
		out = append(out, telephony.Event{Kind: telephony.CallVoicemail, Leg: started.Leg, Path: telephony.StripControls(bounded(path, maxPath))})
	}
	if bridge := m.Get("BridgeID"); bridge != "" {
		out = append(out, telephony.Event{Kind: telephony.LegBridged, Leg: started.Leg, Endpoint: started.Endpoint, Side: started.Side, Bridge: bridge})
	}
	return out
}

// stateRinging is the ChannelState of a phone that rings.
const stateRinging = "5"

// rung says who rings a live channel: an agent's phone that rings now, or a
// line to the outside, of which the number dialled must be found in what the
// dialling channel does.
func (t *translator) rung(m Message, started telephony.Event, call []Message) (telephony.Event, bool) {
	ringing := started.Side == telephony.SideAgent && m.Get("ChannelState") == stateRinging
	if started.First || (!ringing && started.Side != telephony.SideTrunk) {
		return telephony.Event{}, false
	}
	e := telephony.Event{Kind: telephony.LegDialled, Leg: started.Leg, Endpoint: started.Endpoint, Side: started.Side}
	if ringing {
		return e, true
	}
	e.Dialled = started.Party.Number
	for _, other := range call {
		if other.Get("Application") != "Dial" {
			continue
		}
		number := appNumber(other.Get("Data"), e.Endpoint)
		if number == "" && e.Peer != "" {
			continue
		}
		e.Peer, e.Party, e.Dialled = other.Get("Uniqueid"), partyOf(other), cmp.Or(number, e.Dialled)
	}
	return e, true
}

// cut makes a value from the wire fit for use.
func cut(s string) string { return telephony.StripControls(bounded(s, maxValue)) }

// begunAt says when a channel began: Asterisk's Uniqueid holds the second; with
// another id it is reckoned from its age.
func begunAt(m Message, at time.Time) time.Time {
	reckoned := at
	seconds, err := strconv.ParseInt(m.Get("Seconds"), 10, 32)
	aged := err == nil && seconds >= 0
	if aged {
		reckoned = at.Add(-time.Duration(seconds) * time.Second)
	}
	id := m.Get("Uniqueid")
	if i := strings.LastIndexByte(id, '-'); i >= 0 {
		id = id[i+1:]
	}
	epoch, _, _ := strings.Cut(id, ".")
	told, err := parseTimestamp(epoch)
	if err != nil || told.After(at) || (aged && told.Sub(reckoned).Abs() > maxAgeError) {
		return reckoned
	}
	return told
}

// maxAgeError is how far the second in a Uniqueid and the age of its channel
// may be apart for the former to be one.
const maxAgeError = 5 * time.Second
