package bridge

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

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
		return w.note(ctx, Outcome{Kind: CallerKnown, Step: StepCaller, User: found.id, How: found.how})
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
	hits, err := w.b.zendesk.SearchUsersByPhone(ctx, zendesk.PhoneQuery{Numbers: []string{"*" + number.National()}})
	if err != nil {
		return user{}, err
	}
	usable := slices.DeleteFunc(hits.Users, func(u zendesk.User) bool { return !w.usable(u) })
	if hit, how, found := choose(usable, number, w.policy); found {
		return user{hit.ID, how}, nil
	}
	made, err := w.b.zendesk.CreateUser(ctx, zendesk.NewUser{
		Name: callerName(w.call.Customer(), number), Phone: number.E164,
		ExternalID: callerIDPrefix + number.E164, Role: zendesk.RoleEndUser, SkipVerifyEmail: true,
	})
	if err == nil {
		return user{made.ID, howCreated}, nil
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
		return user{known, howExternal}, nil
	}
	w.log.WithError(err).Warn("zendesk takes no user for this number, using the placeholder")
	return w.placeholder(ctx)
}

// choose picks among what a search returned: it matches by ending, so each hit
// is compared exactly. A direct line comes before a shared one; of several that
// share the number the policy picks.
func choose(hits []zendesk.User, number telephony.Number, p *Policy) (zendesk.User, string, bool) {
	var direct, shared []zendesk.User
	for _, u := range hits {
		if telephony.ParseNumber(u.Phone, p.Country).E164 != number.E164 {
			continue
		}
		if u.SharedPhoneNumber {
			shared = append(shared, u)
		} else {
			direct = append(direct, u)
		}
	}
	oldestFirst := func(a, b zendesk.User) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(direct, oldestFirst)
	slices.SortFunc(shared, oldestFirst)
	switch {
	case len(direct) > 0:
		return direct[0], howDirect, true
	case len(shared) == 1, len(shared) > 1 && p.Shared == SharedOldest:
		return shared[0], howShared, true
	case len(shared) > 1 && p.Shared == SharedNewest:
		return shared[len(shared)-1], howShared, true
	}
	return zendesk.User{}, "", false
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
				return user{u.ID, howPlaceholder}, nil
			}
		}
	}
	id, err := w.byExternalID(ctx, anonymousID)
	if err != nil || id != 0 {
		return user{id, howPlaceholder}, err
	}
	made, err := w.b.zendesk.CreateUser(ctx, zendesk.NewUser{
		Name: anonymousName, ExternalID: anonymousID, Email: w.policy.AnonymousEmail,
		Role: zendesk.RoleEndUser, SkipVerifyEmail: true,
	})
	if refused(err) {
		if id, lookErr := w.byExternalID(ctx, anonymousID); lookErr == nil && id != 0 {
			return user{id, howPlaceholder}, nil
		}
	}
	return user{made.ID, howPlaceholder}, err
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

// usable reports whether Zendesk takes the user as a requester, as far as is known.
func (w *work) usable(u zendesk.User) bool {
	return u.Active && !u.Suspended && !w.b.callers.avoided(u.ID)
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
		return "Caller " + number.E164
	}
	return clip(name, maxName)
}
