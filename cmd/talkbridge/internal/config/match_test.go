package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	site := config.Match{NewestOpenWithin: 72 * time.Hour, RepeatedWithin: 10 * time.Minute}
	for _, tt := range []struct {
		name, tickets, line string
		want, ofLine        config.Match
		fail                string
	}{
		{name: "off unless set", tickets: "{}", line: "{}"},
		{name: "of the site", tickets: "{match: {newest_open_within: 3d, repeated_within: 10m}}", line: "{}", want: site, ofLine: site},
		{
			name: "the line's stands in whole", tickets: "{match: {newest_open_within: 3d, repeated_within: 10m}}",
			line: "{match: {repeated_within: 5m}}", want: site, ofLine: config.Match{RepeatedWithin: 5 * time.Minute},
		},
		{name: "off for the line", tickets: "{match: {newest_open_within: 3d, repeated_within: 10m}}", line: "{match: {}}", want: site},
		{name: "too long", tickets: "{match: {newest_open_within: 91d}}", line: "{}", fail: `tickets.match.newest_open_within: "91d" is out of range; use 0s to 90d`},
		{name: "misspelt", tickets: "{match: {repeated: 5m}}", line: "{}", fail: "did you mean `repeated_within`?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := strings.TrimRight(minimal, "\n") + "\ntickets: " + tt.tickets + "\nlines: [{number: \"+15550100001\", tickets: " + tt.line + "}]\n"
			cfg, err := config.Parse("talkbridge.yaml", []byte(text))
			if tt.fail != "" {
				require.ErrorContains(t, err, tt.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, cfg.MatchFor(config.Line{}))
			require.Equal(t, tt.ofLine, cfg.MatchFor(cfg.Lines[0]))
		})
	}
}
