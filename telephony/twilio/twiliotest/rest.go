package twiliotest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

const (
	apiVersion = "2010-04-01"
	maxBody    = 1 << 20
)

func accountPath(account string) string { return "/" + apiVersion + "/Accounts/" + account }

// Request is one request of the REST API.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Query  url.Values
	Form   url.Values
	// Status is what was answered, 0 if the connection was cut.
	Status int
	// Fault names what it met, "" for nothing.
	Fault string
}

// Requests are the newest of the REST API, in the order of their answers.
func (s *Server) Requests() []Request {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	return newest(s.journal.requests, s.journal.keep)
}

// call is a request on its way.
type call struct {
	s      *Server
	method string
	path   []string // below the account, without extension
	ext    string   // of the last of them
	query  url.Values
	form   url.Values
	authed bool
}

// reply is an answer: a value that becomes JSON, or raw bytes.
type reply struct {
	status      int
	value       any
	raw         []byte
	contentType string
	header      http.Header
}

// problem is an error in Twilio's form. Twilio docs: usage/twilios-response.
func problem(status, code int, text string) reply {
	return reply{status: status, value: map[string]any{
		"code": code, "message": text, "more_info": fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), "status": status,
	}}
}

func notFound(c *call) reply {
	return problem(http.StatusNotFound, 20404, "The requested resource "+accountPath(c.s.config.AccountSID)+"/"+strings.Join(c.path, "/")+" was not found")
}

// ServeHTTP answers a request of the REST API. A fault may end it with http.ErrAbortHandler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.routes.ServeHTTP(w, r) }

// api is the handler of the REST API.
func (s *Server) api() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, "Request Entity Too Large", http.StatusRequestEntityTooLarge)
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			form = url.Values{}
		}
		log := Request{At: s.clock.now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Form: form}
		effect := s.faults.meet(r.Method, r.URL.Path)
		log.Fault = effect.name
		if effect.delay > 0 && !s.clock.wait(r.Context(), effect.delay) {
			panic(http.ErrAbortHandler)
		}
		rep, cut := s.perform(s.newCall(r, form), effect) //nolint:contextcheck // what is asked for outlives the request
		if !cut {
			log.Status = rep.status
		}
		s.journal.requested(log)
		if effect.late > 0 && !s.clock.wait(r.Context(), effect.late) {
			panic(http.ErrAbortHandler)
		}
		if cut {
			panic(http.ErrAbortHandler)
		}
		rep.write(w, effect.kind == truncates)
	})
}

// perform does what was asked, under the effect of a fault; cut says that nothing is answered.
func (s *Server) perform(c *call, e Effect) (rep reply, cut bool) {
	switch e.kind {
	case answers:
		return e.reply, false
	case dropsBefore:
		return reply{}, true
	case dropsAfter:
		s.dispatch(c)
		return reply{}, true
	case harmless, truncates:
	}
	return s.dispatch(c), false
}

func (s *Server) newCall(r *http.Request, form url.Values) *call {
	c := &call{s: s, method: r.Method, query: r.URL.Query(), form: form}
	user, password, _ := r.BasicAuth()
	c.authed = s.lets(user, password)
	rest, found := strings.CutPrefix(r.URL.Path, "/"+apiVersion+"/Accounts")
	if !found {
		return c
	}
	c.ext = path.Ext(rest)
	c.path = strings.Split(strings.TrimPrefix(strings.TrimSuffix(rest, c.ext), "/"), "/")
	return c
}

// lets reports whether a login is one of the account's.
func (s *Server) lets(user, password string) bool {
	want := s.config.Keys[user]
	if user == s.config.AccountSID {
		want = s.AuthToken()
	}
	return want != "" && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}

// dispatch finds the operation.
func (s *Server) dispatch(c *call) reply {
	isMedia := len(c.path) == 3 && c.path[1] == "Recordings" && c.ext != ".json"
	if !c.authed && (!isMedia || !s.config.Media.Open) {
		rep := problem(http.StatusUnauthorized, 20003, "Authenticate")
		rep.header = http.Header{"Www-Authenticate": {`Basic realm="Twilio API"`}}
		return rep
	}
	if len(c.path) == 0 || c.path[0] != s.config.AccountSID {
		return notFound(c)
	}
	c.path = c.path[1:]
	switch {
	case len(c.path) == 0:
		return c.account()
	case isMedia:
		return c.medium(c.path[1])
	case c.ext != ".json":
		return notFound(c)
	}
	switch c.path[0] {
	case "Calls":
		return c.calls(c.path[1:])
	case "Recordings":
		return c.recordings(c.path[1:])
	case "IncomingPhoneNumbers":
		return c.numbers(c.path[1:])
	case "Conferences":
		return c.conferences(c.path[1:])
	}
	return notFound(c)
}

// account answers what GET and nothing else may ask.
func (c *call) account() reply {
	return reply{status: http.StatusOK, value: map[string]any{
		"sid": c.s.config.AccountSID, "friendly_name": "Simulated account", "status": "active", "type": "Full",
		"owner_account_sid": c.s.config.AccountSID, "uri": accountPath(c.s.config.AccountSID) + ".json",
	}}
}

// write sends the answer; with truncated only half of it.
func (r reply) write(w http.ResponseWriter, truncated bool) {
	body, contentType := r.raw, r.contentType
	if body == nil && r.value != nil {
		var err error
		if body, err = json.Marshal(r.value); err != nil {
			panic(err) // our own values
		}
		contentType = "application/json; charset=utf-8"
	}
	maps.Copy(w.Header(), r.header)
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.Header().Set("Twilio-Concurrent-Requests", "1")
	w.WriteHeader(r.status)
	if truncated {
		_, _ = w.Write(body[:len(body)/2]) // a client that has gone needs no answer
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // a client that has gone needs no answer
}
