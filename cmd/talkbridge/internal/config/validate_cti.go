package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
)

// tokenForm is what a token may be made of that stands in a URL.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)

func (v *validator) cti(c *CTI, path string) {
	v.secret(path+".token", &c.Token, &c.TokenFile)
	v.ctiToken(c.Token, path)
	if c.Reply == CTIReplySipgate && v.cfg.HTTP.PublicURL == "" && !v.given("http.public_url") {
		v.problem(v.place(path+".reply"), path+".reply", "has sipgate post answers and hangups to http.public_url, which is missing",
			"give http.public_url: https://calls.example.com")
	}
	v.plainPush(path)
}

// ctiToken judges a token that may stand in a URL.
func (v *validator) ctiToken(token Secret, path string) {
	secret := token.Reveal()
	if secret == "" || v.blamed(path+".token") {
		return
	}
	if len(secret) < minTokenLength {
		v.problem(v.tokenPlace(path), path+".token", "is too short to be safe", fmt.Sprintf("use %d random characters or more: openssl rand -hex 32", minTokenLength))
	} else if !tokenForm.MatchString(secret) {
		v.problem(v.tokenPlace(path), path+".token", "has characters that a URL cannot carry as they are", "use letters and digits: openssl rand -hex 32")
	}
}

// plainPush warns of calls that are told over a network in the clear.
func (v *validator) plainPush(path string) {
	host, _, err := net.SplitHostPort(v.cfg.HTTP.PublicListen)
	if err == nil && !isLoopback(host) && v.cfg.HTTP.TLS == nil {
		v.warning(v.place(path), path, "may be told of calls in the clear, token and numbers of callers included: http.public_listen can be reached from other machines without TLS",
			"listen on 127.0.0.1 behind a proxy with TLS, or give http.tls")
	}
}

func (v *validator) events(e *Events, path string) {
	dials := v.given(path + ".url")
	for key, secret := range map[string]struct {
		secret *Secret
		file   *string
	}{".token": {&e.Token, &e.TokenFile}, ".hmac_secret": {&e.HMACSecret, &e.HMACSecretFile}} {
		given := v.given(path+key) || v.given(path+key+"_file")
		switch {
		case given && dials:
			v.problem(v.place(path+key), path+key, "is for what is posted, and stands beside "+path+".url, which dials", "take one of them out")
		case given:
			v.secret(path+key, secret.secret, secret.file)
			if text := secret.secret.Reveal(); text != "" && len(text) < minTokenLength && !v.blamed(path+key) {
				v.problem(v.place(path), path+key, "is too short to be safe", fmt.Sprintf("use %d random characters or more: openssl rand -hex 32", minTokenLength))
			}
		}
	}
	switch {
	case dials:
		v.feed(e, path)
	case !v.given(path+".token") && !v.given(path+".token_file") && !v.given(path+".hmac_secret") && !v.given(path+".hmac_secret_file"):
		v.problem(v.place(path), path+".token", "is missing", "give token_file or hmac_secret_file to take what is posted, or url to dial a phone system")
	default:
		for _, key := range []string{".headers", ".send", ".mapping"} {
			if v.given(path + key) {
				v.problem(v.place(path+key), path+key, "is for a WebSocket that is dialled", "give "+path+".url, or take it out")
			}
		}
		v.plainPush(path)
	}
}

// feed judges a WebSocket that is dialled.
func (v *validator) feed(e *Events, path string) {
	for i := range e.Headers {
		h, at := &e.Headers[i], fmt.Sprintf("%s.headers[%d]", path, i)
		v.secret(at+".value", &h.Value, &h.ValueFile)
		if !headerForm.MatchString(h.Name) && h.Name != "" {
			v.problem(v.place(at+".name"), at+".name", quote(h.Name)+" is no name of a header", "use letters, digits and -")
		}
		if strings.ContainsAny(h.Value.Reveal(), "\r\n\x00") {
			v.problem(v.place(at), at+".value", "has a line break in it", "write it in one line")
		}
	}
	if m := e.Mapping; m != nil {
		words := map[string]string{}
		for i, k := range m.Kinds {
			if k.Is != "" {
				v.once(words, k.Is, fmt.Sprintf("%s.mapping.kinds[%d].is", path, i), "a word has one meaning")
			}
		}
	}
}

// headerForm is the name of a header.
var headerForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// checkWebSocket takes wss addresses, and ws on this machine.
func checkWebSocket(text string) (kept, wrong, hint string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "wss" && u.Scheme != "ws"):
		return "", "is no address of a WebSocket", "write it in full: wss://pbx.example.com/events"
	case u.Scheme == "ws" && !isLoopback(u.Hostname()):
		return "", "would go over the network in the clear", "write wss"
	case u.User != nil:
		return "", "has a name or password in it", "take it out: use headers"
	case u.Fragment != "":
		return "", "has a fragment", "end it after the path or the query"
	}
	return text, "", ""
}
