package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/voicemail"
)

// revokeQuery says whose audio is taken back: a call's, or that of one link.
type revokeQuery struct {
	What string `json:"what"`
}

// revokeAnswer says what was taken back.
type revokeAnswer struct {
	// Calls are those that were named: several if they became one; none for a link.
	Calls []telephony.CallID `json:"calls,omitzero"`
	// Kept are the names of the audio that was served until now.
	Kept []string `json:"kept"`
	// Elsewhere are addresses in tickets that are not ours: Zendesk's own copies.
	Elsewhere []string `json:"elsewhere,omitzero"`
	Tickets   []int64  `json:"tickets,omitzero"`
}

var revokeQuestion = question[revokeQuery, revokeAnswer]{"/v1/revoke", answerRevoke}

func newRevoke() *cobra.Command {
	var path string
	var q revokeQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "revoke [--config FILE] (CALL | LINK) [--json]",
		Short: "Take the audio of a call back",
		Long: `Take back the recording and the voicemail of a call: their links stop working at
once, also those that were copied out of the ticket, and nothing of the call is
kept later. The file stays in recordings.dir, unserved, until recordings.keep is
over; delete it there to have it gone. A copy that was uploaded to Zendesk is
named, and must be deleted there.

CALL is as in explain. LINK is the whole link, as the ticket has it.`,
		Example: `  talkbridge revoke hq/pbx1/1795346706.0
  talkbridge revoke '#12'
  talkbridge revoke 'https://calls.example.com/recordings/…'`,
		Args: oneArgument("a call, or a link"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.What = strings.TrimSpace(args[0])
			return operate(cmd, path, asJSON, revokeQuestion, q, func(out page, a revokeAnswer, _ bool) error {
				printRevoke(out, a)
				return nil
			})
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	return cmd
}

func answerRevoke(ctx context.Context, d *desk, q revokeQuery) (a revokeAnswer, err error) {
	if d.journal == nil {
		return a, errNothingYet
	}
	store, ring, done, err := d.recordings() //nolint:contextcheck // opening a folder takes no context
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, done()) }()
	if strings.Contains(q.What, "://") {
		return revokeLink(store, ring, q.What)
	}
	id, err := d.findCall(ctx, q.What)
	if err != nil {
		return a, err
	}
	view, err := d.view(ctx, id, bridge.Moment{})
	if err != nil {
		return a, err
	}
	for _, part := range view.Parts {
		kept, err := store.RevokeCall(part.ID)
		if err != nil {
			return a, err
		}
		a.add(part, kept, ring)
	}
	d.revoked(a)
	return a, nil
}

func revokeLink(store *voicemail.Store, ring *voicemail.Keyring, link string) (a revokeAnswer, err error) {
	id, err := ring.Identify(link)
	if err != nil {
		return a, errors.New("this is no link to a recording that talkbridge made with its present keys; give it whole, in quotes, or name the call")
	}
	rec, err := store.Open(id)
	switch {
	case err == nil:
		a.Kept = append(a.Kept, rec.ID+rec.Ext())
		err = rec.Close()
	case errors.Is(err, voicemail.ErrNotFound), errors.Is(err, voicemail.ErrRevoked):
		err = nil
	}
	return a, errors.Join(err, store.Revoke(id))
}

// add notes what was kept of one call, and where else its audio is.
func (a *revokeAnswer) add(part bridge.Part, kept []voicemail.Audio, ring *voicemail.Keyring) {
	a.Calls = append(a.Calls, part.ID)
	for _, audio := range kept {
		a.Kept = append(a.Kept, audio.ID+audio.Ext())
	}
	if part.Record.Ticket != 0 {
		a.Tickets = append(a.Tickets, part.Record.Ticket)
	}
	for _, audio := range []*bridge.Audio{part.Record.Audio, part.Record.Recording} {
		if audio == nil || audio.URL == "" {
			continue
		}
		if _, err := ring.Identify(audio.URL); err != nil {
			a.Elsewhere = append(a.Elsewhere, audio.URL)
		}
	}
}

// recordings are the folder of the running daemon, or that of the configuration.
func (d *desk) recordings() (store *voicemail.Store, ring *voicemail.Keyring, done func() error, err error) {
	if d.daemon != nil {
		return d.daemon.audio.store, d.daemon.audio.ring, func() error { return nil }, nil
	}
	if ring, err = openRing(d.cfg.Recordings); err != nil {
		return nil, nil, nil, err
	}
	if store, err = voicemail.OpenStore(recordingsDir(d.cfg), ring, 0); err != nil {
		return nil, nil, nil, fmt.Errorf("recordings.dir: %w", err)
	}
	return store, ring, store.Close, nil
}

// revoked leaves a trace in the daemon's log.
func (d *desk) revoked(a revokeAnswer) {
	if d.daemon == nil {
		return
	}
	for _, call := range a.Calls {
		d.daemon.log.WithField("call_id", call).Info("audio revoked by a person")
	}
}

func printRevoke(out page, a revokeAnswer) {
	for _, call := range a.Calls {
		out.raw(out.ink(boldInk, string(call)))
	}
	for _, name := range a.Kept {
		out.say("  %s is served no more", name)
	}
	if len(a.Kept) == 0 {
		out.say("  nothing of it is served; nothing will be")
	}
	for _, address := range a.Elsewhere {
		out.say("  not ours: %s", address)
	}
	if len(a.Elsewhere) > 0 {
		out.say("  that copy is Zendesk's, or was linked with a key that is gone: redact it in the ticket (%s)", ticketList(a.Tickets))
	}
}
