package config

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What a write to Zendesk may take beyond the client's own time-out: the kernel's retransmissions, and the server's work
// on a request whose answer nobody waits for any more.
const lostRequestMargin = 20 * time.Second

// minJournal is the smallest journal that is of use: some thousands of calls.
const minJournal = 64 * MiB

// validator judges what no single value shows: what must be there together, only once, or not at all. It reads the files
// that the configuration names, and makes paths absolute.
type validator struct {
	*report

	at   map[string]place
	cfg  *Config
	dir  string
	mode os.FileMode
}

// validate judges the whole configuration; mode is that of its file, 0 if there is none.
func (v *validator) validate(mode os.FileMode) {
	v.mode = mode
	v.zendesk(&v.cfg.Zendesk)
	v.sources()
	v.lines()
	v.agents()
	v.tickets()
	v.customFields("tickets", v.cfg.Tickets.CustomFields)
	v.journal()
	v.recordings()
	v.transcription()
	v.agentStatus()
	v.http()
	v.dial()
}

func (v *validator) zendesk(z *Zendesk) {
	switch {
	case !v.given("zendesk"):
		return
	case z.OAuth != nil && z.APIToken != nil:
		v.problem(v.at["zendesk.api_token"].key, "zendesk.api_token", "stands beside zendesk.oauth", "keep one way to sign in: oauth")
	case z.OAuth == nil && z.APIToken == nil && !v.given("zendesk.oauth") && !v.given("zendesk.api_token"):
		v.problem(v.at["zendesk"].key, "zendesk.oauth", "is missing", "talkbridge signs in as an OAuth client: give client_id and client_secret_file")
	}
	if z.OAuth != nil {
		v.secret("zendesk.oauth.client_secret", &z.OAuth.ClientSecret, &z.OAuth.ClientSecretFile)
	}
	if z.APIToken != nil {
		v.secret("zendesk.api_token.token", &z.APIToken.Token, &z.APIToken.TokenFile)
		v.warning(v.at["zendesk.api_token"].key, "zendesk.api_token", "stops working on 30 April 2027, when Zendesk ends API tokens", "change to zendesk.oauth")
	}
}

func (v *validator) tickets() {
	if shortest := v.cfg.Zendesk.Timeout + lostRequestMargin; v.cfg.Tickets.Settle < shortest {
		v.problem(v.place("tickets.settle"), "tickets.settle", "is shorter than an unanswered request may live on, which makes second tickets",
			"use at least zendesk.timeout and "+formatDuration(lostRequestMargin)+" together: "+formatDuration(shortest))
	}
}

func (v *validator) journal() {
	v.resolve(&v.cfg.Journal.Dir)
	for key, file := range map[string]*string{"journal.credentials_file": &v.cfg.Journal.CredentialsFile, "journal.ca_file": &v.cfg.Journal.CAFile} {
		if v.resolve(file); *file != "" && v.cfg.Journal.URL == "" && !v.blamed("journal.url") {
			v.problem(v.place(key), key, "is for a journal on a NATS cluster", "give journal.url, or take it out")
		}
	}
	if v.given("journal.max_size") && v.cfg.Journal.MaxSize < minJournal && !v.blamed("journal.max_size") {
		v.problem(v.place("journal.max_size"), "journal.max_size", fmt.Sprintf("is too small to be of use: %v", v.cfg.Journal.MaxSize), "use at least "+minJournal.String())
	}
}

func (v *validator) recordings() {
	r := &v.cfg.Recordings
	if r.Dir == "" {
		r.Dir = filepath.Join(v.cfg.Journal.Dir, "recordings")
	}
	v.resolve(&r.Dir)
	if r.Dir == v.cfg.Journal.Dir {
		v.problem(v.place("recordings.dir"), "recordings.dir", "is the folder of the journal", "give the audio a folder of its own")
	}
	v.keys(r)
}

func (v *validator) http() {
	h := &v.cfg.HTTP
	_, port, _ := net.SplitHostPort(h.Listen)
	if h.Listen == h.PublicListen && port != "0" {
		v.problem(v.place("http.public_listen"), "http.public_listen", "is the address of http.listen", "give the two listeners different ports: only one of them is for the public")
	}
	v.tokens()
	v.certificate()
	host, _, err := net.SplitHostPort(h.Listen)
	if err == nil && !isLoopback(host) && len(h.Readers()) == 0 && !v.blamed("http.tokens") {
		v.problem(v.place("http.listen"), "http.listen", "can be reached from other machines, and no token guards the live feed of calls",
			"give http.tokens, or listen on 127.0.0.1")
	}
	if h.PublicURL != "" || v.given("http.public_url") {
		return
	}
	for i, s := range v.cfg.Sources {
		if voicemail, _ := s.Folders(); voicemail != "" {
			v.problem(v.place("http"), "http.public_url", "is missing",
				fmt.Sprintf("sources[%d] collects audio, and links to it begin with this address: https://calls.example.com", i))
			return
		}
	}
}

// given reports whether a key stands in the file, with a good value or not.
func (v *validator) given(path string) bool {
	_, ok := v.at[path]
	return ok
}

// blamed reports whether there is a problem below a path already, which may be the reason for another.
func (v *validator) blamed(below string) bool {
	for _, p := range v.problems {
		if strings.HasPrefix(p.Path, below) {
			return true
		}
	}
	return false
}

// wrong reports whether there is a problem with just this key.
func (v *validator) wrong(path string) bool {
	return slices.ContainsFunc(v.problems, func(p Problem) bool { return p.Path == path })
}

// place returns where the value of a key stands, or else the nearest section above it that does.
func (v *validator) place(path string) position {
	if p, ok := v.at[path]; ok {
		return p.value
	}
	for path != "" {
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
		if p, ok := v.at[path]; ok {
			return p.key
		}
	}
	return position{1, 1}
}

// resolve makes a path absolute, starting from the folder of the configuration file. "" stays.
func (v *validator) resolve(path *string) {
	if *path == "" || filepath.IsAbs(*path) {
		return
	}
	*path = filepath.Join(v.dir, *path)
	if absolute, err := filepath.Abs(*path); err == nil {
		*path = absolute
	}
}
