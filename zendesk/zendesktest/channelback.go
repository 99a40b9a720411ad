package zendesktest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// How an agent's reply is handed to the integration service.
const (
	channelbackAttempts = 3
	channelbackTimeout  = 10 * time.Second
	maxChannelbackBytes = 64 << 10
)

// Channelback is an agent who replies in public on a ticket that came through an Any Channel integration: the reply is
// sent to the service's channelback URL as a form, up to three times with the same request_unique_identifier until it is
// accepted, and stands on the ticket. The id that the service answers with counts as imported from then on. Errors: the
// ticket is none of an integration that takes replies, or the service did not accept.
func (s *Server) Channelback(ctx context.Context, ticketID int64, message string) (Resource, error) {
	s.mu.Lock()
	target, form, err := s.acct.channelbackForm(ticketID, message)
	s.mu.Unlock()
	if err != nil {
		return Resource{}, err
	}
	var externalID string
	for range channelbackAttempts {
		if externalID, err = sendChannelback(ctx, target.ChannelbackURL, form); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return Resource{}, fmt.Errorf("channelback of ticket %d: %w", ticketID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	co := &Comment{Body: message, Public: true}
	if err := s.acct.byHand(ticketID, co, func(*Ticket) {}); err != nil {
		return Resource{}, err
	}
	res := &Resource{
		PushID: target.PushID, ExternalID: externalID, TicketID: ticketID, CommentID: co.ID,
		ThreadID: form.Get("thread_id"), ParentID: form.Get("parent_id"), Channelback: true,
	}
	s.acct.channels.remember(res)
	return *res, nil
}

// channelbackForm is what the service gets: parent_id is the newest resource of the ticket.
func (a *account) channelbackForm(ticketID int64, message string) (Instance, url.Values, error) {
	i := -1
	for k, r := range slices.Backward(a.channels.order) {
		if r.TicketID == ticketID && !r.Channelback {
			i = k
			break
		}
	}
	if i < 0 || a.liveTicket(ticketID) == nil {
		return Instance{}, nil, fmt.Errorf("channelback of ticket %d: it did not come through an integration", ticketID)
	}
	newest := a.channels.order[i]
	in := a.channels.instances[newest.PushID]
	if in == nil || in.ChannelbackURL == "" {
		return Instance{}, nil, fmt.Errorf("channelback of ticket %d: the integration takes no replies", ticketID)
	}
	recipient := ""
	for key, user := range a.channels.authors {
		if key[0] == in.PushID && user == a.tickets[ticketID].RequesterID {
			recipient = key[1]
		}
	}
	return *in, url.Values{
		"message": {message}, "parent_id": {newest.ExternalID}, "recipient_id": {recipient}, "metadata": {in.Metadata},
		"thread_id": {newest.ThreadID}, "request_unique_identifier": {rand.Text()},
	}, nil
}

// sendChannelback posts the form once and returns the external id that the service answers with.
func sendChannelback(ctx context.Context, target string, form url.Values) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, channelbackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxChannelbackBytes))
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	var got struct {
		ExternalID string `json:"external_id"`
	}
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode != http.StatusOK || kind != "application/json":
		return "", fmt.Errorf("the service answered %s with %q", resp.Status, kind)
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&got); err != nil {
		return "", fmt.Errorf("read answer of the service: %w", err)
	}
	if got.ExternalID == "" || len(got.ExternalID) > maxPushText {
		return "", errors.New("the service answered without an external_id of 1 to 255 characters")
	}
	return got.ExternalID, nil
}

// Resources returns what the integrations' messages became, oldest first: those pushed, and the replies.
func (s *Server) Resources() []Resource {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Resource, 0, len(s.acct.channels.order))
	for _, r := range s.acct.channels.order {
		out = append(out, *r)
	}
	return out
}
