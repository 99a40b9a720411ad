package zendesktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// App is a Zendesk app that is installed in the account.
type App struct {
	ID   int64
	Name string
	// Disabled says that an admin switched it off: it is listed, and good for nothing.
	Disabled bool
}

// DefaultAppID is the app that is installed where [WithApps] is not given.
const DefaultAppID = 1001

// Call is a call record of the Calls API.
type Call struct {
	ID int64
	// TicketID is zero for a record that is shown nowhere.
	TicketID   int64
	AppID      int64
	ExternalID string
	// Direction is inbound or outbound.
	Direction string
	// Fields are all that were sent and known, by their names: strings, bools, int64 for numbers, and times as text in
	// UTC. Never nil.
	Fields               map[string]any
	CreatedAt, UpdatedAt time.Time
}

func (r *Call) clone() Call {
	c := *r
	c.Fields = maps.Clone(r.Fields)
	return c
}

// Calls returns all call records, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Call, 0, len(s.acct.calls.order))
	for _, r := range s.acct.calls.order {
		out = append(out, r.clone())
	}
	return out
}

// callRecords are the records of an account; the oldest go first.
type callRecords struct {
	last  int64
	byID  map[int64]*Call
	order []*Call
}

func newCallRecords() *callRecords { return &callRecords{last: 700_000, byID: map[int64]*Call{}} }

func (cs *callRecords) add(r *Call, keep int) {
	cs.last++
	r.ID = cs.last
	cs.byID[r.ID] = r
	cs.order = append(cs.order, r)
	if len(cs.order) > keep {
		delete(cs.byID, cs.order[0].ID)
		cs.order = cs.order[1:]
	}
}

// callKind is the type of a field of a call.
type callKind int

const (
	callText callKind = iota
	callNumber
	callFlag
	callTime
)

// callFields are the fields of Zendesk's standard call object that can be written.
var callFields = map[string]callKind{
	"app_id": callNumber, "ticket_id": callNumber, "end_user_id": callNumber, "organization_id": callNumber, "brand_id": callNumber,
	"agent_id": callNumber, "external_id": callText, "from_line": callText, "from_line_nickname": callText, "to_line": callText,
	"to_line_nickname": callText, "dnis": callText, "phone_name": callText, "end_user_location": callText, "direction": callText,
	"call_type": callText, "call_started_at": callTime, "call_ended_at": callTime, "duration": callNumber, "wait_time": callNumber,
	"time_to_answer": callNumber, "queue_time": callNumber, "exceeded_queue_time": callFlag, "queue_name": callText,
	"ivr_time_spent": callNumber, "ivr_hops": callNumber, "ivr_action": callText, "ivr_routed_to": callText,
	"ivr_destination_group_name": callText, "talk_time": callNumber, "hold_time": callNumber, "consultation_time": callNumber,
	"wrap_up_time": callNumber, "completion_status": callText, "call_abandoned_position": callText, "callback": callFlag,
	"callback_source": callText, "callback_number": callText, "customer_requested_voicemail": callFlag, "voicemail": callFlag,
	"outside_business_hours": callFlag, "overflowed": callFlag, "overflowed_to": callText, "call_disposition": callText,
	"recording_url": callText, "recording_time": callNumber, "not_recording_time": callNumber, "call_recording_consent": callText,
	"call_recording_consent_action": callText, "recording_control_interactions": callNumber, "transcript": callText,
}

// callJSON is a record as Zendesk writes it: every field is there, what is not known is null.
func (a *account) callJSON(r *Call) map[string]any {
	out := map[string]any{
		"id": r.ID, "account_id": simulatedAccountID, "created_at": stamp(r.CreatedAt), "updated_at": stamp(r.UpdatedAt),
	}
	for name := range callFields {
		out[name] = r.Fields[name]
	}
	return out
}

// simulatedAccountID is the account's number, which nothing depends on.
const simulatedAccountID = 850_000

// readCall takes the known fields of o over into the record. Others are dropped and named in a header, as in Zendesk:
// the answer itself does not tell. App and direction of a record cannot be changed.
func (a *account) readCall(r *Call, o object) (dropped []string, bad *reply) {
	in := reader{o: o}
	for _, name := range sortedKeys(o) {
		kind, known := callFields[name]
		if !known {
			dropped = append(dropped, name)
			continue
		}
		if o[name] == nil {
			delete(r.Fields, name)
			continue
		}
		switch kind {
		case callText:
			r.Fields[name], _ = in.text(name)
		case callNumber:
			r.Fields[name], _ = in.integer(name)
		case callFlag:
			r.Fields[name], _ = in.boolean(name)
		case callTime:
			at, _ := in.moment(name)
			r.Fields[name] = stamp(at)
		}
	}
	r.TicketID, _ = r.Fields["ticket_id"].(int64)
	r.AppID, _ = r.Fields["app_id"].(int64)
	r.ExternalID, _ = r.Fields["external_id"].(string)
	r.Direction, _ = r.Fields["direction"].(string)
	return dropped, in.bad
}

// checkCall is what a record must have. Zendesk documents what is mandatory, and not how it refuses: see WithCallRefusal.
func (a *account) checkCall(r *Call) *reply {
	issues := problems{}
	for _, name := range []string{"app_id", "from_line", "to_line", "call_started_at", "direction"} {
		if v := r.Fields[name]; v == nil || v == "" || v == int64(0) {
			issues.add(name, "BlankValue", title(name)+": cannot be blank")
		}
	}
	if r.Direction != "" && r.Direction != "inbound" && r.Direction != "outbound" {
		issues.add("direction", "InvalidValue", "Direction: must be inbound or outbound")
	}
	if r.AppID != 0 && a.app(r.AppID) == nil {
		issues.add("app_id", "InvalidValue", fmt.Sprintf("App: %d is not installed", r.AppID))
	}
	if r.TicketID != 0 && a.liveTicket(r.TicketID) == nil {
		issues.add("ticket_id", "InvalidValue", fmt.Sprintf("Ticket: %d is not valid", r.TicketID))
	}
	for _, name := range []string{"agent_id", "end_user_id"} {
		if id, _ := r.Fields[name].(int64); id != 0 && a.users[id] == nil {
			issues.add(name, "InvalidValue", fmt.Sprintf("User: %d is not valid", id))
		}
	}
	if len(issues) == 0 {
		return nil
	}
	rep := issues.reply()
	rep.status = a.cfg.choices.callRefusal
	return &rep
}

func (a *account) app(id int64) *App {
	if i := slices.IndexFunc(a.cfg.apps, func(app App) bool { return app.ID == id }); i >= 0 {
		return &a.cfg.apps[i]
	}
	return nil
}

// createCall is POST /calls. With a comment the record is shown on its ticket, or on one that is made; nothing is stored
// if the comment is refused. There is no idempotency.
func (a *account) createCall(c *call) reply {
	whole, in, bad := c.wrapped("call")
	if bad != nil {
		return *bad
	}
	now := c.now.Truncate(time.Second)
	r := &Call{Fields: map[string]any{}, CreatedAt: now, UpdatedAt: now}
	dropped, bad := a.readCall(r, in)
	if bad == nil {
		bad = a.checkCall(r)
	}
	if bad != nil {
		return *bad
	}
	a.calls.add(r, a.cfg.keep.Tickets)
	if comment := (&reader{o: whole}).nested("comment"); comment != nil {
		if _, rep := a.commentOnCall(c, r, comment); rep.status >= 400 {
			a.calls.drop(r)
			return rep
		}
	}
	c.committed = true
	return warned(created(map[string]any{"call": a.callJSON(r)}), dropped)
}

func (cs *callRecords) drop(r *Call) {
	delete(cs.byID, r.ID)
	cs.order = slices.DeleteFunc(cs.order, func(x *Call) bool { return x == r })
}

// updateCall is PATCH /calls/{id}. What comments show of the record stays as it was.
func (a *account) updateCall(c *call) reply {
	r := a.calls.byID[c.params[0]]
	if r == nil {
		return notFound()
	}
	_, in, bad := c.wrapped("call")
	if bad != nil {
		return *bad
	}
	next := r.clone()
	delete(in, "app_id")
	dropped, bad := a.readCall(&next, in)
	if bad == nil {
		bad = a.checkCall(&next)
	}
	if bad != nil {
		return *bad
	}
	next.UpdatedAt = c.now.Truncate(time.Second)
	*r = next
	c.committed = true
	return warned(ok(map[string]any{"call": a.callJSON(r)}), dropped)
}

func (a *account) showCall(c *call) reply {
	r := a.calls.byID[c.params[0]]
	if r == nil {
		return notFound()
	}
	return ok(map[string]any{"call": a.callJSON(r)})
}

// warned adds the header in which Zendesk names the keys that it dropped.
func warned(rep reply, dropped []string) reply {
	if len(dropped) == 0 {
		return rep
	}
	keys, err := json.Marshal(dropped)
	if err == nil {
		rep.with("X-Zendesk-Api-Warn", "Removed restricted keys "+string(keys)+" from parameters according to whitelist")
	}
	return rep
}
