package cti

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/talkbridge/talkbridge/telephony"
)

// The bounds of a WebSocket.
const (
	maxSockets = 64
	maxMessage = 64 << 10
	pingEvery  = 20 * time.Second
	pongWithin = 60 * time.Second // silent for so long, the other side is gone
	writeWait  = 5 * time.Second
)

// The types of what is said on a WebSocket: an event is durable, or it is not taken.
const (
	TypeAck     = "com.talkbridge.ack"
	TypeRefusal = "com.talkbridge.refusal"
)

// sockets are the connections of one source. The zero value takes none.
type sockets struct {
	mu   sync.Mutex
	up   bool
	each map[*websocket.Conn]bool
}

func (s *sockets) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up, s.each = true, make(map[*websocket.Conn]bool)
}

// close ends all of them.
func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = false
	for conn := range s.each {
		text := websocket.FormatCloseMessage(websocket.CloseServiceRestart, "come again")
		_ = conn.WriteControl(websocket.CloseMessage, text, time.Now().Add(time.Second/4))
		_ = conn.Close()
	}
}

// enter adds a connection, if there is a place.
func (s *sockets) enter(conn *websocket.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up || len(s.each) >= maxSockets {
		return false
	}
	s.each[conn] = true
	return true
}

func (s *sockets) leave(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.each, conn)
}

// listening says whether connections are taken.
func (s *sockets) listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up && len(s.each) < maxSockets
}

// serveSocket takes events over a WebSocket, one in a message, and answers each.
func (s *Events) serveSocket(w http.ResponseWriter, r *http.Request) {
	switch {
	case !same(bearer(r), s.config.Token):
		s.refused(w, refuse(http.StatusUnauthorized, "unauthorized", "wrong token, or none: a WebSocket needs the bearer token"))
		return
	case !websocket.IsWebSocketUpgrade(r):
		s.refused(w, malformed("a GET is for a WebSocket; post events"))
		return
	case !s.sockets.listening():
		s.refused(w, telephony.ErrNotListening)
		return
	}
	offers := false
	for _, name := range websocket.Subprotocols(r) {
		offers = offers || name == subprotocol
	}
	if !offers {
		s.refused(w, malformed("the WebSocket does not offer the subprotocol "+subprotocol))
		return
	}
	upgrader := websocket.Upgrader{Subprotocols: []string{subprotocol}, HandshakeTimeout: writeWait}
	conn, err := upgrader.Upgrade(wrapped{w}, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer func() { _ = conn.Close() }()
	if !s.sockets.enter(conn) {
		return
	}
	defer s.sockets.leave(conn)
	done := make(chan struct{})
	var pinging sync.WaitGroup
	defer pinging.Wait()
	defer close(done)
	pinging.Go(func() { ping(conn, done) })
	for n := 1; s.answerNext(r, conn, n); n++ { // the loop is the conversation
	}
}

// wrapped gives the connection away, also where who answers is wrapped by others: the
// upgrader asks for a http.Hijacker, and does not look below.
type wrapped struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (w wrapped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// ping keeps a connection alive until done is closed; one that does not answer is
// dead, and reading from it ends.
func ping(conn *websocket.Conn, done <-chan struct{}) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)) != nil {
				return
			}
		}
	}
}

// alive has a connection end that is silent for too long, or has a message of more
// bytes than limit.
func alive(conn *websocket.Conn, limit int64) {
	conn.SetReadLimit(limit)
	_ = conn.SetReadDeadline(time.Now().Add(pongWithin))
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Now().Add(pongWithin)) })
}

// said is what an answer on a WebSocket is about.
type said struct {
	ID     string `json:"id,omitzero"`
	Source string `json:"source,omitzero"`
	Reason string `json:"reason,omitzero"`
	Error  string `json:"error,omitzero"`
}

// answerNext takes one message and answers it. It reports whether there may be more.
func (s *Events) answerNext(r *http.Request, conn *websocket.Conn, n int) bool {
	alive(conn, maxMessage)
	kind, body, err := conn.ReadMessage()
	if err != nil {
		return false
	}
	about, result := said{}, "accepted"
	if kind != websocket.TextMessage {
		err = malformed("a binary message: send text")
	} else {
		about, err = s.takeMessage(r, body)
	}
	if errors.Is(err, errUnknown) {
		result, err = errUnknown.reason, nil
	}
	answerType := TypeAck
	if err == nil {
		s.counts[result].Add(1)
	} else {
		why := s.note(err)
		answerType, about.Reason, about.Error = TypeRefusal, why.reason, why.text
	}
	_ = conn.SetWriteDeadline(time.Now().Add(writeWait))
	return conn.WriteJSON(map[string]any{
		"specversion": "1.0", "id": strconv.Itoa(n), "source": "/talkbridge/" + s.config.Site + "/" + s.config.Source, "type": answerType,
		"datacontenttype": "application/json", "data": about,
	}) == nil
}

// takeMessage makes durable what one message tells.
func (s *Events) takeMessage(r *http.Request, body []byte) (said, error) {
	var c CloudEvent
	if err := decode(body, &c); err != nil {
		return said{}, err
	}
	about := said{ID: clean(c.ID), Source: clean(c.Source)}
	events, err := s.config.telephonyEvents(c, time.Now())
	if err != nil {
		return about, err
	}
	return about, s.append(r.Context(), events)
}
