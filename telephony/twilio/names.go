package twilio

import (
	"regexp"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// outside is the endpoint of every line to the public network: Twilio does not say
// which one it took.
const outside = "twilio"

// maxValue bounds a name, number or other text in bytes.
const maxValue = 256

// address is one end of a leg.
type address struct {
	// endpoint is a phone of ours, "client:ana" or "sip:ana@acme.sip.twilio.com", or
	// outside.
	endpoint string
	side     telephony.Side
	// number is what was dialled, or what is shown.
	number string
}

// readAddress reads a From or To: a number, client:<identity>, or a SIP URI. A URI
// whose user is a number, or hides one, is a line to the outside world, through a carrier or
// another phone system; any other is a phone of ours, as a client is.
func readAddress(raw string) address {
	raw = telephony.StripControls(bounded(strings.TrimSpace(raw), maxValue))
	scheme, rest, found := strings.Cut(raw, ":")
	if !found {
		return address{outside, telephony.SideTrunk, raw}
	}
	switch strings.ToLower(scheme) {
	case "client", "sim":
		return address{strings.ToLower(scheme) + ":" + rest, telephony.SideAgent, raw}
	case "sip", "sips":
		rest, _, _ = strings.Cut(rest, ";")
		rest, _, _ = strings.Cut(rest, "?")
		user, _, _ := strings.Cut(rest, "@")
		if number := sipNumber(user); number != "" || telephony.IsWithheld(user) {
			return address{outside, telephony.SideTrunk, number}
		}
		return address{"sip:" + rest, telephony.SideAgent, "sip:" + rest}
	}
	return address{outside, telephony.SideTrunk, raw}
}

var digits = regexp.MustCompile(`^[0-9]{10,15}$`)

// sipNumber is the telephone number that the user of a SIP URI is, or "".
func sipNumber(user string) string {
	if digits.MatchString(user) {
		user = "+" + user
	}
	return telephony.ParseNumber(user, "").E164
}

// pseudo are the numbers that stand for a caller who shows none: the letters of
// anonymous, restricted, unavailable, unknown, private and blocked on the keys of a phone.
var pseudo = map[string]bool{
	"+266696687": true, "+7378742833": true, "+86282452253": true, "+8656696": true, "+7748283": true, "+2562533": true,
}

// withholds reports whether a caller shows no number.
func withholds(number string) bool { return telephony.IsWithheld(number) || pseudo[number] }

// caller is who calls, as far as he shows it.
func (c callback) caller() telephony.Party {
	from := readAddress(c.form.Get("From"))
	if withholds(from.number) {
		return telephony.Party{Withheld: true}
	}
	p := telephony.Party{Number: from.number}
	if name := c.get("CallerName"); !telephony.IsWithheld(name) {
		p.Name = name
	}
	if from.side == telephony.SideTrunk {
		p.Location = c.location("From")
	}
	return p
}

// location is the town, state and country that Twilio gives a number, as far as
// it knows them: "BUFFALO, NY, US".
func (c callback) location(of string) string {
	var known []string
	for _, part := range []string{"City", "State", "Country"} {
		if text := c.get(of + part); text != "" {
			known = append(known, text)
		}
	}
	return strings.Join(known, ", ")
}

func bounded(s string, limit int) string { return s[:min(len(s), limit)] }
