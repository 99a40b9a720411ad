package telephony

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// ErrNotDialled says that a call was certainly not placed: nothing rings. What else
// goes wrong leaves that open.
var ErrNotDialled = errors.New("not dialled")

// Order is a call to be placed: the phone rings, and when it is answered the number
// is called.
type Order struct {
	// Call is what the call will be called; see Dialler.CallFor.
	Call CallID
	// Phone is one of the agent's numbers, as it is configured: "1001", "PJSIP/1001".
	Phone string
	// Number is whom to call, in E.164.
	Number string
}

// Dialler is a phone system that can place calls. It is safe for concurrent use.
type Dialler interface {
	// Name is the configured name of the phone system.
	Name() string
	// Connected reports whether it can be told anything now.
	Connected() bool
	// Reaches reports whether a call can begin at that phone.
	Reaches(phone string) bool
	// CallFor is the id of the call that an order with that key begins. The same key
	// gives the same call, in whichever process; so an order that was given before
	// is found in the journal, and a phone system that is given one twice knows it.
	CallFor(key string) (CallID, error)
	// Dial places the call, and returns when the phone system has taken the order. It
	// never repeats anything. An error that wraps ErrNotDialled says that nothing
	// rings; after any other the call may have been placed.
	Dial(ctx context.Context, o Order) error
}

// PlacedOrder is an order that was given, and when.
type PlacedOrder struct {
	Order

	At time.Time
}

// DialFinder is a Dialler that can find out afterwards what became of an order whose
// answer got lost.
type DialFinder interface {
	// FindCall reports whether the phone system has the call of an order. That it has
	// none does not say that there will be none: what it shows may lag.
	FindCall(ctx context.Context, o PlacedOrder) (bool, error)
}

// dialledPrefix begins the phone system's id of a call that was placed by a Dialler
// which may choose it.
const dialledPrefix = "tb-dial-"

// DialledID is such an id, for a key. It has 40 characters that every phone system
// takes.
func DialledID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return dialledPrefix + hex.EncodeToString(sum[:16])
}

// IsDialledID reports whether DialledID made an id.
func IsDialledID(native string) bool {
	digits, found := strings.CutPrefix(native, dialledPrefix)
	return found && len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == ""
}

// Dialled reports whether the call was placed under an id that was chosen for it, so
// that the journal told of it before the phone system did.
func (c CallID) Dialled() bool { return strings.HasPrefix(c.Native(), dialledPrefix) }

// National is a number in E.164 as it is dialled within a country, an ISO 3166 code:
// digits alone. It is "" for a number of another country, and for none.
func National(e164, country string) string {
	parsed, err := phonenumbers.Parse(e164, "")
	if err != nil || int(parsed.GetCountryCode()) != phonenumbers.GetCountryCodeForRegion(strings.ToUpper(country)) {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phonenumbers.Format(parsed, phonenumbers.NATIONAL))
}

// IsPremium reports whether calls to a number in E.164 cost more than a call does.
func IsPremium(e164 string) bool {
	parsed, err := phonenumbers.Parse(e164, "")
	return err == nil && phonenumbers.GetNumberType(parsed) == phonenumbers.PREMIUM_RATE
}
