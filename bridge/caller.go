package bridge

import (
	"context"
	"errors"
	"net/http"

	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// The external_ids of users that talkbridge makes. They are unique in an
// account, so that making a user twice is refused, and need no intent.
const (
	anonymousID      = "talkbridge-anonymous"
	callerIDPrefix   = "talkbridge:"
	anonymousName    = "Anonymous caller"
	howDirect        = "direct"
	howShared        = "shared"
	howField         = "field"
	howExternal      = "external_id"
	howCreated       = "created"
	howPlaceholder   = "placeholder"
	placeholderCache = "" // the key of the placeholder in callers
)

// caller finds or makes the requester and notes him.
func (w *work) caller(ctx context.Context) result {
	number := w.number(w.call.Customer())
	key := number.E164
	if number.Withheld {
		key = placeholderCache
	}
	found, err := w.b.callers.resolve(ctx, key, func(ctx context.Context) (user, error) {
		if key == placeholderCache {
			return w.placeholder(ctx)
		}
		return w.findOrMake(ctx, number)
	})
	switch v := classify(err, false); v.kind {
	case ok:
		// What is remembered asked nobody: it says nothing of our credentials.
		return w.note(ctx, Outcome{Kind: CallerKnown, Step: StepCaller, User: found.id, How: found.how, Candidates: found.candidates})
	case halt:
		w.answer = refusedUs
		return w.putOff(v, err)
	case invalid, park:
		return w.park(ctx, intent{}, StepCaller, err)
	case retry, unknown, waitUntil, reapply, reresolve, closed, gone:
		return w.putOff(v, err)
	}
	return result{}
}

// findOrMake is for a number that may be searched for.
func (w *work) findOrMake(ctx context.Context, number telephony.Number) (user, error) {
	name := callerName(w.call.Customer(), number)
	f, err := w.search(ctx, number, name)
	if err != nil {
		return user{}, err
	}
	c := w.choose(ctx, f.hits)
	candidates := w.candidates(c)
	if c.id != 0 {
		return user{c.id, c.how, candidates}, nil
	}
	made, err := w.b.zendesk.CreateUser(ctx, madeFor(number, name))
	if err == nil {
		return user{made.ID, howCreated, candidates}, nil
	}
	if !refused(err) {
		return user{}, err
	}
	// Mostly the external_id is taken: the search index is behind.
	known, lookErr := w.byExternalID(ctx, callerIDPrefix+number.E164)
	if lookErr != nil {
		return user{}, lookErr
	}
	if known != 0 {
		return user{known, howExternal, candidates}, nil
	}
	w.warn(err).Warn("zendesk takes no user for this number, using the placeholder")
	return w.placeholder(ctx)
}

// madeFor is the user that is made for a number whom nobody has.
func madeFor(number telephony.Number, name string) zendesk.NewUser {
	return zendesk.NewUser{
		Name: name, Phone: number.E164, ExternalID: callerIDPrefix + number.E164, Role: zendesk.RoleEndUser, SkipVerifyEmail: true,
	}
}

// placeholder is the one user for all who do not show their number.
func (w *work) placeholder(ctx context.Context) (user, error) {
	if email := w.policy.AnonymousEmail; email != "" {
		hits, err := w.b.zendesk.UsersByEmail(ctx, email)
		if err != nil {
			return user{}, err
		}
		for _, u := range hits {
			if w.usable(u) {
				return user{id: u.ID, how: howPlaceholder}, nil
			}
		}
	}
	id, err := w.byExternalID(ctx, anonymousID)
	if err != nil || id != 0 {
		return user{id: id, how: howPlaceholder}, err
	}
	made, err := w.b.zendesk.CreateUser(ctx, zendesk.NewUser{
		Name: anonymousName, ExternalID: anonymousID, Email: w.policy.AnonymousEmail,
		Role: zendesk.RoleEndUser, SkipVerifyEmail: true,
	})
	if refused(err) {
		if id, lookErr := w.byExternalID(ctx, anonymousID); lookErr == nil && id != 0 {
			return user{id: id, how: howPlaceholder}, nil
		}
	}
	return user{id: made.ID, how: howPlaceholder}, err
}

func (w *work) byExternalID(ctx context.Context, id string) (int64, error) {
	known, err := w.b.zendesk.UsersByExternalIDs(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, u := range known {
		if w.usable(u) {
			return u.ID, nil
		}
	}
	return 0, nil
}

// requesterGone asks for the requester of a write that was refused. The voice
// endpoint may refuse without a word, so it cannot be seen from the answer that
// he was merged, deleted or suspended since he was found.
func (w *work) requesterGone(ctx context.Context) bool {
	u, err := w.b.zendesk.GetUser(ctx, w.record.Caller)
	return classify(err, false).kind == gone || err == nil && (!u.Active || u.Suspended)
}

// usable reports whether Zendesk takes the user as a requester, as far as is known.
func (w *work) usable(u zendesk.User) bool {
	return w.excluded(u) == ""
}

// refused reports whether Zendesk said that this user cannot be made.
func refused(err error) bool {
	e, found := errors.AsType[*zendesk.Error](err)
	return found && e.Status == http.StatusUnprocessableEntity
}

// callerName is what a new user is called: the name that the phone system shows
// if there is one, else the number.
func callerName(party telephony.Party, number telephony.Number) string {
	name := telephony.StripControls(party.Name)
	if name == "" || telephony.IsWithheld(name) || name == party.Number {
		return nameless(number)
	}
	return clip(wording.Literal(name), maxName)
}

// nameless is what a user is called of whom nothing but the number is known.
func nameless(number telephony.Number) string { return "Caller " + number.E164 }
