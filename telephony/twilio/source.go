package twilio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/twilio/twilio-go/twiml"
	"golang.org/x/time/rate"

	"github.com/talkbridge/talkbridge/telephony"
)

// durableWithin is how long a webhook waits for the journal: Twilio waits 15
// seconds for all tries together.
const durableWithin = 3 * time.Second

// statusWithin is how long Dial's word on a phone waits for the phone's own, which comes
// at the same moment and is better: the caller hears nothing meanwhile.
const statusWithin = 300 * time.Millisecond

// Config is what a Source needs to know. The zero value is not usable: Site, Name,
// AccountSid, Tokens and PublicURL must be set.
type Config struct {
	// Site and Name make the ids of calls: "site/name/CallSid".
	Site, Name string
	// AccountSid is the one account whose webhooks are taken, "AC...".
	AccountSid string
	// Tokens are the auth tokens that may have signed, the current one first: it is
	// also the login of the API unless there is a key.
	Tokens []string
	// Key and KeySecret are an API key; "" where the auth token is used.
	Key, KeySecret string
	// PublicURL is how Twilio reaches the listener of the webhooks: scheme, host, and
	// the path before /v1 if a proxy takes one away.
	PublicURL string
	// API is the address of the API; "" is Twilio's own.
	API string
	// RecordsSince and RecordsWithin bound what is taken from Twilio's lists of
	// calls and recordings: nothing of a call that began before the former, or longer ago
	// than the latter. Without RecordsWithin they are not read.
	RecordsSince  time.Time
	RecordsWithin time.Duration
	// Whispers says that who answers hears an announcement first and may decline:
	// then nobody has talked until Dial says so.
	Whispers bool
	// Answers says what happens to the calls; nil observes them.
	Answers *Answers
	// Dial says how calls are placed; nil places none. Orders, which may be nil, are the
	// orders since a time of whose calls nothing was told.
	Dial   *Dialling
	Orders func(ctx context.Context, since time.Time) ([]telephony.PlacedOrder, error)
}

// Source is one Twilio account, or one part of its numbers. Register adds the
// webhooks, Run takes what they tell. It is safe for concurrent use. See New.
type Source struct {
	config     Config
	log        logrus.FieldLogger
	translate  *translator
	script     *script // nil where calls are observed
	signatures *signatures
	api        *api
	inbox      telephony.Inbox
	base       string // the address of the webhooks, without what they are
	up         atomic.Bool
	placed     placed
	known      known         // legs that began calls
	over       known         // legs that were dialled and have ended
	recorded   known         // recordings that were told of
	deafUntil  atomic.Int64  // what was told by then may be lost: nanoseconds since 1970
	soon       chan struct{} // tells the back-fill of that
	count      counters
	logged     map[Reason]*rate.Sometimes
	now        func() time.Time

	// What follows is of the session, of which one runs at a time.
	begun   time.Time       // when it did
	looked  time.Time       // when the lists were read last
	past    map[string]bool // calls whose records need no further look
	trouble string          // the last that was told of
	waits   waits
}

// waits are how long it takes until the lists are read first, between two looks at calls
// that go on, until the lists are read again after a failure, and until a phone's own
// status tells of its end what Dial tells, too.
type waits struct{ settle, live, retry, status time.Duration }

var _ telephony.Source = (*Source)(nil)

// New returns a source. It asks nothing of Twilio yet.
func New(config Config, log logrus.FieldLogger) (*Source, error) {
	if _, err := telephony.NewCallID(config.Site, config.Name, "CA"); err != nil {
		return nil, err
	}
	public, err := url.Parse(config.PublicURL)
	switch {
	case err != nil || public.Host == "" || (public.Scheme != "https" && public.Scheme != "http"):
		return nil, fmt.Errorf("public URL %q: want the address at which Twilio reaches this host, such as https://calls.example.com", config.PublicURL)
	case !sidForm.MatchString(config.AccountSid) || config.AccountSid[:2] != "AC":
		return nil, fmt.Errorf("account sid %q: want AC and 32 hexadecimal digits", config.AccountSid)
	case len(config.Tokens) == 0 || config.Tokens[0] == "":
		return nil, errors.New("no auth token")
	}
	if err := config.Dial.validate(); err != nil {
		return nil, err
	}
	api, err := newAPI(config)
	if err != nil {
		return nil, err
	}
	s := &Source{
		config: config, log: log, api: api, now: time.Now, base: strings.TrimRight(config.PublicURL, "/") + Path(config.Name, ""),
		translate:  &translator{site: config.Site, source: config.Name, whispers: config.Whispers},
		signatures: newSignatures(public, config.Tokens),
		logged:     make(map[Reason]*rate.Sometimes),
		past:       make(map[string]bool),
		soon:       make(chan struct{}, 1),
		waits:      waits{recordsSettle, liveEvery, recordsRetry, statusWithin},
	}
	if config.Answers != nil {
		s.translate.answers = true
		s.script = &script{base: s.base}
		s.SetAnswers(config.Answers)
	}
	for _, reason := range Reasons {
		s.logged[reason] = &rate.Sometimes{Interval: time.Minute}
	}
	return s, nil
}

// Name implements telephony.Source.
func (s *Source) Name() string { return s.config.Name }

// Run implements telephony.Source: it takes what the webhooks tell until ctx is
// over, and tells what Twilio's lists say that nobody has told.
func (s *Source) Run(ctx context.Context, sink telephony.Sink) error {
	looking, stop := context.WithCancel(ctx)
	var looks sync.WaitGroup
	defer looks.Wait()
	defer stop()
	defer s.up.Store(false)
	return s.inbox.Listen(ctx, sink, func(ctx context.Context, sink telephony.Sink) error {
		if err := s.recall(ctx, sink); err != nil {
			return err
		}
		looks.Go(func() { s.backfill(looking, sink) })
		s.up.Store(true)
		return nil
	})
}

// Path is where a webhook of a source is, below the public URL.
func Path(source, what string) string { return "/v1/twilio/" + source + "/" + what }

// Register adds the webhooks.
func (s *Source) Register(mux *http.ServeMux) {
	for _, h := range hooks {
		handler := s.handler(h)
		mux.Handle("POST "+Path(s.config.Name, string(h)), handler)
		mux.Handle("GET "+Path(s.config.Name, string(h)), handler)
	}
}

// handler answers one webhook: with 2xx only when what it says is durable.
func (s *Source) handler(h hook) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count.webhooks.Add(1)
		c, err := s.read(w, r, h)
		var then reply
		if err == nil {
			c = s.attribute(c)
			s.tellUncalled(c)
		}
		if err == nil && s.script != nil {
			then = s.script.next(c)
		}
		if err == nil {
			err = s.take(r.Context(), c, then.away)
		}
		if err != nil {
			s.refused(w, h, err)
			return
		}
		s.answer(w, c, then)
	})
}

// take makes durable what a callback says, and that the caller was turned away if
// he will be. The error is a *RefusedError.
func (s *Source) take(ctx context.Context, c callback, away bool) error {
	n, err := s.translate.translate(c)
	if err != nil {
		return err
	}
	if away {
		w := s.translate.tell(c, n.root, c.received)
		w.hint(n.root, telephony.HintTurnedAway, string(c.hook))
		n.events, n.repeats = append(n.events, w.events...), false
	}
	told := s.told(ctx, n)
	ctx, cancel := context.WithTimeoutCause(ctx, durableWithin, fmt.Errorf("not within %s", durableWithin))
	defer cancel()
	if len(n.begins) > 0 && !s.known.has(n.root) {
		if err := s.append(ctx, n.begins); err != nil {
			return err
		}
		s.known.add(n.root)
	}
	if len(n.events) == 0 || told {
		s.count.ignored.Add(1)
		return nil
	}
	for _, leg := range append(n.others, n.root) {
		order := ""
		if leg == n.root {
			order = c.order()
		}
		if err := s.learn(ctx, leg, order); err != nil {
			return err
		}
	}
	if err := s.catchUp(ctx, c, n); err != nil {
		return err
	}
	if err := s.append(ctx, n.events); err != nil {
		return err
	}
	if n.ends != "" {
		s.over.add(n.ends)
	}
	if n.recording != "" {
		s.recorded.add(n.recording)
	}
	return nil
}

// told reports whether the events of n say nothing new: what Dial says of a phone is
// told by the phone's own status, and a recording by Dial and by itself.
func (s *Source) told(ctx context.Context, n news) bool {
	switch {
	case n.repeats:
		if !s.over.soon(ctx, n.ends, s.waits.status) {
			return false
		}
	case n.recording == "" || len(n.events) > 1:
		return false
	}
	return n.recording == "" || s.recorded.has(n.recording)
}

// append delivers events of one call.
func (s *Source) append(ctx context.Context, events []telephony.Event) error {
	err := s.inbox.Append(ctx, events)
	switch {
	case errors.Is(err, telephony.ErrNotListening):
		return refuse(NotListening, http.StatusServiceUnavailable, "talkbridge starts or stops, try again")
	case err != nil:
		return refuse(NotDurable, http.StatusServiceUnavailable, "the journal does not take it now, try again")
	}
	s.count.appends.Add(1)
	s.count.events.Add(uint64(len(events)))
	return nil
}

// answer says that a callback was taken. Whoever asks for TwiML gets what follows,
// from an observer an empty document: he steers no call.
func (s *Source) answer(w http.ResponseWriter, c callback, then reply) {
	switch c.hook {
	case hookVoice, hookDial, hookQueue, hookVoicemail:
		document, err := twiml.Voice(then.verbs)
		if err != nil || len(then.verbs) == 0 {
			document = `<?xml version="1.0" encoding="UTF-8"?><Response/>`
		}
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, document) // who went away asks again
	case hookStatus, hookRecording, hookTranscription, hookConference:
		w.WriteHeader(http.StatusNoContent)
	}
}

// refused answers with one line, counts, and tells of it once a minute.
func (s *Source) refused(w http.ResponseWriter, h hook, err error) {
	refused, found := errors.AsType[*RefusedError](err)
	if !found {
		refused = &RefusedError{NotDurable, http.StatusServiceUnavailable, "it could not be taken, try again"}
	}
	s.count.refuse(refused.Reason)
	if refused.Status >= http.StatusInternalServerError {
		s.missed()
	}
	s.logged[refused.Reason].Do(func() {
		s.log.WithFields(logrus.Fields{"hook": string(h), "reason": string(refused.Reason), "status": refused.Status, "err": refused.Text}).
			Warn("webhook refused")
	})
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if refused.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(refused.Status)
	_, _ = io.WriteString(w, refused.Text+"\n")
}
