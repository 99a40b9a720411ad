// Package hours says whether a place is open at a time: by days of the week, by
// the clock of a time zone, and by a list of holidays.
//
// It does not know when holidays are, and reads no clock.
package hours

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Week is when a place is open. It is never changed and safe for concurrent
// use. See New; a nil Week is never open.
type Week struct {
	zone     *time.Location
	spans    []span
	holidays map[string]bool // by time.DateOnly
}

// span is a time of day on some days of the week, in minutes from midnight. One
// whose end is not behind its start goes on into the next day.
type span struct {
	days       [7]bool // by time.Weekday
	from, till int
}

// minutes of a day.
const fullDay = 24 * 60

var (
	spanForm = regexp.MustCompile(`^(\S+) ([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})$`)
	weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
)

// New makes a week of spans such as "mon-fri 09:00-17:30", "sat,sun
// 22:00-06:00" or "mon 00:00-24:00", and of holidays such as "2026-12-25", on
// which it is closed from midnight to midnight. The error joins all that is
// wrong.
func New(zone string, open, holidays []string) (*Week, error) {
	w := &Week{holidays: make(map[string]bool, len(holidays))}
	location, err := ParseZone(zone)
	errs := []error{err}
	w.zone = location
	for _, text := range open {
		s, err := parseSpan(text)
		errs = append(errs, err)
		w.spans = append(w.spans, s)
	}
	for _, text := range holidays {
		errs = append(errs, CheckDate(text))
		w.holidays[text] = true
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return w, nil
}

// Open reports whether the place is open at a time.
func (w *Week) Open(t time.Time) bool {
	if w == nil {
		return false
	}
	local := t.In(w.zone)
	if w.holidays[local.Format(time.DateOnly)] {
		return false
	}
	minute, today := local.Hour()*60+local.Minute(), local.Weekday()
	yesterday := (today + 6) % 7
	return slices.ContainsFunc(w.spans, func(s span) bool {
		if s.from < s.till {
			return s.days[today] && s.from <= minute && minute < s.till
		}
		return (s.days[today] && s.from <= minute) || (s.days[yesterday] && minute < s.till)
	})
}

// ParseZone finds a time zone by its name, such as Europe/Berlin or UTC. That of
// the machine has no name here: another machine has another.
func ParseZone(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is no time zone: use a name such as Europe/Berlin", name)
	}
	return location, nil
}

// CheckSpan says what is wrong with a span, nil if nothing is.
func CheckSpan(text string) error {
	_, err := parseSpan(text)
	return err
}

// CheckDate says what is wrong with a holiday, nil if nothing is.
func CheckDate(text string) error {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return fmt.Errorf("%q is no date: write it as 2026-12-25", text)
	}
	return nil
}

func parseSpan(text string) (span, error) {
	wrong := fmt.Errorf("%q is no opening time: write it as mon-fri 09:00-17:30", text)
	m := spanForm.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return span{}, wrong
	}
	var s span
	for part := range strings.SplitSeq(m[1], ",") {
		if !s.addDays(part) {
			return span{}, wrong
		}
	}
	from, okFrom := minutes(m[2], m[3])
	till, okTill := minutes(m[4], m[5])
	if !okFrom || !okTill || from == till || from == fullDay {
		return span{}, wrong
	}
	s.from, s.till = from, till
	return s, nil
}

// addDays adds a day or a run of days; it reports whether the text is one.
func (s *span) addDays(text string) bool {
	first, last, isRun := strings.Cut(text, "-")
	i, j := slices.Index(weekdays, first), slices.Index(weekdays, last)
	if !isRun {
		j = i
	}
	if i < 0 || j < 0 {
		return false
	}
	for day := i; ; day = (day + 1) % 7 {
		s.days[day] = true
		if day == j {
			return true
		}
	}
}

// minutes reads a time of day from two digits each; 24:00 is the day's end.
func minutes(hour, minute string) (int, bool) {
	h, errHour := strconv.Atoi(hour)
	m, errMinute := strconv.Atoi(minute)
	n := h*60 + m
	return n, errHour == nil && errMinute == nil && m < 60 && n <= fullDay
}
