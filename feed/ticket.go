package feed

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

const (
	// ticketTime is how long a ticket waits to be used.
	ticketTime = 30 * time.Second
	// maxTickets bounds the tickets that wait.
	maxTickets = 1024
)

var errTickets = errors.New("too many tickets wait to be used")

// tickets let somebody in once, within a short time. They are kept as hashes. The
// zero value is ready to use.
type tickets struct {
	mu     sync.Mutex
	issued map[[sha256.Size]byte]ticket
}

type ticket struct {
	grant   grant
	expires time.Time
}

// issue makes a ticket for what a token grants.
func (t *tickets) issue(of grant) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if len(t.issued) >= maxTickets {
		for hash, old := range t.issued {
			if !now.Before(old.expires) {
				delete(t.issued, hash)
			}
		}
	}
	if len(t.issued) >= maxTickets {
		return "", errTickets
	}
	if t.issued == nil {
		t.issued = make(map[[sha256.Size]byte]ticket)
	}
	text := rand.Text()
	t.issued[sha256.Sum256([]byte(text))] = ticket{of, now.Add(ticketTime)}
	return text, nil
}

// redeem takes a ticket. It cannot be used again.
func (t *tickets) redeem(text string) (grant, error) {
	hash := sha256.Sum256([]byte(text))
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.issued[hash]
	delete(t.issued, hash)
	if !ok || !time.Now().Before(found.expires) {
		return grant{}, errNoToken
	}
	return found.grant, nil
}
