package pbx

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/talkbridge/talkbridge/telephony"
)

// helpers are the technologies of channels that Asterisk makes for itself.
var helpers = []string{"Local", "Message", "Snoop", "Surrogate", "Announcer", "Recorder", "CBAnn", "CBRec", "ConfBridgeRecorder", "Bridge", "Parked"}

// Endpoint is the endpoint that a channel belongs to: "PJSIP/trunk-0000006e"
// is one of "PJSIP/trunk". Names of endpoints may contain a dash. The two ends of
// a helper, "Local/1002@agents-00000000;1" and ";2", have one endpoint, which no
// other helper has.
func Endpoint(channel string) string {
	if name, _, two := strings.Cut(channel, ";"); two && strings.HasPrefix(name, "Local/") {
		return name
	}
	if i := strings.LastIndexByte(channel, '-'); i > 0 {
		return channel[:i]
	}
	return channel
}

// Side says whose an endpoint is. A trunk "DAHDI/i1" stands for all that
// begins with "DAHDI/i1/" too.
func Side(endpoint string, trunks []string) telephony.Side {
	tech, _, _ := strings.Cut(endpoint, "/")
	if slices.Contains(helpers, tech) {
		return telephony.SideHelper
	}
	for _, trunk := range trunks {
		if strings.EqualFold(endpoint, trunk) ||
			(len(endpoint) > len(trunk) && endpoint[len(trunk)] == '/' && strings.EqualFold(endpoint[:len(trunk)], trunk)) {
			return telephony.SideTrunk
		}
	}
	return telephony.SideAgent
}

// CheckTrunks says which of the trunks are no endpoints.
func CheckTrunks(trunks []string) error {
	var errs []error
	for _, trunk := range trunks {
		if tech, name, ok := strings.Cut(trunk, "/"); !ok || tech == "" || name == "" {
			errs = append(errs, fmt.Errorf("trunk %q: want technology/endpoint, such as PJSIP/trunk", trunk))
		}
	}
	return errors.Join(errs...)
}

// DialledNumber is the number in a dial string: "03055512345@trunk" and
// "trunk/03055512345" and "trunk/sip:03055512345@host" all ask for it.
func DialledNumber(dial string) string {
	number, _, _ := strings.Cut(dial, "@")
	if i := strings.LastIndexByte(number, '/'); i >= 0 {
		number = number[i+1:]
	}
	if scheme, rest, ok := strings.Cut(number, ":"); ok && (scheme == "sip" || scheme == "sips" || scheme == "tel") {
		number = rest
	}
	return telephony.StripControls(number)
}

// AppNumber is the number that the application Dial was told to dial over a
// trunk: "PJSIP/1001&PJSIP/03055512345@trunk,20,T" with "PJSIP/trunk". It is the
// target that names the trunk, or else the only one, if it has that technology:
// a group of DAHDI lines has another name than each. Of several others nobody
// knows which it was: "".
func AppNumber(data, trunk string) string {
	list, _, _ := strings.Cut(data, ",")
	targets := strings.Split(list, "&")
	tech, name, _ := strings.Cut(trunk, "/")
	name, _, _ = strings.Cut(name, "/")
	alone := ""
	for _, target := range targets {
		technology, resource, ok := strings.Cut(target, "/")
		if !ok || !strings.EqualFold(technology, tech) {
			continue
		}
		host := resource[strings.LastIndexByte(resource, '@')+1:]
		before, _, _ := strings.Cut(resource, "/")
		if strings.EqualFold(host, name) || strings.EqualFold(before, name) {
			return DialledNumber(resource)
		}
		if len(targets) == 1 {
			alone = DialledNumber(resource)
		}
	}
	return alone
}

// Party reads a caller id, the name as it is meant. A number with control characters in it was written
// by somebody who has something in mind: it is treated as withheld.
func Party(number, name string) telephony.Party {
	hostile := strings.ContainsFunc(number, unicode.IsControl)
	p := telephony.Party{Withheld: hostile || telephony.IsWithheld(number)}
	if !p.Withheld {
		p.Number = telephony.StripControls(number)
	}
	if !hostile && !telephony.IsWithheld(name) {
		p.Name = telephony.StripControls(name)
	}
	return p
}
