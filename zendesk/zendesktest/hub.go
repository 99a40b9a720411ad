package zendesktest

import "time"

// ChangeKind says what changed.
type ChangeKind string

// The kinds of a [Change].
const (
	ChangePop    ChangeKind = "pop"
	ChangeTicket ChangeKind = "ticket"
	ChangeUser   ChangeKind = "user"
	// ChangeNotification says that an app was told something; AgentID is zero for all agents.
	ChangeNotification ChangeKind = "notification"
)

// Change tells a subscriber what to look at again. It carries no state: read that with [Server.Ticket] and the like.
type Change struct {
	// Seq counts from 1 over all changes of the account.
	Seq  int64
	Kind ChangeKind
	// TicketID is the ticket that changed or was shown, zero if none.
	TicketID int64
	// UserID is the user who changed or was shown, or the ticket's requester.
	UserID int64
	// AgentID is the agent whose browser opened a page, zero if none.
	AgentID int64
	At      time.Time
}

// hub hands changes to subscribers. Server.mu guards it.
type hub struct {
	seq    int64
	subs   map[chan Change]struct{}
	closed bool
}

func newHub() *hub { return &hub{subs: map[chan Change]struct{}{}} }

// publish never blocks: a subscriber whose buffer is full is dropped, and its channel closed.
func (h *hub) publish(c Change) {
	h.seq++
	c.Seq = h.seq
	for ch := range h.subs {
		select {
		case ch <- c:
		default:
			h.drop(ch)
		}
	}
}

func (h *hub) subscribe(buffer int) chan Change {
	ch := make(chan Change, max(buffer, 1))
	if h.closed {
		close(ch)
		return ch
	}
	h.subs[ch] = struct{}{}
	return ch
}

func (h *hub) drop(ch chan Change) {
	if _, subscribed := h.subs[ch]; subscribed {
		delete(h.subs, ch)
		close(ch)
	}
}

func (h *hub) closeAll() {
	h.closed = true
	for ch := range h.subs {
		h.drop(ch)
	}
}

// Subscribe returns a channel that gets every change from now on, and a function that ends the subscription. The
// channel is closed when the subscription ends, when the server is closed, and when the reader is more than buffer
// changes behind: then subscribe again and read the state anew. The server never waits for a reader.
func (s *Server) Subscribe(buffer int) (changes <-chan Change, cancel func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.acct.hub.subscribe(buffer)
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.acct.hub.drop(ch)
	}
}
