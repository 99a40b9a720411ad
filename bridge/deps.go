package bridge

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// Journal is what the bridge needs of the durable log; *journal.Journal is one.
type Journal interface {
	Append(ctx context.Context, messages ...journal.Message) ([]uint64, error)
	AppendIf(ctx context.Context, m journal.Message, lastOutcome uint64) (uint64, error)
	Tail(ctx context.Context, from uint64, fn func(journal.Record) error) error
	Story(ctx context.Context, call string) ([]journal.Record, error)
	StoryBefore(ctx context.Context, call string, before uint64) ([]journal.Record, error)
	State(ctx context.Context) (journal.State, error)
	Checkpoint(ctx context.Context) (uint64, error)
	SetCheckpoint(ctx context.Context, seq uint64) error
}

// Zendesk is what the bridge needs of the API; *zendesk.Client is one.
type Zendesk interface {
	CreateVoiceTicket(ctx context.Context, t zendesk.VoiceTicket) (zendesk.Ticket, error)
	TicketsByExternalID(ctx context.Context, externalID string) ([]zendesk.Ticket, error)
	GetTicket(ctx context.Context, ticketID int64) (zendesk.Ticket, error)
	UpdateTicket(ctx context.Context, ticketID int64, u zendesk.TicketUpdate) (zendesk.Ticket, error)
	ListTicketAudits(ctx context.Context, ticketID int64, opts zendesk.AuditListOptions) (zendesk.AuditPage, error)
	DisplayTicket(ctx context.Context, agentID, ticketID int64) error
	DisplayUser(ctx context.Context, agentID, userID int64) error
	SearchUsersByPhone(ctx context.Context, q zendesk.PhoneQuery) (zendesk.UserHits, error)
	SearchUsersByField(ctx context.Context, key string, values ...string) (zendesk.UserHits, error)
	UserIdentities(ctx context.Context, userID int64) iter.Seq2[zendesk.UserIdentity, error]
	GetUser(ctx context.Context, userID int64) (zendesk.User, error)
	UsersByExternalIDs(ctx context.Context, externalIDs ...string) ([]zendesk.User, error)
	UsersByEmail(ctx context.Context, email string) ([]zendesk.User, error)
	CreateUser(ctx context.Context, u zendesk.NewUser) (zendesk.User, error)
	NewestOpenTicket(ctx context.Context, userID int64) (newest zendesk.Ticket, found bool, err error)
	LastChangedTicket(ctx context.Context, userID int64) (last zendesk.Ticket, found bool, err error)
	RequestedTickets(ctx context.Context, userID int64, since time.Time) ([]zendesk.Ticket, error)
	CreateCall(ctx context.Context, n zendesk.NewCall) (zendesk.CallRecord, error)
	UpdateCall(ctx context.Context, callID int64, change zendesk.CallFields) (zendesk.CallRecord, error)
	CommentOnCall(ctx context.Context, callID int64, comment zendesk.CallComment) (zendesk.TicketComment, error)
	TicketComments(ctx context.Context, ticketID int64, newestFirst bool) iter.Seq2[zendesk.TicketComment, error]
}

var (
	_ Journal = (*journal.Journal)(nil)
	_ Zendesk = (*zendesk.Client)(nil)
)

// AudioCollector copies the audio of a call to where it can be served.
type AudioCollector interface {
	// Collect waits, within bounds, until the file is final. What can never be
	// served is no error but Audio.Refused; an error is worth another try.
	Collect(ctx context.Context, call telephony.CallID, path string) (Audio, error)
	// CollectRecording does so with the recording of a call that is over. The
	// zero Audio says that nothing was recorded.
	CollectRecording(ctx context.Context, call telephony.CallID, path string) (Audio, error)
}

// worthRetrying reports whether an append may succeed later: the journal is
// full, or busy. What it can never hold, a lost race, and a journal that needs a
// restart are not worth it.
func worthRetrying(err error) bool {
	if _, found := errors.AsType[*journal.MessageError](err); found {
		return false
	}
	if _, found := errors.AsType[*journal.BrokenError](err); found {
		return false
	}
	if _, found := errors.AsType[*journal.DamagedError](err); found {
		return false
	}
	if _, found := errors.AsType[*journal.ConflictError](err); found {
		return false
	}
	return !errors.Is(err, journal.ErrClosed)
}
