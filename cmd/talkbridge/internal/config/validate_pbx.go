package config

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/talkbridge/talkbridge/telephony"
)

// maxCABytes bounds the file of certificate authorities; a whole system's bundle has some 250 KiB.
const maxCABytes = 1 << 20

func (v *validator) sources() {
	first := map[string]string{}
	for i := range v.cfg.Sources {
		s, path := &v.cfg.Sources[i], fmt.Sprintf("sources[%d]", i)
		if s.Name != "" {
			v.once(first, s.Name, path+".name", "give each source a name of its own")
		}
		v.phone(s, path)
	}
}

// phone judges what a source follows: exactly one kind of phone system.
func (v *validator) phone(s *Source, path string) {
	first := ""
	for _, kind := range []struct {
		key   string
		set   bool
		judge func(path string)
	}{
		{"asterisk", s.Asterisk != nil, func(p string) { v.asterisk(s.Asterisk, p) }},
		{"ari", s.ARI != nil, func(p string) { v.ari(s.ARI, p) }},
		{"twilio", s.Twilio != nil, func(p string) { v.twilio(s.Twilio, p) }},
		{"cti", s.CTI != nil, func(p string) { v.cti(s.CTI, p) }},
		{"events", s.Events != nil, func(p string) { v.events(s.Events, p) }},
	} {
		at := path + "." + kind.key
		switch {
		case !kind.set && !v.given(at) && !v.wrong(at):
		case first != "":
			v.problem(v.at[at].key, at, "stands beside "+first, "give each phone system an entry of its own in sources")
		case kind.set:
			kind.judge(at)
			first = at
		default:
			first = at // something else is wrong with it
		}
	}
	if first == "" && !v.wrong(path) {
		v.problem(v.place(path), path, "names no phone system",
			"add asterisk with address, username, secret_file and trunks; or ari, twilio, cti, events: see config.example.yaml")
	}
}

func (v *validator) asterisk(a *Asterisk, path string) {
	v.secret(path+".secret", &a.Secret, &a.SecretFile)
	for key, value := range map[string]string{".secret": a.Secret.Reveal(), ".username": a.Username} {
		if strings.ContainsAny(value, "\r\n\x00") {
			v.problem(v.place(path+key), path+key, "has a line break in it", "write it in one line, as in manager.conf")
		}
	}
	if host, port, err := net.SplitHostPort(a.Address); err == nil {
		if host == "" || port == "0" {
			v.problem(v.place(path+".address"), path+".address", "names no host to call", "write host:port, such as 127.0.0.1:5038")
		}
		if a.TLS == nil && host != "" && !isLoopback(host) {
			v.warning(v.place(path+".address"), path+".address", "goes over the network in the clear: names and numbers of callers",
				"switch on tlsenable in manager.conf, and give tls")
		}
	}
	if a.TLS != nil {
		v.caFile(a.TLS, path+".tls")
	}
	v.spool(&a.Voicemail, path+".voicemail")
	v.spool(&a.Recordings, path+".recordings")
	v.spool(&a.CDR, path+".cdr")
}

// spool makes a folder of the phone system absolute. That it lies beside the configuration is hardly meant.
func (v *validator) spool(dir *string, path string) {
	if *dir == "" || filepath.IsAbs(*dir) {
		return
	}
	v.resolve(dir)
	v.warning(v.place(path), path, "is no whole path; taken as "+*dir, "write it in full, beginning with /")
}

func (v *validator) caFile(t *TLS, path string) {
	if t.CAFile == "" {
		return
	}
	v.resolve(&t.CAFile)
	at, key := v.place(path+".ca_file"), path+".ca_file"
	pem, _, err := readRegular(t.CAFile, maxCABytes)
	switch {
	case err != nil:
		v.problem(at, key, t.CAFile+" "+err.Error(), fileHint(err))
	case !x509.NewCertPool().AppendCertsFromPEM(pem):
		v.problem(at, key, t.CAFile+" has no certificate in it", "name a PEM file: it has lines that read BEGIN CERTIFICATE")
	}
}

func (v *validator) lines() {
	first := map[string]string{}
	for i := range v.cfg.Lines {
		line, path := &v.cfg.Lines[i], fmt.Sprintf("lines[%d].number", i)
		v.customFields(fmt.Sprintf("lines[%d].tickets", i), line.Tickets.CustomFields)
		if line.Answer != nil {
			v.answer(line.Answer, fmt.Sprintf("lines[%d].answer", i))
		}
		if line.Number == "" {
			continue
		}
		country := v.cfg.CountryFor(*line)
		number := telephony.ParseNumber(line.Number, country).E164
		if number == "" {
			v.noNumber(path, line.Number, country != "" || v.given(fmt.Sprintf("lines[%d].country", i)))
			continue
		}
		line.Number = number
		v.once(first, number, path, "list each number once")
	}
}

// noNumber reports a text that is no telephone number; country says whether one was given to read it in.
func (v *validator) noNumber(path, text string, country bool) {
	hint := "write it with its country code, as in \"+15550100001\""
	if !country && !strings.HasPrefix(text, "+") {
		hint += ", or set country"
	}
	shown := quote(text)
	if v.at[path].variable {
		shown = "what the variable holds"
	}
	v.problem(v.place(path), path, shown+" is no telephone number", hint)
}

func (v *validator) agents() {
	people, phones := map[string]string{}, map[string]string{}
	for i := range v.cfg.Agents {
		agent, path := &v.cfg.Agents[i], fmt.Sprintf("agents[%d]", i)
		if agent.Zendesk != (AgentRef{}) {
			v.once(people, strings.ToLower(agent.Zendesk.String()), path+".zendesk", "one entry may have any number of numbers")
		}
		for j := range agent.Numbers {
			v.agentNumber(&agent.Numbers[j], fmt.Sprintf("%s.numbers[%d]", path, j), phones)
		}
	}
}

// agentNumber judges one way to reach an agent. What begins with + is a number, and is kept in E.164; the rest is kept
// as it is, since extensions, channels and client names have no common form.
func (v *validator) agentNumber(number *string, path string, first map[string]string) {
	if *number == "" {
		return
	}
	e164 := telephony.ParseNumber(*number, v.cfg.Country).E164
	switch {
	case strings.HasPrefix(*number, "+") && e164 == "":
		v.noNumber(path, *number, true)
		return
	case strings.HasPrefix(*number, "+"):
		*number = e164
	case strings.ContainsFunc(*number, unicode.IsSpace) && e164 == "":
		v.problem(v.place(path), path, "has blanks in it", "write an extension (1001), a channel (PJSIP/1001) or a number (+15550100101)")
		return
	}
	v.once(first, cmp.Or(e164, strings.ToLower(*number)), path, "a call there must lead to one agent")
}

// once reports a value that stood elsewhere before.
func (v *validator) once(first map[string]string, value, path, hint string) {
	if before, twice := first[value]; twice {
		v.problem(v.place(path), path, "is the same as "+before, hint)
		return
	}
	first[value] = path
}
