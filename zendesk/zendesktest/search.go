package zendesktest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSearchResults is how far pages of a search reach; users/search reaches maxUserResults.
const (
	maxSearchResults = 1000
	maxUserResults   = 10_000
)

// search is GET /search. It sees the account as the index does, a delay behind.
func (a *account) search(c *call) reply {
	if !c.query.Has("query") {
		return failure(http.StatusUnprocessableEntity, "invalid", "Invalid search: missing query")
	}
	q := parseQuery(c.query.Get("query"))
	var results []result
	if q.wants("user") && (q.kind == "user" || !q.has("phone")) {
		results = a.matchUsers(c, q)
	}
	if q.wants("ticket") {
		results = append(results, a.matchTickets(c, q)...)
	}
	sortResults(results, c.query.Get("sort_by"), c.query.Get("sort_order"))
	return a.searchPage(c, "results", results, maxSearchResults)
}

// searchUsers is GET /users/search, with query or with an exact external_id; both lag.
func (a *account) searchUsers(c *call) reply {
	q := parseQuery(c.query.Get("query"))
	if c.query.Has("external_id") {
		q = query{terms: []term{{key: "external_id", op: ":", value: c.query.Get("external_id")}}}
	}
	q.kind = "user"
	if len(q.terms) == 0 && !c.query.Has("query") {
		return failure(http.StatusUnprocessableEntity, "invalid", "Invalid search: missing query")
	}
	return a.searchPage(c, "users", a.matchUsers(c, q), maxUserResults)
}

func (a *account) searchPage(c *call, key string, results []result, limit int) reply {
	size := bounded(c.query.Get("per_page"), maxPerPage, maxPerPage)
	if page := bounded(c.query.Get("page"), 1, 1_000_000); page*size > limit && (page-1)*size >= limit {
		return failure(http.StatusUnprocessableEntity, "invalid",
			"Invalid search: cannot access beyond the first "+strconv.Itoa(limit)+" results")
	}
	rep := listing(c, key, results, func(r result) any { return r.render() })
	if key == "results" {
		if body, isMap := rep.v.(map[string]any); isMap {
			body["facets"] = nil
		}
	}
	return rep
}

// result is one hit.
type result struct {
	id               int64
	kind             string
	created, updated time.Time
	status           string
	render           func() any
}

type searchedTicket struct {
	ticketWire
	ResultType string `json:"result_type"`
}

type searchedUser struct {
	userWire
	ResultType string `json:"result_type"`
}

func (a *account) matchUsers(c *call, q query) []result {
	var out []result
	for _, rec := range a.candidates(q) {
		u := rec.index.visible(c.now, a.cfg.indexDelay)
		if u == nil || u.Deleted || !q.matchesUser(u) {
			continue
		}
		out = append(out, result{
			id: u.ID, kind: "user", created: u.CreatedAt, updated: u.UpdatedAt,
			render: func() any { return searchedUser{c.userJSON(u), "user"} },
		})
	}
	return out
}

func (a *account) matchTickets(c *call, q query) []result {
	var out []result
	for _, rec := range a.ticketOrder {
		t := rec.index.visible(c.now, a.cfg.indexDelay)
		if t == nil || t.Deleted || !a.matchesTicket(q, t) {
			continue
		}
		out = append(out, result{
			id: t.ID, kind: "ticket", created: t.CreatedAt, updated: t.UpdatedAt, status: t.Status,
			render: func() any { return searchedTicket{c.ticketJSON(t), "ticket"} },
		})
	}
	return out
}

// sortResults sorts as asked; by relevance, which is the default, the newest are first.
func sortResults(rs []result, by, order string) {
	compare := func(x, y result) int { return int(y.id - x.id) }
	switch by {
	case "created_at":
		compare = func(x, y result) int { return y.created.Compare(x.created) }
	case "updated_at":
		compare = func(x, y result) int { return y.updated.Compare(x.updated) }
	case "status":
		rank := func(s string) int { return slices.Index(statusOrder, s) }
		compare = func(x, y result) int { return rank(y.status) - rank(x.status) }
	}
	slices.SortStableFunc(rs, func(x, y result) int {
		if n := compare(x, y); n != 0 {
			if order == "asc" {
				return -n
			}
			return n
		}
		return int(y.id - x.id)
	})
}

// query is a parsed search: free words and properties, all of which must match, but properties of the same name with
// a colon are alternatives.
type query struct {
	kind  string // user, ticket or empty for both
	terms []term
}

type term struct {
	key, op, value string // key is empty for a free word
	not            bool
}

func (q query) wants(kind string) bool { return q.kind == "" || q.kind == kind }

func (q query) has(key string) bool {
	return slices.ContainsFunc(q.terms, func(t term) bool { return t.key == key })
}

// parseQuery reads Zendesk's search syntax as far as this package goes: words, "quoted words", -negation,
// property:value and property with <, >, <= or >=.
func parseQuery(s string) query {
	var q query
	for _, w := range splitQuery(s) {
		t := term{}
		w, t.not = strings.CutPrefix(w, "-")
		if i := strings.IndexAny(w, ":<>"); i > 0 && !strings.HasPrefix(w, `"`) {
			t.key, t.op, t.value = w[:i], w[i:i+1], w[i+1:]
			if rest, orEqual := strings.CutPrefix(t.value, "="); orEqual && t.op != ":" {
				t.op, t.value = t.op+"=", rest
			}
		} else {
			t.value = w
		}
		t.value = strings.Trim(t.value, `"`)
		switch {
		case t.key == "type" && !t.not:
			q.kind = t.value
			continue
		case t.key == "role" && q.kind == "":
			q.kind = "user"
		case t.key == "" && t.value == "":
			continue
		}
		q.terms = append(q.terms, t)
	}
	return q
}

// splitQuery splits at blanks outside quotes.
func splitQuery(s string) []string {
	var out []string
	var b strings.Builder
	quoted := false
	for _, r := range s {
		if r == '"' {
			quoted = !quoted
		}
		if r == ' ' && !quoted {
			if b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
			continue
		}
		b.WriteRune(r)
	}
	if b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

// matchAll says whether all terms match; several of one property with a colon are alternatives.
func (q query) matchAll(one func(term) bool) bool {
	decided := map[string]bool{}
	for _, t := range q.terms {
		hit := one(t) != t.not
		if t.key == "" || t.op != ":" || t.not {
			if !hit {
				return false
			}
			continue
		}
		decided[t.key] = decided[t.key] || hit
	}
	for _, hit := range decided {
		if !hit {
			return false
		}
	}
	return true
}

func (q query) matchesUser(u *User) bool {
	return q.matchAll(func(t term) bool {
		switch t.key {
		case "":
			return wordMatch(t.value, u.Name, u.Email, u.Notes) || slices.Contains(u.phones(), t.value)
		case "phone":
			return slices.ContainsFunc(u.phones(), func(p string) bool { return phoneMatch(t.value, p) })
		case "role":
			return u.Role == t.value
		case "email":
			return strings.EqualFold(u.Email, t.value)
		case "external_id":
			return strings.EqualFold(u.ExternalID, t.value)
		case "name":
			return wordMatch(t.value, u.Name)
		case "tags":
			return slices.Contains(u.Tags, t.value)
		case "suspended":
			return strconv.FormatBool(u.Suspended) == t.value
		case "created":
			return dateMatch(t, u.CreatedAt)
		case "updated":
			return dateMatch(t, u.UpdatedAt)
		}
		text, isText := u.Fields[t.key].(string)
		return isText && fieldMatch(t.value, text)
	})
}

func (a *account) matchesTicket(q query, tk *Ticket) bool {
	return q.matchAll(func(t term) bool {
		switch t.key {
		case "":
			return wordMatch(t.value, tk.Subject, tk.Description) || strconv.FormatInt(tk.ID, 10) == t.value
		case "status":
			return orderMatch(t, slices.Index(statusOrder, tk.Status), slices.Index(statusOrder, t.value))
		case "external_id":
			return tk.ExternalID == t.value
		case "subject":
			return wordMatch(t.value, tk.Subject)
		case "tags":
			return slices.Contains(tk.Tags, t.value)
		case "requester":
			return a.userMatch(tk.RequesterID, t.value)
		case "assignee":
			return tk.AssigneeID == 0 && t.value == "none" || a.userMatch(tk.AssigneeID, t.value)
		case "via":
			return tk.Channel() == t.value
		case "created":
			return dateMatch(t, tk.CreatedAt)
		case "updated":
			return dateMatch(t, tk.UpdatedAt)
		}
		return false
	})
}

func (a *account) userMatch(id int64, value string) bool {
	u := a.users[id]
	return u != nil && (strconv.FormatInt(id, 10) == value || strings.EqualFold(u.Email, value) || wordMatch(value, u.Name))
}

// phoneMatch is Zendesk's phone keyword: a leading * finds numbers that end in the digits however they were typed,
// country code or not; without it the value must be the number as typed, but for a leading plus.
func phoneMatch(want, have string) bool {
	if suffix, anyStart := strings.CutPrefix(want, "*"); anyStart {
		suffix = digits(suffix)
		return suffix != "" && strings.HasSuffix(digits(have), suffix)
	}
	return want != "" && strings.TrimPrefix(want, "+") == strings.TrimPrefix(have, "+")
}

// fieldMatch compares the text of a custom field with what is searched for: the whole of it, or one of its words, a plus
// before either being idle. Zendesk does not document more than that texts are searched by words.
func fieldMatch(want, have string) bool {
	want = strings.TrimPrefix(want, "+")
	if strings.EqualFold(want, strings.TrimPrefix(have, "+")) {
		return true
	}
	for word := range strings.FieldsFuncSeq(have, func(r rune) bool { return strings.ContainsRune(" ,;\t\r\n", r) }) {
		if strings.EqualFold(want, strings.TrimPrefix(word, "+")) {
			return true
		}
	}
	return false
}

// wordMatch finds the word at the beginning of any word of the texts, without regard to case; a trailing * is idle.
func wordMatch(want string, texts ...string) bool {
	want = strings.ToLower(strings.TrimSuffix(want, "*"))
	if want == "" {
		return false
	}
	for _, text := range texts {
		text = strings.ToLower(text)
		if strings.Contains(want, " ") && strings.Contains(text, want) {
			return true
		}
		for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" ,.;:@<>()\n", r) }) {
			if strings.HasPrefix(w, want) {
				return true
			}
		}
		if text == want {
			return true
		}
	}
	return false
}

func dateMatch(t term, have time.Time) bool {
	want, valid := dateOf(t.value)
	if !valid {
		return false
	}
	if t.op == ":" {
		return !have.Before(want) && have.Before(want.AddDate(0, 0, 1))
	}
	return orderMatch(t, have.Compare(want), 0)
}

func orderMatch(t term, have, want int) bool {
	if have < 0 && want >= 0 && t.key == "status" || want < 0 && t.key == "status" {
		return false
	}
	switch t.op {
	case "<":
		return have < want
	case "<=":
		return have <= want
	case ">":
		return have > want
	case ">=":
		return have >= want
	}
	return have == want
}
