package zendesktest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// identity is one address of a user.
type identity struct {
	kind, value string
	primary     bool
}

const (
	identityEmail = "email"
	identityPhone = "phone_number"
)

// identities are the user's addresses: emails first, the primary one before the others. A shared number is none.
func (rec *userRecord) identities() []identity {
	var out []identity
	if rec.Email != "" {
		out = append(out, identity{identityEmail, rec.Email, true})
	}
	for _, e := range rec.moreEmails {
		out = append(out, identity{identityEmail, e, false})
	}
	for i, n := range rec.PhoneIdentities {
		out = append(out, identity{identityPhone, n, i == 0})
	}
	return out
}

// identityID is the id of an address; it gets one when it is first asked for.
func (a *account) identityID(rec *userRecord, i identity) int64 {
	if rec.identityIDs == nil {
		rec.identityIDs = map[string]int64{}
	}
	key := i.kind + " " + i.value
	if rec.identityIDs[key] == 0 {
		rec.identityIDs[key] = a.nextEventID()
	}
	return rec.identityIDs[key]
}

func (a *account) identityJSON(rec *userRecord, i identity) map[string]any {
	return map[string]any{
		"id": a.identityID(rec, i), "user_id": rec.ID, "type": i.kind, "value": i.value, "verified": true, "primary": i.primary,
		"created_at": stamp(rec.CreatedAt), "updated_at": stamp(rec.UpdatedAt), "deliverable_state": "deliverable", "undeliverable_count": 0,
	}
}

// listIdentities is GET /users/{id}/identities.
func (a *account) listIdentities(c *call) reply {
	rec := a.users[c.params[0]]
	if rec == nil {
		return notFound()
	}
	return listing(c, "identities", rec.identities(), func(i identity) any { return a.identityJSON(rec, i) })
}

// createIdentity is POST /users/{id}/identities. Emails and phone numbers are simulated; other types are refused.
func (a *account) createIdentity(c *call) reply {
	rec := a.users[c.params[0]]
	if rec == nil {
		return notFound()
	}
	_, in, bad := c.wrapped("identity")
	if bad != nil {
		return *bad
	}
	r := reader{o: in}
	kind, _ := r.text("type")
	value, _ := r.text("value")
	if r.bad != nil {
		return *r.bad
	}
	issues := problems{}
	a.checkIdentity(kind, value, issues)
	if len(issues) > 0 {
		return issues.reply()
	}
	if kind == identityPhone {
		a.addIdentity(rec, value)
		if rec.Phone == "" {
			rec.Phone = value
		}
	} else {
		a.addEmail(rec, value)
	}
	a.touched(c, rec)
	all := rec.identities()
	i := slices.IndexFunc(all, func(i identity) bool { return i.kind == kind && i.value == value })
	return created(map[string]any{"identity": a.identityJSON(rec, all[i])})
}

// checkIdentity says what keeps an address from becoming somebody's.
func (a *account) checkIdentity(kind, value string, issues problems) {
	taken := func() {
		issues.add("value", "DuplicateValue", "Value: "+value+" is already being used by another user")
	}
	switch kind {
	case identityPhone:
		switch {
		case digits(value) == "" || a.cfg.validatePhone && !e164.MatchString(value):
			issues.add("value", "InvalidFormat", "Value: "+value+" is not a phone number")
		case a.byPhone[digits(value)] != nil:
			taken()
		}
	case identityEmail:
		switch {
		case !strings.Contains(value, "@"):
			issues.add("value", "InvalidValue", "Value: "+value+" is not properly formatted")
		case a.userByEmail(value) != nil:
			taken()
		}
	default:
		issues.add("type", "InvalidValue", "Type: "+kind+" is not valid")
	}
}

func (a *account) addEmail(rec *userRecord, email string) {
	if rec.Email == "" {
		rec.Email = email
	} else {
		rec.moreEmails = append(rec.moreEmails, email)
	}
	a.byEmail[strings.ToLower(email)] = rec
}

// deleteIdentity is DELETE /users/{id}/identities/{id}.
func (a *account) deleteIdentity(c *call) reply {
	rec := a.users[c.params[0]]
	if rec == nil {
		return notFound()
	}
	all := rec.identities()
	i := slices.IndexFunc(all, func(i identity) bool { return a.identityID(rec, i) == c.params[1] })
	if i < 0 {
		return notFound()
	}
	gone := all[i].value
	is := func(v string) bool { return v == gone }
	if all[i].kind == identityPhone {
		delete(a.byPhone, digits(gone))
		rec.PhoneIdentities = slices.DeleteFunc(slices.Clone(rec.PhoneIdentities), is)
		if rec.Phone == gone {
			rec.Phone = ""
		}
	} else {
		delete(a.byEmail, strings.ToLower(gone))
		rec.moreEmails = slices.DeleteFunc(rec.moreEmails, is)
		if rec.Email == gone {
			rec.Email = ""
		}
	}
	a.touched(c, rec)
	return bare(http.StatusNoContent)
}

// touched notes a change of the user.
func (a *account) touched(c *call, rec *userRecord) {
	rec.UpdatedAt = c.now.Truncate(time.Second)
	c.committed = true
	a.userChanged(rec)
}
