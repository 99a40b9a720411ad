package asterisk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// DefaultMembersEvery is how often Members asks for all of them: event filters
	// in manager.conf may keep their events from us.
	DefaultMembersEvery = 30 * time.Second
	// memberGrace is how long nothing may come beyond that.
	memberGrace = 10 * time.Second
	// maxMembers bounds how many members are kept of one list.
	maxMembers = 50_000
	// pauseTimeout bounds how long an answer to QueuePause may take.
	pauseTimeout = 5 * time.Second
)

var (
	// ErrNoSession says that there is no connection at the moment.
	ErrNoSession = errors.New("no connection to Asterisk")
	// ErrNotMember says that a phone is in no queue.
	ErrNotMember = errors.New("the phone is a member of no queue")
)

// Member is a phone as a member of one queue.
//
// Asterisk docs: https://docs.asterisk.org/Latest_API/API_Documentation/AMI_Events/QueueMember/
type Member struct {
	Queue string
	// Interface is what the queue dials, such as PJSIP/1001 or
	// Local/1001@from-queue/n; StateInterface the device whose state counts.
	Interface, StateInterface string
	Paused                    bool
}

// MembersEvent is what a session of Members tells: All members, or Changed and
// Gone ones.
type MembersEvent struct {
	Complete bool
	Members  []Member
	// Gone says that the members are in their queues no more.
	Gone bool
}

// Members follows who is paused in the queues of an Asterisk, and pauses phones,
// over a connection of its own. Its user needs the class agent in read= for the
// events and in write= for Pause. Run must not be called twice at a time; Pause is
// safe for concurrent use. See NewMembers.
type Members struct {
	source *Source
	every  time.Duration

	mu      sync.Mutex
	link    *link // nil without a session
	answers map[string]chan Message
}

// NewMembers checks the configuration and returns what follows the members of the
// queues of an Asterisk. It asks for all of them so often; 0 is
// DefaultMembersEvery. It does not connect.
func NewMembers(config Config, every time.Duration, log logrus.FieldLogger) (*Members, error) {
	source, err := New(config, log)
	if err != nil {
		return nil, err
	}
	if every <= 0 {
		every = DefaultMembersEvery
	}
	return &Members{source: source, every: every, answers: make(map[string]chan Message)}, nil
}

// Run is one session: it connects, logs in, and tells of all members and then of
// their changes, until the connection ends or ctx is over. hear must not block:
// Asterisk throws out who does not read.
func (m *Members) Run(ctx context.Context, hear func(MembersEvent)) error {
	conn, err := m.source.dial(ctx)
	if err != nil {
		return m.source.describe(ctx, err)
	}
	defer func() { _ = conn.Close() }() // the session is over
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	l := newLink(conn, &m.source.count)
	own := NewReader(listener{l}, wantedOfMembers)
	own.count, own.actionID = l.count, l.actionID
	l.Reader = own
	if err := m.login(l); err != nil {
		return m.source.describe(ctx, err)
	}
	alive, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() { m.ask(alive, l) })
	m.begin(l)
	err = m.read(l, hear)
	m.end()
	cancel()
	_ = conn.Close() // wakes who writes
	asking.Wait()
	return m.source.describe(ctx, err)
}

func (m *Members) login(l *link) error {
	if _, err := m.source.greet(l); err != nil {
		return err
	}
	if err := l.conn.SetReadDeadline(l.begun.Add(loginTimeout)); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if err := m.source.authenticate(l, "agent"); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// wantedOfMembers are the events of members.
func wantedOfMembers(kind, _ []byte) bool {
	switch string(kind) {
	case "QueueMember", "QueueStatusComplete", "QueueMemberPause", "QueueMemberAdded", "QueueMemberRemoved":
		return true
	}
	return false
}

// ask asks for all members, again and again.
func (m *Members) ask(ctx context.Context, l *link) {
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		if _, err := l.act("QueueStatus"); err != nil {
			_ = l.conn.Close() // wakes who reads, who says why
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Members) begin(l *link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.link = l
}

// end lets who waits for an answer go.
func (m *Members) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.link = nil
	for id, answer := range m.answers {
		close(answer)
		delete(m.answers, id)
	}
}

// read tells of members until the connection ends.
func (m *Members) read(l *link, hear func(MembersEvent)) error {
	var list []Member
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(m.every + memberGrace)); err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		msg, err := l.Read()
		switch {
		case errors.Is(err, ErrMalformed):
			continue
		case err != nil:
			return fmt.Errorf("read events: %w", err)
		}
		if !ofMembers(l, msg) {
			m.source.count.forged.Add(1)
			continue
		}
		switch msg.Kind() {
		case "":
			m.answer(msg)
		case "QueueMember":
			if len(list) < maxMembers {
				list = append(list, queueMember(msg, "Location"))
			}
		case "QueueStatusComplete":
			hear(MembersEvent{Complete: true, Members: list})
			list = nil
		case "QueueMemberPause", "QueueMemberAdded":
			hear(MembersEvent{Members: []Member{queueMember(msg, "Interface")}})
		case "QueueMemberRemoved":
			hear(MembersEvent{Members: []Member{queueMember(msg, "Interface")}, Gone: true})
		}
	}
}

// memberHeaders are those of each event about a member (Asterisk 13 to 22). A caller
// who writes an event into his number has 79 bytes for it; these take more.
var memberHeaders = []string{
	"Queue", "MemberName", "Interface", "StateInterface", "Membership", "Penalty", "CallsTaken", "LastCall", "Status", "Paused",
}

// ofMembers reports whether Asterisk wrote a message so. What belongs to a list
// names our action, whose id nobody else knows.
func ofMembers(l *link, m Message) bool {
	switch m.Kind() {
	case "":
		return true
	case "QueueMember", "QueueStatusComplete":
		return strings.HasPrefix(m.Get("ActionID"), l.id+"-")
	}
	for _, key := range memberHeaders {
		if !slices.ContainsFunc(m.Headers, func(h Header) bool { return h.Key == key }) {
			return false
		}
	}
	return !m.Tampered
}

// queueMember reads one; its interface stands under another name in a list.
func queueMember(m Message, location string) Member {
	return Member{
		Queue: pbx.Bounded(m.Get("Queue"), pbx.MaxValue), Interface: pbx.Bounded(m.Get(location), pbx.MaxValue),
		StateInterface: pbx.Bounded(m.Get("StateInterface"), pbx.MaxValue), Paused: m.Get("Paused") == "1",
	}
}

func (m *Members) answer(msg Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if waiting, found := m.answers[msg.Get("ActionID")]; found {
		waiting <- msg // it has room for one
		delete(m.answers, msg.Get("ActionID"))
	}
}

// Pause pauses a phone in all its queues, or ends that, and returns once Asterisk
// has done so. The error is ErrNoSession, ErrNotMember, that of ctx, or says what
// Asterisk answered: without the class agent in write= it refuses.
func (m *Members) Pause(ctx context.Context, phone string, paused bool, reason string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, pauseTimeout, fmt.Errorf("no answer within %s", pauseTimeout))
	defer cancel()
	flag := "false"
	if paused {
		flag = "true"
	}
	answer, id, err := m.send("QueuePause", field{"Interface", phone}, field{"Paused", flag}, field{"Reason", reason})
	if err != nil {
		return fmt.Errorf("pause %s: %w", phone, err)
	}
	select {
	case msg, open := <-answer:
		switch text := msg.Get("Message"); {
		case !open:
			return fmt.Errorf("pause %s: %w", phone, ErrNoSession)
		case msg.Get("Response") == "Success":
			return nil
		case strings.Contains(text, "not found"):
			return fmt.Errorf("pause %s: %w", phone, ErrNotMember)
		default:
			return fmt.Errorf("pause %s: Asterisk answers %q: does the user have write = agent?", phone, pbx.Bounded(text, pbx.MaxValue))
		}
	case <-ctx.Done():
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.answers, id)
		return fmt.Errorf("pause %s: %w", phone, context.Cause(ctx))
	}
}

// send writes an action whose answer comes through the channel.
func (m *Members) send(name string, fields ...field) (answer chan Message, id string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.link == nil {
		return nil, "", ErrNoSession
	}
	if id, err = m.link.act(name, fields...); err != nil {
		return nil, "", err
	}
	answer = make(chan Message, 1)
	m.answers[id] = answer
	return answer, id, nil
}
