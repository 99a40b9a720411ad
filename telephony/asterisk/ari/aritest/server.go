package aritest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// outboxSize bounds what waits for one client: some hundred calls.
const outboxSize = 16384

// Config says what the server is like. The zero value is usable.
type Config struct {
	// Username and Password are what it takes; empty: talkbridge and secret.
	Username, Password string
	// ChannelVars are the variables that every channel carries, as channelvars= in
	// ari.conf does it. Linkedid and presentation are known; others are empty.
	ChannelVars []string
	// Prefix stands before /ari, as prefix= in http.conf.
	Prefix string
	// Writes lets the user control calls, as read_only=no does. Nothing can be
	// controlled all the same.
	Writes bool
	// Deaf lets it answer no pings.
	Deaf bool
	// Ahead is how far its clock is ahead of ours.
	Ahead time.Duration
}

// Server is an ARI server. It is safe for concurrent use. See New.
type Server struct {
	config Config
	http   *httptest.Server

	mu       sync.Mutex
	clients  map[string]*client // by app
	all      map[*client]bool   // those that are connected, replaced ones too
	channels map[string]*channel
	order    []string // of channels
	bridges  map[string]*bridge
	last     int
	now      time.Time // of the last event
	requests map[string]int
	serving  sync.WaitGroup
}

// client is a connected client.
type client struct {
	app    string
	conn   *websocket.Conn
	outbox chan []byte
	once   sync.Once
	gone   chan struct{}
}

// New starts a server on a loopback address. Close ends it.
func New(config Config) *Server {
	if config.Username == "" {
		config.Username, config.Password = "talkbridge", "secret"
	}
	s := &Server{
		config: config, clients: make(map[string]*client), all: make(map[*client]bool), channels: make(map[string]*channel),
		bridges: make(map[string]*bridge), requests: make(map[string]int),
	}
	mux := http.NewServeMux()
	ari := config.Prefix + "/ari"
	mux.HandleFunc("GET "+ari+"/events", s.events)
	mux.HandleFunc("GET "+ari+"/channels", s.listChannels)
	mux.HandleFunc("GET "+ari+"/bridges", s.listBridges)
	mux.HandleFunc("GET "+ari+"/channels/{id}/variable", s.variable)
	mux.HandleFunc("GET "+ari+"/asterisk/info", s.info)
	mux.HandleFunc("GET "+ari+"/applications/{app}", s.application)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !config.Writes && r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, ari) {
			refuse(w, http.StatusForbidden, "Forbidden")
			return
		}
		refuse(w, http.StatusNotFound, "Resource not found")
	})
	s.http = httptest.NewServer(s.guard(mux))
	return s
}

// URL is where the server is, without /ari.
func (s *Server) URL() string { return s.http.URL + s.config.Prefix }

// Close ends the server and its connections.
func (s *Server) Close() {
	s.DropClients()
	s.http.CloseClientConnections()
	s.http.Close()
	s.serving.Wait()
}

// guard lets in who knows the password, and counts.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "Asterisk/22.10.1")
		w.Header().Set("Date", time.Now().Add(s.config.Ahead).UTC().Format(http.TimeFormat))
		name, password, _ := r.BasicAuth()
		if name != s.config.Username || password != s.config.Password {
			w.Header().Set("WWW-Authenticate", `Basic realm="Asterisk REST Interface"`)
			refuse(w, http.StatusUnauthorized, "Authentication required")
			return
		}
		s.mu.Lock()
		s.requests[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]++
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// Requests is how often something was asked for, by the last part of its path:
// "channels", "variable", "events".
func (s *Server) Requests(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[name]
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"message": text})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone
}

// events is the stream of one client. Whoever had the app before hears that it was
// taken over, and nothing more.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	app := r.URL.Query().Get("app")
	if app == "" {
		refuse(w, http.StatusBadRequest, "Missing parameter app")
		return
	}
	s.mu.Lock() // as with Asterisk, who is connected gets all that happens from then on
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.mu.Unlock()
		return // it was answered
	}
	c := &client{app: app, conn: conn, outbox: make(chan []byte, outboxSize), gone: make(chan struct{})}
	if s.config.Deaf {
		conn.SetPingHandler(func(string) error { return nil })
	}
	if before := s.clients[app]; before != nil {
		before.push(stamped(s.moment(), map[string]any{"type": "ApplicationReplaced"}, app))
	}
	s.clients[app], s.all[c] = c, true
	s.mu.Unlock()
	s.serving.Go(c.write)
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			break
		}
	}
	c.close()
	s.mu.Lock()
	delete(s.all, c)
	if s.clients[app] == c {
		delete(s.clients, app)
	}
	s.mu.Unlock()
}

func (c *client) write() {
	for {
		select {
		case text := <-c.outbox:
			if c.conn.WriteMessage(websocket.TextMessage, text) != nil {
				return
			}
		case <-c.gone:
			return
		}
	}
}

// push sends a message. A client that does not read is thrown out.
func (c *client) push(text []byte) {
	select {
	case c.outbox <- text:
	default:
		c.close()
	}
}

func (c *client) close() {
	c.once.Do(func() {
		close(c.gone)
		_ = c.conn.Close()
	})
}

// Clients is how many clients are connected.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// DropClients cuts all connections without a word.
func (s *Server) DropClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.all {
		c.close()
	}
}

// Send sends bytes as a message to every client, as they are.
func (s *Server) Send(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		c.push(text)
	}
}

// Play sends a capture, at once.
func (s *Server) Play(name string) error {
	messages, err := Capture(name)
	if err != nil {
		return err
	}
	for _, m := range messages {
		s.Send(m)
	}
	return nil
}

func (s *Server) info(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"system": map[string]string{"version": "22.10.1", "entity_id": entity},
		"config": map[string]string{"name": "pbx1"},
		"status": map[string]string{"startup_time": "2026-11-22T01:00:00.000+0000", "last_reload_time": "2026-11-22T01:00:00.000+0000"},
	})
}

// application says whether somebody is connected with an app.
func (s *Server) application(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[r.PathValue("app")] == nil {
		refuse(w, http.StatusNotFound, "Application not found")
		return
	}
	answer(w, http.StatusOK, map[string]string{"name": r.PathValue("app")})
}

func (s *Server) listChannels(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []json.RawMessage{}
	for _, id := range s.order {
		list = append(list, s.channels[id].json(s.config.ChannelVars))
	}
	answer(w, http.StatusOK, list)
}

func (s *Server) listBridges(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []json.RawMessage{}
	for _, b := range s.bridges {
		list = append(list, b.json())
	}
	answer(w, http.StatusOK, list)
}

func (s *Server) variable(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, err := url.PathUnescape(r.PathValue("id"))
	c := s.channels[id]
	if err != nil || c == nil {
		refuse(w, http.StatusNotFound, "Provided channel was not found")
		return
	}
	value, ok := c.variable(r.URL.Query().Get("variable"))
	if !ok {
		refuse(w, http.StatusNotFound, "Provided variable was not found")
		return
	}
	answer(w, http.StatusOK, map[string]string{"value": value})
}

// String names the server in messages of tests.
func (s *Server) String() string { return fmt.Sprintf("ARI at %s", s.URL()) }
