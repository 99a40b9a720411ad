package twiliotest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server is a simulated Twilio account. It is the http.Handler of its REST API; [Server.Start] gives it listeners of
// its own. The zero value is not usable, see [New]. All methods are safe for concurrent use.
type Server struct {
	config   Config
	clock    *clock
	ids      *identities
	journal  *journal
	mischief *mischief
	courier  *courier
	faults   *faultSet
	client   atomic.Pointer[http.Client]
	routes   http.Handler
	media    http.Handler
	pacer    *pacer

	mu          sync.Mutex // guards what follows
	token       string
	numbers     []*Number
	phones      map[string]Phone
	legs        map[string]*leg
	order       []*leg // by creation
	recordings  []*recording
	byRecording map[string]*recording
	queues      map[string]*queue
	conferences []*conference
	leaks       int
	missed      map[string]int // requests of media that were answered 404

	life    context.Context // ends at Close
	end     context.CancelFunc
	running sync.WaitGroup
	work    sync.Mutex // guards closed, active and idle
	closed  bool
	active  int
	idle    chan struct{} // closed when nothing is active

	httpMu    sync.Mutex // guards what follows
	listeners []net.Listener
	servers   []*http.Server
}

// New returns an account with its numbers and phones. Nothing listens yet, calls can be placed. Close it.
func New(config Config) *Server {
	if config.AccountSID == "" {
		config.AccountSID = DefaultAccountSID
	}
	if config.AuthToken == "" {
		config.AuthToken = DefaultAuthToken
	}
	s := &Server{
		config: config, clock: newClock(config.Now, config.Speed), ids: newIdentities(config.Seed),
		journal: newJournal(config.Keep), mischief: &mischief{}, faults: &faultSet{}, token: config.AuthToken,
		phones: map[string]Phone{}, legs: map[string]*leg{}, byRecording: map[string]*recording{},
		queues: map[string]*queue{}, missed: map[string]int{},
	}
	s.life, s.end = context.WithCancel(context.Background())
	s.courier, s.pacer = newCourier(s), newPacer(s, config.CPS)
	s.SetTransport(config.Transport)
	s.routes, s.media = s.api(), http.HandlerFunc(s.serveStorage)
	for _, n := range config.Numbers {
		s.SetNumber(n)
	}
	for _, p := range config.Phones {
		s.SetPhone(p)
	}
	return s
}

// SetTransport changes what carries callbacks from now on; nil is a network client of the server's own.
func (s *Server) SetTransport(transport http.RoundTripper) {
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: maxSenders, DisableCompression: true}
	}
	old := s.client.Swap(&http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})
	if old != nil {
		old.CloseIdleConnections()
	}
}

// Start listens on addr, and on a second port for media, until Close; an empty addr means a free port on loopback.
func (s *Server) Start(addr string) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	s.httpMu.Lock()
	defer s.httpMu.Unlock()
	if len(s.servers) > 0 {
		return errors.New("start: the server is already listening on " + s.listeners[0].Addr().String())
	}
	if s.life.Err() != nil {
		return errors.New("start: the server was closed")
	}
	for _, l := range []struct {
		addr    string
		handler http.Handler
	}{{addr, s}, {"127.0.0.1:0", s.media}} {
		var lc net.ListenConfig
		listener, err := lc.Listen(s.life, "tcp", l.addr)
		if err != nil {
			s.stopListening()
			return fmt.Errorf("listen for simulated Twilio: %w", err)
		}
		server := &http.Server{
			Handler: l.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
			BaseContext: func(net.Listener) context.Context { return s.life },
		}
		s.listeners, s.servers = append(s.listeners, listener), append(s.servers, server)
		s.running.Go(func() { _ = server.Serve(listener) }) // it returns when Close closes it
	}
	return nil
}

// stopListening closes the listeners; the caller holds httpMu.
func (s *Server) stopListening() {
	for i, server := range s.servers {
		_ = server.Close() // connections are cut; there is nothing to do about an error of that
		_ = s.listeners[i].Close()
	}
}

// URL is where the REST API is, without a slash at the end: http://127.0.0.1:41234. Before Start it is
// https://api.twilio.com, which [Direct] reaches too.
func (s *Server) URL() string {
	s.httpMu.Lock()
	defer s.httpMu.Unlock()
	if len(s.listeners) == 0 {
		return "https://api.twilio.com"
	}
	return "http://" + s.listeners[0].Addr().String()
}

// MediaURL is where the second host is that keeps media: another host by name, as an HTTP client sees it.
func (s *Server) MediaURL() string {
	s.httpMu.Lock()
	defer s.httpMu.Unlock()
	if len(s.listeners) < 2 {
		return "https://media.example.net"
	}
	_, port, _ := net.SplitHostPort(s.listeners[1].Addr().String()) // a listener's address is well formed
	return "http://localhost:" + port
}

// Storage is the second host, for a transport that reaches no socket.
func (s *Server) Storage() http.Handler { return s.media }

// AccountSID is the account's.
func (s *Server) AccountSID() string { return s.config.AccountSID }

// AuthToken is the primary token, which signs.
func (s *Server) AuthToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// Promote makes a new token the primary one: it signs from now on, and the old one lets nobody in any more.
func (s *Server) Promote(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// SetNumber adds a number or replaces it.
func (s *Server) SetNumber(n Number) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, known := range s.numbers {
		if known.Number == n.Number {
			s.numbers[i] = &n
			return
		}
	}
	s.numbers = append(s.numbers, &n)
}

// SetPhone adds somebody who can be called, or changes what he does.
func (s *Server) SetPhone(p Phone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phones[p.Address] = p
}

// number returns a number of the account, or nil; the caller holds the lock.
func (s *Server) number(address string) *Number {
	for _, n := range s.numbers {
		if n.Number == address {
			return n
		}
	}
	return nil
}

// begin runs something that Wait waits for. After Close it does nothing.
func (s *Server) begin(f func()) {
	s.work.Lock()
	defer s.work.Unlock()
	if s.closed {
		return
	}
	if s.active == 0 {
		s.idle = make(chan struct{})
	}
	s.active++
	s.running.Go(func() {
		defer s.done()
		f()
	})
}

func (s *Server) done() {
	s.work.Lock()
	defer s.work.Unlock()
	s.active--
	if s.active == 0 {
		close(s.idle)
	}
}

// Wait waits until no call is up, every callback is delivered or lost, and every recording is processed.
func (s *Server) Wait(ctx context.Context) error {
	s.work.Lock()
	idle := s.idle
	if s.active == 0 {
		s.work.Unlock()
		return nil
	}
	s.work.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close cuts everything: calls, callbacks on their way, connections. It returns when nothing of the server runs any
// more. What happened can still be looked at. Calling it again does nothing.
func (s *Server) Close() {
	s.work.Lock()
	s.closed = true
	s.work.Unlock()
	s.end()
	s.httpMu.Lock()
	s.stopListening()
	s.httpMu.Unlock()
	s.running.Wait()
	s.client.Load().CloseIdleConnections()
}

// identities makes SIDs. Safe for concurrent use.
type identities struct {
	mu   sync.Mutex
	dice *rand.Rand
}

func newIdentities(seed uint64) *identities {
	return &identities{dice: rand.New(rand.NewPCG(seed, 0))} //nolint:gosec // names, not secrets
}

func (i *identities) pair() (a, b uint64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.dice.Uint64(), i.dice.Uint64()
}

// sid is a prefix of two letters and 32 hexadecimal digits.
func (i *identities) sid(prefix string) string {
	a, b := i.pair()
	return fmt.Sprintf("%s%016x%016x", prefix, a, b)
}

// token is that of one delivery, a UUID.
func (i *identities) token() string {
	a, b := i.pair()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}
