package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

const (
	// socketCut is the share of events after which the connection ends before their
	// acknowledgement is read.
	socketCut = 0.03
	// maxUnacked bounds what was sent and is not acknowledged.
	maxUnacked = 256
	// socketWait bounds the handshake, and each write.
	socketWait = 5 * time.Second
)

// socket tells events over a WebSocket. What is not acknowledged when a connection
// ends is sent again over the next one.
type socket struct {
	sender *sender
	token  string
	in     chan posted
	open   []posted // sent, in their order, and not acknowledged
}

func newSocket(s *sender, token string) *socket {
	return &socket{sender: s, token: token, in: make(chan posted)}
}

func (s *socket) tell(ctx context.Context, event cti.CloudEvent) error { return hand(ctx, s.in, event) }

// run keeps a connection until ctx is over, through however many daemons.
func (s *socket) run(ctx context.Context) {
	for ctx.Err() == nil {
		if conn, err := s.dial(ctx); err == nil {
			_ = s.talk(ctx, conn) // whatever ended it, the next one goes on
			_ = conn.Close()
		}
		wait(ctx, again)
	}
}

func (s *socket) dial(ctx context.Context) (*websocket.Conn, error) {
	address := s.sender.address()
	if address == "" {
		return nil, errors.New("no daemon listens")
	}
	dialer := websocket.Dialer{HandshakeTimeout: socketWait, Subprotocols: []string{"cloudevents.json"}}
	conn, response, err := dialer.DialContext(ctx, "ws://"+address+eventsPath, http.Header{"Authorization": {"Bearer " + s.token}})
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// acknowledged is what the daemon says of an event.
type acknowledged struct {
	Type string `json:"type"`
	Data struct {
		ID     string `json:"id"`
		Reason string `json:"reason"`
		Error  string `json:"error"`
	} `json:"data"`
}

// talk sends what is open and what comes, and takes the answers, until the connection
// ends.
func (s *socket) talk(ctx context.Context, conn *websocket.Conn) error {
	answers, gone := make(chan acknowledged), make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	go func() { gone <- read(ctx, conn, answers) }()
	for _, p := range s.open {
		s.sender.repeated()
		if err := write(conn, p); err != nil {
			return err
		}
	}
	for {
		in := s.in
		if len(s.open) >= maxUnacked {
			in = nil
		}
		select {
		case p := <-in:
			if err := s.send(conn, p); err != nil {
				return err
			}
		case a := <-answers:
			if err := s.acknowledge(a); err != nil {
				return err
			}
		case err := <-gone:
			return err
		}
	}
}

// send sends an event, or sends it twice, or is gone right after it.
func (s *socket) send(conn *websocket.Conn, p posted) error {
	s.open = append(s.open, p)
	err := write(conn, p)
	if err == nil && s.sender.chance(sentTwice) {
		s.open = append(s.open, p)
		s.sender.repeated()
		err = write(conn, p)
	}
	if err == nil && s.sender.chance(socketCut) {
		err = errors.New("the phone system hung up")
	}
	return err
}

// acknowledge takes an answer: they come in the order of the events. What was not
// durable is sent again over another connection.
func (s *socket) acknowledge(a acknowledged) error {
	if len(s.open) == 0 || s.open[0].event.ID != a.Data.ID {
		return fmt.Errorf("an answer to %q, which was not asked", a.Data.ID)
	}
	if a.Type != cti.TypeAck {
		return fmt.Errorf("refused: %s: %s", a.Data.Reason, a.Data.Error)
	}
	s.open[0].tell(nil)
	s.open = s.open[1:]
	return nil
}

func write(conn *websocket.Conn, p posted) error {
	if err := conn.SetWriteDeadline(time.Now().Add(socketWait)); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	if err := conn.WriteJSON(p.event); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	return nil
}

// read hands on the answers until the connection ends.
func read(ctx context.Context, conn *websocket.Conn, to chan<- acknowledged) error {
	for {
		_, body, err := conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		var a acknowledged
		if err := json.Unmarshal(body, &a); err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		select {
		case to <- a:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
