package torture

import (
	"regexp"
	"strings"
)

// telephoneNumber is one that is not masked: with a plus, with the digits of a
// trunk prefix, or as the callers of the captures are written. Letters beside digits
// are an id, as calls have that talkbridge placed.
var telephoneNumber = regexp.MustCompile(`\+[0-9]{6,}|(?:^|[^0-9A-Za-z.])(?:0[1-9][0-9]{6,}|49[0-9]{8,}|1555[0-9]{7,})(?:[^0-9A-Za-z]|$)`)

// Indiscretion says what a line of a log should not: a secret, or a telephone
// number that is not masked on a level above debug. It is "" for a discreet one.
func Indiscretion(line string, secrets []string) string {
	for _, secret := range secrets {
		if strings.Contains(line, secret) {
			return "a secret"
		}
	}
	if !strings.Contains(line, "level=debug") && telephoneNumber.MatchString(line) {
		return "a telephone number"
	}
	return ""
}
