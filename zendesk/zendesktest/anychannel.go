package zendesktest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The codes of a push, from Zendesk's "Push content to Support".
const (
	pushSuccess         = "success"
	pushAlreadyImported = "already_imported"
	pushUnknownParent   = "could_not_locate_parent_external_resource"
	pushError           = "processing_error"
	pushHalted          = "halted"
)

// Instance is an account of an Any Channel integration, which an admin has set up.
type Instance struct {
	// PushID is what Zendesk gave the integration service to push with (instance_push_id).
	PushID string
	// Name is what agents see; Metadata is the service's own, sent along with each channelback.
	Name, Metadata string
	// ChannelbackURL is where agents' replies go, see [Server.Channelback]; empty for none.
	ChannelbackURL string
	// NoFollowUps says what happens to content for a closed ticket: a follow-up ticket is made, unless it is set
	// (create_followup_tickets of the manifest, true by default).
	NoFollowUps bool
}

// Resource is a message of another system that the account knows: imported by a push, or an agent's reply that was
// accepted by the integration service.
type Resource struct {
	PushID, ExternalID  string
	TicketID, CommentID int64
	// ThreadID and ParentID are as they were pushed.
	ThreadID, ParentID string
	// Channelback says that it was an agent's reply.
	Channelback bool
	// Failure is what the service reported afterwards about a channelback, empty if nothing.
	Failure string
}

// channels are the integrations of an account.
type channels struct {
	instances map[string]*Instance
	resources map[[2]string]*Resource // by push id and external id
	order     []*Resource
	threads   map[[2]string]int64 // ticket by push id and thread id
	authors   map[[2]string]int64 // user by push id and author's external id
	handles   []XHandle
	posts     []XPost
}

// maxKnownResources bounds what is remembered; the oldest goes first, and would be imported again.
const maxKnownResources = 100_000

func newChannels(cfg *config) *channels {
	ch := &channels{
		instances: map[string]*Instance{}, resources: map[[2]string]*Resource{},
		threads: map[[2]string]int64{}, authors: map[[2]string]int64{}, handles: slices.Clone(cfg.handles),
	}
	for _, in := range cfg.instances {
		ch.instances[in.PushID] = &in
	}
	return ch
}

func (ch *channels) remember(r *Resource) {
	ch.resources[[2]string{r.PushID, r.ExternalID}] = r
	ch.order = append(ch.order, r)
	if len(ch.order) > maxKnownResources {
		old := ch.order[0]
		ch.order = ch.order[1:]
		delete(ch.resources, [2]string{old.PushID, old.ExternalID})
	}
}

// instance finds the integration that a request names. What Zendesk answers for one that it does not know is not
// documented: it is a 404 here.
func (a *account) instance(o object) (*Instance, *reply) {
	r := reader{o: o}
	id, _ := r.text("instance_push_id")
	request, _ := r.text("request_id")
	switch {
	case r.bad != nil:
	case id == "":
		r.fail("instance_push_id", "present")
	case len(request) > maxPushRequestID:
		r.fail("request_id", "at most 64 characters")
	case a.channels.instances[id] == nil:
		rep := notFound()
		return nil, &rep
	}
	return a.channels.instances[id], r.bad
}

// validateToken is POST /any_channel/validate_token.
func (a *account) validateToken(c *call) reply {
	o, bad := c.decode()
	if bad == nil {
		_, bad = a.instance(o)
	}
	if bad != nil {
		return *bad
	}
	return bare(http.StatusOK)
}

// push is POST /any_channel/push. It answers 200 whatever became of the resources; after the first that failed the rest
// are halted.
func (a *account) push(c *call) reply {
	o, bad := c.decode()
	if bad != nil {
		return *bad
	}
	in, bad := a.instance(o)
	if bad != nil {
		return *bad
	}
	list, isList := o["external_resources"].([]any)
	if !isList || len(list) > maxPushResources {
		return invalidAttribute("external_resources", "an array of at most 256 objects")
	}
	results := make([]any, 0, len(list))
	halted := false
	for _, v := range list {
		res, _ := v.(map[string]any)
		id, _ := res["external_id"].(string)
		code, description := pushHalted, ""
		if !halted {
			code, description = a.importResource(c, in, res)
			halted = code != pushSuccess && code != pushAlreadyImported
		}
		status := map[string]any{"code": code}
		if description != "" {
			status["description"] = description
		}
		results = append(results, map[string]any{"external_resource_id": id, "status": status})
	}
	return ok(map[string]any{"results": results})
}

// importResource makes a ticket or a comment of one resource.
func (a *account) importResource(c *call, in *Instance, o object) (code, description string) {
	p, err := readPushed(o)
	if err != nil {
		return pushError, err.Error()
	}
	if a.channels.resources[[2]string{in.PushID, p.externalID}] != nil {
		return pushAlreadyImported, ""
	}
	rec, err := a.threadOf(in, p)
	if errors.Is(err, errUnknownParent) {
		return pushUnknownParent, p.parentID
	}
	author := a.channelAuthor(in, p)
	d := draft{acct: a, call: c, issues: problems{}, viaID: viaAnyChannel, comment: &Comment{
		Type: "Comment", AuthorID: author, Body: p.message, HTMLBody: p.html, Public: !p.note, ViaID: viaAnyChannel,
	}}
	rec, err = a.addPushed(&d, in, rec, p, author)
	if err != nil {
		return pushError, err.Error()
	}
	a.channels.remember(&Resource{
		PushID: in.PushID, ExternalID: p.externalID, TicketID: rec.ID, CommentID: d.comment.ID,
		ThreadID: p.threadID, ParentID: p.parentID,
	})
	if p.threadID != "" {
		a.channels.threads[[2]string{in.PushID, p.threadID}] = rec.ID
	}
	return pushSuccess, ""
}

var errUnknownParent = errors.New("unknown parent")

// threadOf finds the ticket that a resource belongs to, nil for a new one.
func (a *account) threadOf(in *Instance, p *pushed) (*ticketRecord, error) {
	if p.parentID != "" {
		parent := a.channels.resources[[2]string{in.PushID, p.parentID}]
		if parent == nil {
			return nil, errUnknownParent
		}
		return a.liveTicket(parent.TicketID), nil
	}
	return a.liveTicket(a.channels.threads[[2]string{in.PushID, p.threadID}]), nil
}

// addPushed puts the drafted comment where it belongs: on the ticket, on a follow-up of a closed one, or on a new one.
// Fields are set on new tickets only.
func (a *account) addPushed(d *draft, in *Instance, rec *ticketRecord, p *pushed, author int64) (*ticketRecord, error) {
	if rec != nil && rec.Status != "closed" {
		d.r = reader{o: object{}}
		if rec.Status == "solved" {
			d.r.o["status"] = "open" // Who writes again opens it again.
		}
		return rec, refusalError(d.update(rec))
	}
	if rec != nil {
		if in.NoFollowUps {
			return nil, errors.New("the ticket is closed")
		}
		d.source = rec
	}
	o := p.ticketFields()
	o["requester_id"], o["submitter_id"] = number(author), number(author)
	d.r = reader{o: o}
	made, rep := d.create()
	return made, refusalError(rep)
}

// refusalError is what a reply says, nil if it is none of refusal.
func refusalError(rep reply) error {
	if rep.status < http.StatusBadRequest {
		return nil
	}
	rep.encode()
	return fmt.Errorf("%d %s", rep.status, rep.raw)
}

// channelAuthor is the user who stands for an author; he is made at his first message.
func (a *account) channelAuthor(in *Instance, p *pushed) int64 {
	key := [2]string{in.PushID, p.authorID}
	if id := a.channels.authors[key]; a.users[id] != nil {
		return id
	}
	name := p.authorName
	if name == "" {
		name = p.authorID
	}
	rec := a.storeUser(User{Name: name, Role: RoleEndUser})
	a.channels.authors[key] = rec.ID
	return rec.ID
}

// reportError is POST /any_channel/channelback/report_error: a reply that was accepted has failed after all. It leaves
// a private comment.
func (a *account) reportError(c *call) reply {
	o, bad := c.decode()
	if bad != nil {
		return *bad
	}
	in, bad := a.instance(o)
	if bad != nil {
		return *bad
	}
	r := reader{o: o}
	id, _ := r.text("external_id")
	description, _ := r.text("description")
	switch {
	case r.bad != nil:
		return *r.bad
	case id == "" || len(id) > maxPushText:
		return invalidAttribute("external_id", "1 to 255 characters")
	case len([]rune(description)) > maxPushFailure:
		return invalidAttribute("description", "at most 511 characters")
	}
	res := a.channels.resources[[2]string{in.PushID, id}]
	if res == nil || !res.Channelback {
		return notFound()
	}
	if description == "" {
		description = "The message could not be delivered."
	}
	res.Failure = description
	_ = a.byHand(res.TicketID, &Comment{Body: "Channelback failed: " + description}, func(*Ticket) {}) // The ticket may be gone.
	c.committed = true
	return bare(http.StatusOK)
}

// pushed is a resource that was read and checked.
type pushed struct {
	externalID, message, html, parentID, threadID string
	authorID, authorName                          string
	note                                          bool
	created                                       time.Time
	fields                                        []any
}

// ticketFields are the fields of a push as a ticket has them: system fields by their name, others as custom fields.
func (p *pushed) ticketFields() object {
	subject := strings.Join(strings.Fields(p.message), " ")
	if runes := []rune(subject); len(runes) > 60 {
		subject = string(runes[:59]) + "…"
	}
	o, custom := object{"subject": subject}, []any{}
	for _, v := range p.fields {
		f, _ := v.(map[string]any)
		id := fmt.Sprint(f["id"])
		switch id {
		case "subject", "priority", "type", "status", "tags", "group_id", "assignee_id":
			o[id] = f["value"]
		default:
			if _, err := strconv.ParseInt(id, 10, 64); err == nil {
				custom = append(custom, map[string]any{"id": json.Number(id), "value": f["value"]})
			}
		}
	}
	o["custom_fields"] = custom
	return o
}
