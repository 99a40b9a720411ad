package zendesktest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxComments is how many comments a ticket holds before updates are refused (Zendesk docs, "Create Ticket").
const maxComments = 5000

// liveTicket is a ticket that the API shows, nil for deleted and unknown ones.
func (a *account) liveTicket(id int64) *ticketRecord {
	if t := a.tickets[id]; t != nil && !t.Deleted {
		return t
	}
	return nil
}

// listTickets is GET /tickets, with external_id straight from the data: no index, no delay, several may match.
func (a *account) listTickets(c *call) reply {
	from := a.ticketOrder
	if c.query.Has("external_id") {
		from = a.ticketByExternal[c.query.Get("external_id")]
	}
	var live []*ticketRecord
	for _, t := range from {
		if !t.Deleted && (!c.query.Has("external_id") || a.listed(t, c.now)) {
			live = append(live, t)
		}
	}
	slices.SortFunc(live, func(x, y *ticketRecord) int { return int(x.ID - y.ID) })
	return listing(c, "tickets", live, func(t *ticketRecord) any { return c.ticketJSON(&t.Ticket) })
}

func (a *account) showTicket(c *call) reply {
	t := a.liveTicket(c.params[0])
	if t == nil {
		return notFound()
	}
	return ok(map[string]any{"ticket": c.ticketJSON(&t.Ticket)})
}

// deleteTicket is DELETE /tickets/{id}: what an agent does in the interface.
func (a *account) deleteTicket(c *call) reply {
	t := a.liveTicket(c.params[0])
	if t == nil {
		return notFound()
	}
	t.Deleted = true
	c.committed = true
	a.ticketChanged(t)
	return bare(http.StatusNoContent)
}

// createTicket is POST /tickets, the one operation with an Idempotency-Key.
func (a *account) createTicket(c *call) reply {
	key := c.header.Get("Idempotency-Key")
	if key == "" {
		return a.createPlainTicket(c)
	}
	return a.replays.once(key, c, func() reply { return a.createPlainTicket(c) })
}

func (a *account) createPlainTicket(c *call) reply {
	_, in, bad := c.wrapped("ticket")
	if bad != nil {
		return *bad
	}
	d := draft{acct: a, call: c, r: reader{o: in}, issues: problems{}, viaID: viaAPI}
	d.followUp()
	rec, rep := d.create()
	if rec == nil {
		return rep
	}
	return rep
}

// updateTicket is PUT /tickets/{id}.
func (a *account) updateTicket(c *call) reply {
	rec := a.liveTicket(c.params[0])
	if rec == nil {
		return notFound()
	}
	_, in, bad := c.wrapped("ticket")
	if bad != nil {
		return *bad
	}
	if refused := a.updatable(rec, in); refused != nil {
		return *refused
	}
	d := draft{acct: a, call: c, r: reader{o: in}, issues: problems{}, viaID: viaAPI}
	if id, sent := d.r.integer("via_id"); sent && knownVia(int(id)) {
		d.viaID = int(id) // It marks this comment and audit; the ticket's own channel never changes.
	}
	return d.update(rec)
}

// updatable refuses closed and full tickets, and updates that do not know the newest state.
func (a *account) updatable(rec *ticketRecord, in object) *reply {
	issues := problems{}
	switch {
	case rec.Status == "closed":
		return a.closedRefusal()
	case len(rec.Comments) >= maxComments:
		issues.add("base", "", fmt.Sprintf("A ticket can have at most %d comments", maxComments))
	default:
		return collision(rec, in)
	}
	rep := issues.reply()
	return &rep
}

// collision is the guard of safe_update: the presence of the key switches it on, whatever its value.
func collision(rec *ticketRecord, in object) *reply {
	if _, guarded := in["safe_update"]; !guarded {
		return nil
	}
	r := reader{o: in}
	seen, sent := r.moment("updated_stamp")
	switch {
	case r.bad != nil:
		return r.bad
	case !sent:
		rep := invalidAttribute("updated_stamp", "the ticket's updated_at")
		return &rep
	case seen.Equal(rec.UpdatedAt):
		return nil
	}
	rep := failure(http.StatusConflict, "UpdateConflict",
		"Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data and try again.")
	return &rep
}

func (a *account) listTags(c *call) reply {
	rec := a.liveTicket(c.params[0])
	if rec == nil {
		return notFound()
	}
	return ok(map[string]any{"tags": emptyList(rec.Tags)})
}

// addTags is PUT /tickets/{id}/tags: it only adds.
func (a *account) addTags(c *call) reply {
	return a.editTags(c, func(have, sent []string) []string { return append(slices.Clone(have), sent...) })
}

// removeTags is DELETE /tickets/{id}/tags, with the tags in the body or in the query.
func (a *account) removeTags(c *call) reply {
	return a.editTags(c, func(have, sent []string) []string {
		return slices.DeleteFunc(slices.Clone(have), func(t string) bool { return slices.Contains(sent, t) })
	})
}

func (a *account) editTags(c *call, edit func(have, sent []string) []string) reply {
	rec := a.liveTicket(c.params[0])
	if rec == nil {
		return notFound()
	}
	in, bad := c.decode()
	if bad != nil {
		return *bad
	}
	if refused := a.updatable(rec, in); refused != nil {
		return *refused
	}
	r := reader{o: in}
	tags, sent := r.list("tags")
	if q := c.query.Get("tags"); !sent && q != "" {
		tags, sent = strings.Split(q, ","), true
	}
	switch {
	case r.bad != nil:
		return *r.bad
	case !sent:
		return invalidAttribute("tags", "an array of strings")
	}
	t := rec.Ticket
	t.Tags = normalTags(edit(rec.Tags, normalTags(tags)))
	d := draft{acct: a, call: c, viaID: viaAPI}
	d.commit(rec, &t)
	return ok(map[string]any{"tags": emptyList(rec.Tags)})
}

// normalTags makes tags what Zendesk makes of them: lower case, no blanks, each once, in order.
func normalTags(in []string) []string {
	out := make([]string, 0, len(in))
	for _, t := range in {
		if t = strings.Join(strings.Fields(strings.ToLower(t)), "_"); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (a *account) listAudits(c *call) reply {
	rec := a.liveTicket(c.params[0])
	if rec == nil {
		return notFound()
	}
	audits := rec.Audits
	if c.query.Get("sort_order") == "desc" || c.query.Get("sort") == "-created_at" {
		audits = slices.Clone(audits)
		slices.Reverse(audits)
	}
	return listing(c, "audits", audits, func(au Audit) any { return auditJSON(&rec.Ticket, &au) })
}

func (a *account) listComments(c *call) reply {
	rec := a.liveTicket(c.params[0])
	if rec == nil {
		return notFound()
	}
	comments := slices.Clone(rec.Comments)
	if c.query.Get("sort_order") == "desc" || c.query.Get("sort") == "-created_at" {
		slices.Reverse(comments)
	}
	return listing(c, "comments", comments, func(co Comment) any { return commentJSON(&rec.Ticket, &co) })
}

// replays are the answers remembered by Idempotency-Key. The zero value is ready to use.
type replays struct {
	byKey map[string]replay
	order []string
}

type replay struct {
	at   time.Time
	body string
	rep  reply
}

const (
	replayLife   = 2 * time.Hour
	maxReplays   = 10_000
	maxReplayKey = 255
)

// once runs create, or repeats the answer that the key got in the last two hours.
func (rs *replays) once(key string, c *call, create func() reply) reply {
	if len(key) > maxReplayKey {
		return failure(http.StatusBadRequest, "IdempotentRequestError", "The idempotency key is longer than 255 characters")
	}
	if old, known := rs.byKey[key]; known && c.now.Sub(old.at) < replayLife {
		if old.body != string(c.body) {
			return failure(http.StatusBadRequest, "IdempotentRequestError",
				"Request parameters don't match the given idempotency key")
		}
		rep := old.rep
		rep.header = append(slices.Clone(rep.header), headerField{"X-Idempotency-Lookup", "hit"})
		return rep
	}
	rep := create()
	rep.encode()
	if rep.status == http.StatusCreated {
		rs.remember(key, replay{at: c.now, body: string(c.body), rep: rep})
	}
	rep.header = append(slices.Clone(rep.header), headerField{"X-Idempotency-Lookup", "miss"})
	return rep
}

func (rs *replays) remember(key string, r replay) {
	if rs.byKey == nil {
		rs.byKey = map[string]replay{}
	}
	if _, known := rs.byKey[key]; !known {
		rs.order = append(rs.order, key)
	}
	rs.byKey[key] = r
	if len(rs.order) > maxReplays {
		delete(rs.byKey, rs.order[0])
		rs.order = rs.order[1:]
	}
}
