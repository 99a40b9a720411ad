package torture

import (
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// person closes and deletes tickets while their calls go on.
type person struct {
	witness *Witness
	zendesk *zendesktest.Server
}

// meddle does to the ticket of a call what a person means to, once the daemon
// knows the ticket: of one that it was never told of it cannot know either that a
// person deleted it. It reports whether the call may end.
func (p *person) meddle(c *Call) func(id string) bool {
	var begun time.Time
	return func(id string) bool {
		if begun.IsZero() {
			begun = time.Now()
		}
		if c.wanted == "" || time.Since(begun) > meddlePatience {
			return true
		}
		ticket := p.witness.Ticket(id)
		if ticket == 0 {
			return false
		}
		act := p.zendesk.CloseTicket
		if c.wanted == Deleted {
			act = p.zendesk.DeleteTicket
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.did == "" && act(ticket) == nil {
			c.did = c.wanted
		}
		return true
	}
}
