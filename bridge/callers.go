package bridge

import (
	"context"
	"sync"
	"time"
)

const (
	// rememberCaller is how long a number's user is remembered. Zendesk's
	// search does not find a new one for minutes.
	rememberCaller = time.Hour
	// maxCallers bounds how many are remembered.
	maxCallers = 10_000
)

// user is a requester and how he was found.
type user struct {
	id  int64
	how string
	// candidates are those whose call it may be as well.
	candidates []Candidate
}

// callers remembers who belongs to a number, and has each number resolved by
// one at a time: two calls from one new number must not make two users. It is
// safe for concurrent use.
type callers struct {
	now   func() time.Time
	mu    sync.Mutex
	known map[string]remembered
	busy  map[string]chan struct{}
	bad   map[int64]time.Time // refused as requesters, and when
}

type remembered struct {
	user
	at time.Time
}

func newCallers(now func() time.Time) *callers {
	return &callers{now: now, known: make(map[string]remembered), busy: make(map[string]chan struct{}), bad: make(map[int64]time.Time)}
}

// resolve returns the remembered user of key, or what find returns. While one
// finds, others with the same key wait for him.
func (c *callers) resolve(ctx context.Context, key string, find func(context.Context) (user, error)) (user, error) {
	for {
		found, ok, wait := c.claim(key)
		if ok {
			return found, nil
		}
		if wait == nil {
			break
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return user{}, context.Cause(ctx)
		}
	}
	found, err := find(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.busy[key])
	delete(c.busy, key)
	if err == nil {
		c.remember(key, found)
	}
	return found, err
}

// claim returns the remembered user; or, with a nil channel, the turn to find
// him; or a channel to wait for whoever has it.
func (c *callers) claim(key string) (user, bool, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k, found := c.known[key]; found && c.now().Sub(k.at) < rememberCaller {
		return k.user, true, nil
	}
	if wait, found := c.busy[key]; found {
		return user{}, false, wait
	}
	c.busy[key] = make(chan struct{})
	return user{}, false, nil
}

// remember must be called with the lock held. A full memory forgets some.
func (c *callers) remember(key string, u user) {
	trim(c.known)
	c.known[key] = remembered{u, c.now()}
}

// avoid drops a user whom Zendesk does not take as a requester. Its search may
// go on finding him for minutes.
func (c *callers) avoid(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, k := range c.known {
		if k.id == id {
			delete(c.known, key)
		}
	}
	trim(c.bad)
	c.bad[id] = c.now()
}

// avoided reports whether Zendesk refused the user within the last hour.
func (c *callers) avoided(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, found := c.bad[id]
	return found && c.now().Sub(at) < rememberCaller
}

// trim makes room in a full memory: it forgets a tenth.
func trim[K comparable, V any](m map[K]V) {
	if len(m) < maxCallers {
		return
	}
	for k := range m {
		delete(m, k)
		if len(m) < maxCallers*9/10 {
			return
		}
	}
}
