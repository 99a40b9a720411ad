// Package transcripttest is a service that speaks OpenAI's audio API for tests:
// it takes recordings as the real one does, says what it is told to say, and fails
// as it is told to fail. It is for tests alone.
package transcripttest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Path is where the service is asked.
const Path = "/v1/audio/transcriptions"

// maxUpload is what the real one takes.
//
// OpenAI docs: https://platform.openai.com/docs/guides/speech-to-text
const maxUpload = 25 << 20

// Request is one that was answered.
type Request struct {
	Model, Language, Format string
	FileName, ContentType   string
	Audio                   []byte
	// Key is the bearer token, "" if none was sent.
	Key string
}

// Answer writes one answer instead of the ordinary one.
type Answer func(w http.ResponseWriter, r *http.Request)

// Server is the service. It is safe for concurrent use. See Start.
type Server struct {
	server *httptest.Server
	key    string
	closed chan struct{}

	mu       sync.Mutex
	text     string
	script   []Answer
	always   Answer
	requests []Request
	running  int
	most     int
}

// Start starts a service that says text. Without the key, if there is one, it
// answers 401. Whoever starts it closes it.
func Start(text, key string) *Server {
	s := &Server{text: text, key: key, closed: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, s.serve)
	s.server = httptest.NewServer(mux)
	return s
}

// URL is the whole address.
func (s *Server) URL() string { return s.server.URL + Path }

// Close ends it, with the requests that hang.
func (s *Server) Close() {
	close(s.closed)
	s.server.CloseClientConnections()
	s.server.Close()
}

// Say changes what it says from now on.
func (s *Server) Say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

// Next has the next requests answered so, one each, in this order.
func (s *Server) Next(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, answers...)
}

// Always has all further requests answered so; nil is the ordinary way again.
func (s *Server) Always(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = a
}

// Requests are those that came whole, in their order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Most is how many requests there were at a time, at most.
func (s *Server) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running--
	}()
	request, status, problem := read(r)
	if problem != "" {
		refuse(w, status, problem)
		return
	}
	if s.key != "" && request.Key != s.key {
		refuse(w, http.StatusUnauthorized, "Incorrect API key provided")
		return
	}
	s.answer(request)(w, r)
}

// answer notes a request, and says how it is answered.
func (s *Server) answer(request Request) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	if len(s.script) > 0 {
		next := s.script[0]
		s.script = s.script[1:]
		return next
	}
	if s.always != nil {
		return s.always
	}
	return s.Text(s.text)
}

// read takes a request as the real service does.
func read(r *http.Request) (request Request, status int, problem string) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxUpload+1<<20)
	if err := r.ParseMultipartForm(maxUpload); err != nil {
		return request, http.StatusBadRequest, "the body is no form: " + err.Error()
	}
	request = Request{
		Model: r.FormValue("model"), Language: r.FormValue("language"), Format: r.FormValue("response_format"),
		Key: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "),
	}
	file, header, err := r.FormFile("file")
	if err != nil {
		return request, http.StatusBadRequest, "file is missing"
	}
	defer file.Close() //nolint:errcheck // it was only read
	request.FileName, request.ContentType = header.Filename, header.Header.Get("Content-Type")
	if request.Audio, err = io.ReadAll(file); err != nil {
		return request, http.StatusBadRequest, err.Error()
	}
	switch {
	case request.Model == "":
		return request, http.StatusBadRequest, "model is missing"
	case len(request.Audio) > maxUpload:
		return request, http.StatusRequestEntityTooLarge, "Maximum content size limit exceeded"
	case len(request.Language) != 0 && len(request.Language) != 2:
		return request, http.StatusBadRequest, "language is no ISO 639-1 code"
	}
	return request, 0, ""
}

func refuse(w http.ResponseWriter, status int, problem string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error"}}`, problem)
}

// Text is the ordinary answer.
func (s *Server) Text(text string) Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"text": text})
	}
}

// Raw is any answer.
func Raw(status int, header http.Header, body string) Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Status answers with an error.
func Status(status int) Answer {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, http.StatusText(status)) }
}

// Busy answers 429, to be asked again after some seconds.
func Busy(after time.Duration) Answer {
	return Raw(http.StatusTooManyRequests, http.Header{"Retry-After": {strconv.Itoa(int(after / time.Second))}}, "")
}

// Slow answers so only when the channel is closed, or when nobody waits any more.
func (s *Server) Slow(until <-chan struct{}, then Answer) Answer {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-until:
			then(w, r)
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
}

// Cut ends the connection in the middle of the answer.
func Cut() Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"text":"half of`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // it is how a handler ends a connection
	}
}

// Huge answers with a text of so many bytes.
func Huge(size int) Answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"text":"`)
		chunk := strings.Repeat("a", 64<<10)
		for left := size; left > 0; left -= len(chunk) {
			if _, err := io.WriteString(w, chunk[:min(left, len(chunk))]); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, `"}`)
	}
}
