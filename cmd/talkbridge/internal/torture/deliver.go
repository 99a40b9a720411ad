package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/talkbridge/talkbridge/telephony/cti"
)

// How often a sender is careless: it does not wait for the answer, and sends again;
// or it sends twice at the same time.
const (
	answersLost = 0.05
	sentTwice   = 0.08
)

// again is how long a sender waits before it sends again.
const again = 100 * time.Millisecond

// sender posts to the daemon, whichever runs, until it was told that what it sent is
// durable. It is safe for concurrent use.
type sender struct {
	address func() string // of the public listener, "" while there is none
	client  *http.Client
	careful bool

	mu      sync.Mutex
	dice    *rand.Rand
	repeats int
}

func newSender(address func() string, seed uint64, careful bool) *sender {
	return &sender{
		address: address, careful: careful, dice: rand.New(rand.NewPCG(seed, 3)), //nolint:gosec // repeatable, not secret
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 10 * time.Second},
	}
}

// chance reports whether something of that share happens.
func (s *sender) chance(share float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.careful && s.dice.Float64() < share
}

// repeated counts what was sent once more.
func (s *sender) repeated() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repeats++
}

// count is how often something was sent once more.
func (s *sender) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repeats
}

// post is one request.
type post struct {
	path string
	body []byte
	// header is made for each try: a signature ages.
	header func() http.Header
}

// deliver sends until the answer is 2xx.
func (s *sender) deliver(ctx context.Context, p post) error {
	twice := s.chance(sentTwice)
	if !twice {
		return s.insist(ctx, p)
	}
	s.repeated()
	var other sync.WaitGroup
	var errs [2]error
	other.Go(func() { errs[1] = s.insist(ctx, p) })
	errs[0] = s.insist(ctx, p)
	other.Wait()
	return errors.Join(errs[:]...)
}

func (s *sender) insist(ctx context.Context, p post) error {
	if s.chance(answersLost) {
		s.mu.Lock()
		hasty := time.Duration(s.dice.Int64N(int64(10 * time.Millisecond)))
		s.mu.Unlock()
		hurried, cancel := context.WithTimeout(ctx, hasty)
		_ = s.try(hurried, p) // whatever came of it, it is sent again
		cancel()
		s.repeated()
	}
	for {
		err := s.try(ctx, p)
		if err == nil {
			return nil
		}
		if !wait(ctx, again) {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		s.repeated()
	}
}

// try sends once.
func (s *sender) try(ctx context.Context, p post) error {
	address := s.address()
	if address == "" {
		return errors.New("no daemon listens")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+p.path, bytes.NewReader(p.body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	r.Header = p.header()
	response, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it is read
	said, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case response.StatusCode/100 != 2:
		return fmt.Errorf("%s: %s", response.Status, said)
	}
	return nil
}

// push tells a step as the CTI push does, in a form or in JSON.
func (s *site) push(ctx context.Context, c *Call, told step) error {
	p := post{path: cti.PushPath(CTI.name()), body: []byte(told.form.Encode())}
	kind := "application/x-www-form-urlencoded"
	if c.place%2 == 0 {
		body, err := json.Marshal(asObject(told.form))
		if err != nil {
			return fmt.Errorf("write a push: %w", err)
		}
		p.body, kind = body, "application/json"
	}
	p.header = func() http.Header {
		return http.Header{"Content-Type": {kind}, "Authorization": {"Bearer " + s.token}}
	}
	return s.sender.deliver(ctx, p)
}

// asObject is a form as JSON has it: a text, or a list of them.
func asObject(form url.Values) map[string]any {
	object := make(map[string]any, len(form))
	for name, values := range form {
		object[name] = values[0]
		if len(values) > 1 {
			object[name] = values
		}
	}
	return object
}

// The content types of events.
const (
	oneEvent    = "application/cloudevents+json"
	manyEvents  = "application/cloudevents-batch+json"
	eventsPath  = "/v1/events"
	largestPost = 50
)

// send tells an event: over the WebSocket, in a batch with those of other calls, or
// alone and signed.
func (s *site) send(ctx context.Context, c *Call, told step) error {
	switch c.place % 3 {
	case 0:
		return s.socket.tell(ctx, *told.event)
	case 1:
		return s.batches.tell(ctx, *told.event)
	}
	body, err := json.Marshal(told.event)
	if err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	return s.sender.deliver(ctx, post{path: eventsPath, body: body, header: func() http.Header {
		return http.Header{"Content-Type": {oneEvent}, cti.SignatureHeader: {cti.Sign(s.secret, body, time.Now())}}
	}})
}

// posted is an event that waits until it is durable.
type posted struct {
	event cti.CloudEvent
	done  chan error // has room for what became of it
}

// tell says what became of it, once.
func (p posted) tell(err error) {
	select {
	case p.done <- err:
	default:
	}
}

// hand has an event sent by who reads a channel, and waits until it is durable.
func hand(ctx context.Context, to chan<- posted, event cti.CloudEvent) error {
	p := posted{event, make(chan error, 1)}
	select {
	case to <- p:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// batches posts the events of all calls that come at about the same time together.
type batches struct {
	sender *sender
	token  string
	in     chan posted
}

func newBatches(s *sender, token string) *batches { return &batches{s, token, make(chan posted)} }

func (b *batches) tell(ctx context.Context, event cti.CloudEvent) error {
	return hand(ctx, b.in, event)
}

// run posts until ctx is over, one batch at a time: so what comes meanwhile is in the
// next one.
func (b *batches) run(ctx context.Context) {
	for {
		var together []posted
		select {
		case p := <-b.in:
			together = append(together, p)
		case <-ctx.Done():
			return
		}
		soon := time.NewTimer(again)
		for waiting := true; waiting && len(together) < largestPost; {
			select {
			case p := <-b.in:
				together = append(together, p)
			case <-soon.C:
				waiting = false
			}
		}
		soon.Stop()
		err := b.post(ctx, together)
		for _, p := range together {
			p.tell(err)
		}
	}
}

func (b *batches) post(ctx context.Context, together []posted) error {
	events := make([]cti.CloudEvent, len(together))
	for i, p := range together {
		events[i] = p.event
	}
	body, err := json.Marshal(events)
	if err != nil {
		return fmt.Errorf("write a batch: %w", err)
	}
	return b.sender.deliver(ctx, post{path: eventsPath, body: body, header: func() http.Header {
		return http.Header{"Content-Type": {manyEvents}, "Authorization": {"Bearer " + b.token}}
	}})
}
