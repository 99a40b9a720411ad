package zendesktest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// CallView is what a comment shows of a call record, as the record was then.
type CallView struct {
	CallID, AppID  int64
	AppName, Title string
	// ExternalID and RecordingURL are the record's, empty if it had none.
	ExternalID, RecordingURL string
	// Fields are those that the comment was to show.
	Fields map[string]any
}

// commentKeys are the keys of a comment on a call.
var commentKeys = []string{"call_fields", "title", "subject", "author_id", "end_user_id", "display_to_agent"}

// addCallComment is POST /calls/{id}/comments. Its keys stand at the top, not under "comment"; the header names
// "comment" as dropped in every answer, also where nothing was (seen in recorded traffic).
func (a *account) addCallComment(c *call) reply {
	r := a.calls.byID[c.params[0]]
	if r == nil {
		return notFound()
	}
	o, bad := c.decode()
	if bad != nil {
		return *bad
	}
	dropped := slices.DeleteFunc(sortedKeys(o), func(k string) bool { return slices.Contains(commentKeys, k) })
	if !slices.Contains(dropped, "comment") {
		dropped = append(dropped, "comment")
	}
	co, rep := a.commentOnCall(c, r, o)
	if rep.status >= http.StatusBadRequest {
		return rep
	}
	out := commentFields(co)
	out["created_at"], out["title"] = stamp(co.CreatedAt), co.Call.Title
	return warned(created(out), dropped)
}

// commentOnCall shows the record on its ticket, or on a new one, and in an agent's browser if told to.
func (a *account) commentOnCall(c *call, r *Call, o object) (*Comment, reply) {
	in := reader{o: o}
	agentID, _ := in.integer("display_to_agent")
	subject, _ := in.text("subject")
	endUser, _ := in.integer("end_user_id")
	co, bad := a.callComment(c, r, &in)
	switch {
	case bad != nil:
		return nil, *bad
	case agentID != 0 && a.agent(agentID) == nil:
		return nil, bare(http.StatusUnprocessableEntity)
	}
	d := draft{acct: a, call: c, issues: problems{}, viaID: co.ViaID, comment: co, r: reader{o: object{}}}
	var rep reply
	if r.TicketID == 0 {
		if id, _ := r.Fields["end_user_id"].(int64); endUser == 0 {
			endUser = id
		}
		rep = a.ticketOfCall(&d, r, subject, endUser)
	} else {
		rep = a.ticketWithCall(&d, r)
	}
	if rep.status < http.StatusBadRequest && agentID != 0 {
		a.pop(Pop{AgentID: agentID, TicketID: r.TicketID, Source: PopCreate})
	}
	return co, rep
}

// ticketOfCall makes the ticket of a record that has none, and notes it in the record.
func (a *account) ticketOfCall(d *draft, r *Call, subject string, endUser int64) reply {
	if subject == "" {
		subject = d.comment.Call.Title
	}
	d.r.o["subject"] = subject
	if endUser != 0 {
		d.r.o["requester_id"] = number(endUser)
	}
	if brand, _ := r.Fields["brand_id"].(int64); brand != 0 {
		d.r.o["brand_id"] = number(brand)
	}
	rec, rep := d.create()
	if rec != nil {
		r.TicketID = rec.ID
		r.Fields["ticket_id"] = rec.ID
	}
	return rep
}

// ticketWithCall adds the comment to the ticket that the record names.
func (a *account) ticketWithCall(d *draft, r *Call) reply {
	rec := a.liveTicket(r.TicketID)
	if rec == nil {
		return notFound()
	}
	if refused := a.updatable(rec, nil); refused != nil {
		return *refused
	}
	return d.update(rec)
}

// callComment draws the record up as a private comment: the title, and a summary of the chosen fields.
func (a *account) callComment(c *call, r *Call, in *reader) (*Comment, *reply) {
	names, _ := in.list("call_fields")
	heading, _ := in.text("title")
	author, _ := in.integer("author_id")
	if in.bad != nil {
		return nil, in.bad
	}
	if heading == "" {
		heading = map[string]string{"inbound": "Inbound call", "outbound": "Outbound call"}[r.Direction]
	}
	if author == 0 {
		author = c.user.ID
	}
	view := &CallView{CallID: r.ID, AppID: r.AppID, Title: heading, ExternalID: r.ExternalID, Fields: map[string]any{}}
	view.RecordingURL, _ = r.Fields["recording_url"].(string)
	if app := a.app(r.AppID); app != nil {
		view.AppName = app.Name
	}
	lines := []string{heading, "", "Summary"}
	for _, name := range names {
		if _, known := callFields[name]; !known {
			rep := invalidAttribute("call_fields", "names of call fields; "+name+" is none")
			return nil, &rep
		}
		if v := r.Fields[name]; v != nil {
			view.Fields[name] = v
			lines = append(lines, fmt.Sprintf("%s: %v", title(strings.ReplaceAll(name, "_", " ")), v))
		}
	}
	body := strings.Join(lines, "\n")
	via := viaInbound
	if r.Direction == "outbound" {
		via = viaOutbound
	}
	return &Comment{Type: "TpeVoiceComment", AuthorID: author, Body: body, HTMLBody: commentHTML(body), ViaID: via, Call: view}, nil
}

// callViewJSON is the data of a comment that shows a call.
func callViewJSON(co *Comment) map[string]any {
	v := co.Call
	out := map[string]any{}
	maps.Copy(out, v.Fields)
	out["app_id"], out["app_name"], out["call_id"], out["title"], out["via_id"] = v.AppID, v.AppName, v.CallID, v.Title, co.ViaID
	out["external_id"], out["author_id"], out["recording_url"] = orNull(v.ExternalID), co.AuthorID, v.RecordingURL
	return out
}
