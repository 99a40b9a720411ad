package config

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// speechFile is a configuration with a section transcription, and lines.
func speechFile(section, lines string) []byte {
	return []byte(`site: hq
country: CH
zendesk: {url: "https://acme.zendesk.com", oauth: {client_id: a, client_secret: "${S}"}}
sources: [{name: pbx1, asterisk: {address: "127.0.0.1:5038", username: a, secret: "${S}", trunks: [PJSIP/t]}}]
lines: [` + lines + `]
` + section)
}

func TestTranscriptionSection(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, section string
		says          []string
	}{
		{name: "a service", section: "transcription: {url: \"https://speech.example.com/v1\", api_key: \"${S}\"}"},
		{name: "a service on this machine", section: "transcription: {url: \"http://127.0.0.1:9000/v1\"}"},
		{name: "a command", section: "transcription: {command: [whisper, \"{file}\"]}"},
		{name: "neither", section: "transcription: {of: all}", says: []string{"transcription.url: is missing; give the address"}},
		{name: "both", section: "transcription: {url: \"https://a.example.com\", command: [whisper, \"{file}\"]}", says: []string{"transcription.command: stands beside transcription.url"}},
		{name: "in the clear", section: "transcription: {url: \"http://speech.example.com\"}", says: []string{"would go over the network in the clear"}},
		{name: "no file", section: "transcription: {command: [whisper, audio]}", says: []string{"is not told which file"}},
		{name: "a key for a command", section: "transcription: {command: [whisper, \"{file}\"], api_key: \"${S}\"}", says: []string{"is for a service"}},
		{name: "two keys", section: "transcription: {url: \"https://a.example.com\", api_key: \"${S}\", api_key_file: x}", says: []string{"stands beside transcription.api_key"}},
		{name: "values", section: "transcription: {url: \"https://a.example.com\", of: calls, language: german, at_once: 99, max_size: 1KiB, tries: 0}", says: []string{
			"transcription.of", "transcription.language", "transcription.at_once", "transcription.max_size", "transcription.tries",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse("t.yaml", speechFile(tt.section, ""), 0, exampleEnv)
			if len(tt.says) == 0 {
				require.NoError(t, err)
				return
			}
			for _, text := range tt.says {
				require.ErrorContains(t, err, text)
			}
		})
	}
}

// What is spoken on a line follows from its country only where nearly all speak one
// language there.
func TestLanguageOfLines(t *testing.T) {
	t.Parallel()
	cfg, err := parse("t.yaml", speechFile("transcription: {command: [whisper, \"{file}\"]}", `
  {number: "+41440000001"}, {number: "+4930000001", country: DE}, {number: "+33100000001", country: FR, language: AUTO}, {number: "+15550100001", country: US, language: es}`), 0, exampleEnv)
	require.NoError(t, err)
	var spoken []string
	for _, line := range cfg.Lines {
		spoken = append(spoken, cfg.LanguageFor(line))
	}
	require.Equal(t, []string{"", "de", "", "es"}, spoken)
	require.Equal(t, 8, cfg.Transcription.Tries)
	require.Equal(t, time.Hour, cfg.Transcription.GiveUpAfter)
	cfg.Transcription.Language = "fr"
	require.Equal(t, "fr", cfg.LanguageFor(cfg.Lines[1]))
}
