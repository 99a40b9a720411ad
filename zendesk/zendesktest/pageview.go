package zendesktest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What the pages show, taken from the account in one step under its lock.

type overviewView struct {
	Counters []counterView
	Agents   []agentView
	Tickets  []rowView
	Total    int // tickets, of which the newest are in Tickets
}

type counterView struct {
	Name  string
	Value int64
	Alarm bool
}

type agentView struct {
	ID             int64
	Name, Initials string
	Role           string
	Suspended      bool
	Pops           int
	Last           string // what was shown last, empty if nothing
	LastAt         time.Time
}

type rowView struct {
	ID                         int64
	Icon, Channel, Subject     string
	Status, Requester          string
	Assignee, ExternalID       string
	Tags                       []string
	Comments                   int
	Updated                    time.Time
	Deleted, Duplicate, Public bool
}

type workspaceView struct {
	Agent  agentView
	Tabs   []tabView // newest first
	Panels []panelView
	Newest Pop // zero if nothing was shown
}

// tabView is one page open in the browser. A page that pops again moves to the front, as in Zendesk.
type tabView struct {
	Key, Icon, Title, Status string
	At                       time.Time
	Pops                     int
	Current                  bool
}

type panelView struct {
	Key     string
	Current bool
	Pops    []Pop // newest first
	Ticket  *ticketView
	User    *userView
}

type ticketView struct {
	rowView
	Priority     string
	Person       userView
	Conversation []commentView
	Created      time.Time
	MergedInto   int64
}

type commentView struct {
	ID               int64
	Author, Initials string
	Agent, Public    bool
	Body             string
	At               time.Time
	Voice            *voiceView
}

type voiceView struct {
	Heading, From, To    string
	Started              time.Time
	Duration             string
	AnsweredBy, Location string
	Recording            string // a link to play, empty if there is none that a browser may follow
	Transcript           string
}

type userView struct {
	ID                   int64
	Name, Initials, Role string
	Phone, Email         string
	Shared               bool
	ExternalID, Notes    string
	Tags                 []string
	Suspended            bool
	Recent               []rowView
	Created              time.Time
	Identities           []string
}

const (
	shownTickets = 50   // in the overview
	shownTabs    = 20   // in a browser
	shownRecent  = 5    // tickets in a profile
	scanRecent   = 2000 // tickets looked at for them
)

func (s *Server) overview() overviewView {
	requests, late := s.log.count(), s.late.pending()
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.acct
	duplicates := 0
	for _, ts := range a.ticketByExternal {
		duplicates += len(ts) - 1
	}
	v := overviewView{Total: len(a.ticketOrder), Counters: []counterView{
		{Name: "tickets", Value: int64(len(a.ticketOrder))},
		{Name: "pops", Value: a.lastPop},
		{Name: "users", Value: int64(len(a.userOrder))},
		{Name: "requests", Value: requests},
		{Name: "duplicates", Value: int64(duplicates), Alarm: duplicates > 0},
		{Name: "late commits due", Value: int64(late)},
	}}
	last, counts := a.lastPops()
	for _, u := range a.userOrder {
		if u.Role != RoleEndUser {
			v.Agents = append(v.Agents, a.agentView(u, last[u.ID], counts[u.ID]))
		}
	}
	for _, t := range slices.Backward(a.ticketOrder) {
		if len(v.Tickets) == shownTickets {
			break
		}
		v.Tickets = append(v.Tickets, a.rowView(&t.Ticket))
	}
	return v
}

// lastPops is the newest pop of each agent and how many there were, as far as they are kept.
func (a *account) lastPops() (last map[int64]Pop, counts map[int64]int) {
	last, counts = map[int64]Pop{}, map[int64]int{}
	for _, p := range a.pops.all() {
		last[p.AgentID] = p
		counts[p.AgentID]++
	}
	return last, counts
}

func (a *account) agentView(u *userRecord, last Pop, pops int) agentView {
	v := agentView{
		ID: u.ID, Name: u.Name, Initials: initials(u.Name), Role: u.Role, Suspended: u.Suspended, Pops: pops, LastAt: last.At,
	}
	if t := a.tickets[last.TicketID]; t != nil {
		v.Last = fmt.Sprintf("#%d %s", t.ID, subjectOf(&t.Ticket))
	} else if p := a.users[last.UserID]; p != nil {
		v.Last = p.Name
	}
	return v
}

// workspace is what an agent's browser shows; false if there is no such agent. wanted says which panels are, by their
// newest pop and the requester of the ticket shown; nil means all.
func (s *Server) workspace(agentID int64, wanted func(newest Pop, requester int64) bool) (workspaceView, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.acct
	u := a.users[agentID]
	if u == nil {
		return workspaceView{}, false
	}
	v := workspaceView{}
	at := map[string]int{}
	count := 0
	for _, p := range slices.Backward(a.pops.all()) {
		if p.AgentID != agentID {
			continue
		}
		count++
		i, open := at[tabKey(p)]
		if !open {
			if len(v.Tabs) == shownTabs || !a.exists(p) {
				continue
			}
			i = len(v.Tabs)
			at[tabKey(p)] = i
			v.Tabs = append(v.Tabs, a.tabView(p, i == 0))
			v.Panels = append(v.Panels, panelView{Key: tabKey(p), Current: i == 0})
		}
		v.Tabs[i].Pops++
		v.Panels[i].Pops = append(v.Panels[i].Pops, p)
	}
	if len(v.Panels) > 0 {
		v.Newest = v.Panels[0].Pops[0]
	}
	v.Agent = a.agentView(u, v.Newest, count)
	v.Panels = slices.DeleteFunc(v.Panels, func(p panelView) bool {
		var requester int64
		if t := a.tickets[p.Pops[0].TicketID]; t != nil {
			requester = t.RequesterID
		}
		return wanted != nil && !wanted(p.Pops[0], requester)
	})
	for i := range v.Panels {
		a.fillPanel(&v.Panels[i])
	}
	return v, true
}

func tabKey(p Pop) string {
	if p.TicketID != 0 {
		return fmt.Sprintf("t%d", p.TicketID)
	}
	return fmt.Sprintf("u%d", p.UserID)
}

// exists says that what was shown has not been forgotten meanwhile.
func (a *account) exists(p Pop) bool { return a.tickets[p.TicketID] != nil || a.users[p.UserID] != nil }

func (a *account) tabView(p Pop, current bool) tabView {
	v := tabView{Key: tabKey(p), At: p.At, Current: current}
	if t := a.tickets[p.TicketID]; t != nil {
		v.Icon, v.Title, v.Status = iconOf(t.ViaID), subjectOf(&t.Ticket), t.Status
		return v
	}
	v.Icon, v.Title = "person", a.users[p.UserID].Name
	return v
}

func (a *account) fillPanel(p *panelView) {
	if t := a.tickets[p.Pops[0].TicketID]; t != nil {
		p.Ticket = a.ticketView(&t.Ticket)
		return
	}
	u := a.userView(a.users[p.Pops[0].UserID])
	p.User = &u
}

func (a *account) rowView(t *Ticket) rowView {
	return rowView{
		ID: t.ID, Icon: iconOf(t.ViaID), Channel: channelTitle(t.ViaID), Subject: subjectOf(t), Status: t.Status,
		Requester: a.nameOf(t.RequesterID), Assignee: a.nameOf(t.AssigneeID), ExternalID: t.ExternalID, Tags: t.Tags,
		Comments: len(t.Comments), Updated: t.UpdatedAt, Deleted: t.Deleted,
		Duplicate: t.ExternalID != "" && len(a.ticketByExternal[t.ExternalID]) > 1, Public: t.Public,
	}
}

func (a *account) ticketView(t *Ticket) *ticketView {
	v := &ticketView{rowView: a.rowView(t), Priority: t.Priority, Created: t.CreatedAt, MergedInto: t.MergedInto}
	if u := a.users[t.RequesterID]; u != nil {
		v.Person = a.userView(u)
	}
	for i := range t.Comments {
		co := &t.Comments[i]
		author := a.nameOf(co.AuthorID)
		u := a.users[co.AuthorID]
		v.Conversation = append(v.Conversation, commentView{
			ID: co.ID, Author: author, Initials: initials(author), Agent: u != nil && u.Role != RoleEndUser, Public: co.Public,
			Body: co.Body, At: co.CreatedAt, Voice: a.voiceView(co),
		})
	}
	return v
}

func (a *account) voiceView(co *Comment) *voiceView {
	c := co.Voice
	if co.Call != nil && safeLink(co.Call.RecordingURL) {
		from, _ := co.Call.Fields["from_line"].(string)
		to, _ := co.Call.Fields["to_line"].(string)
		return &voiceView{Heading: co.Call.Title, From: from, To: to, Recording: co.Call.RecordingURL}
	}
	if c == nil {
		return nil
	}
	v := &voiceView{
		Heading: "Inbound call", From: c.From, To: c.To, Started: c.StartedAt,
		Duration: (time.Duration(c.CallDuration) * time.Second).String(), AnsweredBy: a.nameOf(c.AnsweredByID),
		Location: c.Location, Transcript: c.TranscriptionText,
	}
	switch co.ViaID {
	case viaVoicemail:
		v.Heading = "Voicemail"
	case viaOutbound:
		v.Heading = "Outbound call"
	}
	if safeLink(c.RecordingURL) {
		v.Recording = c.RecordingURL
	}
	return v
}

// safeLink says that an address may stand on a page.
func safeLink(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

func (a *account) userView(u *userRecord) userView {
	v := userView{
		ID: u.ID, Name: u.Name, Initials: initials(u.Name), Role: u.Role, Phone: u.Phone, Email: u.Email,
		Shared: u.SharedPhone, ExternalID: u.ExternalID, Notes: u.Notes, Tags: u.Tags, Suspended: u.Suspended,
		Created: u.CreatedAt, Identities: u.PhoneIdentities,
	}
	newest := a.ticketOrder[max(len(a.ticketOrder)-scanRecent, 0):]
	for _, t := range slices.Backward(newest) {
		if len(v.Recent) == shownRecent {
			break
		}
		if t.RequesterID == u.ID && !t.Deleted {
			v.Recent = append(v.Recent, a.rowView(&t.Ticket))
		}
	}
	return v
}

func (a *account) nameOf(id int64) string {
	if u := a.users[id]; u != nil {
		return u.Name
	}
	return ""
}

// subjectOf is the subject, or the beginning of the description where there is none.
func subjectOf(t *Ticket) string {
	if t.Subject != "" {
		return t.Subject
	}
	first, _, _ := strings.Cut(t.Description, "\n")
	if utf8.RuneCountInString(first) > 80 {
		first = string([]rune(first)[:80]) + "…"
	}
	return first
}

// iconOf names the symbol of a channel in the page's sprite.
func iconOf(viaID int) string {
	switch viaID {
	case viaInbound:
		return "call-in"
	case viaOutbound:
		return "call-out"
	case viaVoicemail:
		return "voicemail"
	}
	return "note"
}

func channelTitle(viaID int) string {
	switch viaID {
	case viaInbound:
		return "Phone call (inbound)"
	case viaOutbound:
		return "Phone call (outbound)"
	case viaVoicemail:
		return "Voicemail"
	case viaFollowUp:
		return "Follow-up"
	}
	return "API"
}

// initials are the first letters of the first and last word of a name, or # for a number.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })
	switch len(words) {
	case 0:
		return "#"
	case 1:
		r, _ := utf8.DecodeRuneInString(words[0])
		return strings.ToUpper(string(r))
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	last, _ := utf8.DecodeRuneInString(words[len(words)-1])
	return strings.ToUpper(string(first) + string(last))
}
