package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

func TestCallRecords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, fail string }{
		{name: "an app", text: "{app_id: 1001}"},
		{name: "no app", text: "{}", fail: "zendesk.call_records.app_id: is missing"},
		{name: "no id", text: "{app_id: 0}", fail: "zendesk.call_records.app_id: \"0\" is out of range"},
		{name: "a name", text: "{app_id: talkbridge}", fail: "zendesk.call_records.app_id"},
		{name: "misspelt", text: "{app: 1}", fail: "zendesk.call_records.app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, minimal, "zendesk:\n")
			cfg, err := config.Parse("talkbridge.yaml", []byte(strings.Replace(minimal, "zendesk:\n", "zendesk:\n  call_records: "+tt.text+"\n", 1)))
			if tt.fail != "" {
				require.ErrorContains(t, err, tt.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, &config.CallRecords{AppID: 1001}, cfg.Zendesk.CallRecords)
		})
	}
	cfg, err := config.Parse("talkbridge.yaml", []byte(minimal))
	require.NoError(t, err)
	require.Nil(t, cfg.Zendesk.CallRecords, "off unless set")
}

func TestRecordingConsent(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("talkbridge.yaml", []byte(minimal+"recordings: {consent: opt_out}\nlines:\n  - {number: \"+15550100001\", recording_consent: opt_in}\n"))
	require.NoError(t, err)
	require.Equal(t, config.ConsentOptOut, cfg.Recordings.Consent)
	require.Equal(t, config.ConsentOptIn, cfg.Lines[0].RecordingConsent)
	_, err = config.Parse("talkbridge.yaml", []byte(minimal+"recordings: {consent: maybe}\n"))
	require.ErrorContains(t, err, "recordings.consent")
	require.ErrorContains(t, err, "opt_in")
	cfg, err = config.Parse("talkbridge.yaml", []byte(minimal))
	require.NoError(t, err)
	require.Empty(t, cfg.Recordings.Consent, "nothing is said unless it is set")
}
