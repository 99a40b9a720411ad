package twilio

import (
	"context"
	"sync"
	"time"
)

// maxKnown bounds how many legs are in each of two generations: some megabytes.
const maxKnown = 32 << 10

// generations are values by key. When the younger generation is full, it becomes the
// older one, which is forgotten. The zero value is empty.
type generations[V any] struct{ young, old map[string]V }

// get is the value of a key; the zero value if that is not there.
func (g *generations[V]) get(key string) V {
	if v, found := g.young[key]; found {
		return v
	}
	return g.old[key]
}

// put keeps a value, beside at most so many others of its generation.
func (g *generations[V]) put(key string, v V, most int) {
	if g.young == nil || len(g.young) >= most {
		g.young, g.old = make(map[string]V), g.young
	}
	g.young[key] = v
}

// known are the legs of which it was told how they began, of those that begin
// calls. What was told before the last two generations is forgotten: then it
// is asked of Twilio again, or told again, which changes nothing. It is safe for concurrent use; its
// zero value is empty.
type known struct {
	mu      sync.Mutex
	legs    generations[bool]
	asking  map[string]chan struct{} // closed when the answer is there
	awaited map[string]*waiting      // for legs to be added
}

// waiting is somebody who waits for a leg.
type waiting struct {
	added   chan struct{}
	waiters int
}

func (k *known) has(leg string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.legs.get(leg)
}

func (k *known) add(leg string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.legs.put(leg, true, maxKnown)
	if w := k.awaited[leg]; w != nil {
		close(w.added)
		delete(k.awaited, leg)
	}
}

// soon reports whether a leg is known, or becomes known within a time.
func (k *known) soon(ctx context.Context, leg string, within time.Duration) bool {
	added, leave := k.await(leg)
	defer leave()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-added:
	case <-timer.C:
	case <-ctx.Done():
	}
	return k.has(leg)
}

// await has a channel that is closed when a leg is known. Whoever waits leaves.
func (k *known) await(leg string) (added <-chan struct{}, leave func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	w := k.awaited[leg]
	switch {
	case k.legs.get(leg):
		done := make(chan struct{})
		close(done)
		return done, func() {}
	case w == nil:
		w = &waiting{added: make(chan struct{})}
		if k.awaited == nil {
			k.awaited = make(map[string]*waiting)
		}
		k.awaited[leg] = w
	}
	w.waiters++
	return w.added, func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if w.waiters--; w.waiters == 0 && k.awaited[leg] == w {
			delete(k.awaited, leg)
		}
	}
}

// ask reports whether the caller is to ask about a leg, and then calls done; or
// else has a channel that is closed when somebody else has asked.
func (k *known) ask(leg string) (done func(), asked <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if asked, under := k.asking[leg]; under {
		return nil, asked
	}
	if k.asking == nil {
		k.asking = make(map[string]chan struct{})
	}
	answered := make(chan struct{})
	k.asking[leg] = answered
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.asking, leg)
		close(answered)
	}, answered
}
