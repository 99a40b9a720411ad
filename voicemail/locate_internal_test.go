package voicemail

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a phone system names: what is looked for is below the folder, by a
// name that goes nowhere else.
func FuzzLocate(f *testing.F) {
	dir := f.TempDir()
	a, err := openArea(dir, 0)
	require.NoError(f, err)
	f.Cleanup(func() { _ = a.Close() })
	spool, recordings := &Spool{a}, &Recordings{a}
	for _, wire := range []string{
		"/var/spool/asterisk/voicemail/default/1001/INBOX/msg0000", "default/1001/INBOX/msg0000", dir + "/default/1001/INBOX/msg0000",
		"/var/spool/asterisk/monitor/2026/11/22/a.wav", "../../etc/passwd", "default/1001/../../../etc/msg0000", "/monitor/..\\..\\x.wav",
		"a//b/./c/msg0000", "\x00", "/a/%2e%2e/b/msg0000", strings.Repeat("/x", 600), dir + "/../default/1001/INBOX/msg0000", "...wav",
	} {
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		names := []string{}
		if name, err := spool.locate(wire); err == nil {
			require.True(t, messageName.MatchString(filepath.Base(name)), "%q", name)
			names = append(names, name)
		}
		if found, err := recordings.locate(wire); err == nil {
			names = append(names, found...)
		}
		for _, name := range names {
			require.True(t, filepath.IsLocal(name), "%q of %q", name, wire)
			require.False(t, slices.Contains(strings.Split(name, "/"), ".."), "%q of %q", name, wire)
			require.False(t, strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }), "%q of %q", name, wire)
		}
	})
}
