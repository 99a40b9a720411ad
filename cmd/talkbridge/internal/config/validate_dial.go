package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

var dialplanForm = regexp.MustCompile(`^[A-Za-z0-9_.*#+-]{0,64}$`)

// checkDialplan takes a word of the dialplan: what could end a header of AMI, or an argument, is in none.
func checkDialplan(text string) (kept, wrong, hint string) {
	if !dialplanForm.MatchString(text) {
		return "", "is no word of a dialplan", "use letters, digits, dashes, dots and underscores"
	}
	return text, "", ""
}

// dial judges who may place calls, and through what.
func (v *validator) dial() {
	placing, overTwilio := false, false
	for i, s := range v.cfg.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		switch {
		case s.Asterisk != nil && s.Asterisk.Dial != nil:
			path += ".asterisk.dial"
			if s.Asterisk.Dial.Format == DialNational && v.cfg.Country == "" && !v.given("country") {
				v.problem(v.place(path+".format"), path+".format", "needs the country whose numbers are dialled so", "give country at the top, such as DE")
			}
		case s.Twilio != nil && s.Twilio.Dial != nil:
			path += ".twilio.dial"
			overTwilio = true
			v.twilioDial(s.Twilio.Dial, path)
		default:
			continue
		}
		placing = true
		if v.cfg.Dial == nil && !v.given("dial") {
			v.problem(v.place(path), path, "places no calls while the section dial is missing", `give dial with the numbers that may be called: dial: {allow: ["+49*"]}`)
		}
	}
	if overTwilio && !v.blamed("agents") {
		v.phoneless()
	}
	if v.cfg.Dial == nil {
		for i, t := range v.cfg.HTTP.Tokens {
			if path := fmt.Sprintf("http.tokens[%d].scope", i); t.Scope == ScopeDial && !v.given("dial") {
				v.problem(v.place(path), path, "is for placing calls, and the section dial is missing", `give dial with the numbers that may be called: dial: {allow: ["+49*"]}`)
			}
		}
		return
	}
	if !placing && !v.blamed("sources") {
		v.problem(v.place("dial"), "dial", "is of no use: no source places calls", "give sources[].asterisk.dial, with the context of the agents' phones, or sources[].twilio.dial, with the number that is shown")
	}
	for _, list := range []struct {
		key     string
		numbers []string
	}{{"dial.allow", v.cfg.Dial.Allow}, {"dial.deny", v.cfg.Dial.Deny}} {
		for i, number := range list.numbers {
			if path := fmt.Sprintf("%s[%d]", list.key, i); number == "withheld" {
				v.problem(v.place(path), path, "is no number that can be called", `write "+49*" or "+15550100001"`)
			}
		}
	}
}

// twilioDial judges how calls are placed through a Twilio account, and for whom.
func (v *validator) twilioDial(d *TwilioDial, path string) {
	if at := path + ".caller_id"; v.given(at) && !v.blamed(at) {
		e164 := telephony.ParseNumber(d.CallerID, v.cfg.Country).E164
		if e164 == "" {
			v.noNumber(at, d.CallerID, v.cfg.Country != "")
		}
		d.CallerID = e164
	}
	if v.blamed("agents") {
		return
	}
	reached := false
	for _, agent := range v.cfg.Agents {
		reached = reached || slices.ContainsFunc(agent.Numbers, canRing)
	}
	if !reached {
		v.problem(v.place(path), path, "can ring nobody: no agent has a phone that Twilio calls", `give agents[].numbers a client, a SIP address or a number: client:ana, sip:ana@acme.sip.twilio.com, "+15550100101"`)
	}
}

// phoneless warns of agents for whom no call can be placed, unless that goes for all.
func (v *validator) phoneless() {
	placeable := func(a Agent) bool { return slices.ContainsFunc(a.Numbers, v.cfg.canDialFrom) }
	if !slices.ContainsFunc(v.cfg.Agents, placeable) {
		return
	}
	for i, agent := range v.cfg.Agents {
		if at := fmt.Sprintf("agents[%d].numbers", i); !placeable(agent) {
			v.warning(v.place(at), at, "has no phone at which a call can begin: none is placed for "+agent.Name,
				`add one that a source with dial can ring: an extension at Asterisk, client:ana, a SIP address or a number at Twilio`)
		}
	}
}

// canDialFrom reports whether some phone system that places calls reaches a phone, as
// far as its name says.
func (c *Config) canDialFrom(phone string) bool {
	for _, s := range c.Sources {
		if s.Twilio != nil && s.Twilio.Dial != nil && canRing(phone) {
			return true
		}
		if s.Asterisk != nil && s.Asterisk.Dial != nil && !strings.ContainsAny(phone, "+:@") {
			return true
		}
	}
	return false
}
