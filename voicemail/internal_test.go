package voicemail

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const testSecret = "0123456789abcdef0123456789abcdef"

func testStore(t testing.TB) *Store {
	t.Helper()
	ring, err := NewKeyring([]string{testSecret})
	require.NoError(t, err)
	store, err := OpenStore(t.TempDir(), ring, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// full is a file on a disk that is full after some bytes, or when it is
// synced.
type full struct {
	writable

	room   int
	onSync bool
}

func (f *full) Write(p []byte) (int, error) {
	if !f.onSync && len(p) > f.room {
		return 0, syscall.ENOSPC
	}
	f.room -= len(p)
	return f.writable.Write(p)
}

func (f *full) Sync() error {
	if f.onSync {
		return syscall.ENOSPC
	}
	return f.writable.Sync()
}

func TestKeepOnFullDisk(t *testing.T) {
	t.Parallel()
	wav, err := os.ReadFile("testdata/msg0000.wav")
	require.NoError(t, err)
	for _, tc := range []struct {
		name   string
		onSync bool
	}{{"writing", false}, {"syncing", true}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			store := testStore(t)
			create := store.create
			store.create = func(name string) (writable, error) {
				file, err := create(name)
				return &full{file, 40_000, tc.onSync}, err
			}
			_, err := store.Keep(t.Context(), "call 1", bytes.NewReader(wav))
			require.ErrorIs(t, err, syscall.ENOSPC)
			require.ErrorContains(t, err, "free space in "+store.Folder())
			entries, err := os.ReadDir(store.Folder())
			require.NoError(t, err)
			require.Empty(t, entries, "it does not make the disk fuller")

			store.create = create
			_, err = store.Keep(t.Context(), "call 1", bytes.NewReader(wav))
			require.NoError(t, err, "with space again it works")
		})
	}
}

// A message that became another one while it was copied is not kept.
func TestKeepChangedMessage(t *testing.T) {
	t.Parallel()
	inbox := filepath.Join(t.TempDir(), "default/1001/INBOX")
	require.NoError(t, os.MkdirAll(inbox, 0o700))
	for _, name := range []string{"msg0000.wav", "msg0000.txt"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(inbox, name), content, 0o600))
	}
	spool, err := OpenSpool(filepath.Dir(filepath.Dir(filepath.Dir(inbox))), 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, spool.Close()) })
	message, err := spool.Open("default/1001/INBOX/msg0000", "")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, message.Close()) })
	require.NoError(t, os.WriteFile(filepath.Join(inbox, "msg0000.txt"), []byte("[message]\nmsg_id=other\n"), 0o600))

	store := testStore(t)
	_, err = store.Keep(t.Context(), "call 1", whole{message})
	require.ErrorIs(t, err, ErrChanged)
	entries, err := os.ReadDir(store.Folder())
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestIDs(t *testing.T) {
	t.Parallel()
	ring, err := NewKeyring([]string{testSecret})
	require.NoError(t, err)
	id := ring.id("call 1")
	require.True(t, validID(id), id)
	require.Equal(t, id, ring.id("call 1"))
	require.NotEqual(t, id, ring.id("call 2"))
	// 26 characters have room for 130 bits: the last one has two that must be 0.
	last := strings.IndexByte("abcdefghijklmnopqrstuvwxyz234567", id[25])
	require.Zero(t, last%4)
	require.False(t, validID(id[:25]+"b"), "one recording has one name")
}

func TestMask(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ remote, want string }{
		{"203.0.113.77:5000", "203.0.113.0/24"},
		{"[2001:db8:1:2:3::4]:5000", "2001:db8:1::/48"},
		{"[::ffff:203.0.113.77]:5000", "203.0.113.0/24"},
		{"[fe80::1%eth0]:5000", "fe80::/48"},
		{"@", ""},
		{"", ""},
		{"host:1", ""},
	} {
		require.Equal(t, tc.want, maskAddress(tc.remote), tc.remote)
	}
	require.Equal(t, "aaaqea…", maskID("aaaqeayeaudaocajbifqydiob4"))
	require.Empty(t, maskID(""))
}

// Whatever a client writes: what is read as a link is written in one way only,
// names a file of the store and nothing else, and verifies only if it is the
// one that was signed.
func FuzzParseLink(f *testing.F) {
	ring, err := NewKeyring([]string{testSecret})
	require.NoError(f, err)
	audio := Audio{ID: "aaaqeayeaudaocajbifqydiob4", Format: WAV}
	signed, err := ring.Link("https://x.example", audio)
	require.NoError(f, err)
	u, err := url.Parse(signed)
	require.NoError(f, err)
	f.Add(u.Path, u.RawQuery)
	f.Add("/recordings/../keys", "k=1&sig=2")
	f.Add("/recordings/aaaqeayeaudaocajbifqydiob4.wav.mp3", u.RawQuery)
	f.Add(u.Path, u.RawQuery+"&sig=x")
	f.Fuzz(func(t *testing.T, path, query string) {
		l, ok := parseLink(path, query)
		if !ok {
			require.Zero(t, l)
			return
		}
		require.Equal(t, path, linkPath+l.name())
		require.NotContains(t, l.name(), "/")
		require.Len(t, l.signature, 32)
		if ring.verify(l) {
			require.Equal(t, audio.name(), l.name())
			values, err := url.ParseQuery(query)
			require.NoError(t, err)
			require.Equal(t, u.Query(), values)
		}
	})
}
