package asterisktest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

const (
	maxLine    = 1024 // bytes, as in Asterisk
	maxHeaders = 128  // a message, as in Asterisk
)

// session is one connection. The Server's lock guards what is below it.
type session struct {
	server   *Server
	conn     net.Conn
	raw      net.Conn // conn without TLS
	settings *tls.Config
	reader   *bufio.Reader
	out      *outbox

	account   *account // nil before login
	wants     class    // event mask
	filters   filters
	challenge string
	loggedOff bool
	told      map[string]time.Time // call to the moment it was first mentioned, by the real clock
}

func newSession(server *Server, conn net.Conn, settings *tls.Config) *session {
	s := &session{
		server: server, conn: conn, raw: conn, settings: settings,
		out: newOutbox(), told: map[string]time.Time{},
	}
	if settings != nil {
		s.conn = tls.Server(conn, settings)
	}
	s.reader = bufio.NewReaderSize(s.conn, maxLine)
	return s
}

// run greets and obeys until the connection ends.
func (s *session) run() {
	defer s.server.remove(s)
	defer s.drop()
	if s.raw.SetReadDeadline(time.Now().Add(s.server.config.AuthTimeout)) != nil || !s.handshake() {
		return
	}
	s.send([]byte("Asterisk Call Manager/" + s.server.config.Version + crlf))
	for {
		m, err := readMessage(s.reader)
		if errors.Is(err, errTooLong) {
			s.send(failure(m, "Too many lines in message or allocation failure"))
			s.end()
			return
		}
		if err != nil {
			return // gone, or not logged in in time
		}
		if len(m) == 0 {
			continue
		}
		if !s.obey(m) {
			s.end()
			return
		}
	}
}

// handshake reports whether there is a connection to talk on. A client that
// speaks in the clear to the TLS port hears nothing until it is cut off, as
// with Asterisk.
func (s *session) handshake() bool {
	secure, ok := s.conn.(*tls.Conn)
	if !ok {
		return true
	}
	if err := secure.HandshakeContext(context.Background()); err != nil {
		_, _ = io.Copy(io.Discard, s.raw)
		return false
	}
	return true
}

// end waits until everything queued is written.
func (s *session) end() {
	s.out.finish()
	<-s.out.done
}

// obey does one action and reports whether the session goes on.
func (s *session) obey(m message) bool {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.closed || !s.server.up() {
		return false
	}
	wasIn := s.account != nil
	goesOn := s.perform(m)
	if !wasIn && s.account != nil {
		return s.raw.SetReadDeadline(time.Time{}) == nil && goesOn
	}
	return goesOn
}

// offer queues an event if the client may and wants to have it, and reports
// whether it did; the caller holds the Server's lock.
func (s *session) offer(e *event) bool {
	if s.account == nil {
		return false
	}
	if e.class != 0 && e.class&s.account.read&s.wants == 0 {
		return false
	}
	if !s.filters.pass(e.raw) {
		return false
	}
	return s.send(e.raw)
}

// tell notes that the client was told of a call; the caller holds the Server's
// lock.
func (s *session) tell(linkedid string) {
	now := time.Now()
	first, found := s.told[linkedid]
	switch {
	case !found:
		s.told[linkedid] = now
	case now.Sub(first) >= s.server.config.SeenAfter:
		s.server.ledger.markSeen(linkedid)
	}
}

// send queues bytes and reports whether it did; a client with too much waiting
// is thrown out.
func (s *session) send(data []byte) bool {
	err := s.out.put(data)
	if errors.Is(err, errFull) {
		s.drop()
	}
	return err == nil
}

// drop ends the connection at once: what is queued is lost.
func (s *session) drop() {
	s.out.stop()
	_ = s.raw.Close() // the only effect that matters is that nobody reads or writes any more
}

// write sends what is queued until the session ends.
func (s *session) write() {
	defer close(s.out.done)
	defer func() { _ = s.conn.Close() }()
	for {
		data := s.out.take()
		if data == nil {
			return
		}
		if s.raw.SetWriteDeadline(time.Now().Add(s.writeTimeout())) != nil {
			return
		}
		if _, err := s.conn.Write(data); err != nil {
			_ = s.raw.Close() // in the middle of an event, without a word
			return
		}
	}
}

func (s *session) writeTimeout() time.Duration {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.account == nil {
		return s.server.config.AuthTimeout
	}
	return s.account.WriteTimeout
}

// remote returns the address of the client.
func (s *session) remote() netip.Addr {
	parsed, err := netip.ParseAddrPort(s.raw.RemoteAddr().String())
	if err != nil {
		return netip.Addr{} // in no network: refused where networks are named
	}
	return parsed.Addr().Unmap()
}

// remove forgets a session that has ended.
func (s *Server) remove(gone *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, gone)
	now := time.Now()
	for linkedid, first := range gone.told {
		if gone.loggedOff || now.Sub(first) >= s.config.SeenAfter {
			s.ledger.markSeen(linkedid)
		}
	}
}

// message is one action of a client: headers in order, keys in lower case.
type message []field

func (m message) get(key string) string {
	for _, f := range m {
		if f.key == key {
			return f.value
		}
	}
	return ""
}

var errTooLong = errors.New("action is too long")

// readMessage reads up to an empty line. Lines may end with LF alone, keys may
// be of any case; a line without a colon is skipped.
func readMessage(r *bufio.Reader) (message, error) {
	var m message
	for range maxHeaders + 1 {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return m, errTooLong
		}
		if err != nil {
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			return m, nil
		}
		if key, value, found := strings.Cut(text, ":"); found {
			m = append(m, field{strings.ToLower(strings.TrimSpace(key)), strings.TrimSpace(value)})
		}
	}
	return m, errTooLong
}
