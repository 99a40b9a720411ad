package transcript_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/voicemail"
	"github.com/talkbridge/talkbridge/voicemail/transcript"
	"github.com/talkbridge/talkbridge/voicemail/transcript/transcripttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "sk-test-0123456789"

// speech is the captured message, kept in a store.
func speech(t *testing.T) transcript.Speech {
	t.Helper()
	ring, err := voicemail.NewKeyring([]string{strings.Repeat("k", 40)})
	require.NoError(t, err)
	store, err := voicemail.OpenStore(filepath.Join(t.TempDir(), "store"), ring, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	file, err := os.Open(filepath.Join("..", "testdata", "msg0000.wav"))
	require.NoError(t, err)
	defer file.Close()
	kept, err := store.Keep(t.Context(), "call", file)
	require.NoError(t, err)
	rec, err := store.Open(kept.ID)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rec.Close()) })
	return transcript.Speech{Audio: rec, Size: kept.Size, Format: kept.Format, Path: store.Path(kept), Language: "de"}
}

func service(t *testing.T, url string, timeout time.Duration) *transcript.Service {
	t.Helper()
	s, err := transcript.NewService(transcript.ServiceConfig{URL: url, Key: key, Timeout: timeout, UserAgent: "talkbridge/test"})
	require.NoError(t, err)
	t.Cleanup(s.CloseIdleConnections)
	return s
}

func fake(t *testing.T, text string) *transcripttest.Server {
	t.Helper()
	f := transcripttest.Start(text, key)
	t.Cleanup(f.Close)
	return f
}

func TestServiceIsSentTheAudio(t *testing.T) {
	t.Parallel()
	f, s := fake(t, " Guten Tag,\r\nhier ist Erika. \u202e\x00{{ticket.id}} "), speech(t)
	text, err := service(t, f.URL(), 0).Transcribe(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "Guten Tag,\nhier ist Erika. {{ticket.id}}", text)
	want, err := os.ReadFile(s.Path)
	require.NoError(t, err)
	require.Equal(t, []transcripttest.Request{{
		Model: "whisper-1", Language: "de", Format: "json", FileName: "audio.wav", ContentType: "audio/wav", Audio: want, Key: key,
	}}, f.Requests())
}

func TestServiceThatFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		answer  func(f *transcripttest.Server) transcripttest.Answer
		says    string
		refused bool
		after   time.Duration
		busy    bool
	}{
		{name: "busy", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Busy(7 * time.Second) }, says: "busy", busy: true, after: 7 * time.Second},
		{name: "down", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Status(503) }, says: "busy", busy: true},
		{name: "broken", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Status(500) }, says: "answers 500"},
		{name: "key not taken", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Status(401) }, says: "check api_key"},
		{name: "wrong address", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Status(404) }, says: "check url"},
		{name: "audio not taken", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Status(400) }, says: "answers 400", refused: true},
		{name: "audio too large", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Status(413) }, says: "answers 413", refused: true},
		{name: "a web page", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Raw(200, nil, "<html>") }, says: "no JSON with a text"},
		{name: "JSON of another kind", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Raw(200, nil, `{"id":1}`) }, says: "no JSON with a text"},
		{name: "cut", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Cut() }, says: "unexpected EOF"},
		{name: "without end", answer: func(*transcripttest.Server) transcripttest.Answer { return transcripttest.Huge(4 << 20) }, says: "is larger than"},
		{name: "slow", answer: func(f *transcripttest.Server) transcripttest.Answer { return f.Slow(nil, nil) }, says: "no answer within 300ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fake(t, "")
			f.Always(tt.answer(f))
			timeout := 10 * time.Second
			if tt.name == "slow" {
				timeout = 300 * time.Millisecond
			}
			_, err := service(t, f.URL(), timeout).Transcribe(t.Context(), speech(t))
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), key)
			var refused *transcript.RefusedError
			require.Equal(t, tt.refused, errors.As(err, &refused))
			var busy *transcript.BusyError
			require.Equal(t, tt.busy, errors.As(err, &busy))
			if busy != nil {
				require.Equal(t, tt.after, busy.RetryAfter())
			}
		})
	}
}

// A service that sends us elsewhere gets neither recordings nor key there.
func TestServiceIsNotFollowedElsewhere(t *testing.T) {
	t.Parallel()
	other := fake(t, "stolen")
	f := fake(t, "")
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		f.Next(transcripttest.Raw(status, http.Header{"Location": {other.URL()}}, ""))
		_, err := service(t, f.URL(), 0).Transcribe(t.Context(), speech(t))
		require.ErrorContains(t, err, "sends us elsewhere")
	}
	require.Empty(t, other.Requests())
}

func TestServiceThatIsNotThere(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	_, err := service(t, gone.URL, 0).Transcribe(t.Context(), speech(t))
	require.ErrorContains(t, err, "connection refused")
	_, err = transcript.NewService(transcript.ServiceConfig{URL: "ftp://x"})
	require.ErrorContains(t, err, "no web address")
}

// script is an executable of a test.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.sh")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700))
	return path
}

func command(t *testing.T, timeout time.Duration, args ...string) *transcript.Command {
	t.Helper()
	c, err := transcript.NewCommand(args, timeout)
	require.NoError(t, err)
	return c
}

func TestCommandIsGivenTheFile(t *testing.T) {
	t.Parallel()
	s := speech(t)
	run := script(t, `echo "args: $2"; head -c 4 "$1"; echo; env | grep -c TALKBRIDGE_ || true`)
	text, err := command(t, 0, run, "{file}", "--language={language}").Transcribe(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "args: --language=de\nRIFF\n0", text)
	s.Language = ""
	text, err = command(t, 0, run, "{file}", "{language}").Transcribe(t.Context(), s)
	require.NoError(t, err)
	require.Contains(t, text, "args: auto")
}

// Secrets of the daemon's environment are no business of a command.
func TestCommandSeesNoSecrets(t *testing.T) {
	t.Setenv("TALKBRIDGE_SECRET", key)
	text, err := command(t, 0, script(t, "env #"), "{file}").Transcribe(t.Context(), speech(t))
	require.NoError(t, err)
	require.Contains(t, text, "PATH=")
	require.NotContains(t, text, key)
}

func TestCommandThatFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, body, says string }{
		{name: "exit code", body: "echo no model >&2; exit 3", says: `exit status 3: it says "no model"`},
		{name: "hangs, with a child", body: "tail -f /dev/null & tail -f /dev/null", says: "it took longer than 500ms"},
		{name: "writes without end", body: "yes", says: "it took longer than 500ms"},
		{name: "leaves a child behind", body: "tail -f /dev/null & echo done", says: "what it started did not"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			timeout := 500 * time.Millisecond
			if strings.Contains(tt.name, "behind") || strings.Contains(tt.name, "code") {
				timeout = time.Minute
			}
			began := time.Now()
			_, err := command(t, timeout, script(t, tt.body), "{file}").Transcribe(t.Context(), speech(t))
			require.ErrorContains(t, err, tt.says)
			require.Less(t, time.Since(began), 20*time.Second)
		})
	}
	_, err := command(t, 0, "/does/not/exist", "{file}").Transcribe(t.Context(), speech(t))
	require.ErrorContains(t, err, "no such file")
	_, err = transcript.NewCommand([]string{"whisper", "x"}, 0)
	require.ErrorContains(t, err, "{file}")
	_, err = transcript.NewCommand(nil, 0)
	require.ErrorContains(t, err, "no program")
}

// Who stops waiting ends what runs, with its children.
func TestCommandEndsWithItsContext(t *testing.T) {
	t.Parallel()
	started := filepath.Join(t.TempDir(), "started")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	c, s := command(t, time.Minute, script(t, "tail -f /dev/null & echo $! > "+started+"; wait"), "{file}"), speech(t)
	go func() {
		_, err := c.Transcribe(ctx, s)
		ended <- err
	}()
	require.Eventually(t, func() bool { b, err := os.ReadFile(started); return err == nil && len(b) > 0 }, time.Minute, 10*time.Millisecond)
	cancel()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(time.Minute):
		require.FailNow(t, "it runs on")
	}
	child, err := os.ReadFile(started)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return !runs(strings.TrimSpace(string(child))) }, time.Minute, 10*time.Millisecond, "its child runs on")
}

// runs reports whether a process is there and is no zombie.
func runs(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestClean(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{name: "lines", in: "a\n\n\n\nb \r\nc", want: "a\n\nb\nc"},
		{name: "controls", in: "a\x1b[31mb\u202ec\td", want: "a[31mbc d"},
		{name: "no text", in: " \n\x00", want: ""},
		{name: "no UTF-8", in: "a\xffb", want: "a\ufffdb"},
		{name: "long", in: strings.Repeat("ä", 100), want: strings.Repeat("ä", 8) + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, transcript.Clean(tt.in, 20))
		})
	}
}
