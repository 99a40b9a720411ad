package voicemail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/voicemail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keep keeps the captured message under a key.
func keep(t testing.TB, store *voicemail.Store, key string) voicemail.Audio {
	t.Helper()
	audio, err := store.Keep(t.Context(), key, bytes.NewReader(captured(t, "msg0000.wav")))
	require.NoError(t, err)
	return audio
}

// files are the names in a store's folder.
func files(t testing.TB, store *voicemail.Store) []string {
	t.Helper()
	entries, err := os.ReadDir(store.Folder())
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestStoreKeep(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "a", "b"))
	kept := keep(t, store, "call 1")
	require.Equal(t, "audio/wav", kept.ContentType())
	require.Equal(t, ".wav", kept.Ext())
	require.Equal(t, int64(90604), kept.Size)
	require.Equal(t, 5660*time.Millisecond, kept.Duration)
	require.Len(t, kept.ID, 26)
	require.Equal(t, []string{kept.ID + ".wav"}, files(t, store))

	again, err := store.Keep(t.Context(), "call 1", strings.NewReader("not read"))
	require.NoError(t, err)
	require.Equal(t, kept, again, "the first copy counts")
	require.NotEqual(t, kept.ID, keep(t, store, "call 2").ID)

	rec, err := store.Open(kept.ID)
	require.NoError(t, err)
	sound, err := io.ReadAll(rec)
	require.NoError(t, err)
	require.Equal(t, captured(t, "msg0000.wav"), sound)
	require.NoError(t, rec.Close())

	folder, err := os.Stat(store.Folder())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), folder.Mode().Perm())
	file, err := os.Stat(filepath.Join(store.Folder(), kept.ID+".wav"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), file.Mode().Perm())
}

// Names come from the ring's oldest key, so that a new key changes none.
func TestStoreNames(t *testing.T) {
	t.Parallel()
	dir, young := t.TempDir(), strings.Repeat("y", 32)
	kept := keep(t, openStore(t, dir), "call 1")
	for _, tc := range []struct {
		name    string
		secrets []string
		same    bool
	}{
		{"new key first", []string{young, secret}, true},
		{"other key", []string{young}, false},
	} {
		store, err := voicemail.OpenStore(dir, newRing(t, tc.secrets...), 0)
		require.NoError(t, err)
		found, err := store.Lookup("call 1")
		if tc.same {
			require.NoError(t, err, tc.name)
			require.Equal(t, kept, found)
		} else {
			require.ErrorIs(t, err, voicemail.ErrNotFound, tc.name)
		}
		require.NoError(t, store.Close())
	}
}

func TestStoreKeepConcurrently(t *testing.T) {
	t.Parallel()
	store := openStore(t, t.TempDir())
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			audio, err := store.Keep(t.Context(), "call 1", bytes.NewReader(captured(t, "msg0000.wav")))
			if err != nil {
				t.Errorf("keep: %v", err)
			}
			ids[i] = audio.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Len(t, files(t, store), 1)
}

// broken is a source that fails after some audio.
type broken struct {
	r   io.Reader
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

func TestStoreKeepLeavesNothing(t *testing.T) {
	t.Parallel()
	wav := captured(t, "msg0000.wav")
	cut := errors.New("cable cut")
	gone, cancel := context.WithCancelCause(t.Context())
	stopping := errors.New("stopping")
	cancel(stopping)
	for _, tc := range []struct {
		name   string
		ctx    context.Context
		r      io.Reader
		reason voicemail.Reason
		is     error
	}{
		{name: "source fails", r: broken{bytes.NewReader(wav), cut}, is: cut},
		{name: "context is over", ctx: gone, r: bytes.NewReader(wav), is: stopping},
		{name: "too large", r: io.MultiReader(bytes.NewReader(wav), bytes.NewReader(make([]byte, 20000))), reason: voicemail.TooLarge},
		{name: "no sound", r: bytes.NewReader(wav[:44]), reason: voicemail.NoSound},
		{name: "no audio", r: strings.NewReader("<html><body>hello</body></html>"), reason: voicemail.NotAudio},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			store, err := voicemail.OpenStore(t.TempDir(), newRing(t), 100_000)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			ctx := tc.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_, err = store.Keep(ctx, "call 1", tc.r)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			} else {
				var refused *voicemail.RefusedError
				require.ErrorAs(t, err, &refused)
				require.Equal(t, tc.reason, refused.Reason)
			}
			require.Empty(t, files(t, store))
			keep(t, store, "call 1")
		})
	}
}

// What a crash left is removed when it is old enough to be nobody's, and never
// taken for audio.
func TestStoreAfterCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, captured(t, "msg0000.wav")[:5000], dir, ".keeping-OLD")
	put(t, captured(t, "msg0000.wav")[:5000], dir, ".keeping-NEW")
	put(t, []byte("mine"), dir, "notes.txt")
	old := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, ".keeping-OLD"), old, old))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "notes.txt"), old, old))
	store := openStore(t, dir)
	require.Equal(t, []string{".keeping-NEW", "notes.txt"}, files(t, store))
	keep(t, store, "call 1")
}

func TestStoreOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := openStore(t, filepath.Join(dir, "store"))
	kept := keep(t, store, "call 1")
	put(t, captured(t, "msg0000.wav"), dir, "aaaqeayeaudaocajbifqydiob4.wav")
	for _, id := range []string{
		"", "x", ".", "..", "../aaaqeayeaudaocajbifqydiob4", "aaaqeayeaudaocajbifqydiob4",
		kept.ID + ".wav", strings.ToUpper(kept.ID), kept.ID[:25], kept.ID + "a", kept.ID[:25] + "\x00", kept.ID[:25] + "/",
	} {
		_, err := store.Open(id)
		require.ErrorIs(t, err, voicemail.ErrNotFound, id)
		if len(id) != 26 {
			require.ErrorIs(t, store.Revoke(id), voicemail.ErrNotFound, id)
		}
	}
}

func TestStoreRevoke(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := openStore(t, dir)
	kept, other := keep(t, store, "call 1"), keep(t, store, "call 2")
	require.NoError(t, store.Revoke(kept.ID))
	require.NoError(t, store.Revoke(kept.ID))
	for _, s := range []*voicemail.Store{store, openStore(t, dir)} {
		_, err := s.Open(kept.ID)
		require.ErrorIs(t, err, voicemail.ErrRevoked, "for good")
		_, err = s.Keep(t.Context(), "call 1", bytes.NewReader(captured(t, "msg0000.wav")))
		require.ErrorIs(t, err, voicemail.ErrRevoked, "it is not kept anew")
	}
	rec, err := store.Open(other.ID)
	require.NoError(t, err, "others are not concerned")
	require.NoError(t, rec.Close())
}

func TestStoreRevokeCall(t *testing.T) {
	t.Parallel()
	store := openStore(t, t.TempDir())
	call := telephony.CallID("hq/pbx1/1.0")
	recording, other := keep(t, store, "recording "+string(call)), keep(t, store, "recording hq/pbx1/2.0")
	kept, err := store.RevokeCall(call)
	require.NoError(t, err)
	require.Equal(t, []voicemail.Audio{recording}, kept)
	kept, err = store.RevokeCall(call)
	require.NoError(t, err)
	require.Empty(t, kept)
	_, err = store.Keep(t.Context(), "voicemail "+string(call), bytes.NewReader(captured(t, "msg0000.wav")))
	require.ErrorIs(t, err, voicemail.ErrRevoked, "what comes later is not kept either")
	rec, err := store.Open(other.ID)
	require.NoError(t, err, "others are not concerned")
	require.NoError(t, rec.Close())
}

func TestStoreSweep(t *testing.T) {
	t.Parallel()
	store := openStore(t, t.TempDir())
	old, revoked, young := keep(t, store, "old"), keep(t, store, "revoked"), keep(t, store, "young")
	require.NoError(t, store.Revoke(revoked.ID))
	put(t, []byte("mine"), store.Folder(), "notes.txt")
	require.NoError(t, os.Mkdir(filepath.Join(store.Folder(), "lost+found"), 0o700))
	now := time.Now()
	age := func(name string, by time.Duration) {
		require.NoError(t, os.Chtimes(filepath.Join(store.Folder(), name), now.Add(-by), now.Add(-by)))
	}
	age("notes.txt", 1000*time.Hour)
	age(old.ID+".wav", 25*time.Hour)
	age(revoked.ID+".wav", 25*time.Hour)
	age(young.ID+".wav", 23*time.Hour)

	swept, err := store.Sweep(t.Context(), now, 0)
	require.NoError(t, err)
	require.Zero(t, swept, "0 keeps all")

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	swept, err = store.Sweep(gone, now, 24*time.Hour)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, swept)

	swept, err = store.Sweep(t.Context(), now, 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, voicemail.Swept{Recordings: 2, Bytes: 2 * 90604}, swept)
	require.ElementsMatch(t, []string{young.ID + ".wav", revoked.ID + ".revoked", "notes.txt", "lost+found"}, files(t, store))
	_, err = store.Lookup("old")
	require.ErrorIs(t, err, voicemail.ErrNotFound)

	swept, err = store.Sweep(t.Context(), now.Add(48*time.Hour), 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, 1, swept.Recordings)
	require.ElementsMatch(t, []string{"notes.txt", "lost+found"}, files(t, store), "marks of revocations age too")
}

func TestOpenStoreRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	put(t, nil, path)
	_, err := voicemail.OpenStore(path, newRing(t), 0)
	require.ErrorContains(t, err, "recordings folder")
	require.ErrorContains(t, err, path)
}

func TestOpenStoreClosesFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	openStore(t, dir)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}
