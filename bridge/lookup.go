package bridge

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"

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
	// FieldQuery is what it is asked for about tickets.number_field, "" if
	// somebody's own number was found, or if there is no such field.
	FieldQuery string `json:"field_query,omitzero"`
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
	// Candidates are whom the ticket would name as those whose call it may be.
	Candidates []Candidate `json:"candidates,omitempty"`
	// Create is the user that would be made, nil if none.
	Create *zendesk.NewUser `json:"create,omitzero"`
}

// Hit is one user that Zendesk's search found for a number.
type Hit struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Phone  string `json:"phone"`
	Shared bool   `json:"shared,omitzero"`
	// Place is where the number stands: "" in Phone, "identity" for a further
	// direct line, "field" for tickets.number_field.
	Place string `json:"place,omitzero"`
	// Exact says that the number is the same, and not only its ending.
	Exact bool `json:"exact"`
	// Made says that talkbridge made the user, and that nobody gave him a name:
	// whoever else has the number is rather meant.
	Made bool `json:"made,omitzero"`
	// Excluded says why the user cannot be the requester; "" if he can.
	Excluded string `json:"excluded,omitzero"`
}

// LookUp finds out whom a number that calls a line of ours would be taken for.
// It goes the way that calls go, but makes nobody. line may be "".
func LookUp(ctx context.Context, desk Zendesk, policy *Policy, number, line string) (Lookup, error) {
	return lookUp(ctx, &work{b: &Bridge{zendesk: desk, callers: newCallers(time.Now)}, policy: policy, log: silent()}, number, line)
}

// silent is for questions of people: what fails is in the answer.
func silent() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// LookUp is the function LookUp with what this bridge remembers.
func (b *Bridge) LookUp(ctx context.Context, number, line string) (Lookup, error) {
	return lookUp(ctx, &work{b: b, policy: b.policy.Load(), log: b.log}, number, line)
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
	switch {
	case l.Withheld:
		return l, w.explainPlaceholder(ctx, &l, "the caller does not show his number")
	case l.E164 == "":
		return l, w.explainPlaceholder(ctx, &l, "the number cannot be understood, so it is not used to find or make anybody")
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
	name := callerName(telephony.Party{}, n)
	f, err := w.search(ctx, n, name)
	if err != nil {
		return err
	}
	l.Query = f.queries[0]
	if len(f.queries) > 1 {
		l.FieldQuery = f.queries[1]
	}
	for _, h := range f.hits {
		l.Hits = append(l.Hits, Hit{
			ID: h.ID, Name: telephony.StripControls(h.Name), Phone: telephony.StripControls(h.Phone), Place: string(h.place),
			Shared: h.place == inPhone && h.SharedPhoneNumber, Exact: h.exact, Made: h.standIn, Excluded: h.excluded,
		})
	}
	c := w.choose(ctx, f.hits)
	l.Candidates = w.candidates(c)
	why := "nobody has exactly this number"
	if len(c.several) > 1 {
		why = fmt.Sprintf("%d users share the number, and tickets.shared_number_policy is %s", len(c.several), l.Policy)
	}
	if c.id == 0 {
		return w.explainMade(ctx, l, why, madeFor(n, name))
	}
	l.Chosen, l.How = c.id, c.how
	switch {
	case c.standIn && len(c.several) > 1:
		l.Reason = why + "; talkbridge made this user for it"
	case c.standIn:
		l.Reason = "nobody else has this number: talkbridge made this user for it"
	case len(c.several) > 1:
		l.Reason = why
	case c.how == howDirect:
		l.Reason = "it is this user's own number"
	case c.how == howField:
		l.Reason = "it is the only user with this number, by tickets.number_field"
	default:
		l.Reason = "it is the only user with this number, who shares it"
	}
	return nil
}

// excluded says why a user cannot be the requester.
func (w *work) excluded(u zendesk.User) string {
	switch {
	case !u.Active:
		return "deleted"
	case u.Suspended:
		return "suspended"
	case w.b.callers.avoided(u.ID):
		return "refused as a requester within the last hour"
	}
	return ""
}

// explainMade is for a user of our own making, who may be there already.
func (w *work) explainMade(ctx context.Context, l *Lookup, why string, made zendesk.NewUser) error {
	known, err := w.b.zendesk.UsersByExternalIDs(ctx, made.ExternalID)
	if err != nil {
		return err
	}
	if len(known) == 0 {
		l.How, l.Create, l.Reason = howCreated, &made, why+": a user would be made"
		return nil
	}
	u := known[0]
	out := w.excluded(u)
	if out == "" {
		l.Chosen, l.How = u.ID, howExternal
		l.Reason = why + "; talkbridge made a user for it before, by external_id " + made.ExternalID
		return nil
	}
	why = fmt.Sprintf("%s; user %d, whom talkbridge made for it, is %s", why, u.ID, out)
	if made.ExternalID == anonymousID {
		l.Reason = why
		return nil
	}
	return w.explainPlaceholder(ctx, l, why)
}

// explainPlaceholder goes the way of placeholder.
func (w *work) explainPlaceholder(ctx context.Context, l *Lookup, why string) error {
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
