package main

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// canary stands for a secret in these tests. Half of it is one too.
const canary = "canary-Vq7hXw2mK9sT4bRz"

// requireNoCanary demands that a text does not give the canary away, in any form in
// which it may have been sent.
func requireNoCanary(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{
		canary[:15], canary[9:], url.QueryEscape(canary), hex.EncodeToString([]byte(canary)),
		base64.StdEncoding.EncodeToString([]byte(canary))[:20], base64.StdEncoding.EncodeToString([]byte("a@example.com/token:" + canary))[30:50],
	} {
		require.NotContains(t, text, form)
	}
}

// Whatever is wrong with the configuration, what is said about it shows no secret.
func TestAttackSecretsInErrors(t *testing.T) {
	t.Parallel()
	oauth := "oauth: {client_id: talkbridge, client_secret: zendesk-secret}"
	for _, tt := range []struct {
		name string
		edit []string
	}{
		{"wrong client secret", []string{"zendesk-secret", canary}},
		{"client secret with a blank", []string{"zendesk-secret", `"` + canary + ` "`}},
		{"client secret that is a list", []string{"zendesk-secret", "[" + canary + "]"}},
		{"client secret that is a mapping", []string{"zendesk-secret", "{" + canary + ": " + canary + "}"}},
		{"client secret under a misspelt key", []string{"client_secret", "client_secrt", "zendesk-secret", canary}},
		{"client secret beside its file", []string{"client_secret: zendesk-secret", "client_secret: " + canary + ", client_secret_file: x"}},
		{"client secret that ends the text", []string{"zendesk-secret}", `"` + canary}},
		{"wrong API token", []string{oauth, "api_token: {email: a@example.com, token: " + canary + "}"}},
		{"API token with a line break", []string{oauth, `api_token: {email: a@example.com, token: "` + canary + `\r\nX: y"}`}},
		{"both ways to sign in", []string{oauth, oauth + "\n  api_token: {email: a@example.com, token: " + canary + "}"}},
		{"password in the address of Zendesk", []string{"url: http://", "url: http://someone:" + canary + "@"}},
		{"wrong AMI secret", []string{"tbsecret", canary}},
		{"AMI secret with a line break", []string{"tbsecret", `"` + canary + `\nAction: Originate"`}},
		{"AMI secret twice", []string{"secret: tbsecret", "secret: " + canary + ", secret: " + canary}},
		{"phone system that is not there", []string{"tbsecret", canary, `{address: "127`, `{address: "127.0.0.1:1", name: "127`}},
		{"password in the address of a cluster", []string{"journal: {dir: data}", "journal: {dir: data, url: 'nats://someone:" + canary + "@127.0.0.1:1'}"}},
		{"token in the address of a cluster", []string{"journal: {dir: data}", "journal: {dir: data, url: 'nats://" + canary + "@127.0.0.1:1'}"}},
		{"short token", []string{"http: {", "http: {tokens: [{token: " + canary[:15] + ", scope: all}], "}},
		{"token twice", []string{"http: {", "http: {tokens: [{token: " + canary + ", scope: all}, {token: " + canary + ", agent: Alice}], "}},
		{"token that shows nothing", []string{"http: {", "http: {tokens: [{token: " + canary + "}], "}},
		{"short key", []string{"journal:", "recordings: {keys: [" + canary + "]}\njournal:"}},
		{"key twice", []string{"journal:", "recordings: {keys: [" + canary + canary + ", " + canary + canary + "]}\njournal:"}},
		{"variable that is not set", []string{"zendesk-secret", `"` + canary + `${NOT_SET_IN_ANY_TEST}"`}},
		{"variable that is not closed", []string{"zendesk-secret", `"` + canary + `${NOT"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{edit: tt.edit})
			for _, args := range [][]string{{"check"}, {"check", "--online"}, {"doctor"}, {"calls"}, {"lookup", "+15550123001"}} {
				code, out, errs := runCLI(t.Context(), append(args, "--config", s.config)...)
				requireNoCanary(t, out+errs)
				if args[0] == "doctor" {
					require.NotZero(t, code, "%s", out+errs)
				}
			}
		})
	}
}

// The credentials of a cluster are in a file that NATS reads itself, and quotes in
// its own way.
func TestAttackSecretsOfCluster(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"no credentials": canary,
		"cut":            "-----BEGIN NATS USER JWT-----\n" + canary + "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + canary + "\n",
		"no seed":        "-----BEGIN NATS USER JWT-----\n" + canary + "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + canary + "\n------END USER NKEY SEED------\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{edit: []string{"journal: {dir: data}", "journal: {dir: data, url: 'nats://127.0.0.1:1', credentials_file: nats.creds}"}})
			require.NoError(t, os.WriteFile(filepath.Join(s.dir, "nats.creds"), []byte(content), 0o600))
			c := startChild(t, nil, "serve", "--config", s.config)
			select {
			case <-c.Ended:
			case <-time.After(time.Minute):
				require.FailNow(t, "still looking for a cluster")
			}
			requireNoCanary(t, c.log.String())
			require.Contains(t, c.log.String(), "journal")
		})
	}
}

// A daemon that says all it can says no secret: neither what it sends, nor what a
// phone system or a Zendesk that refuses it sends back.
func TestAttackSecretsInLog(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says string
		edit       []string
	}{
		{"wrong client secret", "zendesk does not work, asked again", []string{"zendesk-secret", canary}},
		{"wrong API token", "zendesk does not work, asked again", []string{"oauth: {client_id: talkbridge, client_secret: zendesk-secret}", "api_token: {email: a@example.com, token: " + canary + "}"}},
		{"wrong AMI secret", "phone system not connected", []string{"tbsecret", canary}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{edit: tt.edit, extra: "log: {level: debug}\n"})
			c := s.launch()
			c.says(t, tt.says)
			for _, path := range []string{"/readyz", "/healthz", "/metrics"} {
				_, page := c.page(t, path)
				requireNoCanary(t, page)
			}
			requireNoCanary(t, s.said("profile", "goroutine", "--output", "-")+strings.Join(os.Args, " "))
			requireNoCanary(t, c.log.String())
		})
	}
}
