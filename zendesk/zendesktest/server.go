package zendesktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is a simulated Zendesk account. It is an http.Handler; [Server.Start] gives it a listener of its own.
// The zero value is not usable, see [New]. All methods are safe for concurrent use.
type Server struct {
	cfg    config
	clock  *clock
	late   *lateQueue
	faults *faultSet
	pages  http.Handler
	log    *requestLog
	check  *checker

	mu   sync.Mutex // guards acct, held while a request is answered
	acct *account

	life     context.Context // ends at Close
	end      context.CancelFunc
	httpMu   sync.Mutex // guards listener, server and served
	listener net.Listener
	server   *http.Server
	served   chan struct{}
}

// New returns an account with an owner (an admin), the given agents, and nothing else. It panics if two agents of
// [WithAgents] have the same id, email or external id. Nothing listens yet.
func New(opts ...Option) *Server {
	cfg := defaultConfig()
	for _, o := range opts {
		o(&cfg)
	}
	if len(cfg.clients)+len(cfg.tokens) == 0 {
		cfg.clients[DefaultClientID] = DefaultClientSecret
		cfg.tokens[DefaultAPIToken] = DefaultEmail
	}
	s := &Server{cfg: cfg, clock: newClock(cfg.now), late: newLateQueue(), log: newRequestLog(cfg.keep.Requests)}
	s.life, s.end = context.WithCancel(context.Background())
	s.faults = newFaultSet(rand.New(rand.NewPCG(cfg.seed, 0))) //nolint:gosec // Dice for tests, not for secrets.
	s.check = newChecker(cfg.spec)
	s.acct = newAccount(&s.cfg, s.clock)
	s.pages = newPages(s)
	for _, email := range cfg.tokens {
		if s.acct.userByEmail(email) == nil {
			s.mustAdd(User{Name: "API user", Email: email, Role: RoleAdmin})
		}
	}
	for _, a := range cfg.agents {
		s.mustAdd(agentDefaults(a))
	}
	return s
}

func (s *Server) mustAdd(u User) {
	if _, err := s.acct.addUser(u); err != nil {
		panic(fmt.Sprintf("zendesktest: %v", err))
	}
}

// Start listens on addr and serves until [Server.Close]; an empty addr means a free port on loopback. The pages ask
// for no password, so that any other address than a loopback one shows the account to whoever reaches it.
// Errors are those of net.Listen, or that the server was started before.
func (s *Server) Start(addr string) error {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	s.httpMu.Lock()
	defer s.httpMu.Unlock()
	if s.listener != nil {
		return errors.New("start: the server is already listening on " + s.listener.Addr().String())
	}
	if err := s.life.Err(); err != nil {
		return errors.New("start: the server was closed")
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(s.life, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for simulated Zendesk: %w", err)
	}
	srv := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return s.life },
	}
	served := make(chan struct{})
	s.listener, s.server, s.served = ln, srv, served
	go func() {
		defer close(served)
		_ = srv.Serve(ln) // It returns when Close closes it; a failing accept shows as refused connections.
	}()
	return nil
}

// URL is where the server listens, without a slash at the end: http://127.0.0.1:41234. Empty before Start.
func (s *Server) URL() string {
	s.httpMu.Lock()
	defer s.httpMu.Unlock()
	if s.listener == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String()
}

// Close stops listening, cuts all connections, drops late commits that are not due and ends all subscriptions. It
// returns when nothing of the server runs any more. What is stored can still be inspected. Calling it again does nothing.
func (s *Server) Close() {
	s.end()
	s.late.stop()
	s.httpMu.Lock()
	srv, served := s.server, s.served
	s.httpMu.Unlock()
	if srv != nil {
		_ = srv.Close() // Connections are cut; there is nothing to do about an error of that.
		<-served
	}
	s.mu.Lock()
	s.acct.hub.closeAll()
	s.mu.Unlock()
}

// ServeHTTP answers an API request or serves a page. A fault may end it with http.ErrAbortHandler, as net/http
// expects of handlers that cut the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, attachmentsPath) {
		s.serveAttachment(w, r)
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/oauth/") {
		s.pages.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit(r)))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); !tooLarge {
			panic(http.ErrAbortHandler) // The client went away in the middle of its request.
		}
		http.Error(w, "Request Entity Too Large", http.StatusRequestEntityTooLarge)
		return
	}
	s.serveAPI(w, r, newCall(r, body))
}

// serveAPI meets the faults, has the request answered, and writes the answer.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, c *call) {
	s.log.begin(c, s.clock.now())
	s.check.request(c)
	ctx, cancel := mergeDone(r.Context(), s.life)
	defer cancel()
	fault, effect := s.faults.meet(c)
	c.entry.Fault = fault
	if !wait(ctx, s.cfg.latency+effect.delay) {
		s.log.end(c, 0)
		panic(http.ErrAbortHandler)
	}
	rep, cut := s.perform(ctx, c, effect)
	if cut {
		panic(http.ErrAbortHandler)
	}
	rep.encode()
	rep.write(w, effect.kind == effectTruncate)
}

// perform answers and logs the request under the effect of a fault; cut says that the connection ends without an
// answer.
func (s *Server) perform(ctx context.Context, c *call, e Effect) (rep reply, cut bool) {
	switch e.kind {
	case effectAnswer:
		rep := e.reply()
		s.log.end(c, rep.status)
		return rep, false
	case effectDropBefore:
		s.log.end(c, 0)
		return reply{}, true
	case effectDropAfter:
		return s.answer(c, lost), true
	case effectLate:
		s.answerLate(c, e.commitAfter)
		s.log.end(c, 0)
		return reply{}, true
	case effectStall:
		s.answerLate(c, e.commitAfter)
		<-ctx.Done()
		s.log.end(c, 0)
		return reply{}, true
	case effectAnswerAfter:
		s.answer(c, e.status)
		return e.reply(), false
	case effectNone, effectTruncate:
	}
	return s.answer(c, answered), false
}

// answerLate has the operation run in d, for nobody.
func (s *Server) answerLate(c *call, d time.Duration) {
	late := c.detached()
	s.late.schedule(s.clock.now().Add(d), d, func() { s.answer(late, lost) })
}

// answer runs the operation and logs the request as one atomic step of the account: who sees what a request did, sees
// the request too. The status is what its client hears of it: lost, the one that was answered, or another one.
func (s *Server) answer(c *call, status int) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now, c.unheard = s.clock.now(), status != answered
	rep := s.acct.dispatch(c)
	if status == answered {
		status = rep.status
	}
	s.log.end(c, status)
	return rep
}

// What else than a status a client may hear of a request.
const (
	lost     = 0  // nothing
	answered = -1 // what was answered
)

// wait waits for d of real time; it reports false if ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// mergeDone returns a context that ends with either of the two.
func mergeDone(a, b context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(a)
	stop := context.AfterFunc(b, cancel)
	return ctx, func() { stop(); cancel() }
}
