package bridge

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/talkbridge/talkbridge/zendesk"
)

// Zendesk documents neither that tickets of the voice endpoint keep their
// external_id, nor that the list by it sees a ticket at once, nor that a create
// which it refuses made nothing, nor in which words it refuses what is closed. So
// where a second ticket could come of it, more is asked than one such question.

const (
	// maxUnnamed bounds the tickets whose audits are read to find one.
	maxUnnamed = 20
	// beforeCall is how much earlier than its call a ticket may seem to be: clocks
	// differ.
	beforeCall = 10 * time.Minute
)

// madeFor are the tickets that were made for the call and carry the external_id,
// the oldest first. Where none does, and it matters, those of the caller that carry
// no such name are asked whether their first audit has the call's metadata; the
// list of them lags by a minute or so.
func (w *work) madeFor(ctx context.Context, external string, matters bool) (tickets []zendesk.Ticket, how string, err error) {
	tickets, err = w.b.zendesk.TicketsByExternalID(ctx, external)
	if err != nil || len(tickets) > 0 || !matters || w.record.Caller == 0 {
		return tickets, "found by its external_id", err
	}
	listed, err := w.b.zendesk.RequestedTickets(ctx, w.record.Caller, w.call.StartedAt.Add(-beforeCall))
	if err != nil {
		if classify(err, false).kind == gone { // he was merged or deleted: so are his tickets
			err = nil
		}
		return nil, "", err
	}
	asked := 0
	for _, t := range listed {
		if (t.ExternalID != "" && t.ExternalID != external) || t.ID == w.record.Predecessor || asked == maxUnnamed {
			continue
		}
		asked++
		page, err := w.b.zendesk.ListTicketAudits(ctx, t.ID, zendesk.AuditListOptions{})
		if err != nil && classify(err, false).kind != gone {
			return nil, "", err
		}
		if len(page.Audits) > 0 && w.wrote(page.Audits[0], StepCreate) {
			tickets = append(tickets, t)
		}
	}
	slices.SortFunc(tickets, func(a, b zendesk.Ticket) int { return cmp.Compare(a.ID, b.ID) })
	return tickets, "found by its first audit", nil
}

// wrote reports whether an audit is of a step of the call.
func (w *work) wrote(a zendesk.Audit, step StepKind) bool {
	ours, _ := a.Metadata.Custom[metadataKey].(map[string]any)
	return ours["call_id"] == string(w.id) && ours["step"] == string(step)
}

// aboutTicket says what the refusal of an update means, in whatever words: the
// ticket is asked for. One that is there and open is not gone, whatever was said.
func (w *work) aboutTicket(ctx context.Context, ticket int64, v verdict, err error) (verdict, error) {
	t, why := w.b.zendesk.GetTicket(ctx, ticket)
	asked := w.judge(why, false)
	switch {
	case asked.kind == gone:
		return asked, err
	case asked.kind != ok:
		return asked, why
	case t.Status == "closed":
		return verdict{kind: closed}, err
	case v.kind == gone:
		return verdict{kind: park}, err
	}
	return v, err
}
