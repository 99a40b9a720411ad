package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const twilioFile = `
site: hq
zendesk: {url: https://acme.zendesk.com, oauth: {client_id: talkbridge, client_secret: secret}}
sources:
  - name: tw
    twilio:
      account_sid: AC0123456789abcdef0123456789abcdef
`

func TestTwilio(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("5c0ffee\n"), 0o600))
	cfg, err := parse(filepath.Join(dir, "talkbridge.yaml"), []byte(twilioFile+`
      auth_token_file: token
      other_auth_tokens: [fresh]
      api_key: {sid: SK0123456789abcdef0123456789abcdef, secret: keysecret}
      recording_hosts: [Media.example.com, "127.0.0.1:8443"]
http: {public_url: https://calls.example.com/}
`), 0, noEnv)
	require.NoError(t, err)
	tw := cfg.Sources[0].Twilio
	require.Equal(t, "5c0ffee", tw.AuthToken.Reveal())
	require.Equal(t, "fresh", tw.OtherAuthTokens[0].Reveal())
	require.Equal(t, "keysecret", tw.APIKey.Secret.Reveal())
	require.Equal(t, TwilioObserve, tw.Mode)
	require.Equal(t, []string{"media.example.com", "127.0.0.1:8443"}, tw.RecordingHosts)
	require.Equal(t, "https://calls.example.com", cfg.PublicURLFor(tw))
	tw.PublicURL = "https://hooks.example.com"
	require.Equal(t, "https://hooks.example.com", cfg.PublicURLFor(tw))
}

// Where Twilio reaches us must be known, here or there: what it signs begins with it.
func TestTwilio_publicURLOfItsOwn(t *testing.T) {
	t.Parallel()
	_, err := parse("talkbridge.yaml", []byte(twilioFile+`
      auth_token: secret
      public_url: https://hooks.example.com
`), 0, noEnv)
	require.NoError(t, err)
	_, err = parse("talkbridge.yaml", []byte(twilioFile+`
      auth_token: secret
`), 0, noEnv)
	require.ErrorContains(t, err, "http.public_url: is missing; sources[0].twilio is told of calls by Twilio")
}

// Calls are placed for whom a phone system rings that places some; who has no such phone
// is named.
func TestTwilioDial(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg, err := parse(filepath.Join(dir, "talkbridge.yaml"), []byte(twilioFile+`
      auth_token: secret
      dial: {caller_id: "(212) 555-0100"}
  - name: pbx1
    asterisk: {address: "127.0.0.1:5038", username: a, secret: b, trunks: [PJSIP/trunk], dial: {context: agents}}
country: US
http: {public_url: https://calls.example.com/}
dial: {allow: ["+1*"]}
agents:
  - {name: Ana, zendesk: ana@example.com, numbers: ["client:ana"]}
  - {name: Ben, zendesk: ben@example.com, numbers: ["1002"]}
  - {name: Cleo, zendesk: cleo@example.com, numbers: ["+12125550103"]}
  - {name: Dan, zendesk: dan@example.com, numbers: ["client:"]}
`), 0, noEnv)
	require.NoError(t, err)
	require.Equal(t, &TwilioDial{CallerID: "+12125550100", Ring: 20 * time.Second}, cfg.Sources[0].Twilio.Dial)
	var warnings []string
	for _, w := range cfg.Warnings() {
		warnings = append(warnings, w.String())
	}
	said := strings.Join(warnings, "\n")
	require.Contains(t, said, "agents[3].numbers: has no phone at which a call can begin: none is placed for Dan")
	require.Equal(t, 1, strings.Count(said, "has no phone at which"))
}
