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
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// snapshotTimeout bounds the wait for the list of channels.
	snapshotTimeout = 30 * time.Second
	// snapshotTries is how often a list that cannot be believed is asked for
	// again.
	snapshotTries = 3
	// dialledPeer is what Dial notes on the channel that it dials: to where. On the
	// channel that dials it notes who answered.
	dialledPeer = "DIALEDPEERNUMBER"
	// statusVariables are asked for with each channel.
	statusVariables = presentation + ",TB_DID,TB_DIR,TB_AGENT,MIXMONITOR_FILENAME,VM_MESSAGEFILE," + dialledPeer
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
	s.addVoicemails(ctx, &facts, before)
	if complete {
		facts.AddGone(before, linkedids(channels), at)
	}
	for _, call := range facts.Order {
		if err := s.pack.Append(ctx, facts.Events[call]); err != nil {
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
func (s *session) addVoicemails(ctx context.Context, f *pbx.Facts, before []telephony.LiveLeg) {
	if s.source.config.VoicemailDir == "" || len(before) == 0 {
		return
	}
	calls := make(map[string]telephony.CallID, len(before))
	for _, leg := range before {
		calls[leg.Call.Native()] = leg.Call
	}
	found, err := scanSpool(ctx, s.source.config.VoicemailDir, categories(calls), time.Now().Add(-maxSpoolAge))
	if err != nil {
		s.source.once("spool", map[string]any{"err": err.Error()}, "voicemail spool cannot be read: messages left while there was no connection are not found")
	}
	for _, e := range found {
		f.Add(e)
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
		messages, ended := c.session.queue.Take(maxTurn)
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
		case <-c.session.queue.Ready():
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
		c.bytes += m.Size()
	}
	if c.bytes > pbx.MaxBacklog {
		return fmt.Errorf("%w while the snapshot was awaited", ErrBacklog)
	}
	c.held = append(c.held, messages...)
	return nil
}

// linkedids are those of the listed channels, by their Uniqueids.
func linkedids(channels []Message) map[string]string {
	linked := make(map[string]string, len(channels))
	for _, m := range channels {
		linked[m.Get("Uniqueid")] = m.Get("Linkedid")
	}
	return linked
}

// facts says what a list of live channels means. The time is that of the PBX
// when it was asked.
func (t *translator) facts(channels []Message, at time.Time) pbx.Facts {
	f := pbx.Facts{Events: make(map[telephony.CallID][]telephony.Event)}
	calls := make(map[string][]Message)
	for _, m := range channels {
		calls[m.Get("Linkedid")] = append(calls[m.Get("Linkedid")], m)
	}
	for _, m := range channels {
		call, err := telephony.NewCallID(t.site, t.source, m.Get("Linkedid"))
		if err != nil {
			continue
		}
		f.AddFound(call, begunAt(m, at), at, t.channelFacts(m, calls[m.Get("Linkedid")]))
	}
	return f
}

// channelFacts says what one live channel means, among those of its call.
func (t *translator) channelFacts(m Message, call []Message) []telephony.Event {
	vars := m.variables()
	started := t.started(m)
	if first := pbx.Cut(m.Get("DNID")); started.First && first != "" {
		started.Dialled = first
	}
	out := []telephony.Event{started}
	if dialled, ok := t.rung(m, started, call); ok {
		out = append(out, dialled)
	}
	for _, name := range []string{"TB_DID", "TB_DIR", "TB_AGENT"} {
		if v := pbx.Cut(vars[name]); v != "" && started.First {
			out = append(out, telephony.Event{Kind: telephony.CallHint, Leg: started.Leg, Name: pbx.HintNames[name], Value: v})
		}
	}
	if path := vars["MIXMONITOR_FILENAME"]; path != "" {
		out = append(out, telephony.Event{Kind: telephony.CallRecorded, Leg: started.Leg, Path: telephony.StripControls(pbx.Bounded(path, pbx.MaxPath))})
	}
	if path := vars["VM_MESSAGEFILE"]; path != "" {
		out = append(out, telephony.Event{Kind: telephony.CallVoicemail, Leg: started.Leg, Path: telephony.StripControls(pbx.Bounded(path, pbx.MaxPath))})
	}
	if bridge := m.Get("BridgeID"); bridge != "" {
		out = append(out, telephony.Event{Kind: telephony.LegBridged, Leg: started.Leg, Endpoint: started.Endpoint, Side: started.Side, Bridge: bridge})
	}
	return out
}

// stateRinging is the ChannelState of a phone that rings.
const stateRinging = "5"

// rung says who rings a live channel: an agent's phone that rings now, or a
// line to the outside. The number that was dialled is noted on it, and stays there
// when it is transferred to somebody else, who has not dialled it and whose number
// it then shows; where it is not, it must be found in what the dialling channel
// does.
func (t *translator) rung(m Message, started telephony.Event, call []Message) (telephony.Event, bool) {
	ringing := started.Side == telephony.SideAgent && m.Get("ChannelState") == stateRinging
	if started.First || (!ringing && started.Side != telephony.SideTrunk) {
		return telephony.Event{}, false
	}
	e := telephony.Event{Kind: telephony.LegDialled, Leg: started.Leg, Endpoint: started.Endpoint, Side: started.Side}
	if ringing {
		return e, true
	}
	noted := ""
	if m.Get("Application") != "Dial" {
		noted = pbx.DialledNumber(pbx.Cut(m.variables()[dialledPeer]))
	}
	e.Dialled = cmp.Or(noted, started.Party.Number)
	for _, other := range call {
		if other.Get("Application") != "Dial" {
			continue
		}
		number := pbx.AppNumber(other.Get("Data"), e.Endpoint)
		if number == "" && e.Peer != "" {
			continue
		}
		e.Peer, e.Party, e.Dialled = other.Get("Uniqueid"), partyOf(other), cmp.Or(noted, number, e.Dialled)
	}
	return e, true
}

// begunAt says when a channel began at the latest: Asterisk's Uniqueid holds the
// second; with another id it is reckoned from its age. The latest, since what was
// reported of the same second came before: the consultation of a call must not be
// taken for the older of the two.
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
	if end := told.Add(time.Second - time.Microsecond); end.Before(at) {
		return end
	}
	return at
}

// maxAgeError is how far the second in a Uniqueid and the age of its channel
// may be apart for the former to be one.
const maxAgeError = 5 * time.Second
