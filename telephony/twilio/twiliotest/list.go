package twiliotest

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The sizes of pages. Twilio docs: usage/api/response#pagination.
const (
	defaultPage = 50
	maxPage     = 1000
)

// listing is one page of a list. Pages are counted from the newest: what is added meanwhile shifts the rest, so that a
// client that pages sees some twice.
func listing[T any](c *call, key string, all []T, render func(T) any) reply {
	size := min(max(1, atoi(c.query.Get("PageSize"), defaultPage)), maxPage)
	page := max(0, atoi(c.query.Get("Page"), 0))
	start := min(page*size, len(all))
	end := min(start+size, len(all))
	items := make([]any, 0, end-start)
	for _, v := range all[start:end] {
		items = append(items, render(v))
	}
	body := map[string]any{
		key: items, "page": page, "page_size": size, "start": start, "end": max(start, end-1), "uri": c.pageURI(page, size),
		"first_page_uri": c.pageURI(0, size), "next_page_uri": nil, "previous_page_uri": nil,
	}
	if end < len(all) {
		body["next_page_uri"] = c.pageURI(page+1, size)
	}
	if page > 0 {
		body["previous_page_uri"] = c.pageURI(page-1, size)
	}
	return reply{status: http.StatusOK, value: body}
}

// pageURI is relative to the API's host.
func (c *call) pageURI(page, size int) string {
	q := url.Values{}
	maps.Copy(q, c.query)
	q.Set("PageSize", strconv.Itoa(size))
	q.Set("Page", strconv.Itoa(page))
	q.Del("PageToken")
	if page > 0 {
		q.Set("PageToken", "PA"+numberSID(strconv.Itoa(page))[2:])
	}
	return accountPath(c.s.config.AccountSID) + "/" + strings.Join(c.path, "/") + ".json?" + q.Encode()
}

func atoi(s string, missing int) int {
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return missing
}

// days is a filter by time. Whatever time of the day is given, the day in UTC counts, and its beginning is the bound:
// from a day to the same day is nothing. Twilio documents days; that times are cut is what users report.
type days struct{ on, from, to time.Time }

func daysOf(q url.Values, key string) days {
	return days{day(q.Get(key)), day(q.Get(key + ">")), day(q.Get(key + "<"))}
}

// has reports whether a time passes; one that is not known passes only where nothing is asked.
func (d days) has(t time.Time) bool {
	if d == (days{}) {
		return true
	}
	return !t.IsZero() && (d.on.IsZero() || t.UTC().Truncate(24*time.Hour).Equal(d.on)) &&
		(d.from.IsZero() || !t.Before(d.from)) && (d.to.IsZero() || t.Before(d.to))
}

// day is the beginning of a day in UTC; zero for what is no date, which is then not asked for.
func day(s string) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(24 * time.Hour)
		}
	}
	return time.Time{}
}
