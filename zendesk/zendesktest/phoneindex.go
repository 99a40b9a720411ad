package zendesktest

import "slices"

// phoneIndex finds the users who have, or had, a number that ends in given digits, so that a search among many users
// need not look at all of them. It only proposes: the search compares with what it sees.
type phoneIndex map[string][]*userRecord

// tailDigits is how many digits of a number's end are the key.
const tailDigits = 6

// tail is the key of a number or of a pattern with a leading star; false if that is too short.
func tail(s string) (string, bool) {
	d := digits(s)
	if len(d) < tailDigits {
		return "", false
	}
	return d[len(d)-tailDigits:], true
}

func (x phoneIndex) add(rec *userRecord) {
	for _, p := range rec.phones() {
		if key, long := tail(p); long && !slices.Contains(x[key], rec) {
			x[key] = append(x[key], rec)
			rec.tails = append(rec.tails, key)
		}
	}
}

func (x phoneIndex) remove(rec *userRecord) {
	for _, key := range rec.tails {
		left := slices.DeleteFunc(x[key], func(r *userRecord) bool { return r == rec })
		if len(left) == 0 {
			delete(x, key)
			continue
		}
		x[key] = left
	}
}

// candidates are the users whom the query can match, in the order in which they were made: all of them, unless it
// asks for phones that are long enough.
func (a *account) candidates(q query) []*userRecord {
	var out []*userRecord
	found := false
	for _, t := range q.terms {
		if t.key != "phone" || t.not {
			continue
		}
		key, long := tail(t.value)
		if !long {
			return a.userOrder
		}
		found = true
		out = append(out, a.phoneTails[key]...)
	}
	if !found {
		return a.userOrder
	}
	slices.SortFunc(out, func(x, y *userRecord) int { return int(x.ID - y.ID) })
	return slices.Compact(out)
}
