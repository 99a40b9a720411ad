package voicemail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/voicemail"
)

var audio = voicemail.Audio{ID: "aaaqeayeaudaocajbifqydiob4", Format: voicemail.WAV}

func TestNewKeyringRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		secrets []string
		want    string
	}{
		{"none", nil, "there are 0"},
		{"short", []string{secret, "short-and-secret"}, "key 2 has 16 characters, and needs 32"},
		{"twice", []string{secret, secret}, "key 2 is there twice"},
		{"too many", make([]string, 65), "there are 65"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := voicemail.NewKeyring(tc.secrets)
			require.ErrorContains(t, err, tc.want)
			for _, s := range tc.secrets {
				require.False(t, s != "" && strings.Contains(err.Error(), s), "an error shows no secret")
			}
		})
	}
}

func TestLink(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	link, err := ring.Link("https://calls.example.com/", audio)
	require.NoError(t, err)
	require.Regexp(t, `^https://calls\.example\.com/recordings/aaaqeayeaudaocajbifqydiob4\.wav\?k=[0-9a-f]{8}&sig=[A-Za-z0-9_-]{43}$`, link)
	again, err := ring.Link("https://calls.example.com", audio)
	require.NoError(t, err)
	require.Equal(t, link, again, "a link is the same each time")
	require.NotContains(t, link, secret)

	other, err := newRing(t, strings.Repeat("x", 32)).Link("https://calls.example.com", audio)
	require.NoError(t, err)
	require.NotEqual(t, link, other)

	below, err := ring.Link("https://example.com/calls", audio)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(below, "https://example.com/calls/recordings/"), below)
}

func TestLinkRefusesPublicURL(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"", "calls.example.com", "/recordings", "ftp://calls.example.com", "https://", "https://a b", "javascript:alert(1)"} {
		_, err := newRing(t).Link(public, audio)
		require.ErrorContains(t, err, "public url", public)
	}
}

func TestLoadKeyringMakesFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "keys")
	ring, err := voicemail.LoadKeyring(path)
	require.NoError(t, err)
	require.True(t, ring.Created())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	first, err := ring.Link("https://x.example", audio)
	require.NoError(t, err)

	ring, err = voicemail.LoadKeyring(path)
	require.NoError(t, err)
	require.False(t, ring.Created())
	second, err := ring.Link("https://x.example", audio)
	require.NoError(t, err)
	require.Equal(t, first, second)
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing else is left")

	another, err := voicemail.LoadKeyring(filepath.Join(t.TempDir(), "keys"))
	require.NoError(t, err)
	third, err := another.Link("https://x.example", audio)
	require.NoError(t, err)
	require.NotEqual(t, first, third, "each file has a key of its own")
}

func TestLoadKeyringReadsFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	old, young := strings.Repeat("o", 32), strings.Repeat("y", 32)
	put(t, []byte("# newest first\n\n"+young+"  \n"+old+"\n"), path)
	ring, err := voicemail.LoadKeyring(path)
	require.NoError(t, err)
	got, err := ring.Link("https://x.example", audio)
	require.NoError(t, err)
	want, err := newRing(t, young).Link("https://x.example", audio)
	require.NoError(t, err)
	require.Equal(t, want, got, "the first key signs")
}

func TestLoadKeyringRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
	}{
		{"others may read it", func(t *testing.T, path string) {
			put(t, []byte(secret), path)
			require.NoError(t, os.Chmod(path, 0o640))
		}, "chmod 600"},
		{"a folder", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, "no regular file"},
		{"too large", func(t *testing.T, path string) { put(t, make([]byte, 1<<20), path) }, "65536 are allowed"},
		{"empty", func(t *testing.T, path string) { put(t, []byte("# nothing\n"), path) }, "there are 0"},
		{"short key", func(t *testing.T, path string) { put(t, []byte("abc\n"), path) }, "needs 32"},
		{"its folder is a file", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(filepath.Dir(path)))
			put(t, nil, filepath.Dir(path))
		}, "recording keys"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys")
			tc.make(t, path)
			_, err := voicemail.LoadKeyring(path)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), secret)
		})
	}
}

func ExampleKeyring_Link() {
	ring, err := voicemail.NewKeyring([]string{"a secret of at least thirty-two characters"})
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := ring.Link("https://calls.example.com", voicemail.Audio{ID: "aaaqeayeaudaocajbifqydiob4", Format: voicemail.WAV})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.SplitN(link, "&sig=", 2)[0])
	// Output: https://calls.example.com/recordings/aaaqeayeaudaocajbifqydiob4.wav?k=4089c8a5
}
