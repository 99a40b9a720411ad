package torture

import (
	"fmt"
	"strings"
	"time"
)

// Tally is what a torture came to.
type Tally struct {
	Calls, Tickets int
	// Kills, Cuts, Expired and Outages are what was done to the daemon and to
	// Zendesk, Failed how many requests met a fault; ClosedTickets and
	// DeletedTickets what people did.
	Kills, Cuts, Expired, Outages int
	Failed                        int
	ClosedTickets, DeletedTickets int
	// Pages opened in time; Missed did not, and were said to; Repeated opened
	// again since the answer to the first was lost.
	Pages, Missed, Repeated int
	// Sounds were played and are those of their calls.
	Sounds int
	// Unseen are calls that not even a perfect program could have known of.
	Unseen int
	// Impatient are requests that came although Zendesk had said to wait.
	Impatient int
	// BySource are the calls by where they come from.
	BySource map[Source]int
	// Webhooks of Twilio were taken, and Unheard were not, nor came again; Repeats is
	// how often a sender sent something once more.
	Webhooks, Unheard, Repeats int
	// Lost, Duplicate and Wrong are the calls that are so.
	Lost, Duplicate, Wrong int

	killed []time.Time
}

// bad says that the promise is broken.
func (t Tally) bad() bool { return t.Lost+t.Duplicate+t.Wrong > 0 }

// add adds another one.
func (t *Tally) add(o Tally) {
	for _, n := range []struct {
		to   *int
		more int
	}{
		{&t.Calls, o.Calls},
		{&t.Tickets, o.Tickets},
		{&t.Kills, o.Kills},
		{&t.Cuts, o.Cuts},
		{&t.Expired, o.Expired},
		{&t.Outages, o.Outages},
		{&t.Failed, o.Failed},
		{&t.ClosedTickets, o.ClosedTickets},
		{&t.DeletedTickets, o.DeletedTickets},
		{&t.Pages, o.Pages},
		{&t.Missed, o.Missed},
		{&t.Repeated, o.Repeated},
		{&t.Sounds, o.Sounds},
		{&t.Unseen, o.Unseen},
		{&t.Impatient, o.Impatient},
		{&t.Webhooks, o.Webhooks},
		{&t.Unheard, o.Unheard},
		{&t.Repeats, o.Repeats},
		{&t.Lost, o.Lost},
		{&t.Duplicate, o.Duplicate},
		{&t.Wrong, o.Wrong},
	} {
		*n.to += n.more
	}
	if t.BySource == nil {
		t.BySource = map[Source]int{}
	}
	for source, n := range o.BySource {
		t.BySource[source] += n
	}
}

// count adds a verdict.
func (t *Tally) count(v Verdict) {
	switch v.Fault {
	case Lost:
		t.Lost++
	case Duplicate:
		t.Duplicate++
	case Wrong:
		t.Wrong++
	}
}

// String is the last line.
func (t Tally) last(seed uint64) string {
	return fmt.Sprintf("seed=%d calls=%d tickets=%d kills=%d lost=%d duplicate=%d wrong=%d",
		seed, t.Calls, t.Tickets, t.Kills, t.Lost, t.Duplicate, t.Wrong)
}

// sources says how many calls came from where.
func (t Tally) sources() string {
	var parts []string
	for _, s := range Sources {
		if n := t.BySource[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", s, n))
		}
	}
	return strings.Join(parts, " ")
}

// details are all else.
func (t Tally) details() string {
	return fmt.Sprintf("calls=%d %s tickets=%d kills=%d cuts=%d outages=%d expired=%d failed_requests=%d closed=%d deleted=%d sounds=%d "+
		"pages=%d missed=%d repeated=%d unseen=%d impatient=%d webhooks=%d unheard=%d repeats=%d lost=%d duplicate=%d wrong=%d",
		t.Calls, t.sources(), t.Tickets, t.Kills, t.Cuts, t.Outages, t.Expired, t.Failed, t.ClosedTickets, t.DeletedTickets, t.Sounds,
		t.Pages, t.Missed, t.Repeated, t.Unseen, t.Impatient, t.Webhooks, t.Unheard, t.Repeats, t.Lost, t.Duplicate, t.Wrong)
}
