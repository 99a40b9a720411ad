package cti

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
)

// batchWorkers is how many events of one batch are made durable at a time.
const batchWorkers = 32

// EventsConfig says how Events are taken from one source. Token, Secret or both let
// a sender in.
type EventsConfig struct {
	Translator

	// Token is a bearer token.
	Token string
	// Secret signs bodies, see SignatureHeader. WebSockets need a token.
	Secret string
	// Sole has /v1/events lead to this source, too: there is no other.
	Sole bool
	// Timeout is when a call ends that nobody ended; 0 is DefaultTimeout.
	Timeout time.Duration
	// Wait is how long an answer may take; 0 is DefaultWait.
	Wait time.Duration
}

// Events is a source that takes Events as CloudEvents, posted or over a WebSocket. It
// is safe for concurrent use. See NewEvents.
type Events struct {
	*door

	config  EventsConfig
	sockets sockets
}

var _ telephony.Source = (*Events)(nil)

// NewEvents returns an error that says what the configuration lacks.
func NewEvents(config EventsConfig, log logrus.FieldLogger) (*Events, error) {
	if _, err := telephony.NewCallID(config.Site, config.Source, "1"); err != nil {
		return nil, err
	}
	if config.Token == "" && config.Secret == "" {
		return nil, errors.New("token and hmac_secret are missing: anybody could tell of calls")
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	return &Events{door: newDoor(config.Wait, log), config: config}, nil
}

// Name implements telephony.Source.
func (s *Events) Name() string { return s.config.Source }

// Run implements telephony.Source: while it runs, events are taken.
func (s *Events) Run(ctx context.Context, sink telephony.Sink) error {
	s.sockets.open()
	defer s.sockets.close()
	return s.run(ctx, sink, s.config.Timeout)
}

// EventsPath is where a source takes events, on the public listener.
func EventsPath(source string) string { return "/v1/events/" + source }

// Register adds the paths of the source.
func (s *Events) Register(mux *http.ServeMux) {
	paths := []string{EventsPath(s.Name())}
	if s.config.Sole {
		paths = append(paths, "/v1/events")
	}
	for _, path := range paths {
		mux.HandleFunc("POST "+path, s.serve)
		mux.HandleFunc("GET "+path, s.serveSocket)
	}
}

func (s *Events) serve(w http.ResponseWriter, r *http.Request) {
	accepted, ignored, err := s.take(w, r)
	if err != nil {
		s.refused(w, err)
		return
	}
	s.counts["accepted"].Add(accepted)
	s.counts["unknown_event"].Add(ignored)
	answer(w, http.StatusOK, map[string]uint64{"accepted": accepted, "ignored": ignored})
}

// take makes durable what a request tells: all of it, or it is an error. An event
// that is wrong is told before any is kept.
func (s *Events) take(w http.ResponseWriter, r *http.Request) (accepted, ignored uint64, err error) {
	byToken := same(bearer(r), s.config.Token)
	signature := r.Header.Get(SignatureHeader)
	if !byToken && (signature == "" || s.config.Secret == "") {
		return 0, 0, s.unauthorized()
	}
	body, err := s.body(w, r)
	if err != nil {
		return 0, 0, err
	}
	now := time.Now()
	if !byToken {
		if err := verify(signature, s.config.Secret, body, now); err != nil {
			return 0, 0, err
		}
	}
	all, err := readCloudEvents(r.Header, body)
	if err != nil {
		return 0, 0, err
	}
	var entries [][]telephony.Event
	for i, c := range all {
		// Those without a time happened one after the other.
		events, err := s.config.telephonyEvents(c, now.Add(time.Duration(i)*time.Millisecond))
		switch {
		case errors.Is(err, errUnknown):
			ignored++
		case err != nil && len(all) > 1:
			said := refusalOf(err)
			return 0, 0, refuse(said.status, said.reason, fmt.Sprintf("event %d: %s; none was kept", i, said.text))
		case err != nil:
			return 0, 0, err
		default:
			entries = append(entries, events)
		}
	}
	return uint64(len(entries)), ignored, s.appendAll(r.Context(), entries)
}

func (s *Events) unauthorized() error {
	how := "send it as bearer token"
	switch {
	case s.config.Token == "":
		how = "sign the body, in the header " + SignatureHeader
	case s.config.Secret != "":
		how += ", or sign the body, in the header " + SignatureHeader
	}
	return refuse(http.StatusUnauthorized, "unauthorized", "wrong token, or none: "+how)
}

// appendAll makes entries durable, some at a time: each is one message of the sender,
// so that a repeat in another batch is the same entry.
func (s *Events) appendAll(ctx context.Context, entries [][]telephony.Event) error {
	errs := make([]error, len(entries))
	places := make(chan struct{}, batchWorkers)
	var under sync.WaitGroup
	for i, events := range entries {
		places <- struct{}{}
		under.Go(func() {
			defer func() { <-places }()
			errs[i] = s.append(ctx, events)
		})
	}
	under.Wait()
	return errors.Join(errs...)
}
