package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// maxAmbiguous bounds how many calls are named where more than one is meant.
const maxAmbiguous = 5

// errNothingYet says that there is no journal to look into.
var errNothingYet = errors.New("no journal yet: nothing has run with this configuration")

// findCall finds the call that a person means: by its id, by the phone
// system's own id, by "#12", one of its tickets, or by the end of its id where
// only one of the newest calls ends so.
func (d *desk) findCall(ctx context.Context, what string) (telephony.CallID, error) {
	if d.journal == nil {
		return "", errNothingYet
	}
	if strings.TrimSpace(what) == "" {
		return "", errors.New("which call? give its id, the end of it, or #12 for a ticket")
	}
	if number, isTicket := strings.CutPrefix(what, "#"); isTicket {
		n, ok := ticketNumber(number)
		if !ok {
			return "", fmt.Errorf("%q is no ticket: write it as in #12", what)
		}
		return d.callOfTicket(ctx, n)
	}
	candidates := []telephony.CallID{telephony.CallID(what)}
	for _, s := range d.cfg.Sources {
		if id, err := telephony.NewCallID(d.cfg.Site, s.Name, what); err == nil {
			candidates = append(candidates, id)
		}
	}
	for _, id := range candidates {
		story, err := d.journal.Story(ctx, string(id))
		if err != nil {
			return "", err
		}
		if len(story) > 0 {
			return id, nil
		}
	}
	return d.callBySuffix(ctx, what)
}

func (d *desk) callBySuffix(ctx context.Context, suffix string) (telephony.CallID, error) {
	views, err := d.views(ctx, maxListed, true)
	if err != nil {
		return "", err
	}
	var found []string
	for _, v := range views {
		if strings.HasSuffix(string(v.State.ID), suffix) {
			found = append(found, string(v.State.ID))
		}
	}
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("no call %q among the newest %d: 'talkbridge calls' lists them; an older one needs its whole id", suffix, maxListed)
	case len(found) > 1:
		return "", fmt.Errorf("%d calls end with %q: %s; give more of the id", len(found), suffix,
			strings.Join(found[:min(len(found), maxAmbiguous)], ", "))
	}
	return telephony.CallID(found[0]), nil
}

// callOfTicket looks among the newest calls; an older one is known by the
// ticket's external_id.
func (d *desk) callOfTicket(ctx context.Context, n int64) (telephony.CallID, error) {
	views, err := d.views(ctx, maxListed, true)
	if err != nil {
		return "", err
	}
	var found []bridge.View
	for _, v := range views {
		if hasTicket(v, n) {
			found = append(found, v)
		}
	}
	// The one that it was made for, before those that are attached to it.
	if i := slices.IndexFunc(found, func(v bridge.View) bool { return !v.Record.Attached }); i >= 0 {
		return found[i].State.ID, nil
	}
	if len(found) > 0 {
		return found[0].State.ID, nil
	}
	ticket, err := d.client.GetTicket(ctx, n)
	if refused, is := errors.AsType[*zendesk.Error](err); is && refused.IsNotFound() {
		return "", fmt.Errorf("ticket #%d: neither among the newest %d calls, nor does zendesk have it", n, maxListed)
	}
	if err != nil {
		explanation, _ := explainZendesk(d.cfg.Zendesk, err)
		return "", fmt.Errorf("ticket #%d is not among the newest %d calls, and zendesk does not say whose it is: %w", n, maxListed, explanation)
	}
	id, _, _ := strings.Cut(ticket.ExternalID, "#")
	story, err := d.journal.Story(ctx, id)
	if err != nil {
		return "", err
	}
	if id == "" || len(story) == 0 {
		return "", fmt.Errorf("ticket #%d belongs to no call in this journal (its external_id is %q)", n, ticket.ExternalID)
	}
	return telephony.CallID(id), nil
}

// view is a call with what is owed next, which without a daemon is what one
// would do when it starts.
func (d *desk) view(ctx context.Context, id telephony.CallID, at bridge.Moment) (bridge.View, error) {
	if b := d.bridge(); b != nil {
		v, found, err := b.Call(ctx, id)
		if err == nil && !found {
			err = fmt.Errorf("%s: %w", id, bridge.ErrNoCall)
		}
		return v, err
	}
	v, found, err := bridge.ReadCall(ctx, d.journal, id)
	if err == nil && !found {
		err = fmt.Errorf("%s: %w", id, bridge.ErrNoCall)
	}
	v.Next = bridge.Next(v, d.policy, at)
	return v, err
}
