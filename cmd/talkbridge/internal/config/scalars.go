package config

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// redacted is what a secret prints as.
const redacted = "<redacted>"

// Secret is a text that never prints: not with any verb of fmt, not in a field of another struct, not as JSON, YAML or
// text, not in a log entry. The zero value is no secret.
type Secret struct {
	// A pointer, because fmt prints the unexported fields of a foreign struct without asking anybody.
	value *string
}

// NewSecret returns the secret s.
func NewSecret(s string) Secret { return Secret{value: &s} }

// Reveal returns the text itself, "" for the zero value.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret, or an empty one.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Equal reports whether two secrets are the same. It is for comparing configurations, not for checking what a stranger sent.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns a placeholder, "" for no secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// GoString returns the placeholder.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Format writes the placeholder for any verb.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(s.String())) // fmt has no way to report this error
}

// MarshalText returns the placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON returns the placeholder as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML returns the placeholder.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// AgentRef names a user in Zendesk: by e-mail address, or by id. Exactly one is set.
type AgentRef struct {
	// E-mail address, "" where the id is given.
	Email string
	// Numeric id, 0 where the address is given.
	ID int64
}

// String returns the address or the id as it stands in the file.
func (a AgentRef) String() string {
	if a.Email != "" {
		return a.Email
	}
	return strconv.FormatInt(a.ID, 10)
}

// MarshalText returns what String returns.
func (a AgentRef) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Size is a number of bytes.
type Size int64

// The units of Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
	TiB Size = 1 << 40
)

var sizeUnits = []struct {
	name string
	unit Size
}{{"TiB", TiB}, {"TB", 1e12}, {"GiB", GiB}, {"GB", 1e9}, {"MiB", MiB}, {"MB", 1e6}, {"KiB", KiB}, {"kB", 1e3}, {"B", 1}}

// String returns the size in the largest unit that divides it: 8GiB.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && s%u.unit == 0 {
			return strconv.FormatInt(int64(s/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// MarshalText returns what String returns.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// parseSize reads a whole number with a unit.
func parseSize(s string) (Size, bool) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/int64(u.unit) {
			return 0, false
		}
		return Size(n) * u.unit, true
	}
	return 0, false
}

const day = 24 * time.Hour

var days = regexp.MustCompile(`^([0-9]{1,5})d$`)

// parseDuration reads what time.ParseDuration reads, and whole days: 30d.
func parseDuration(s string) (time.Duration, bool) {
	if m := days.FindStringSubmatch(s); m != nil {
		n, err := strconv.Atoi(m[1])
		return time.Duration(n) * day, err == nil
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// formatDuration is how a person would write it: 90s, 10m, 365d.
func formatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
