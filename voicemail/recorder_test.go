package voicemail_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/voicemail"
)

// taped is where Asterisk says that it records.
const taped = "/var/spool/asterisk/monitor/2026/11/22/in-15550100001-pbx1-1795310938.0.wav"

// quiet sets the time of a file back, so that it was not written to lately.
func quiet(t testing.TB, file string) {
	t.Helper()
	long := time.Now().Add(-time.Minute)
	require.NoError(t, os.Chtimes(file, long, long))
}

// tape puts a recording of the day into the folder and returns its file.
func tape(t testing.TB, folder string, content []byte) string {
	t.Helper()
	day := filepath.Join(folder, "2026", "11", "22")
	require.NoError(t, os.MkdirAll(day, 0o700))
	file := filepath.Join(day, filepath.Base(taped))
	put(t, content, file)
	quiet(t, file)
	return file
}

func recorder(t testing.TB, folder string, store *voicemail.Store) *voicemail.Recorder {
	t.Helper()
	recordings, err := voicemail.OpenRecordings(folder, 1<<20)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, recordings.Close()) })
	return voicemail.NewRecorder(map[string]*voicemail.Recordings{"pbx1": recordings}, store)
}

func TestRecorderKeeps(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, wire string }{
		{name: "seen at another place", wire: taped},
		{name: "as it is seen here", wire: "HERE/2026/11/22/" + filepath.Base(taped)},
		{name: "below another folder here", wire: "/x/2026/11/22/" + filepath.Base(taped)},
		{name: "with slashes to spare", wire: "//var/spool//asterisk/./monitor/2026/11/22//" + filepath.Base(taped)},
		{name: "without a beginning", wire: "2026/11/22/" + filepath.Base(taped)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder, store := t.TempDir(), openStore(t, t.TempDir())
			file := tape(t, folder, captured(t, "msg0000.wav"))
			r := recorder(t, folder, store)
			wire := strings.Replace(tt.wire, "HERE", folder, 1)
			audio, err := r.Collect(t.Context(), call, wire)
			require.NoError(t, err)
			require.Equal(t, voicemail.WAV, audio.Format)
			require.EqualValues(t, len(captured(t, "msg0000.wav")), audio.Size)
			require.NotZero(t, audio.Duration)

			require.NoError(t, os.Remove(file))
			again, err := r.Collect(t.Context(), call, wire)
			require.NoError(t, err)
			require.Equal(t, audio.ID, again.ID, "what is kept is kept")
		})
	}
}

// A call may have a voicemail and a recording: they are two.
func TestRecorderKeepsApartFromVoicemail(t *testing.T) {
	t.Parallel()
	store := openStore(t, t.TempDir())
	spool, box := inbox(t)
	leave(t, box)
	message, err := collector(t, spool, store, time.Second).Collect(t.Context(), call, wire)
	require.NoError(t, err)
	folder := t.TempDir()
	tape(t, folder, captured(t, "msg0000.wav"))
	tapedAudio, err := recorder(t, folder, store).Collect(t.Context(), call, taped)
	require.NoError(t, err)
	require.NotEqual(t, message.ID, tapedAudio.ID)
}

func TestRecorderRefuses(t *testing.T) {
	t.Parallel()
	sound := captured(t, "msg0000.wav")
	name := filepath.Base(taped)
	tests := []struct {
		name, wire string
		make       func(t *testing.T, folder string)
		want       voicemail.Reason
	}{
		{name: "empty path", wire: "", want: voicemail.BadPath},
		{name: "long path", wire: "/" + strings.Repeat("x", 2000), want: voicemail.BadPath},
		{name: "upwards", wire: "/monitor/../../etc/passwd", want: voicemail.BadPath},
		{name: "upwards at the end", wire: "/monitor/..", want: voicemail.BadPath},
		{name: "folder", wire: "/monitor/", want: voicemail.BadPath},
		{name: "control character", wire: "/monitor/x\x00.wav", want: voicemail.BadPath},
		{name: "line break", wire: "/monitor/x\n.wav", want: voicemail.BadPath},
		{name: "stub", wire: taped, make: func(t *testing.T, folder string) { t.Helper(); tape(t, folder, sound[:44]) }, want: voicemail.NoSound},
		{name: "nothing in it", wire: taped, make: func(t *testing.T, folder string) { t.Helper(); tape(t, folder, nil) }, want: voicemail.NoSound},
		{name: "no audio", wire: taped, make: func(t *testing.T, folder string) {
			t.Helper()
			tape(t, folder, []byte("root:x:0:0:root:/root:/bin/bash\n"))
		}, want: voicemail.NotAudio},
		{name: "5 GB", wire: taped, make: func(t *testing.T, folder string) {
			t.Helper()
			file := tape(t, folder, sound)
			require.NoError(t, os.Truncate(file, 5<<30))
			quiet(t, file)
		}, want: voicemail.TooLarge},
		{name: "pipe", wire: "/m/" + name, make: func(t *testing.T, folder string) {
			t.Helper()
			require.NoError(t, syscall.Mkfifo(filepath.Join(folder, name), 0o600))
		}, want: voicemail.NotRegular},
		{name: "folder of that name", wire: "/m/" + name, make: func(t *testing.T, folder string) {
			t.Helper()
			require.NoError(t, os.Mkdir(filepath.Join(folder, name), 0o700))
		}, want: voicemail.NotRegular},
		{name: "link to a file", wire: "/m/" + name, make: func(t *testing.T, folder string) {
			t.Helper()
			put(t, sound, folder, "other.wav")
			require.NoError(t, os.Symlink("other.wav", filepath.Join(folder, name)))
		}, want: voicemail.NotRegular},
		{name: "link out of the folder", wire: "/m/out/" + name, make: func(t *testing.T, folder string) {
			t.Helper()
			outside := t.TempDir()
			put(t, sound, outside, name)
			require.NoError(t, os.Symlink(outside, filepath.Join(folder, "out")))
		}, want: voicemail.NotReadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			folder, store := t.TempDir(), openStore(t, t.TempDir())
			if tt.make != nil {
				tt.make(t, folder)
			}
			_, err := recorder(t, folder, store).Collect(t.Context(), call, tt.wire)
			refused, ok := errors.AsType[*voicemail.RefusedError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, tt.want, refused.Reason, err)
			require.Empty(t, files(t, store), "nothing is left behind")
		})
	}
}

func TestRecorderWithoutFolder(t *testing.T) {
	t.Parallel()
	_, err := recorder(t, t.TempDir(), openStore(t, t.TempDir())).Collect(t.Context(), "hq/pbx9/1.1", taped)
	refused, ok := errors.AsType[*voicemail.RefusedError](err)
	require.True(t, ok)
	require.Equal(t, voicemail.NoFolder, refused.Reason)
	_, err = voicemail.OpenRecordings(filepath.Join(t.TempDir(), "not", "there"), 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestRecorderComesBackLater(t *testing.T) {
	t.Parallel()
	folder, store := t.TempDir(), openStore(t, t.TempDir())
	r := recorder(t, folder, store)
	_, err := r.Collect(t.Context(), call, taped)
	require.ErrorIs(t, err, voicemail.ErrNotFinal, "it is not there")

	sound := captured(t, "msg0000.wav")
	file := tape(t, folder, sound[:1000])
	require.NoError(t, os.Chtimes(file, time.Now(), time.Now()))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		grow(t, file, sound[1000:], stop)
	}()
	_, err = r.Collect(t.Context(), call, taped)
	require.ErrorIs(t, err, voicemail.ErrNotFinal, "it grows")
	close(stop)
	<-stopped
	require.Empty(t, files(t, store))

	audio, err := r.Collect(t.Context(), call, taped)
	require.NoError(t, err, "it was closed a moment ago")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, info.Size(), audio.Size)
}

// grow writes to a file until it is told to stop.
func grow(t *testing.T, name string, sound []byte, stop <-chan struct{}) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = file.Close() }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, _ = file.Write(sound[:320])
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

func TestRecorderStops(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := tape(t, folder, captured(t, "msg0000.wav"))
	require.NoError(t, os.Chtimes(file, time.Now(), time.Now()))
	ctx, cancel := context.WithCancelCause(t.Context())
	stopping := errors.New("stopping")
	cancel(stopping)
	_, err := recorder(t, folder, openStore(t, t.TempDir())).Collect(ctx, call, taped)
	require.ErrorIs(t, err, stopping, "one look is not enough for a file that was written to just now")
}

func TestRecorderRevoked(t *testing.T) {
	t.Parallel()
	folder, store := t.TempDir(), openStore(t, t.TempDir())
	tape(t, folder, captured(t, "msg0000.wav"))
	r := recorder(t, folder, store)
	audio, err := r.Collect(t.Context(), call, taped)
	require.NoError(t, err)
	require.NoError(t, store.Revoke(audio.ID))
	_, err = r.Collect(t.Context(), call, taped)
	require.ErrorIs(t, err, voicemail.ErrRevoked)
}
