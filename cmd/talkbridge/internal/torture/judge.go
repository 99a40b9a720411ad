package torture

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// rounding is by how much the duration of a ticket may differ from that of its
// call, if the daemon heard all of it: two clocks are read, and seconds rounded.
const rounding = 2 * time.Second

// Fault says what is wrong with a call.
type Fault string

// The faults.
const (
	Lost      Fault = "lost"
	Duplicate Fault = "duplicate"
	Wrong     Fault = "wrong"
)

// Verdict is what became of a call. The zero value is a good one.
type Verdict struct {
	Fault Fault
	// Why says it in words.
	Why string
}

func wrong(format string, args ...any) Verdict { return Verdict{Wrong, fmt.Sprintf(format, args...)} }

// good says that there is nothing to be said.
func (v Verdict) good() bool { return v.Fault == "" }

// firstOf is the first verdict that is not good.
func firstOf(verdicts ...func() Verdict) Verdict {
	for _, v := range verdicts {
		if v := v(); !v.good() {
			return v
		}
	}
	return Verdict{}
}

// Judge compares the tickets of a call with the truth: how many there are, and
// what stands in them. Agents are their ids in Zendesk, by place. slack is for how
// long the daemon may have heard nothing of the call.
func (c *Call) Judge(desk *zendesktest.Server, id string, agents []int64, slack time.Duration) Verdict {
	_, did := c.done()
	if c.Kind.Early && slack > 0 && c.Kind.outbound() && len(desk.TicketsByExternalID(id)) == 0 {
		return Verdict{} // whether anybody answered cannot be known
	}
	tickets := desk.TicketsByExternalID(id)
	successors := desk.TicketsByExternalID(id + "#2")
	if v := c.judgeNumber(len(tickets), len(successors), did); !v.good() || c.Kind.Via == 0 || did == Deleted {
		return v
	}
	ticket := tickets[0]
	if ticket.Deleted {
		return Verdict{Lost, fmt.Sprintf("its ticket #%d is deleted, and nobody did it", ticket.ID)}
	}
	if did == Closed {
		if len(successors) == 0 {
			return wrong("its ticket #%d was closed, and none follows it", ticket.ID)
		}
		ticket = successors[0]
	}
	if c.Kind.Early && slack > 0 {
		return Verdict{} // who talked cannot be known
	}
	return firstOf(
		func() Verdict { return c.judgeTicket(desk, ticket) },
		func() Verdict { return c.judgeText(ticket) },
		func() Verdict { return c.judgeComments(ticket, did) },
		func() Verdict { return c.judgePeople(ticket, agents, did) },
		func() Verdict { return c.judgeDuration(ticket, slack) },
	)
}

// judgeNumber looks at nothing but how many tickets a call has.
func (c *Call) judgeNumber(tickets, successors int, did Deed) Verdict {
	switch {
	case c.Kind.Via == 0 && tickets+successors > 0:
		return wrong("%d tickets, wants none", tickets+successors)
	case c.Kind.Via == 0:
		return Verdict{}
	case tickets == 0:
		return Verdict{Lost, "no ticket"}
	case tickets > 1:
		return Verdict{Duplicate, fmt.Sprintf("%d tickets", tickets)}
	case successors > 1:
		return Verdict{Duplicate, fmt.Sprintf("%d tickets follow the closed one", successors)}
	case successors > 0 && did != Closed:
		return wrong("a ticket follows one that nobody closed")
	}
	return Verdict{}
}

// judgeTicket looks at the channel and the requester.
func (c *Call) judgeTicket(desk *zendesktest.Server, ticket zendesktest.Ticket) Verdict {
	if ticket.ViaID != c.Kind.Via {
		return wrong("via %d, wants %d", ticket.ViaID, c.Kind.Via)
	}
	if slices.ContainsFunc(ticket.Comments, func(c zendesktest.Comment) bool { return c.Public }) {
		return wrong("a comment is public")
	}
	user, found := desk.User(ticket.RequesterID)
	outside := c.From
	if c.Kind.outbound() {
		outside = c.To
	}
	switch {
	case !found:
		return wrong("its requester %d is nobody", ticket.RequesterID)
	case c.Kind.Caller == Withheld && user.Phone != "":
		return wrong("the requester of an anonymous call has the number %s", user.Phone)
	case c.Kind.Caller == Named || c.Kind.Caller == Unnamed:
		if user.Phone != outside && !slices.Contains(user.PhoneIdentities, outside) {
			return wrong("its requester has the number %q, wants %q", user.Phone, outside)
		}
	}
	return Verdict{}
}

// judgeText looks at who called whom: in words in the first comment, or in the
// fields of a voice comment.
func (c *Call) judgeText(ticket zendesktest.Ticket) Verdict {
	if len(ticket.Comments) == 0 {
		return wrong("no comment")
	}
	var froms, tos []string
	if first := ticket.Comments[0]; first.Voice == nil {
		froms, tos = append(froms, field(first.Body, "From: ")), append(tos, field(first.Body, "To: "))
	}
	for _, v := range ticket.VoiceComments() {
		froms, tos = append(froms, v.From), append(tos, v.To)
	}
	for i := range froms {
		if c.From != "" && froms[i] != c.From {
			return wrong("from %q, wants %q", froms[i], c.From)
		}
		if c.To != "" && tos[i] != c.To {
			return wrong("to %q, wants %q", tos[i], c.To)
		}
	}
	return Verdict{}
}

// field is the number in a line of a comment.
func field(body, key string) string {
	for line := range strings.Lines(body) {
		if value, found := strings.CutPrefix(line, key); found {
			number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
			return number
		}
	}
	return ""
}

// judgeComments looks at how often the ticket was written to: an answered call is
// completed exactly once, with its recording, whether its ticket was made at the
// answer or after it.
func (c *Call) judgeComments(ticket zendesktest.Ticket, did Deed) Verdict {
	voices := ticket.VoiceComments()
	most := 1
	if c.Kind.Answered() {
		most++
	}
	if c.several() {
		most++ // in words, who talked when
	}
	if did == Closed {
		most++ // which ticket it continues
	}
	if c.Unheard {
		most++ // with the player
	}
	sounds := c.Kind.sounds()
	switch {
	case len(voices) != sounds:
		return wrong("%d voice comments in %d, wants %d", len(voices), len(ticket.Comments), sounds)
	case len(ticket.Comments) > most:
		return wrong("%d comments, wants %d at most", len(ticket.Comments), most)
	case sounds > 0 && voices[0].RecordingURL == "":
		return wrong("it plays nothing")
	}
	return Verdict{}
}

// judgePeople looks at who answered, and whose ticket it is.
func (c *Call) judgePeople(ticket zendesktest.Ticket, agents []int64, did Deed) Verdict {
	answered, owner := int64(0), int64(0)
	if c.Kind.Answered() {
		answered, owner = agents[c.Agents[0]], agents[c.Agents[len(c.Agents)-1]]
	}
	for _, v := range ticket.VoiceComments() {
		if v.AnsweredByID != answered {
			return wrong("answered by %d, wants %d", v.AnsweredByID, answered)
		}
	}
	if did == "" && ticket.AssigneeID != owner {
		return wrong("assigned to %d, wants %d", ticket.AssigneeID, owner)
	}
	return Verdict{}
}

// judgeDuration looks at how long the call was.
func (c *Call) judgeDuration(ticket zendesktest.Ticket, slack time.Duration) Verdict {
	var lasted []time.Duration
	for _, v := range ticket.VoiceComments() {
		lasted = append(lasted, time.Duration(v.CallDuration)*time.Second)
	}
	if c.Kind.sounds() == 0 {
		in := field(ticket.Comments[len(ticket.Comments)-1].Body, "Duration: ")
		got, err := time.ParseDuration(in)
		if err != nil {
			return wrong("its last comment has the duration %q", in)
		}
		lasted = append(lasted, got)
	}
	shortest, longest := c.End.Sub(c.Start), c.End.Sub(c.Start)
	if !c.Heard.End.IsZero() {
		shortest, longest = c.End.Sub(c.Heard.Start), c.Heard.End.Sub(c.Start)
	}
	for _, got := range lasted {
		if got < shortest-rounding-slack || got > longest+rounding+slack {
			return wrong("lasted %s, wants %s within %s", got, between(shortest, longest), rounding+slack)
		}
	}
	return Verdict{}
}

// between is a length of time that is known within bounds.
func between(shortest, longest time.Duration) string {
	shortest, longest = shortest.Round(100*time.Millisecond), longest.Round(100*time.Millisecond)
	if shortest == longest {
		return shortest.String()
	}
	return fmt.Sprintf("%s to %s", shortest, longest)
}
