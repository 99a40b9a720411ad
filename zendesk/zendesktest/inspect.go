package zendesktest

import (
	"fmt"
	"slices"
	"time"
)

// AddUser stores an end user, whom search finds at once; Name is mandatory. It returns the user as stored. Errors:
// the name is empty, or the id, email or external id is taken.
func (s *Server) AddUser(u User) (User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := s.acct.addUser(u)
	if err != nil {
		return User{}, err
	}
	return rec.clone(), nil
}

// AddAgent is AddUser for an agent: an empty role becomes RoleAgent.
func (s *Server) AddAgent(u User) (User, error) { return s.AddUser(agentDefaults(u)) }

func agentDefaults(u User) User {
	if u.Role == "" || u.Role == RoleEndUser {
		u.Role = RoleAgent
	}
	return u
}

// Users returns all users in the order in which they were made, owner and agents included.
func (s *Server) Users() []User {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]User, 0, len(s.acct.userOrder))
	for _, u := range s.acct.userOrder {
		out = append(out, u.clone())
	}
	return out
}

// User returns one user; false if there is none.
func (s *Server) User(id int64) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.acct.users[id]; u != nil {
		return u.clone(), true
	}
	return User{}, false
}

// Agents returns the users who can be shown pages.
func (s *Server) Agents() []User {
	return slices.DeleteFunc(s.Users(), func(u User) bool { return !u.IsAgent() })
}

// Tickets returns all tickets, deleted ones too, in the order in which they were made.
func (s *Server) Tickets() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Ticket, 0, len(s.acct.ticketOrder))
	for _, t := range s.acct.ticketOrder {
		out = append(out, t.clone())
	}
	return out
}

// Ticket returns one ticket, also a deleted one; false if there is none.
func (s *Server) Ticket(id int64) (Ticket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.acct.tickets[id]; t != nil {
		return t.clone(), true
	}
	return Ticket{}, false
}

// TicketsByExternalID returns all tickets with that external id, deleted ones too, oldest first.
func (s *Server) TicketsByExternalID(externalID string) []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Ticket
	for _, t := range s.acct.ticketByExternal[externalID] {
		out = append(out, t.clone())
	}
	return out
}

// Duplicates returns the external ids that more than one ticket holds, with the ids of the tickets, oldest first; it
// is empty if there are none. Deleted tickets count: they were made. An id with a suffix such as #2 is an id of its own.
func (s *Server) Duplicates() map[string][]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string][]int64{}
	for id, ts := range s.acct.ticketByExternal {
		if len(ts) < 2 {
			continue
		}
		for _, t := range ts {
			out[id] = append(out[id], t.ID)
		}
	}
	return out
}

// Pops returns the newest pages opened in agents' browsers, oldest first; see [Retention].
func (s *Server) Pops() []Pop {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.pops.all()
}

// Requests returns the newest API requests in the order in which they were answered; see [Retention]. A request that
// is still waiting is not among them; one whose effect can be seen is.
func (s *Server) Requests() []Request {
	s.mu.Lock() // that of an operation that is under way is among them
	defer s.mu.Unlock()
	return s.log.all()
}

// Impatient counts the requests that came a quarter of a second or more after their client had been told to wait, by a
// 429 of the same limit whose window had not passed.
func (s *Server) Impatient() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.limiter.impatient
}

// ForgetClients says that whoever comes from now on is another process than before: one that was killed told nobody what
// it had been told to wait for, so that [Server.Impatient] does not count it. Its limits stay as they are.
func (s *Server) ForgetClients() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.acct.limiter.windows {
		w.told = time.Time{}
	}
}

// SolveTicket is a person solving the ticket; an unassigned one is assigned to the owner, as the interface would
// demand.
func (s *Server) SolveTicket(id int64) error {
	return s.act(id, func(t *Ticket) {
		t.Status = "solved"
		if t.AssigneeID == 0 {
			t.AssigneeID = s.acct.owner.ID
		}
	})
}

// CloseTicket closes the ticket for good: updates are refused from now on.
func (s *Server) CloseTicket(id int64) error {
	return s.act(id, func(t *Ticket) { t.Status = "closed" })
}

// SetStatus is a person setting the status.
func (s *Server) SetStatus(id int64, status string) error {
	if !slices.Contains(statusOrder, status) {
		return fmt.Errorf("set status of ticket %d: %q is not one of %v", id, status, statusOrder)
	}
	return s.act(id, func(t *Ticket) { t.Status = status })
}

// SetAssignee is a person assigning the ticket; a new ticket becomes open.
func (s *Server) SetAssignee(id, agentID int64) error {
	s.mu.Lock()
	known := s.acct.agent(agentID) != nil
	s.mu.Unlock()
	if !known {
		return fmt.Errorf("assign ticket %d: user %d is no agent", id, agentID)
	}
	return s.act(id, func(t *Ticket) {
		t.AssigneeID = agentID
		if t.Status == "new" {
			t.Status = "open"
		}
	})
}

// AddComment is the owner writing a comment.
func (s *Server) AddComment(id int64, body string, public bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.byHand(id, &Comment{Body: body, Public: public}, func(*Ticket) {})
}

// DeleteTicket is a person deleting the ticket: the API answers 404 from now on.
func (s *Server) DeleteTicket(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.acct.tickets[id]
	if rec == nil {
		return fmt.Errorf("delete ticket %d: there is none", id)
	}
	rec.Deleted = true
	s.acct.ticketChanged(rec)
	return nil
}

// MergeTicket is a person merging a ticket into another: it is closed with a private comment and the tag
// closed_by_merge, and the other one gets a private comment.
func (s *Server) MergeTicket(id, into int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == into || s.acct.liveTicket(into) == nil {
		return fmt.Errorf("merge ticket %d into %d: there is no such target", id, into)
	}
	closing := &Comment{Body: fmt.Sprintf("This request was closed and merged into request #%d.", into)}
	err := s.acct.byHand(id, closing, func(t *Ticket) {
		t.Status, t.MergedInto = "closed", into
		t.Tags = normalTags(append(slices.Clone(t.Tags), "closed_by_merge"))
	})
	if err != nil {
		return err
	}
	note := &Comment{Body: fmt.Sprintf("Request #%d was closed and merged into this request.", id)}
	return s.acct.byHand(into, note, func(*Ticket) {})
}

// SuspendUser suspends a user or lifts the suspension: a suspended user cannot request tickets, a suspended agent
// cannot be shown pages.
func (s *Server) SuspendUser(id int64, suspended bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.acct.users[id]
	if rec == nil {
		return fmt.Errorf("suspend user %d: there is none", id)
	}
	rec.Suspended = suspended
	rec.UpdatedAt = s.clock.now().Truncate(time.Second)
	s.acct.userChanged(rec)
	return nil
}

func (s *Server) act(id int64, edit func(*Ticket)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acct.byHand(id, nil, edit)
}

// byHand changes a ticket as a person does in the web interface: closed tickets too, and nothing is validated.
func (a *account) byHand(id int64, co *Comment, edit func(*Ticket)) error {
	rec := a.liveTicket(id)
	if rec == nil {
		return fmt.Errorf("change ticket %d: there is none", id)
	}
	c := &call{now: a.clock.now(), user: &a.owner.User}
	d := draft{acct: a, call: c, viaID: viaWeb}
	if co != nil {
		co.Type, co.AuthorID, co.HTMLBody = "Comment", a.owner.ID, commentHTML(co.Body)
		d.comment = co
	}
	t := rec.Ticket
	edit(&t)
	d.commit(rec, &t)
	return nil
}
