package config

import (
	"fmt"
	"slices"
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
	case all && one:
		v.problem(v.at[path+".agent"].key, path+".agent", "stands beside "+path+".scope", "keep one: scope: all shows every call, agent the calls of one agent")
	case !all && !one:
		v.problem(v.place(path), path+".scope", "is missing", "write scope: all for every call, or agent: NAME for the calls of one agent")
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
