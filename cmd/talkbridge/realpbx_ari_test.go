package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
)

// realOverARI places all the calls of TestRealPBX once more, read through the REST
// interface: each leaves in Zendesk what it leaves over AMI. Once with the ari.conf of
// the documentation, over TLS, and some of them once without its channelvars, when it
// has to be worked out which call a channel is of.
func realOverARI(t *testing.T, installed lab.Installation) {
	t.Helper()
	t.Run("as documented", func(t *testing.T) {
		s := newARISite(t, installed, documentedConf(t, "read_only = yes"), true)
		daemon := s.startReady()
		s.play(realRows)
		require.Zero(t, daemon.metric(t, `talkbridge_ari_derived_total{source="pbx1"} `))
		require.Zero(t, daemon.metric(t, `talkbridge_ari_malformed_total{source="pbx1"} `))
		s.verdict(daemon, realRows)
	})
	t.Run("without channelvars", func(t *testing.T) {
		conf := regexp.MustCompile(`(?m)^channelvars.*$`).ReplaceAllLiteralString(documentedConf(t, "read_only = yes"), "")
		rows := slices.DeleteFunc(slices.Clone(realRows), func(r realRow) bool { return !slices.Contains(workedOut, r.name) })
		require.Len(t, rows, len(workedOut))
		s := newARISite(t, installed, conf, false)
		daemon := s.startReady()
		s.play(rows)
		require.NotZero(t, daemon.metric(t, `talkbridge_ari_derived_total{source="pbx1"} `))
		s.verdict(daemon, rows)
	})
}

// workedOut are the calls whose channels are not easily told apart.
var workedOut = []string{
	"inbound, answered", "voicemail", "queue, the second agent answers", "queue, abandoned", "outbound, answered", "click to call",
	"attended transfer, feature code", "attended transfer, REFER with Replaces", "two at once, the same caller",
	"the agent's mobile answers, by a Local channel", "attended transfer to a mobile, feature code",
	"click to call, on a mobile, by a Local channel", "anonymous",
}

// newARISite is a real site that is read through the REST interface.
func newARISite(t *testing.T, installed lab.Installation, conf string, secure bool) *realSite {
	t.Helper()
	s := newRealSite(t, installed, false, func(o *lab.Options) { o.ARI = conf })
	url, tls := "http://"+s.pbx.ARIAddress(), ""
	if secure {
		url, tls = "https://"+s.pbx.ARITLSAddress(), fmt.Sprintf(", tls: {ca_file: %s}", s.pbx.CAFile())
	}
	section := fmt.Sprintf("ari:\n      {url: %q, username: talkbridge, password: %s, trunks: [PJSIP/trunk], voicemail: %s, recordings: %s%s}",
		url, s.pbx.Secret, s.pbx.Voicemail(), s.pbx.Recordings(), tls)
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	text = regexp.MustCompile(`asterisk:\n *\{.*\}`).ReplaceAllLiteral(text, []byte(section))
	require.Contains(t, string(text), "ari:")
	require.NoError(t, os.WriteFile(s.config, text, 0o600))
	return s
}
