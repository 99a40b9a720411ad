package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// Lookup says whom a caller's number would be taken for, and why. In JSON its
// fields are in lower case.
type Lookup struct {
	// Asked is the number as it was given, Line the number of ours that was
	// called and LineName its name, "" where none is known.
	Asked    string `json:"asked"`
	Line     string `json:"line,omitzero"`
	LineName string `json:"line_name,omitzero"`
	// Country is how a number without a country code is read, "" for not at all.
	Country string `json:"country,omitzero"`
	// E164 is the number, "" if it cannot be understood. Withheld says that it
	// stands for one that is not shown.
	E164     string `json:"e164,omitzero"`
	Location string `json:"location,omitzero"`
	Withheld bool   `json:"withheld,omitzero"`

	// Query is what Zendesk's search is asked for, "" if it is not asked.
	Query string `json:"query,omitzero"`
	// Hits are the users that were found, in their order.
	Hits []Hit `json:"hits,omitzero"`
	// Policy says whose call it is when several share the number.
	Policy SharedNumbers `json:"shared_number_policy"`
	// Remembered is whom the bridge knows for this number since RememberedAt,
	// without asking; 0 if nobody.
	Remembered   int64     `json:"remembered,omitzero"`
	RememberedAt time.Time `json:"remembered_at,omitzero"`

	// Chosen is the user, 0 if one would be made; How is as in Outcome.How,
	// Reason says it in words.
	Chosen int64  `json:"chosen,omitzero"`
	How    string `json:"how"`
	Reason string `json:"reason"`
	// Create is the user that would be made, nil if none.
	Create *zendesk.NewUser `json:"create,omitzero"`
}

// Hit is one user that Zendesk's search found for a number.
type Hit struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Phone  string `json:"phone"`
	Shared bool   `json:"shared,omitzero"`
	// Exact says that the number is the same, and not only its ending.
	Exact bool `json:"exact"`
	// Excluded says why the user cannot be the requester; "" if he can.
	Excluded string `json:"excluded,omitzero"`
}

// LookUp finds out whom a number that calls a line of ours would be taken for.
// It goes the way that calls go, but makes nobody. line may be "".
func LookUp(ctx context.Context, desk Zendesk, policy *Policy, number, line string) (Lookup, error) {
	return lookUp(ctx, &work{b: &Bridge{zendesk: desk, callers: newCallers(time.Now)}, policy: policy}, number, line)
}

// LookUp is the function LookUp with what this bridge remembers.
func (b *Bridge) LookUp(ctx context.Context, number, line string) (Lookup, error) {
	return lookUp(ctx, &work{b: b, policy: b.policy.Load()}, number, line)
}

// Policy is the one in force, apart from what Zendesk's limits change for a
// while. It is read only.
func (b *Bridge) Policy() *Policy { return b.policy.Load() }

func lookUp(ctx context.Context, w *work, number, line string) (Lookup, error) {
	l := Lookup{Asked: number, Country: w.policy.Country, Policy: w.policy.Shared}
	if l.Policy == "" {
		l.Policy = SharedNone
	}
	if line != "" {
		l.Line = telephony.ParseNumber(line, w.policy.Country).String()
		known := w.policy.Lines[l.Line]
		l.LineName = known.Name
		if known.Country != "" {
			l.Country = known.Country
		}
	}
	n := telephony.ParseNumber(number, l.Country)
	l.E164, l.Location, l.Withheld = n.E164, n.Location(), n.Withheld
	if n.Withheld {
		l.E164 = ""
	}
	if r, found := w.b.callers.recall(l.E164); found {
		l.Remembered, l.RememberedAt = r.id, r.at.UTC()
	}
	if l.E164 == "" {
		return l, w.explainPlaceholder(ctx, &l)
	}
	return l, w.explainNumber(ctx, &l, n)
}

// recall returns whom resolve would return without asking.
func (c *callers) recall(key string) (remembered, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, found := c.known[key]
	return k, found && c.now().Sub(k.at) < rememberCaller
}

// explainNumber goes the way of findOrMake.
func (w *work) explainNumber(ctx context.Context, l *Lookup, n telephony.Number) error {
	digits := "*" + n.National()
	l.Query = "type:user role:end-user phone:" + digits
	hits, err := w.b.zendesk.SearchUsersByPhone(ctx, zendesk.PhoneQuery{Numbers: []string{digits}})
	if err != nil {
		return err
	}
	var usable []zendesk.User
	shared := 0
	for _, u := range hits.Users {
		hit := Hit{
			ID: u.ID, Name: telephony.StripControls(u.Name), Phone: telephony.StripControls(u.Phone), Shared: u.SharedPhoneNumber,
			Exact: telephony.ParseNumber(u.Phone, w.policy.Country).E164 == n.E164, Excluded: w.excluded(u),
		}
		l.Hits = append(l.Hits, hit)
		if hit.Excluded != "" {
			continue
		}
		usable = append(usable, u)
		if hit.Exact && hit.Shared {
			shared++
		}
	}
	if u, how, found := choose(usable, n, w.policy); found {
		l.Chosen, l.How = u.ID, how
		l.Reason = "it is this user's own number"
		if how == howShared {
			l.Reason = "it is the only user with this number, who shares it"
		}
		if shared > 1 && how == howShared {
			l.Reason = fmt.Sprintf("%d users share the number, and tickets.shared_number_policy is %s", shared, l.Policy)
		}
		return nil
	}
	why := "nobody has exactly this number"
	if shared > 1 {
		why = fmt.Sprintf("%d users share the number, and tickets.shared_number_policy is none", shared)
	}
	return w.explainMade(ctx, l, why, zendesk.NewUser{
		Name: callerName(telephony.Party{}, n), Phone: n.E164, ExternalID: callerIDPrefix + n.E164,
		Role: zendesk.RoleEndUser, SkipVerifyEmail: true,
	})
}

// excluded says why a user cannot be the requester.
func (w *work) excluded(u zendesk.User) string {
	switch {
	case !u.Active:
		return "deleted"
	case u.Suspended:
		return "suspended"
	case !w.usable(u):
		return "refused as a requester within the last hour"
	}
	return ""
}

// explainMade is for a user of our own making, who may be there already.
func (w *work) explainMade(ctx context.Context, l *Lookup, why string, made zendesk.NewUser) error {
	known, err := w.byExternalID(ctx, made.ExternalID)
	if err != nil {
		return err
	}
	if known != 0 {
		l.Chosen, l.How = known, howExternal
		l.Reason = why + "; talkbridge made a user for it before, by external_id " + made.ExternalID
		return nil
	}
	l.How, l.Create, l.Reason = howCreated, &made, why+": a user would be made"
	return nil
}

// explainPlaceholder goes the way of placeholder.
func (w *work) explainPlaceholder(ctx context.Context, l *Lookup) error {
	why := "the number cannot be understood, so it is not used to find or make anybody"
	if l.Withheld {
		why = "the caller does not show his number"
	}
	email := w.policy.AnonymousEmail
	if email != "" {
		hits, err := w.b.zendesk.UsersByEmail(ctx, email)
		if err != nil {
			return err
		}
		for _, u := range hits {
			if w.usable(u) {
				l.Chosen, l.How = u.ID, howPlaceholder
				l.Reason = why + ": tickets.anonymous_user stands for such callers"
				return nil
			}
		}
	}
	err := w.explainMade(ctx, l, why, zendesk.NewUser{
		Name: anonymousName, ExternalID: anonymousID, Email: email, Role: zendesk.RoleEndUser, SkipVerifyEmail: true,
	})
	l.How = howPlaceholder
	return err
}
