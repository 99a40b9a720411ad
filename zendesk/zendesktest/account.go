package zendesktest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is all that is stored. It is not safe for concurrent use: Server.mu guards it.
type account struct {
	cfg   *config
	clock *clock

	lastUser, lastTicket, lastEvent, lastPop, lastNotification int64

	users      map[int64]*userRecord
	userOrder  []*userRecord
	byEmail    map[string]*userRecord // lower case
	byExternal map[string]*userRecord // lower case
	byPhone    map[string]*userRecord // the identity's digits
	phoneTails phoneIndex
	owner      *userRecord

	tickets          map[int64]*ticketRecord
	ticketOrder      []*ticketRecord
	ticketByExternal map[string][]*ticketRecord

	tokens    map[string]*token
	refreshes map[string]string // refresh token to access token
	codes     map[string]authCode
	limiter   *limiter
	replays   replays
	pops      ring[Pop]
	uploads   []Uploaded
	channels  *channels
	calls     *callRecords
	states    map[int64]AgentState // by agent

	notifications ring[Notification]
	hub           *hub
}

type userRecord struct {
	User
	index history[User]
	tails []string // its keys in account.phoneTails

	moreEmails  []string // beside the primary one
	identityIDs map[string]int64
}

type ticketRecord struct {
	Ticket
	index history[Ticket]
	made  time.Time
}

func newAccount(cfg *config, clk *clock) *account {
	a := &account{
		cfg: cfg, clock: clk, lastUser: 10_000, lastEvent: 1_000_000,
		users: map[int64]*userRecord{}, byEmail: map[string]*userRecord{},
		byExternal: map[string]*userRecord{}, byPhone: map[string]*userRecord{}, phoneTails: phoneIndex{},
		tickets: map[int64]*ticketRecord{}, ticketByExternal: map[string][]*ticketRecord{},
		tokens: map[string]*token{}, refreshes: map[string]string{}, codes: map[string]authCode{}, limiter: newLimiter(cfg.pace),
		pops: newRing[Pop](cfg.keep.Pops), hub: newHub(), channels: newChannels(cfg), calls: newCallRecords(),
		states: map[int64]AgentState{}, notifications: newRing[Notification](cfg.keep.Pops),
	}
	owner := User{Name: "Account owner", Email: DefaultEmail, Role: RoleAdmin}
	if _, err := a.addUser(owner); err != nil {
		panic(fmt.Sprintf("zendesktest: %v", err)) // The account is empty, so nothing can clash.
	}
	a.owner = a.userByEmail(DefaultEmail)
	return a
}

func (a *account) nextEventID() int64 {
	a.lastEvent++
	return a.lastEvent
}

func (a *account) userByEmail(email string) *userRecord { return a.byEmail[strings.ToLower(email)] }

// agent returns the agent with that id, nil if there is none who can be shown pages.
func (a *account) agent(id int64) *userRecord {
	if u := a.users[id]; u != nil && u.IsAgent() {
		return u
	}
	return nil
}

// addUser stores a user as a seed: clashes are errors, and the search index sees the user at once.
func (a *account) addUser(u User) (*userRecord, error) {
	switch {
	case u.Name == "":
		return nil, fmt.Errorf("add user: Name is empty")
	case u.ID != 0 && a.users[u.ID] != nil:
		return nil, fmt.Errorf("add user %q: id %d is taken by %q", u.Name, u.ID, a.users[u.ID].Name)
	case u.Email != "" && a.userByEmail(u.Email) != nil:
		return nil, fmt.Errorf("add user %q: email %s is taken", u.Name, u.Email)
	case u.ExternalID != "" && a.byExternal[strings.ToLower(u.ExternalID)] != nil:
		return nil, fmt.Errorf("add user %q: external id %s is taken", u.Name, u.ExternalID)
	}
	rec := a.storeUser(u)
	rec.index.reset(rec.UpdatedAt, rec.clone())
	return rec, nil
}

// storeUser stores a user who clashes with nobody, and gives the phone its place.
func (a *account) storeUser(u User) *userRecord {
	now := a.clock.now().Truncate(time.Second)
	if u.ID == 0 {
		a.lastUser++
		u.ID = a.lastUser
	}
	a.lastUser = max(a.lastUser, u.ID)
	if u.Role == "" {
		u.Role = RoleEndUser
	}
	u.CreatedAt, u.UpdatedAt = now, now
	identities := u.PhoneIdentities
	u.PhoneIdentities = nil
	rec := &userRecord{User: u}
	a.users[u.ID] = rec
	a.userOrder = append(a.userOrder, rec)
	for _, n := range identities {
		a.addIdentity(rec, n)
	}
	phone, shared := rec.Phone, rec.SharedPhone
	rec.Phone = ""
	if phone != "" {
		a.setPhone(rec, phone, shared)
	}
	a.indexKeys(rec)
	a.trimUsers()
	a.userChanged(rec)
	return rec
}

func (a *account) indexKeys(rec *userRecord) {
	if rec.Email != "" {
		a.byEmail[strings.ToLower(rec.Email)] = rec
	}
	if rec.ExternalID != "" {
		a.byExternal[strings.ToLower(rec.ExternalID)] = rec
	}
	for _, email := range rec.moreEmails {
		a.byEmail[strings.ToLower(email)] = rec
	}
}

func (a *account) unindexKeys(rec *userRecord) {
	drop := func(m map[string]*userRecord, key string) {
		if m[key] == rec {
			delete(m, key)
		}
	}
	drop(a.byEmail, strings.ToLower(rec.Email))
	drop(a.byExternal, strings.ToLower(rec.ExternalID))
	for _, email := range rec.moreEmails {
		drop(a.byEmail, strings.ToLower(email))
	}
}

// trimUsers forgets the oldest end users beyond the bound; agents and the owner stay.
func (a *account) trimUsers() {
	for i := 0; len(a.users) > a.cfg.keep.Users && i < len(a.userOrder)-1; {
		rec := a.userOrder[i]
		if rec.Role != RoleEndUser {
			i++
			continue
		}
		a.unindexKeys(rec)
		a.phoneTails.remove(rec)
		for _, n := range rec.PhoneIdentities {
			delete(a.byPhone, digits(n))
		}
		delete(a.users, rec.ID)
		a.userOrder = slices.Delete(a.userOrder, i, i+1)
	}
}

// addIdentity makes number a direct line of the user; it reports false if another user has it.
func (a *account) addIdentity(rec *userRecord, number string) bool {
	key := digits(number)
	if key == "" {
		return false
	}
	switch a.byPhone[key] {
	case nil:
		a.byPhone[key] = rec
		rec.PhoneIdentities = append(rec.PhoneIdentities, number)
		return true
	case rec:
		return true
	}
	return false
}

// setPhone gives the user a phone number. It becomes a direct line if nobody has it as one and shared was not asked
// for, else it is shared. A user who has a direct line already keeps that as phone and gets a second identity.
func (a *account) setPhone(rec *userRecord, number string, shared bool) {
	if number == "" {
		rec.Phone, rec.SharedPhone = "", false
		return
	}
	hadDirect := rec.Phone != "" && !rec.SharedPhone
	if !shared && a.addIdentity(rec, number) {
		if !hadDirect {
			rec.Phone, rec.SharedPhone = number, false
		}
		return
	}
	rec.Phone, rec.SharedPhone = number, true
}

func (a *account) userChanged(rec *userRecord) {
	rec.index.put(a.clock.now(), rec.clone(), a.cfg.indexDelay)
	a.phoneTails.add(rec)
	a.hub.publish(Change{Kind: ChangeUser, UserID: rec.ID, At: a.clock.now()})
}

// addTicket stores a new ticket and forgets the oldest beyond the bound.
func (a *account) addTicket(rec *ticketRecord) {
	a.lastTicket++
	rec.ID = a.lastTicket
	a.tickets[rec.ID] = rec
	a.ticketOrder = append(a.ticketOrder, rec)
	a.linkExternal(rec)
	for len(a.ticketOrder) > a.cfg.keep.Tickets {
		old := a.ticketOrder[0]
		a.ticketOrder = a.ticketOrder[1:]
		a.unlinkExternal(old)
		delete(a.tickets, old.ID)
	}
}

func (a *account) linkExternal(rec *ticketRecord) {
	if rec.ExternalID != "" {
		a.ticketByExternal[rec.ExternalID] = append(a.ticketByExternal[rec.ExternalID], rec)
	}
}

func (a *account) unlinkExternal(rec *ticketRecord) {
	left := slices.DeleteFunc(a.ticketByExternal[rec.ExternalID], func(t *ticketRecord) bool { return t == rec })
	if len(left) == 0 {
		delete(a.ticketByExternal, rec.ExternalID)
		return
	}
	a.ticketByExternal[rec.ExternalID] = left
}

func (a *account) ticketChanged(rec *ticketRecord) {
	rec.index.put(a.clock.now(), rec.header(), a.cfg.indexDelay)
	a.hub.publish(Change{Kind: ChangeTicket, TicketID: rec.ID, UserID: rec.RequesterID, At: a.clock.now()})
}

// history is what the search index knows of a record: its states, each visible a delay after it was written.
type history[T any] struct {
	states []indexed[T]
}

type indexed[T any] struct {
	at time.Time
	v  T
}

// maxIndexed bounds the states that wait to become visible.
const maxIndexed = 64

func (h *history[T]) reset(at time.Time, v T) {
	h.states = []indexed[T]{{at: at.AddDate(-100, 0, 0), v: v}}
}

func (h *history[T]) put(now time.Time, v T, delay time.Duration) {
	h.prune(now, delay)
	if len(h.states) >= maxIndexed {
		h.states = slices.Delete(h.states, 1, 2)
	}
	h.states = append(h.states, indexed[T]{now, v})
}

// prune forgets the states that a younger visible one has replaced.
func (h *history[T]) prune(now time.Time, delay time.Duration) {
	for len(h.states) > 1 && !h.states[1].at.Add(delay).After(now) {
		h.states = h.states[1:]
	}
}

// visible returns what search sees now, nil if it does not see the record yet.
func (h *history[T]) visible(now time.Time, delay time.Duration) *T {
	h.prune(now, delay)
	if len(h.states) == 0 || h.states[0].at.Add(delay).After(now) {
		return nil
	}
	return &h.states[0].v
}

// ring keeps the newest n values.
type ring[T any] struct {
	buf  []T
	next int
	max  int
}

func newRing[T any](n int) ring[T] { return ring[T]{max: n} }

func (r *ring[T]) add(v T) {
	if len(r.buf) < r.max {
		r.buf = append(r.buf, v)
		return
	}
	r.buf[r.next] = v
	r.next = (r.next + 1) % r.max
}

// all returns a copy, oldest first.
func (r *ring[T]) all() []T {
	return append(slices.Clone(r.buf[r.next:]), r.buf[:r.next]...)
}

// digits returns the decimal digits of a phone number as typed.
func digits(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= '0' && r <= '9' {
			b.WriteRune(r)
		}
	}
	return b.String()
}
