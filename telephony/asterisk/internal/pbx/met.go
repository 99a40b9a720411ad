package pbx

import "sync"

// Met remembers which kinds of trouble were met, so that each is told of once. The zero
// value has met none. It is safe for concurrent use.
type Met struct {
	mu    sync.Mutex
	kinds map[string]bool
}

// First reports whether a kind is met for the first time.
func (m *Met) First(kind string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kinds[kind] {
		return false
	}
	if m.kinds == nil {
		m.kinds = make(map[string]bool)
	}
	m.kinds[kind] = true
	return true
}
