package voicemail_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/voicemail"
)

// served is a handler with one recording and its link.
type served struct {
	handler *voicemail.Handler
	store   *voicemail.Store
	audio   voicemail.Audio
	link    string
	log     *logtest.Hook
}

func serve(t testing.TB, secrets ...string) served {
	t.Helper()
	dir := t.TempDir()
	ring := newRing(t, secrets...)
	store, err := voicemail.OpenStore(dir, ring, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	kept := keep(t, store, "call 1")
	link, err := ring.Link("https://calls.example.com", kept)
	require.NoError(t, err)
	log, hook := logtest.NewNullLogger()
	return served{voicemail.NewHandler(store, ring, log), store, kept, link, hook}
}

// reply is what a client gets.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (s served) ask(method, target string, header ...string) reply {
	r := httptest.NewRequestWithContext(context.Background(), method, target, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.Bytes()}
}

func TestHandlerServes(t *testing.T) {
	t.Parallel()
	s := serve(t)
	got := s.ask(http.MethodGet, s.link)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, captured(t, "msg0000.wav"), got.body)
	for name, want := range map[string]string{
		"Content-Type":           "audio/wav",
		"Content-Length":         "90604",
		"Accept-Ranges":          "bytes",
		"Cache-Control":          "private, no-cache",
		"Referrer-Policy":        "no-referrer",
		"X-Robots-Tag":           "noindex, nofollow",
		"X-Content-Type-Options": "nosniff",
		"Content-Disposition":    "inline",
		"Last-Modified":          s.audio.KeptAt.UTC().Format(http.TimeFormat),
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.NotEmpty(t, got.header.Get("Etag"))
	require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
}

func TestHandlerServesMP3(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ring, store := newRing(t), openStore(t, dir)
	mp3 := append([]byte{0xff, 0xfb, 0x90, 0x64}, make([]byte, 400)...)
	kept, err := store.Keep(t.Context(), "call 1", bytes.NewReader(mp3))
	require.NoError(t, err)
	link, err := ring.Link("https://calls.example.com", kept)
	require.NoError(t, err)
	log, _ := logtest.NewNullLogger()
	got := served{handler: voicemail.NewHandler(store, ring, log)}.ask(http.MethodGet, link)
	require.Equal(t, "audio/mpeg", got.header.Get("Content-Type"))
	require.Equal(t, mp3, got.body)
	u, err := url.Parse(link)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(u.Path, ".mp3"), link)
}

func TestHandlerRanges(t *testing.T) {
	t.Parallel()
	s := serve(t)
	whole := captured(t, "msg0000.wav")
	etag := s.ask(http.MethodHead, s.link).header.Get("Etag")
	for _, tc := range []struct {
		name   string
		method string
		header []string
		status int
		want   []byte
		rng    string
	}{
		{"HEAD", http.MethodHead, nil, 200, nil, ""},
		{"HEAD of a range", http.MethodHead, []string{"Range", "bytes=0-9"}, 206, nil, "bytes 0-9/90604"},
		{"first ten bytes", http.MethodGet, []string{"Range", "bytes=0-9"}, 206, whole[:10], "bytes 0-9/90604"},
		{"what Safari asks first", http.MethodGet, []string{"Range", "bytes=0-1"}, 206, whole[:2], "bytes 0-1/90604"},
		{"what Chrome asks first", http.MethodGet, []string{"Range", "bytes=0-"}, 206, whole, "bytes 0-90603/90604"},
		{"the middle", http.MethodGet, []string{"Range", "bytes=1000-1999"}, 206, whole[1000:2000], "bytes 1000-1999/90604"},
		{"to the end", http.MethodGet, []string{"Range", "bytes=90600-"}, 206, whole[90600:], "bytes 90600-90603/90604"},
		{"the last five bytes", http.MethodGet, []string{"Range", "bytes=-5"}, 206, whole[90599:], "bytes 90599-90603/90604"},
		{"beyond the end", http.MethodGet, []string{"Range", "bytes=90604-"}, 416, nil, "bytes */90604"},
		{"no range", http.MethodGet, []string{"Range", "bytes=x"}, 416, nil, ""},
		{"not changed", http.MethodGet, []string{"If-None-Match", etag}, 304, nil, ""},
		{"not changed since", http.MethodGet, []string{"If-Modified-Since", s.audio.KeptAt.Add(time.Second).UTC().Format(http.TimeFormat)}, 304, nil, ""},
		{"range of what it has", http.MethodGet, []string{"If-Range", etag, "Range", "bytes=0-9"}, 206, whole[:10], "bytes 0-9/90604"},
		{"range of something else", http.MethodGet, []string{"If-Range", `"other"`, "Range", "bytes=0-9"}, 200, whole, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(tc.method, s.link, tc.header...)
			require.Equal(t, tc.status, got.status)
			if content := got.body; tc.status < 400 {
				require.Equal(t, string(tc.want), string(content))
			}
			if tc.rng != "" {
				require.Equal(t, tc.rng, got.header.Get("Content-Range"))
			}
		})
	}
}

// Every wrong link gets the same answer: nobody learns what is wrong with it.
func TestHandlerRefuses(t *testing.T) {
	t.Parallel()
	s := serve(t)
	u, err := url.Parse(s.link)
	require.NoError(t, err)
	key, sig := u.Query().Get("k"), u.Query().Get("sig")
	flipped := "A" + sig[1:]
	if sig[0] == 'A' {
		flipped = "B" + sig[1:]
	}
	otherKey, err := newRing(t, strings.Repeat("x", 32)).Link("https://calls.example.com", s.audio)
	require.NoError(t, err)
	never, err := newRing(t).Link("https://calls.example.com", audio)
	require.NoError(t, err)
	put(t, captured(t, "msg0000.wav"), s.store.Folder(), "aaaqeayeaudaocajbifqydioba.wav")
	asMP3, err := newRing(t).Link("https://calls.example.com", voicemail.Audio{ID: s.audio.ID, Format: voicemail.MP3})
	require.NoError(t, err)

	want := s.ask(http.MethodGet, "https://calls.example.com/recordings/")
	wantBody := string(want.body)
	require.Equal(t, http.StatusNotFound, want.status)
	for _, tc := range []struct{ name, target string }{
		{"no query", u.Path},
		{"no signature", u.Path + "?k=" + key},
		{"no key", u.Path + "?sig=" + sig},
		{"signature changed", u.Path + "?k=" + key + "&sig=" + flipped},
		{"signature cut", u.Path + "?k=" + key + "&sig=" + sig[:42]},
		{"signature longer", u.Path + "?k=" + key + "&sig=" + sig + "A"},
		{"signature with padding", u.Path + "?k=" + key + "&sig=" + sig + "="},
		{"signature with a line break", u.Path + "?k=" + key + "&sig=" + sig[:20] + "%0A" + sig[20:]},
		{"key unknown", u.Path + "?k=00000000&sig=" + sig},
		{"key of another ring", strings.TrimPrefix(otherKey, "https://calls.example.com")},
		{"more in the query", s.link + "&x=1"},
		{"signature twice", s.link + "&sig=" + sig},
		{"other recording, same signature", "/recordings/aaaqeayeaudaocajbifqydioba.wav?" + u.RawQuery},
		{"other extension", strings.Replace(s.link, ".wav?", ".mp3?", 1)},
		{"signed, of another format", asMP3},
		{"signed, never kept", never},
		{"upper case", "/recordings/" + strings.ToUpper(s.audio.ID) + ".wav?" + u.RawQuery},
		{"upwards", "/recordings/../recordings/" + s.audio.ID + ".wav?" + u.RawQuery},
		{"a file beside", "/recordings/keys?" + u.RawQuery},
		{"folder", "/recordings/?" + u.RawQuery},
		{"elsewhere", "/" + s.audio.ID + ".wav?" + u.RawQuery},
		{"very long", "/recordings/" + strings.Repeat("a", 5000) + "?" + u.RawQuery},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := s.ask(http.MethodGet, tc.target)
			require.Equal(t, http.StatusNotFound, got.status)
			require.Equal(t, want.header, got.header)
			require.Equal(t, wantBody, string(got.body))
		})
	}
}

func TestHandlerMethods(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace, "PROPFIND"} {
		got := s.ask(method, s.link)
		require.Equal(t, http.StatusMethodNotAllowed, got.status, method)
		require.Equal(t, "GET, HEAD", got.header.Get("Allow"))
	}
}

func TestHandlerKeys(t *testing.T) {
	t.Parallel()
	old, young := secret, strings.Repeat("y", 32)
	s := serve(t, old)
	log, _ := logtest.NewNullLogger()
	rotated := served{handler: voicemail.NewHandler(s.store, newRing(t, young, old), log)}
	got := rotated.ask(http.MethodGet, s.link)
	require.Equal(t, http.StatusOK, got.status, "an old key verifies")
	fresh, err := newRing(t, young, old).Link("https://calls.example.com", s.audio)
	require.NoError(t, err)
	require.NotEqual(t, s.link, fresh)
	require.Equal(t, http.StatusOK, rotated.ask(http.MethodGet, fresh).status, "the new key signs")
	dropped := served{handler: voicemail.NewHandler(s.store, newRing(t, young), log)}
	require.Equal(t, http.StatusNotFound, dropped.ask(http.MethodGet, s.link).status, "a key that is gone does not")
}

func TestHandlerRevokedAndSwept(t *testing.T) {
	t.Parallel()
	s := serve(t)
	second := keep(t, s.store, "call 2")
	link, err := newRing(t).Link("https://calls.example.com", second)
	require.NoError(t, err)
	require.NoError(t, s.store.Revoke(s.audio.ID))
	require.Equal(t, http.StatusNotFound, s.ask(http.MethodGet, s.link).status)
	require.Equal(t, http.StatusOK, s.ask(http.MethodGet, link).status)
	_, err = s.store.Sweep(t.Context(), time.Now().Add(time.Hour), time.Minute)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, s.ask(http.MethodGet, link).status, "a link lives as long as its audio")
}

// A kept file that was damaged is our fault, not the client's, and the log
// says so.
func TestHandlerDamagedFile(t *testing.T) {
	t.Parallel()
	s := serve(t)
	require.NoError(t, os.Truncate(filepath.Join(s.store.Folder(), s.audio.ID+".wav"), 3))
	require.Equal(t, http.StatusInternalServerError, s.ask(http.MethodGet, s.link).status)
	require.Equal(t, logrus.ErrorLevel, s.log.AllEntries()[0].Level)
}

func TestHandlerLog(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.ask(http.MethodGet, s.link, "Range", "bytes=0-9", "Referer", "https://acme.zendesk.com/agent/tickets/7")
	entry := s.log.LastEntry()
	require.Equal(t, "recording requested", entry.Message)
	require.Equal(t, 206, entry.Data["status"])
	require.Equal(t, int64(10), entry.Data["bytes"])
	require.Equal(t, "192.0.2.0/24", entry.Data["remote"])
	for range 100 {
		s.ask(http.MethodGet, "/recordings/"+strings.Repeat("z", 26)+".wav?k=1&sig=guess")
	}
	require.LessOrEqual(t, len(s.log.AllEntries()), 10, "guessing does not fill the disk with log")
	u, err := url.Parse(s.link)
	require.NoError(t, err)
	for _, e := range s.log.AllEntries() {
		line := fmt.Sprint(e.Message, e.Data)
		for _, hidden := range []string{s.audio.ID, u.Query().Get("sig"), "guess", "192.0.2.1", "zendesk.com", secret} {
			require.NotContains(t, line, hidden)
		}
	}
}

func TestHandlerRate(t *testing.T) {
	t.Parallel()
	s := serve(t)
	limited := 0
	for range 400 {
		got := s.ask(http.MethodHead, s.link)
		if got.status == http.StatusTooManyRequests {
			limited++
			require.Equal(t, "1", got.header.Get("Retry-After"))
		}
	}
	require.Positive(t, limited)
}

// stuck is a client that takes nothing until it is let go.
type stuck struct {
	header http.Header
	began  chan<- struct{}
	free   <-chan struct{}
}

func (s stuck) Header() http.Header { return s.header }
func (s stuck) WriteHeader(int)     {}

func (s stuck) Write(p []byte) (int, error) {
	s.began <- struct{}{}
	<-s.free
	return len(p), nil
}

func TestHandlerSlowClients(t *testing.T) {
	t.Parallel()
	s := serve(t)
	began, free := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			s.handler.ServeHTTP(stuck{http.Header{}, began, free}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.link, http.NoBody))
		})
		<-began
	}
	got := s.ask(http.MethodGet, s.link)
	require.Equal(t, http.StatusServiceUnavailable, got.status)
	require.Equal(t, "1", got.header.Get("Retry-After"))
	require.Equal(t, http.StatusNotFound, s.ask(http.MethodGet, "/recordings/x").status)
	go func() {
		for range began {
			continue // what is written after the release
		}
	}()
	close(free)
	wg.Wait()
	close(began)
	require.Equal(t, http.StatusOK, s.ask(http.MethodGet, s.link).status, "the places are free again")
}

// Over a real connection, as a player asks.
func TestHandlerOverHTTP(t *testing.T) {
	t.Parallel()
	s := serve(t)
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	link, err := newRing(t).Link(server.URL, s.audio)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Range", "bytes=44-")
	got, err := server.Client().Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusPartialContent, got.StatusCode)
	sound, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.NoError(t, got.Body.Close())
	require.Equal(t, captured(t, "msg0000.wav")[44:], sound)
}
