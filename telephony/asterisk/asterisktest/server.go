package asterisktest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// maxClients bounds the connections at a time.
const maxClients = 1000

// ErrStopped says that the PBX is down: it was shut down, restarted or closed
// while traffic was on its way.
var ErrStopped = errors.New("the PBX is not running")

// Server is an AMI server with a switchboard behind it. Start makes one, Close
// ends it. All methods are safe for concurrent use.
type Server struct {
	config      Config
	accounts    map[string]*account
	certificate *tls.Certificate // nil without TLS
	gate        *gate            // holds new connections while paused
	running     sync.WaitGroup
	originated  []Origination
	plain, tls  port

	mu       sync.Mutex
	board    *switchboard
	ledger   *ledger
	sessions map[*session]struct{}
	ids      identities
	paused   map[string]bool // members of queues
	started  time.Time
	// generation counts the starts of the PBX: odd while it is up, even while
	// it is down.
	generation int
	down       chan struct{} // closed when the PBX of this generation stops
	closed     bool
}

// identities hands out what Asterisk counts from zero at each start.
type identities struct {
	uniqueid, channel int
	epoch             int64 // of the latest Uniqueid
}

// Start listens and serves until Close. The configuration is checked first.
func Start(config Config) (*Server, error) {
	config = config.withDefaults()
	accounts, err := newAccounts(config.Users)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	s := &Server{
		config:   config,
		accounts: accounts,
		gate:     newGate(),
		ledger:   newLedger(),
		sessions: map[*session]struct{}{},
	}
	if config.TLS {
		if s.certificate, err = newCertificate(config.Now()); err != nil {
			return nil, fmt.Errorf("make certificate: %w", err)
		}
	}
	if err := s.boot(); err != nil {
		return nil, err
	}
	return s, nil
}

// boot starts the PBX: an empty switchboard and open ports.
func (s *Server) boot() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrStopped
	}
	if s.up() {
		return nil
	}
	if err := s.open(&s.plain, s.config.Address, nil); err != nil {
		return err
	}
	if s.certificate != nil {
		settings := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*s.certificate}}
		if err := s.open(&s.tls, s.config.TLSAddress, settings); err != nil {
			s.plain.close()
			return err
		}
	}
	s.board, s.paused = newSwitchboard(), map[string]bool{}
	s.ids = identities{epoch: s.ids.epoch + 1} // no real PBX restarts within the second of its last call
	s.started = s.config.Now()
	s.generation++
	s.down = make(chan struct{})
	return nil
}

// port is one listener. Its address outlives it, so that a restarted PBX is
// found where it was.
type port struct {
	address  string
	listener net.Listener
}

func (p *port) close() {
	if p.listener != nil {
		_ = p.listener.Close() // nothing can be done about it, and nothing depends on it
		p.listener = nil
	}
}

func (s *Server) open(p *port, address string, settings *tls.Config) error {
	if p.address != "" {
		address = p.address
	}
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	p.address, p.listener = listener.Addr().String(), listener
	s.running.Go(func() { s.accept(listener, settings) })
	return nil
}

func (s *Server) accept(listener net.Listener, settings *tls.Config) {
	for {
		s.gate.wait()
		conn, err := listener.Accept()
		if err != nil {
			return // closed
		}
		s.gate.wait() // paused while it waited: the client hears nothing yet
		s.admit(conn, settings)
	}
}

func (s *Server) admit(conn net.Conn, settings *tls.Config) {
	if tcp, ok := conn.(*net.TCPConn); ok && s.config.SendBuffer > 0 {
		_ = tcp.SetWriteBuffer(s.config.SendBuffer) // a hint; the kernel rounds it anyway
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.up() || len(s.sessions) >= maxClients {
		_ = conn.Close()
		return
	}
	session := newSession(s, conn, settings)
	s.sessions[session] = struct{}{}
	s.running.Go(session.write)
	s.running.Go(session.run)
}

// up reports whether the PBX runs; the caller holds the lock.
func (s *Server) up() bool { return s.generation%2 == 1 }

// Addr is where the server listens, such as "127.0.0.1:41234". It stays the
// same over restarts.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plain.address
}

// TLSAddr is where the server speaks TLS; "" without Config.TLS.
func (s *Server) TLSAddr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tls.address
}

// Close ends the server, its connections with a bare EOF, and waits for every
// goroutine. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.halt()
	for session := range s.sessions {
		session.drop() // also those that still read a Shutdown
	}
	s.mu.Unlock()
	s.gate.open()
	s.running.Wait()
	return nil
}

// halt stops the PBX as a crash does; the caller holds the lock.
func (s *Server) halt() {
	if !s.up() {
		return
	}
	s.stop()
	s.ledger.endAll(s.config.Now())
	s.board, s.paused = newSwitchboard(), map[string]bool{}
	for session := range s.sessions {
		session.drop()
	}
}

// stop ends the generation and closes the ports; the caller holds the lock.
func (s *Server) stop() {
	s.generation++
	close(s.down)
	s.plain.close()
	s.tls.close()
}

// publish takes one event into the state and sends what is to be sent, usually
// the same event, to every session that may and wants to have it. It never
// blocks on a client. The generation is that of the PBX the event comes from.
func (s *Server) publish(generation int, genuine *event, send ...*event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation != s.generation || !s.up() {
		return ErrStopped
	}
	s.record(genuine, s.config.Now())
	for _, e := range send {
		s.deliver(e)
	}
	return nil
}

// deliver offers one event to every session; the caller holds the lock.
func (s *Server) deliver(e *event) {
	linkedid := e.linkedid()
	for session := range s.sessions {
		if session.offer(e) && linkedid != "" {
			session.tell(linkedid)
		}
	}
}

// record applies an event to state and ledger; nil changes nothing. The caller
// holds the lock.
func (s *Server) record(e *event, now time.Time) {
	if e == nil {
		return
	}
	linkedid := e.linkedid()
	if e.kind == "Newchannel" {
		s.ledger.start(linkedid, now)
	}
	s.board.apply(e, now)
	if e.kind == "Hangup" && !s.board.hasCall(linkedid) {
		s.ledger.end(linkedid, now)
	}
}

// current returns the generation that new traffic belongs to.
func (s *Server) current() int {
	generation, _ := s.alive()
	return generation
}

// alive also returns what is closed when that generation stops.
func (s *Server) alive() (generation int, down <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation, s.down
}
