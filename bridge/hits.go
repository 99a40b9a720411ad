package bridge

import (
	"context"
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// place says where in his profile a user has a number.
type place string

const (
	inPhone place = "" // the phone of the profile, direct or shared
	// inIdentity is a further direct line: a user has several, and only the
	// first is his phone. Agents who merge two profiles make them.
	inIdentity place = "identity"
	// inField is the user field of Policy.NumberField.
	inField place = "field"
)

// hit is a user whom a search found for a number.
type hit struct {
	zendesk.User
	place place
	// exact says that the number is the same, and not only its ending.
	exact bool
	// excluded says why he cannot be the requester, "" if he can.
	excluded string
	// standIn says that talkbridge made him for the number, and nobody has given
	// him a name since: whoever else has the number is rather meant.
	standIn bool
}

// direct reports whether the number is the user's own, and no other's.
func (h hit) direct() bool {
	return h.exact && (h.place == inIdentity || h.place == inPhone && !h.SharedPhoneNumber)
}

// candidate reports whether the user may be meant, among others.
func (h hit) candidate() bool { return h.exact && h.excluded == "" && !h.standIn }

// found is what a search came to.
type found struct {
	// queries are what Zendesk was asked for.
	queries []string
	hits    []hit
}

// settled reports whether somebody's own number was found: then nobody else is
// looked for.
func (f *found) settled() bool {
	return slices.ContainsFunc(f.hits, func(h hit) bool { return h.candidate() && h.direct() })
}

// maxIdentities bounds whose identities are asked for: few users have a number
// that ends like the caller's and is not in their profile's phone.
const maxIdentities = 5

// search finds the users who may have the number. name is what a user would be
// called who is made for it now.
func (w *work) search(ctx context.Context, number telephony.Number, name string) (found, error) {
	pattern := "*" + number.National()
	f := found{queries: []string{"type:user role:end-user phone:" + pattern}}
	answer, err := w.b.zendesk.SearchUsersByPhone(ctx, zendesk.PhoneQuery{Numbers: []string{pattern}})
	if err != nil {
		return found{}, err
	}
	for _, u := range answer.Users {
		h := w.hit(u, number, name)
		h.exact = telephony.ParseNumber(u.Phone, w.policy.Country).E164 == number.E164
		f.hits = append(f.hits, h)
	}
	if err := w.searchIdentities(ctx, &f, number); err != nil {
		return found{}, err
	}
	return f, w.searchField(ctx, &f, number, name)
}

func (w *work) hit(u zendesk.User, number telephony.Number, name string) hit {
	made := strings.EqualFold(u.ExternalID, callerIDPrefix+number.E164)
	return hit{User: u, excluded: w.excluded(u), standIn: made && (u.Name == name || u.Name == nameless(number))}
}

// searchIdentities looks at the further numbers of those hits whose phone does
// not explain why they were found.
func (w *work) searchIdentities(ctx context.Context, f *found, number telephony.Number) error {
	asked := 0
	for i := range f.hits {
		h := &f.hits[i]
		if f.settled() || asked == maxIdentities {
			return nil
		}
		if h.exact || h.excluded != "" || strings.HasSuffix(digits(h.Phone), number.National()) {
			continue
		}
		asked++
		for identity, err := range w.b.zendesk.UserIdentities(ctx, h.ID) {
			if err := w.dispensable(err, "identities of a user"); err != nil {
				return err
			}
			if err == nil && identity.Type == zendesk.IdentityPhone && telephony.ParseNumber(identity.Value, w.policy.Country).E164 == number.E164 {
				h.exact, h.place = true, inIdentity
				break
			}
		}
	}
	return nil
}

// searchField looks into the field with further numbers, if there is one.
func (w *work) searchField(ctx context.Context, f *found, number telephony.Number, name string) error {
	key := w.policy.NumberField
	if key == "" || f.settled() {
		return nil
	}
	// Zendesk may compare the words of the text, or the text: with and without
	// the plus, one of the two is as it stands there.
	values := []string{strings.TrimPrefix(number.E164, "+"), number.E164}
	f.queries = append(f.queries, "type:user role:end-user "+key+`:"`+values[0]+`" `+key+`:"`+values[1]+`"`)
	answer, err := w.b.zendesk.SearchUsersByField(ctx, key, values...)
	if err := w.dispensable(err, "users by their number field"); err != nil {
		return err
	}
	for _, u := range answer.Users {
		exact := holdsNumber(u.Fields[key], number, w.policy.Country)
		i := slices.IndexFunc(f.hits, func(h hit) bool { return h.ID == u.ID })
		if i < 0 {
			f.hits, i = append(f.hits, w.hit(u, number, name)), len(f.hits)
		}
		if h := &f.hits[i]; !h.exact {
			h.exact, h.place = exact, inField
		}
	}
	return nil
}

// dispensable passes on what may be different in a moment. What will not be is
// logged: a call must not lose its ticket since a field has another name now.
func (w *work) dispensable(err error, what string) error {
	switch classify(err, false).kind {
	case park, invalid, gone, closed, reapply, reresolve:
		w.warn(err).WithField("asked", what).Warn("zendesk does not say, the caller is found without")
		return nil
	case ok, retry, unknown, waitUntil, halt:
	}
	return err
}

// holdsNumber reports whether a field's value, or one of several in it, is the
// number. They stand apart by commas, semicolons, lines, or blanks: what stands
// apart by blanks only must begin with its plus, since blanks are within
// numbers too.
func holdsNumber(value any, number telephony.Number, country string) bool {
	text, isText := value.(string)
	if !isText {
		return false
	}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",;\r\n", r) }) {
		if whole := telephony.ParseNumber(part, country).E164; whole != "" {
			if whole == number.E164 {
				return true
			}
			continue
		}
		for word := range strings.FieldsSeq(part) {
			if telephony.ParseNumber(word, "").E164 == number.E164 {
				return true
			}
		}
	}
	return false
}

// digits are the decimal digits of a text.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
