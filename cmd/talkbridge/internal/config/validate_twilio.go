package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

var (
	accountForm   = regexp.MustCompile(`^AC[0-9a-f]{32}$`)
	keyForm       = regexp.MustCompile(`^SK[0-9a-f]{32}$`)
	portForm      = regexp.MustCompile(`^[0-9]{1,5}$`)
	authTokenForm = regexp.MustCompile(`^[A-Za-z0-9]+$`)
	hostForm      = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
)

func checkAccountSID(text string) (kept, wrong, hint string) {
	if !accountForm.MatchString(text) {
		return "", "is no account SID", "it is AC and 32 hexadecimal digits, on the first page of Twilio's console"
	}
	return text, "", ""
}

func checkKeySID(text string) (kept, wrong, hint string) {
	if !keyForm.MatchString(text) {
		return "", "is no SID of an API key", "it is SK and 32 hexadecimal digits"
	}
	return text, "", ""
}

// checkHost takes the name or address of a host, with a port or without.
func checkHost(text string) (kept, wrong, hint string) {
	host := text
	if name, port, err := net.SplitHostPort(text); err == nil && portForm.MatchString(port) {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil && !hostForm.MatchString(host) {
		return "", "is no name of a host", "write it bare: media.example.com"
	}
	return strings.ToLower(text), "", ""
}

// twilio judges a Twilio account.
func (v *validator) twilio(t *Twilio, path string) {
	v.secret(path+".auth_token", &t.AuthToken, &t.AuthTokenFile)
	v.twilioToken(path+".auth_token", t.AuthToken)
	for i, token := range t.OtherAuthTokens {
		at := fmt.Sprintf("%s.other_auth_tokens[%d]", path, i)
		v.inline(at)
		v.twilioToken(at, token)
	}
	if t.APIKey != nil {
		v.secret(path+".api_key.secret", &t.APIKey.Secret, &t.APIKey.SecretFile)
		v.twilioToken(path+".api_key.secret", t.APIKey.Secret)
	}
	v.answers(t, path)
	if v.cfg.PublicURLFor(t) == "" && !v.given("http.public_url") && !v.given(path+".public_url") {
		v.problem(v.place("http"), "http.public_url", "is missing",
			path+" is told of calls by Twilio, which reaches http.public_listen at this address: https://calls.example.com")
	}
}

// twilioToken judges what Twilio made: letters and digits only. Others were cut or
// quoted wrong.
func (v *validator) twilioToken(path string, secret Secret) {
	if text := secret.Reveal(); text != "" && !authTokenForm.MatchString(text) && !v.blamed(path) {
		v.problem(v.secretPlace(path), path, "has characters that Twilio uses in none", "copy it anew: it has letters and digits only")
	}
}

// secretPlace is where a secret stands, or the name of its file.
func (v *validator) secretPlace(path string) position {
	if v.given(path) || !v.given(path+"_file") {
		return v.place(path)
	}
	return v.place(path + "_file")
}

// maxRing is how many phones Twilio rings for one call.
const maxRing = 10

// answers judges what callers hear on the lines of an account.
func (v *validator) answers(t *Twilio, path string) {
	lines := slices.ContainsFunc(v.cfg.Lines, func(l Line) bool { return l.Answer != nil })
	switch {
	case t.Mode == TwilioAnswer && t.Answer == nil && !lines && !v.given(path+".answer"):
		v.problem(v.place(path+".mode"), path+".answer", "is missing: with mode answer talkbridge says what callers hear", "give answer, here or on lines, with ring, queue or voicemail")
	case t.Mode == TwilioObserve && t.Answer != nil:
		v.problem(v.at[path+".answer"].key, path+".answer", "says nothing to anybody: mode is observe", "set mode: answer, or take it out")
	}
	if t.Answer != nil {
		v.answer(t.Answer, path+".answer")
	}
}

// answer judges what callers hear.
func (v *validator) answer(a *Answer, path string) {
	if len(a.Ring) == 0 && a.Queue == "" && a.Voicemail == nil && !v.blamed(path) {
		v.problem(v.at[path].key, path, "leads callers to nobody", "give ring, queue or voicemail")
	}
	phones := 0
	for i, who := range a.Ring {
		addresses := v.cfg.Rings(who)
		if phones += len(addresses); len(addresses) > 0 {
			continue
		}
		at := fmt.Sprintf("%s.ring[%d]", path, i)
		hint := "name one of agents who has a client, a SIP address or a number; or write client:ana, sip:ana@acme.sip.twilio.com or \"+15550100101\""
		var known []string
		for _, agent := range v.cfg.Agents {
			known = append(known, agent.Name)
		}
		if meant := nearest(who, known); meant != "" && !slices.Contains(known, who) {
			hint = "did you mean `" + meant + "`?"
		}
		v.problem(v.place(at), at, quote(who)+" is no phone that Twilio can ring", hint)
	}
	if phones > maxRing {
		v.problem(v.place(path+".ring"), path+".ring", fmt.Sprintf("has %d phones, and Twilio rings at most %d for a call", phones, maxRing), "ring fewer, or have them take calls out of a queue")
	}
	if a.Record && a.Consent == "" {
		v.warning(v.place(path+".record"), path+".record", "records callers who are not told so, which is against the law in many places", "say so: consent")
	}
	v.consentKey(a, path)
	if a.CallerID != "" {
		e164 := telephony.ParseNumber(a.CallerID, v.cfg.Country).E164
		if e164 == "" {
			v.noNumber(path+".caller_id", a.CallerID, v.cfg.Country != "")
		}
		a.CallerID = e164
	}
}

var keyOfPhone = regexp.MustCompile(`^[0-9*]$`)

// consentKey judges how a caller says that he may be recorded.
func (v *validator) consentKey(a *Answer, path string) {
	at := path + ".consent_key"
	switch {
	case a.ConsentKey == "" || v.blamed(at):
	case !keyOfPhone.MatchString(a.ConsentKey):
		v.problem(v.place(at), at, quote(a.ConsentKey)+" is no key of a phone that Twilio waits for", `use one of 0 to 9 and *, in quotes: "1"`)
	case !a.Record || a.Consent == "":
		v.problem(v.place(at), at, "is waited for by nobody: no caller is asked whether he may be recorded", "give record: true, and consent, which says what the key means")
	case len(a.Ring) == 0:
		v.problem(v.place(at), at, "is waited for by nobody: only talks with phones that ring are recorded", "give ring, or take it out")
	}
}

// Rings are the phones that Twilio rings for an entry of ring: those of an agent, or
// the entry itself.
func (c *Config) Rings(who string) []string {
	for _, agent := range c.Agents {
		if agent.Name == who {
			return slices.DeleteFunc(slices.Clone(agent.Numbers), func(n string) bool { return !canRing(n) })
		}
	}
	if canRing(who) {
		return []string{who}
	}
	return nil
}

// canRing reports whether Twilio can ring a phone of that name.
func canRing(phone string) bool {
	scheme, rest, _ := strings.Cut(phone, ":")
	switch scheme {
	case "client":
		return rest != ""
	case "sip", "sips":
		return strings.Contains(rest, "@")
	}
	return strings.HasPrefix(phone, "+") && telephony.ParseNumber(phone, "").E164 != ""
}
