package telephony

import (
	"strings"
	"sync"
)

// maxRemembered bounds how many numbers of each of the two generations are
// remembered: some hundred kilobytes.
const maxRemembered = 2048

// readNumbers are those read lately.
var readNumbers numberCache

// numberCache remembers what numbers mean: to read one costs more than all else
// that is planned about a call, and each is read many times in its life. What was
// not asked for since the last change of generations is forgotten. It is safe for
// concurrent use; its zero value is empty.
type numberCache struct {
	mu         sync.Mutex
	young, old map[numberKey]Number
}

type numberKey struct{ raw, country string }

// read returns what a number means that is not withheld.
func (c *numberCache) read(raw, country string) Number {
	key := numberKey{raw, country}
	n, found := c.recall(key)
	if !found {
		key.raw = strings.Clone(raw) // it may be a piece of something large
		n = readNumber(key.raw, country)
		c.keep(key, n)
	}
	return n
}

func (c *numberCache) recall(key numberKey) (Number, bool) {
	c.mu.Lock()
	n, young := c.young[key]
	old := false
	if !young {
		n, old = c.old[key]
	}
	c.mu.Unlock()
	if old {
		c.keep(numberKey{n.Raw, key.country}, n)
	}
	return n, young || old
}

func (c *numberCache) keep(key numberKey, n Number) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= maxRemembered {
		c.young, c.old = make(map[numberKey]Number), c.young
	}
	c.young[key] = n
}
