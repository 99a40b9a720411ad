package config

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// minTokenLength is how many characters a token has at least: what `openssl rand -hex 8` prints.
const minTokenLength = 16

// tokens judges who may read the live feed. What a token shows must be said: a key that was left out shows nothing to
// nobody.
func (v *validator) tokens() {
	first := map[string]string{}
	for i := range v.cfg.HTTP.Tokens {
		t, path := &v.cfg.HTTP.Tokens[i], fmt.Sprintf("http.tokens[%d]", i)
		v.secret(path+".token", &t.Token, &t.TokenFile)
		if secret := t.Token.Reveal(); secret != "" && !v.blamed(path+".token") {
			if len(secret) < minTokenLength {
				v.problem(v.tokenPlace(path), path+".token", "is too short to be safe",
					fmt.Sprintf("use %d random characters or more: openssl rand -hex 32", minTokenLength))
			}
			v.once(first, secret, path+".token", "give each reader a token of his own")
		}
		v.scope(t, path)
	}
}

// certificate judges what the listeners show.
func (v *validator) certificate() {
	t := v.cfg.HTTP.TLS
	if t == nil || t.CertFile == "" || t.KeyFile == "" {
		return
	}
	v.resolve(&t.CertFile)
	v.resolve(&t.KeyFile)
	pem := map[string][]byte{}
	for key, file := range map[string]string{"http.tls.cert_file": t.CertFile, "http.tls.key_file": t.KeyFile} {
		data, _, err := readRegular(file, maxCABytes)
		if err != nil {
			v.problem(v.place(key), key, file+" "+err.Error(), fileHint(err))
			return
		}
		pem[key] = data
	}
	if _, err := tls.X509KeyPair(pem["http.tls.cert_file"], pem["http.tls.key_file"]); err != nil {
		v.problem(v.place("http.tls.key_file"), "http.tls.key_file", "and http.tls.cert_file do not go together: "+strings.TrimPrefix(err.Error(), "tls: "),
			"name the certificate (BEGIN CERTIFICATE) and the key that was made for it (BEGIN PRIVATE KEY)")
	}
}

// tokenPlace is where a token stands, or the name of its file.
func (v *validator) tokenPlace(path string) position {
	if v.given(path + ".token") {
		return v.place(path + ".token")
	}
	return v.place(path + ".token_file")
}

func (v *validator) scope(t *Token, path string) {
	all, one := v.given(path+".scope"), v.given(path+".agent")
	switch {
	case v.wrong(path):
	case all && one && t.Scope != ScopeDial:
		v.problem(v.at[path+".agent"].key, path+".agent", "stands beside "+path+".scope", "keep one: scope: all shows every call, agent the calls of one agent")
	case !all && !one:
		v.problem(v.place(path), path+".scope", "is missing", "write scope: all for every call, agent: NAME for the calls of one agent, or scope: dial to place calls")
	case one && t.Agent != "" && !slices.ContainsFunc(v.cfg.Agents, func(a Agent) bool { return a.Name == t.Agent }):
		hint := "name one of agents"
		var known []string
		for _, a := range v.cfg.Agents {
			known = append(known, a.Name)
		}
		if meant := nearest(t.Agent, known); meant != "" {
			hint = "did you mean `" + meant + "`?"
		}
		v.problem(v.place(path+".agent"), path+".agent", quote(t.Agent)+" is the name of no agent", hint)
	}
}
