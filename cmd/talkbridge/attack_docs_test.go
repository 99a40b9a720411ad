package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goFiles calls visit with the text of every Go file of the project, by its path.
func goFiles(t *testing.T, visit func(path, text string)) {
	t.Helper()
	root := repository
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		visit(filepath.ToSlash(relative), string(text))
		return err
	}))
}

// The table of what was tried names tests that there are.
func TestAttacksAreHeldByTests(t *testing.T) {
	t.Parallel()
	var there []string
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	goFiles(t, func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range declared.FindAllStringSubmatch(text, -1) {
				there = append(there, m[1])
			}
		}
	})
	page := readDeploy(t, "docs/security.md")
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(page, -1)
	require.Greater(t, len(named), 30)
	for _, m := range named {
		require.Contains(t, there, m[1])
	}
	for _, name := range there {
		if strings.HasPrefix(name, "TestAttack") && name != t.Name() {
			require.Contains(t, page, "`"+name+"`")
		}
	}
}

// Nothing is fetched from an address that came over the wire: those who make
// requests at all are few, and each asks a host of the configuration. Whoever adds
// one here says in docs/security.md which hosts it may be led to.
func TestAttackNobodyFetchesByAddress(t *testing.T) {
	t.Parallel()
	makes := regexp.MustCompile(`http\.(Get|Post|Head|PostForm|NewRequest|NewRequestWithContext|DefaultClient|DefaultTransport)\b|http\.(Client|Transport)\{|websocket\.(Dialer\{|DefaultDialer)|net\.Dial\(`)
	may := []string{
		"zendesk/client.go", "zendesk/request.go", "zendesk/transport.go", // zendesk.url
		"cmd/talkbridge/control.go",                                           // the control socket
		"cmd/talkbridge/doctor.go",                                            // http.public_url
		"voicemail/transcript/service.go",                                     // transcription.url
		"feed/reader.go",                                                      // the control socket, or the address of talkbridge feed
		"telephony/twilio/api.go",                                             // Twilio's API, or sources[].twilio.api_url
		"telephony/cti/feed.go",                                               // sources[].events.url
		"telephony/asterisk/ari/client.go", "telephony/asterisk/ari/probe.go", // sources[].ari.url
		"voicemail/remote.go", "voicemail/outward.go", // hosts of sources[].twilio, and public ones that they lead to
	}
	goFiles(t, func(path, text string) {
		forTests := strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "zendesk/zendesktest/") ||
			strings.HasPrefix(path, "cmd/talkbridge/internal/torture/") || strings.Contains(path, "test/")
		if !forTests && makes.MatchString(text) {
			require.True(t, slices.Contains(may, path), "%s makes requests: %s", path, makes.FindString(text))
		}
	})
}
