package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	leaseKey = "owner"
	// leaseRenew is how often the owner says that he is there.
	leaseRenew = 500 * time.Millisecond
	// leaseLook is how often everybody looks.
	leaseLook = 125 * time.Millisecond
	// leaseValid is how old his last word may be for him to begin anything.
	leaseValid = 1500 * time.Millisecond
	// leaseDead is how long a successor hears nothing new before he takes over.
	leaseDead = 2250 * time.Millisecond
	// leaseAnswer is how long an answer about it may take.
	leaseAnswer = time.Second
)

// Lease says which node of a site acts. Of the nodes on one cluster exactly one does; a journal in a folder of its own
// has one process anyway, which always does. It is made by [Journal.Lease]; all methods are safe for concurrent use.
//
// The owner renews the lease twice a second with a compare-and-set. Who follows takes it when it did not change for 2.25
// seconds by his own clock; the owner holds it for 1.5 seconds from before his last renewal, by a clock that counts
// suspension. So two that both believe to be the owner need a clock that is a third wrong, or an owner who looked a moment
// before he was suspended: against that stand the fence of [Journal.AppendIf] and the age of intents.
type Lease struct {
	j       *Journal
	node    string
	changed chan struct{}

	mu      sync.Mutex
	until   time.Duration // the boot time until which this node holds it
	always  bool
	told    bool // what changed told last
	holder  string
	counter uint64
}

// claim is the value under the key: a word of the owner, and how often he said it. An owner who leaves says so.
type claim struct {
	Node  string `json:"node"`
	Count uint64 `json:"count"`
	Left  bool   `json:"left,omitempty"`
}

// Lease returns the lease of the journal's site, for a node of that name, which no other process may have.
func (j *Journal) Lease(node string) *Lease {
	l := &Lease{j: j, node: node, changed: make(chan struct{}, 1), always: !j.cluster.enabled(), holder: node}
	if l.always {
		l.tell()
	} else {
		l.holder = ""
	}
	return l
}

// Holds reports whether this node may begin something now.
func (l *Lease) Holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holds()
}

func (l *Lease) holds() bool { return l.always || BootTime() < l.until }

// Holder is the node that had the lease when it was last looked at, "" while not known.
func (l *Lease) Holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holder
}

// Changed receives a value after Holds has changed, at most an eighth of a second late. It has one reader.
func (l *Lease) Changed() <-chan struct{} { return l.changed }

// Run keeps the lease or waits for it, until ctx ends; then it gives it up, so that a successor need not wait. On a
// journal in a folder of its own it only waits.
func (l *Lease) Run(ctx context.Context) {
	if l.always {
		<-ctx.Done()
		return
	}
	var seen sighting
	tick := time.NewTicker(leaseLook)
	defer tick.Stop()
	for next := time.Duration(0); ; {
		if now := BootTime(); now >= next && l.step(ctx, &seen) {
			next = now + leaseRenew
		}
		l.tell()
		select {
		case <-ctx.Done():
			l.leave(context.WithoutCancel(ctx), seen)
			return
		case <-tick.C:
		}
	}
}

// sighting is what was last seen of the key.
type sighting struct {
	revision uint64
	claim    claim
	since    time.Duration // when this revision was first seen
	found    bool
}

// step looks at the key, and takes or renews the lease if that is this node's turn. It reports whether it did.
func (l *Lease) step(ctx context.Context, seen *sighting) bool {
	ctx, cancel := context.WithTimeout(ctx, leaseAnswer)
	defer cancel()
	if err := l.look(ctx, seen); err != nil {
		l.j.log.WithError(err).Debug("lease not read")
		return false
	}
	mine := seen.claim.Node == l.node
	free := !seen.found || seen.claim.Left || BootTime()-seen.since >= leaseDead
	return (mine || free) && l.claim(ctx, seen)
}

func (l *Lease) look(ctx context.Context, seen *sighting) error {
	e, err := l.j.engine()
	if err != nil {
		return err
	}
	entry, err := e.cache.Get(ctx, leaseKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		*seen = sighting{since: BootTime()}
		return nil
	}
	if err != nil {
		return err
	}
	if seen.found && entry.Revision() <= seen.revision {
		return nil // nothing new; a replica that lags may even answer with what was before
	}
	next := sighting{revision: entry.Revision(), since: BootTime(), found: true}
	if err := json.Unmarshal(entry.Value(), &next.claim); err != nil {
		return fmt.Errorf("read the lease: %w", err)
	}
	*seen = next
	l.mu.Lock()
	l.holder = next.claim.Node
	l.mu.Unlock()
	return nil
}

// claim writes this node's word, on the condition that nobody wrote since.
func (l *Lease) claim(ctx context.Context, seen *sighting) bool {
	before := BootTime()
	l.counter++
	word := claim{Node: l.node, Count: l.counter}
	revision, err := l.put(ctx, word, *seen)
	if err != nil {
		l.j.log.WithError(err).Debug("lease not renewed")
		return false
	}
	*seen = sighting{revision: revision, claim: word, since: before, found: true}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.holder = before+leaseValid, l.node
	return true
}

func (l *Lease) put(ctx context.Context, word claim, seen sighting) (uint64, error) {
	e, err := l.j.engine()
	if err != nil {
		return 0, err
	}
	value, err := json.Marshal(word)
	if err != nil {
		return 0, fmt.Errorf("encode the lease: %w", err)
	}
	if !seen.found {
		return e.cache.Create(ctx, leaseKey, value)
	}
	return e.cache.Update(ctx, leaseKey, value, seen.revision)
}

// leave gives the lease up.
func (l *Lease) leave(ctx context.Context, seen sighting) {
	l.mu.Lock()
	l.until = 0
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, leaseAnswer)
	defer cancel()
	for seen.claim.Node == l.node && !seen.claim.Left {
		before := seen.revision
		_, err := l.put(ctx, claim{Node: l.node, Left: true}, seen)
		if err == nil {
			return
		}
		// A word whose answer was lost may stand there since.
		if err = errors.Join(err, l.look(ctx, &seen)); seen.revision == before {
			l.j.log.WithError(err).Debug("lease not given up, the successor waits for its end")
			return
		}
	}
}

// tell says that it changed, if it did since that was last said.
func (l *Lease) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holds := l.holds(); holds != l.told {
		l.told = holds
		select {
		case l.changed <- struct{}{}:
		default:
		}
	}
}
