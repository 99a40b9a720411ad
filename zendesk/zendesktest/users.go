package zendesktest

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}(x[0-9]+)?$`)

// showMe is GET /users/me. Without good credentials it answers 200 with an anonymous user whose id is null.
func (a *account) showMe(c *call) reply {
	if c.user != nil {
		return ok(map[string]any{"user": c.userJSON(c.user)})
	}
	return ok(map[string]any{"user": map[string]any{
		"id": nil, "url": nil, "name": "Anonymous user", "email": "invalid@example.com", "role": RoleEndUser,
		"verified": false, "active": false,
	}})
}

func (a *account) showUser(c *call) reply {
	u := a.users[c.params[0]]
	if u == nil {
		return notFound()
	}
	return ok(map[string]any{"user": c.userJSON(&u.User)})
}

// listUsers is GET /users, with role, role[] and external_id.
func (a *account) listUsers(c *call) reply {
	roles := append(slices.Clone(c.query["role[]"]), c.query["role"]...)
	var out []*userRecord
	for _, u := range a.userOrder {
		if u.Deleted {
			continue
		}
		if len(roles) > 0 && !slices.Contains(roles, u.Role) {
			continue
		}
		if c.query.Has("external_id") && !strings.EqualFold(u.ExternalID, c.query.Get("external_id")) {
			continue
		}
		out = append(out, u)
	}
	return a.listOfUsers(c, out)
}

func (a *account) listOfUsers(c *call, users []*userRecord) reply {
	return listing(c, "users", users, func(u *userRecord) any { return c.userJSON(&u.User) })
}

// showManyUsers is GET /users/show_many with ids or external_ids, straight from the data.
func (a *account) showManyUsers(c *call) reply {
	var out []*userRecord
	ids, external := c.query.Get("ids"), c.query.Get("external_ids")
	switch {
	case ids == "" && external == "":
		return failure(http.StatusBadRequest, "BadRequest", "Send ids or external_ids")
	case strings.Count(ids, ",") >= maxPerPage || strings.Count(external, ",") >= maxPerPage:
		return failure(http.StatusBadRequest, "TooManyIds", "At most 100 ids are allowed")
	}
	for s := range strings.SplitSeq(ids, ",") {
		if id, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil && a.users[id] != nil && !a.users[id].Deleted {
			out = append(out, a.users[id])
		}
	}
	for s := range strings.SplitSeq(external, ",") {
		if u := a.byExternal[strings.ToLower(strings.TrimSpace(s))]; u != nil && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return a.listOfUsers(c, out)
}

// createUser is POST /users.
func (a *account) createUser(c *call) reply {
	_, in, bad := c.wrapped("user")
	if bad != nil {
		return *bad
	}
	return a.create(c, in)
}

func (a *account) create(c *call, in object) reply {
	u := userDraft{acct: a, r: reader{o: in}, issues: problems{}}
	u.read(User{Role: RoleEndUser})
	if rep := u.refusal(); rep != nil {
		return *rep
	}
	rec := a.storeUser(u.User)
	c.committed = true
	rep := created(map[string]any{"user": c.userJSON(&rec.User)})
	rep.with("Location", fmt.Sprintf("%s/api/v2/users/%d.json", c.base, rec.ID))
	return rep
}

// createOrUpdateUser is POST /users/create_or_update: it knows users by email or external_id, never by phone.
func (a *account) createOrUpdateUser(c *call) reply {
	_, in, bad := c.wrapped("user")
	if bad != nil {
		return *bad
	}
	r := reader{o: in}
	external, _ := r.text("external_id")
	email, _ := r.text("email")
	if r.bad != nil {
		return *r.bad
	}
	var known *userRecord
	if external != "" {
		known = a.byExternal[strings.ToLower(external)]
	}
	if known == nil && email != "" {
		known = a.userByEmail(email)
	}
	var target int64
	if known != nil {
		target = known.ID
	}
	if rep, refused := a.limitUpsert(c, target); refused {
		return rep
	}
	if known == nil {
		return a.create(c, in)
	}
	return a.change(c, known, in)
}

// updateUser is PUT /users/{id}.
func (a *account) updateUser(c *call) reply {
	rec := a.users[c.params[0]]
	if rec == nil {
		return notFound()
	}
	_, in, bad := c.wrapped("user")
	if bad != nil {
		return *bad
	}
	if rep, refused := a.limitUpsert(c, rec.ID); refused {
		return rep
	}
	return a.change(c, rec, in)
}

func (a *account) change(c *call, rec *userRecord, in object) reply {
	u := userDraft{acct: a, r: reader{o: in}, issues: problems{}, self: rec}
	u.read(rec.clone())
	if rep := u.refusal(); rep != nil {
		return *rep
	}
	a.unindexKeys(rec)
	phone := u.Phone
	u.Phone, u.SharedPhone, u.PhoneIdentities = rec.Phone, rec.SharedPhone, rec.PhoneIdentities
	u.UpdatedAt = c.now.Truncate(time.Second)
	rec.User = u.User
	if phone != rec.Phone {
		a.setPhone(rec, phone, u.wantShared)
	}
	for _, n := range u.identities {
		a.addIdentity(rec, n)
	}
	a.indexKeys(rec)
	c.committed = true
	a.userChanged(rec)
	return ok(map[string]any{"user": c.userJSON(&rec.User)})
}

// userDraft is a user in the making, read and checked whole before anything is stored.
type userDraft struct {
	User
	acct       *account
	r          reader
	issues     problems
	self       *userRecord // nil for a new user
	wantShared bool
	identities []string
}

func (u *userDraft) read(from User) {
	u.User = from
	r := &u.r
	for key, dst := range map[string]*string{
		"name": &u.Name, "email": &u.Email, "phone": &u.Phone, "external_id": &u.ExternalID, "notes": &u.Notes,
		"role": &u.Role,
	} {
		if v, sent := r.text(key); sent {
			*dst = v
		}
	}
	if v, sent := r.boolean("suspended"); sent {
		u.Suspended = v
	}
	if tags, sent := r.list("tags"); sent {
		u.Tags = normalTags(tags)
	}
	u.wantShared, _ = r.boolean("shared_phone_number")
	if fields := r.nested("user_fields"); fields != nil {
		merged := maps.Clone(u.Fields)
		if merged == nil {
			merged = map[string]any{}
		}
		maps.Copy(merged, fields)
		u.Fields = merged
	}
	u.readIdentities()
	if u.self == nil {
		u.SharedPhone, u.PhoneIdentities = u.wantShared, u.identities
		if u.Phone == "" && len(u.identities) > 0 {
			u.Phone = u.identities[0]
		}
	}
	u.validate()
}

func (u *userDraft) readIdentities() {
	list, isList := u.r.o["identities"].([]any)
	if !isList {
		if u.r.o["identities"] != nil {
			u.r.fail("identities", "an array of objects")
		}
		return
	}
	for _, e := range list {
		o, _ := e.(map[string]any)
		r := reader{o: o}
		kind, _ := r.text("type")
		value, _ := r.text("value")
		switch {
		case kind == "phone_number" && value != "":
			if owner := u.acct.byPhone[digits(value)]; owner != nil && owner != u.self {
				u.issues.add("identities", "DuplicateValue", "Value: "+value+" is already being used by another user")
			}
			u.identities = append(u.identities, value)
		case kind == "email" && u.Email == "":
			u.Email = value
		}
	}
}

func (u *userDraft) validate() {
	if u.Name == "" {
		u.issues.add("name", "BlankValue", "Name: cannot be blank")
	}
	if u.Email != "" {
		if !strings.Contains(u.Email, "@") {
			u.issues.add("email", "InvalidValue", "Email: "+u.Email+" is not properly formatted")
		} else if taken := u.acct.userByEmail(u.Email); taken != nil && taken != u.self {
			u.issues.add("email", "DuplicateValue", "Email: "+u.Email+" is already being used by another user")
		}
	}
	if u.ExternalID != "" {
		if taken := u.acct.byExternal[strings.ToLower(u.ExternalID)]; taken != nil && taken != u.self {
			u.issues.add("external_id", "DuplicateValue", "External ID: has already been taken")
		}
	}
	if !slices.Contains([]string{RoleEndUser, RoleAgent, RoleAdmin}, u.Role) {
		u.issues.add("role", "InvalidValue", "Role: "+u.Role+" is not valid")
	}
	if u.acct.cfg.validatePhone && u.Phone != "" && !e164.MatchString(u.Phone) {
		u.issues.add("phone", "InvalidFormat", "Phone: Number needs to be in E.164 format")
	}
}

func (u *userDraft) refusal() *reply {
	if u.r.bad != nil {
		return u.r.bad
	}
	if len(u.issues) == 0 {
		return nil
	}
	rep := u.issues.reply()
	return &rep
}
