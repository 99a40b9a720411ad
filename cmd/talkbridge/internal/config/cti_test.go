package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sourcesFile is a configuration with one source, whose kind and keys are given.
func sourcesFile(kind, more string) string {
	return "site: hq\ncountry: DE\nzendesk:\n  url: https://acme.zendesk.com\n  oauth: {client_id: a, client_secret: b}\nsources:\n  - name: push1\n    " +
		strings.ReplaceAll(kind, "\n", "\n    ") + "\n" + more
}

func TestSourcesThatAreTold(t *testing.T) {
	t.Parallel()
	const token, public = "0123456789abcdef", "http: {public_url: \"https://calls.example.com\"}\n"
	for _, tt := range []struct {
		name, kind, more string
		problems         []string // what is said, "" for nothing
		warning          string
	}{
		{name: "push", kind: "cti: {token: " + token + "}"},
		{name: "push without token", kind: "cti: {}", problems: []string{"sources[0].cti.token: is missing"}},
		{name: "push with a short token", kind: "cti: {token: short}", problems: []string{"sources[0].cti.token: is too short to be safe"}},
		{name: "a token that no URL carries", kind: "cti: {token: \"0123456789/abcdef\"}", problems: []string{"sources[0].cti.token: has characters that a URL cannot carry"}},
		{name: "sipgate", kind: "cti: {token: " + token + ", reply: sipgate}", more: public},
		{name: "sipgate without an address", kind: "cti: {token: " + token + ", reply: sipgate}", problems: []string{"http.public_url, which is missing"}},
		{name: "another reply", kind: "cti: {token: " + token + ", reply: soap}", problems: []string{"sources[0].cti.reply"}},
		{name: "a timeout that is none", kind: "cti: {token: " + token + ", timeout: 1s}", problems: []string{"sources[0].cti.timeout"}},
		{name: "two kinds", kind: "cti: {token: " + token + "}\nevents: {token: " + token + "}", problems: []string{"sources[0].events: stands beside sources[0].cti"}},
		{name: "in the clear", kind: "cti: {token: " + token + "}", more: "http: {public_listen: \"0.0.0.0:8081\"}\n", warning: "may be told of calls in the clear"},
		{name: "events", kind: "events: {token: " + token + "}"},
		{name: "events, signed", kind: "events: {hmac_secret: " + token + "}"},
		{name: "events for everybody", kind: "events: {}", problems: []string{"sources[0].events.token: is missing"}},
		{name: "a short secret", kind: "events: {hmac_secret: short}", problems: []string{"sources[0].events.hmac_secret: is too short"}},
		{name: "posted, with headers", kind: "events: {token: " + token + ", send: [x]}", problems: []string{"sources[0].events.send: is for a WebSocket that is dialled"}},
		{name: "dialled", kind: "events:\n  url: wss://pbx.example.com/x?y=z\n  headers: [{name: X-Token, value: a}]\n  mapping: {kind: k, call: c, kinds: [{is: a, means: started}]}"},
		{name: "dialled on this machine", kind: "events: {url: \"ws://127.0.0.1:8088/x\"}"},
		{name: "dialled in the clear", kind: "events: {url: \"ws://pbx.example.com/x\"}", problems: []string{"would go over the network in the clear; write wss"}},
		{name: "dialled, and posted", kind: "events: {url: \"wss://pbx.example.com/x\", token: " + token + "}", problems: []string{"sources[0].events.token: is for what is posted"}},
		{name: "no WebSocket", kind: "events: {url: \"https://pbx.example.com/x\"}", problems: []string{"is no address of a WebSocket"}},
		{name: "a password in the address", kind: "events: {url: \"wss://a:hunter2@pbx.example.com/x\"}", problems: []string{"has a name or password in it"}},
		{name: "a header that is none", kind: "events:\n  url: wss://pbx.example.com/x\n  headers: [{name: \"X Y\", value: a}]", problems: []string{"is no name of a header"}},
		{name: "a header of two lines", kind: "events:\n  url: wss://pbx.example.com/x\n  headers: [{name: X, value: \"a\\r\\nb\"}]", problems: []string{"has a line break in it"}},
		{name: "a mapping of nothing", kind: "events:\n  url: wss://pbx.example.com/x\n  mapping: {kind: k}", problems: []string{"mapping.call: is missing", "mapping.kinds: is missing"}},
		{name: "a word with two meanings", kind: "events:\n  url: wss://pbx.example.com/x\n  mapping: {kind: k, call: c, kinds: [{is: a, means: started}, {is: a, means: ended}]}", problems: []string{"a word has one meaning"}},
		{name: "a meaning that is none", kind: "events:\n  url: wss://pbx.example.com/x\n  mapping: {kind: k, call: c, kinds: [{is: a, means: begun}]}", problems: []string{"mapping.kinds[0].means"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := parse("talkbridge.yaml", []byte(sourcesFile(tt.kind, tt.more)), 0, noEnv)
			if len(tt.problems) == 0 {
				require.NoError(t, err)
				var warnings []string
				for _, w := range cfg.Warnings() {
					warnings = append(warnings, w.String())
				}
				require.Equal(t, tt.warning != "", len(warnings) > 0, warnings)
				require.Contains(t, strings.Join(warnings, "\n"), tt.warning)
				return
			}
			all, ok := errors.AsType[*Errors](err)
			require.True(t, ok, "%v", err)
			require.Len(t, all.Problems, len(tt.problems), "%v", err)
			for i, want := range tt.problems {
				require.Contains(t, all.Problems[i].String(), want)
				require.NotContains(t, all.Problems[i].String(), "hunter2")
				require.NotContains(t, all.Problems[i].String(), token)
			}
		})
	}
	cfg, err := parse("talkbridge.yaml", []byte(sourcesFile("cti: {token: "+token+"}", "")), 0, noEnv)
	require.NoError(t, err)
	require.Equal(t, &CTI{Token: NewSecret(token), Reply: CTIReplyJSON, Timeout: 4 * time.Hour}, cfg.Sources[0].CTI)
}
