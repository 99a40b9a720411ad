package telephony

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// minDigits is how long a national number without a known pattern must be to
// count as a telephone number: below it, it is an extension or a short code.
const minDigits = 8

// maxNumber bounds what is looked at: E.164 has 15 digits, and people write
// spaces and brackets.
const maxNumber = 64

// Number is a telephone number as it came, and what it means.
type Number struct {
	// Raw is the number as it came, without control characters.
	Raw string
	// E164 is "+" and digits, or "" if Raw cannot be understood: then it must
	// not be used to search for a user or to create one.
	E164 string
	// Withheld says that the caller does not show his number.
	Withheld bool
}

// withheld is what phone systems and carriers send in place of a number that
// the caller does not show.
var withheld = map[string]bool{
	"": true, "<unknown>": true, "unknown": true, "anonymous": true, "private": true, "restricted": true,
	"withheld": true, "unavailable": true, "blocked": true, "not available": true, "asterisk": true,
}

// ParseNumber reads a number in the way people in country write it, an ISO
// 3166 code of two letters ("US"); "" accepts only international ones with a
// leading "+". It never fails: what cannot be understood keeps its Raw and has
// no E164.
func ParseNumber(raw, country string) Number {
	raw = StripControls(raw)
	n := Number{Raw: raw, Withheld: IsWithheld(raw)}
	if n.Withheld || len(raw) > maxNumber {
		return n
	}
	return readNumbers.read(raw, country)
}

// readNumber says what a number means that is not withheld.
func readNumber(raw, country string) Number {
	n := Number{Raw: raw}
	parsed, err := phonenumbers.Parse(raw, strings.ToUpper(country))
	if err != nil || strings.ContainsFunc(raw, unicode.IsLetter) {
		return n
	}
	e164 := phonenumbers.Format(parsed, phonenumbers.E164)
	long := len(e164) > minDigits && phonenumbers.IsPossibleNumberWithReason(parsed) == phonenumbers.IS_POSSIBLE
	if long || phonenumbers.IsValidNumber(parsed) {
		n.E164 = e164
	}
	return n
}

// String is the E.164 form, or the number as it came.
func (n Number) String() string {
	if n.E164 != "" {
		return n.E164
	}
	return n.Raw
}

// IsWithheld reports whether what stands in place of a number says that the
// caller does not show his.
func IsWithheld(raw string) bool {
	return withheld[strings.ToLower(strings.TrimSpace(raw))]
}

// StripControls removes control and formatting characters, among them those
// that turn the direction of writing, and replaces bytes that are no UTF-8.
// Numbers and names come from whoever calls.
func StripControls(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, s)
}

func isControl(r rune) bool {
	return unicode.IsControl(r) || (unicode.Is(unicode.Cf, r) && r != '\u200d')
}

// MaskNumber hides all but the last two digits of a number, for logs.
func MaskNumber(s string) string {
	digits := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return r
		}
		digits--
		if digits < 2 {
			return r
		}
		return '*'
	}, s)
}
