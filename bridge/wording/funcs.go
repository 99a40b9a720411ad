package wording

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"time"
)

// ours are the functions beside those of text/template that are allowed.
var ours = template.FuncMap{
	"lower":    strings.ToLower,
	"upper":    strings.ToUpper,
	"trim":     strings.TrimSpace,
	"contains": func(part, s string) bool { return strings.Contains(s, part) },
	"prefix":   func(start, s string) bool { return strings.HasPrefix(s, start) },
	"replace":  replace,
	"join":     join,
	"default":  fallback,
	"seconds":  func(l Length) int64 { return int64(time.Duration(l).Round(time.Second) / time.Second) },
	"minutes":  func(l Length) int64 { return int64(time.Duration(l).Round(time.Minute) / time.Minute) },
	"time":     clock,
}

// standard are those functions of text/template that are allowed. The others
// print without bound, call anything, or escape for what a ticket is not.
var standard = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len"}

// Functions are all that a template may call, in alphabetical order.
func Functions() []string {
	return slices.Sorted(slices.Values(slices.Concat(standard, slices.Collect(maps.Keys(ours)))))
}

// replace does not let texts grow: each is cut as a value is.
func replace(from, to, s string) string {
	if from == "" {
		return s
	}
	return Clip(strings.ReplaceAll(s, from, Clip(to, maxValue)), maxValue)
}

// join is bounded as the whole text is.
func join(separator string, list []string) string {
	return Clip(strings.Join(list, Clip(separator, maxValue)), maxOutput)
}

// fallback is the value, or instead what stands for one that is empty.
func fallback(instead string, value any) any {
	if shown := fmt.Sprint(value); value == nil || shown == "" || reflect.ValueOf(value).IsZero() {
		return instead
	}
	return value
}

// clock writes a time in a zone, in the form of Go: "2006-01-02 15:04".
func clock(zone, form string, c Clock) (string, error) {
	location, err := time.LoadLocation(zone)
	if err != nil {
		return "", fmt.Errorf("%q is no time zone, such as Europe/Berlin", zone)
	}
	if c.IsZero() {
		return "", nil
	}
	return Clip(c.In(location).Format(form), maxValue), nil
}
