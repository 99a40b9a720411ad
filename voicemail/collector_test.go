package voicemail_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/voicemail"
)

const (
	secret = "0123456789abcdef0123456789abcdef"
	call   = telephony.CallID("hq/pbx1/pbx1-1795310938.0")
	wire   = "/var/spool/asterisk/voicemail/default/1001/INBOX/msg0000"
	native = "pbx1-1795310938.0"
)

// captured is a file of a real voicemail: msg0000.txt or msg0000.wav.
func captured(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return content
}

// inbox makes a voicemail folder and returns it with the inbox of mailbox 1001.
func inbox(t testing.TB) (folder, inbox string) {
	t.Helper()
	folder = t.TempDir()
	inbox = filepath.Join(folder, "default", "1001", "INBOX")
	require.NoError(t, os.MkdirAll(inbox, 0o700))
	return folder, inbox
}

func put(t testing.TB, content []byte, elements ...string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(elements...), content, 0o600))
}

// leave puts the captured message into an inbox, as msg0000.
func leave(t testing.TB, inbox string) {
	t.Helper()
	put(t, captured(t, "msg0000.wav"), inbox, "msg0000.wav")
	put(t, captured(t, "msg0000.txt"), inbox, "msg0000.txt")
}

func openSpool(t testing.TB, folder string, maxSize int64) *voicemail.Spool {
	t.Helper()
	spool, err := voicemail.OpenSpool(folder, maxSize)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, spool.Close()) })
	return spool
}

func newRing(t testing.TB, secrets ...string) *voicemail.Keyring {
	t.Helper()
	if len(secrets) == 0 {
		secrets = []string{secret}
	}
	ring, err := voicemail.NewKeyring(secrets)
	require.NoError(t, err)
	return ring
}

func openStore(t testing.TB, dir string) *voicemail.Store {
	t.Helper()
	store, err := voicemail.OpenStore(dir, newRing(t), 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func collector(t testing.TB, folder string, store *voicemail.Store, patience time.Duration) *voicemail.Collector {
	t.Helper()
	return voicemail.NewCollector(map[string]*voicemail.Spool{"pbx1": openSpool(t, folder, 0)}, store, patience)
}

func TestCollect(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	store := openStore(t, t.TempDir())
	audio, err := collector(t, folder, store, 0).Collect(t.Context(), call, wire)
	require.NoError(t, err)
	require.Equal(t, voicemail.WAV, audio.Format)
	require.Equal(t, int64(90604), audio.Size)
	require.Equal(t, 5660*time.Millisecond, audio.Duration)
	require.WithinDuration(t, time.Now(), audio.KeptAt, time.Minute)
	kept, err := os.ReadFile(filepath.Join(store.Folder(), audio.ID+".wav"))
	require.NoError(t, err)
	require.Equal(t, captured(t, "msg0000.wav"), kept)
}

// The header of an MP3 does not say how long it is; the phone system does.
func TestCollectMP3(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	put(t, captured(t, "msg0000.txt"), inbox, "msg0000.txt")
	put(t, append([]byte{0xff, 0xfb, 0x90, 0x64}, make([]byte, 400)...), inbox, "msg0000.mp3")
	audio, err := collector(t, folder, openStore(t, t.TempDir()), 0).Collect(t.Context(), call, wire)
	require.NoError(t, err)
	require.Equal(t, voicemail.MP3, audio.Format)
	require.Equal(t, 5*time.Second, audio.Duration)
}

// A crash between keeping and noting it: the next start collects again, even
// if the message was deleted meanwhile.
func TestCollectTwice(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	dir := t.TempDir()
	first, err := collector(t, folder, openStore(t, dir), 0).Collect(t.Context(), call, wire)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(inbox))
	second, err := collector(t, folder, openStore(t, dir), 0).Collect(t.Context(), call, wire)
	require.NoError(t, err)
	require.Equal(t, first, second)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
}

func TestCollectWaitsUntilFinal(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	put(t, captured(t, "msg0000.wav"), inbox, "msg0000.wav")
	c := collector(t, folder, openStore(t, t.TempDir()), 0)
	done := make(chan error, 1)
	go func() {
		_, err := c.Collect(t.Context(), call, wire)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("collected before it was final: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	put(t, captured(t, "msg0000.txt"), inbox, "writing")
	require.NoError(t, os.Rename(filepath.Join(inbox, "writing"), filepath.Join(inbox, "msg0000.txt")))
	require.NoError(t, <-done)
}

func TestCollectLosesPatience(t *testing.T) {
	t.Parallel()
	folder, _ := inbox(t)
	_, err := collector(t, folder, openStore(t, t.TempDir()), 20*time.Millisecond).Collect(t.Context(), call, wire)
	require.ErrorIs(t, err, voicemail.ErrNotFinal)
	require.ErrorContains(t, err, "msg0000.txt is not there")
}

func TestCollectStops(t *testing.T) {
	t.Parallel()
	folder, _ := inbox(t)
	c := collector(t, folder, openStore(t, t.TempDir()), 0)
	stopping := errors.New("stopping")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := c.Collect(ctx, call, wire)
		done <- err
	}()
	cancel(stopping)
	select {
	case err := <-done:
		require.ErrorIs(t, err, stopping)
	case <-time.After(time.Second):
		t.Fatal("Collect goes on a second after its context is over")
	}
}

func TestCollectFromUnknownSource(t *testing.T) {
	t.Parallel()
	folder, _ := inbox(t)
	_, err := collector(t, folder, openStore(t, t.TempDir()), 0).Collect(t.Context(), "hq/other/1", wire)
	var refused *voicemail.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, voicemail.NoFolder, refused.Reason)
}

func TestCollectRefusesAtOnce(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	put(t, captured(t, "msg0000.wav")[:44], inbox, "msg0000.wav")
	store := openStore(t, t.TempDir())
	_, err := collector(t, folder, store, 0).Collect(t.Context(), call, wire)
	var refused *voicemail.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, voicemail.NoSound, refused.Reason)
	files, err := os.ReadDir(store.Folder())
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestCollectRevoked(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	store := openStore(t, t.TempDir())
	c := collector(t, folder, store, 0)
	audio, err := c.Collect(t.Context(), call, wire)
	require.NoError(t, err)
	require.NoError(t, store.Revoke(audio.ID))
	_, err = c.Collect(t.Context(), call, wire)
	require.ErrorIs(t, err, voicemail.ErrRevoked)
}
