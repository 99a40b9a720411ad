package zendesktest

import (
	"net/http"
	"slices"
	"time"
)

// Zendesk's documents are silent about some of what a client must rely on. Each option below is another answer to one
// such question than the one that the simulator gives by itself; a program should keep its promises under all of them.
// What an option is not there for has one answer: the comment at the operation says so.
type choices struct {
	noVoiceExternalID    bool
	listDelay            time.Duration
	lateDisplay          []int64
	closedStatus         int
	closedWords          string
	callRefusal          int
	suspendedMayAsk      bool
	refreshOutlivesToken bool
}

func defaultChoices() choices {
	return choices{
		closedStatus: http.StatusUnprocessableEntity, closedWords: "Status: closed prevents ticket update", callRefusal: http.StatusUnprocessableEntity,
	}
}

// WithoutVoiceExternalID drops the external_id of tickets that the voice endpoint makes, without a word. Open: the page of
// the endpoint says that the rules of other tickets hold, and shows no request with one. Default: it is kept.
func WithoutVoiceExternalID() Option { return func(c *config) { c.choices.noVoiceExternalID = true } }

// WithListDelay has the list of tickets by external_id not see a ticket until d after it was made. Open: no page says
// that the list reads the data and not an index; that it does is experience. Default: none.
func WithListDelay(d time.Duration) Option {
	return func(c *config) { c.choices.listDelay = max(d, 0) }
}

// WithLateDisplayCheck has display_to_agent with one of these agents refused after the ticket was made, with the same 422
// and empty body. They can be assignees all the same, as one without a seat in Talk might. Open: that nothing is made is
// said of the ids of no agent alone. Default: whoever is an agent can be shown a page, and who is none is refused first.
func WithLateDisplayCheck(agentIDs ...int64) Option {
	return func(c *config) { c.choices.lateDisplay = append(c.choices.lateDisplay, agentIDs...) }
}

// WithClosedRefusal sets how updates of closed tickets are refused. Open: the status and the words are experience, the
// words may be in the language of the account, and other endpoints answer 404. Default: 422, "Status: closed prevents
// ticket update".
func WithClosedRefusal(status int, words string) Option {
	return func(c *config) { c.choices.closedStatus, c.choices.closedWords = status, words }
}

// WithCallRefusal sets the status with which call records are refused that lack something, or name what there is not:
// an app, a ticket, a user. Open: the page of the Calls API lists no refusals. Default: 422.
func WithCallRefusal(status int) Option { return func(c *config) { c.choices.callRefusal = status } }

// WithSuspendedRequesters lets tickets be made for suspended users. Open: no page says what comes of them. Default: 422.
func WithSuspendedRequesters() Option { return func(c *config) { c.choices.suspendedMayAsk = true } }

// WithRefreshAfterRevoke has the refresh token outlive the access token that is revoked. Open: the page says that the
// token ends, and not which. Default: both end.
func WithRefreshAfterRevoke() Option {
	return func(c *config) { c.choices.refreshOutlivesToken = true }
}

// listed reports whether the list by external_id sees a ticket.
func (a *account) listed(t *ticketRecord, now time.Time) bool {
	return !now.Before(t.made.Add(a.cfg.choices.listDelay))
}

// undisplayable reports whether an agent is found to be none after the ticket was made.
func (a *account) undisplayable(agentID int64) bool {
	return slices.Contains(a.cfg.choices.lateDisplay, agentID)
}

// closedRefusal is the answer to an update of a closed ticket.
func (a *account) closedRefusal() *reply {
	status, words := a.cfg.choices.closedStatus, a.cfg.choices.closedWords
	rep := failure(status, "RecordNotFound", words)
	if status == http.StatusUnprocessableEntity {
		rep = problems{"status": {{Description: words}}}.reply()
	}
	return &rep
}
