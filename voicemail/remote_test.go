package voicemail

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

const (
	remoteCall = telephony.CallID("hq/tw/CA1")
	remotePath = "/2010-04-01/Accounts/AC1/Recordings/RE1"
)

// wavOf is a WAV of so many seconds of silence, mono at 8,000 bytes a second.
func wavOf(seconds int) []byte {
	sound := make([]byte, 8000*seconds)
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], uint32(36+len(sound)))
	binary.LittleEndian.PutUint32(head[40:], uint32(len(sound)))
	return append(head, sound...)
}

// mp3Of begins as an MP3 does.
func mp3Of() []byte { return append([]byte("ID3\x03\x00\x00\x00\x00\x00\x00"), make([]byte, 4000)...) }

// keeper is a phone system in the network that has one recording.
type keeper struct {
	*httptest.Server

	mu       sync.Mutex
	requests []string // those with the login are marked
	missing  int      // how often it is not there yet
	answer   http.HandlerFunc
	status   string // what it says of the recording
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{status: "completed"}
	k.Server = httptest.NewServer(http.HandlerFunc(k.serve))
	t.Cleanup(k.Close)
	return k
}

func (k *keeper) serve(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	user, password, _ := r.BasicAuth()
	said := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	in := user == "AC1" && password == "token"
	if r.Header.Get("Authorization") != "" {
		said += " with login"
	}
	k.requests = append(k.requests, said)
	switch {
	case k.answer != nil && !strings.HasSuffix(r.URL.Path, ".json"):
		k.answer(w, r)
	case !in:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == remotePath+".json":
		_, _ = w.Write([]byte(`{"sid": "RE1", "status": "` + k.status + `", "duration": "7"}`))
	case k.missing > 0:
		k.missing--
		w.WriteHeader(http.StatusNotFound)
	case r.URL.Path == remotePath+".wav":
		_, _ = w.Write(wavOf(3))
	case r.URL.Path == remotePath+".mp3":
		_, _ = w.Write(mp3Of())
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (k *keeper) asked() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.requests...)
}

func (k *keeper) host() string { return strings.TrimPrefix(k.URL, "http://") }

// remote is a collector for that phone system which does not wait long.
func remote(t *testing.T, change func(*Account), hosts ...string) *Remote {
	t.Helper()
	ring, err := NewKeyring([]string{strings.Repeat("k", 32)})
	require.NoError(t, err)
	store, err := OpenStore(t.TempDir(), ring, 1<<20)
	require.NoError(t, err)
	account := Account{User: "AC1", Password: "token", Hosts: hosts}
	if change != nil {
		change(&account)
	}
	r := NewRemote(map[string]Account{"tw": account}, store)
	r.looks = []time.Duration{0, time.Millisecond, 2 * time.Millisecond}
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		require.NoError(t, store.Close())
	})
	return r
}

func asWAV(a *Account) { a.Format = WAV }

func TestRemoteKeeps(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, ext string
		change    func(*Account)
		format    Format
		length    time.Duration
	}{
		{name: "as MP3, whose length is asked for", format: MP3, length: 7 * time.Second},
		{name: "as WAV", change: asWAV, format: WAV, length: 3 * time.Second},
		{name: "where the address has a format", ext: ".mp3", change: asWAV, format: WAV, length: 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			r := remote(t, tt.change, k.host())
			audio, err := r.Message(t.Context(), remoteCall, k.URL+remotePath+tt.ext)
			require.NoError(t, err)
			require.Equal(t, tt.format, audio.Format)
			require.Equal(t, tt.length, audio.Duration)
			before := len(k.asked())
			again, err := r.Message(t.Context(), remoteCall, k.URL+remotePath)
			require.NoError(t, err)
			require.Equal(t, audio.ID, again.ID)
			require.Len(t, k.asked(), before, "what is kept is not fetched again")
			other, err := r.Recording(t.Context(), remoteCall, k.URL+remotePath)
			require.NoError(t, err)
			require.NotEqual(t, audio.ID, other.ID)
		})
	}
}

// A recording comes some seconds after it was told of.
func TestRemoteWaits(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.missing = 2
	_, err := remote(t, asWAV, k.host()).Recording(t.Context(), remoteCall, k.URL+remotePath)
	require.NoError(t, err)
	require.Equal(t, []string{"RE1.wav with login", "RE1.json with login", "RE1.wav with login", "RE1.json with login", "RE1.wav with login"}, k.asked())
}

func TestRemoteIsNotThere(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.missing = 100
	_, err := remote(t, asWAV, k.host()).Recording(t.Context(), remoteCall, k.URL+remotePath)
	require.ErrorIs(t, err, ErrNotFinal, "later, perhaps")
}

// What will never come is not waited for.
func TestRemoteIsAbsent(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.missing, k.status = 100, "absent"
	_, err := remote(t, nil, k.host()).Recording(t.Context(), remoteCall, k.URL+remotePath)
	refused, found := errors.AsType[*RefusedError](err)
	require.True(t, found, "%v", err)
	require.Equal(t, NoSound, refused.Reason)
	require.Len(t, k.asked(), 2)
}

func TestRemoteFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		change func(*Account)
		text   string
		reason Reason // "": another try is worth it
	}{
		{name: "a wrong login", change: func(a *Account) { a.Password = "old" }, text: "the login is refused"},
		{name: "trouble there", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, text: "answers 503"},
		{name: "cut off", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "30000")
			_, _ = w.Write(wavOf(1))
			panic(http.ErrAbortHandler)
		}, text: "EOF"},
		{name: "no audio", answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>please sign in</html>")) }, reason: NotAudio},
		{name: "too large", answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(wavOf(200)) }, reason: TooLarge},
		{name: "it leads on and on", answer: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, reason: BadPath},
		{name: "it leads to another scheme", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, reason: BadPath},
		{name: "it leads to a private network", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://10.0.0.1/secret", http.StatusFound)
		}, text: "10.0.0.1 is an address of a private network"},
		{name: "it leads to this machine", answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://127.0.0.1:1/secret", http.StatusFound)
		}, text: "127.0.0.1 is an address of a private network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeeper(t)
			k.answer = tt.answer
			_, err := remote(t, tt.change, k.host()).Recording(t.Context(), remoteCall, k.URL+remotePath)
			require.ErrorContains(t, err, tt.text)
			require.NotContains(t, err.Error(), "token")
			refused, found := errors.AsType[*RefusedError](err)
			require.Equal(t, tt.reason != "", found, "%v", err)
			if found {
				require.Equal(t, tt.reason, refused.Reason)
			}
		})
	}
}

// The login is for the host of the recording, not for whoever it leads to.
func TestAttackRecordingLeadsElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere, k := newKeeper(t), newKeeper(t)
	elsewhere.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(wavOf(1)) }
	k.answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/media.wav?signature=secret", http.StatusTemporaryRedirect)
	}
	_, err := remote(t, asWAV, k.host(), elsewhere.host()).Recording(t.Context(), remoteCall, k.URL+remotePath)
	require.NoError(t, err)
	require.Equal(t, []string{"RE1.wav with login"}, k.asked())
	require.Equal(t, []string{"media.wav"}, elsewhere.asked())

	_, err = remote(t, asWAV, k.host()).Recording(t.Context(), remoteCall, k.URL+remotePath)
	require.ErrorContains(t, err, "an address that is not https", "nor is a host that is not configured asked in the clear")
	require.NotContains(t, err.Error(), "secret")
	require.Len(t, elsewhere.asked(), 1)
}

// Whoever tells of a recording does not say where we call.
func TestAttackRecordingAddress(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	for _, tt := range []struct{ name, address, text string }{
		{name: "another host", address: "https://evil.example.com/RE1", text: "evil.example.com is none of the hosts"},
		{name: "another port of this machine", address: "http://127.0.0.1:22/RE1", text: "127.0.0.1:22 is none of the hosts"},
		{name: "the cloud's metadata", address: "http://169.254.169.254/latest/meta-data", text: "none of the hosts"},
		{name: "a name before the host", address: "http://" + k.host() + "@evil.example.com/RE1", text: "no address"},
		{name: "a query", address: k.URL + "/RE1?url=http://10.0.0.1", text: "no address"},
		{name: "a file", address: "file:///etc/passwd", text: "no address"},
		{name: "a path", address: "/var/spool/asterisk/monitor/x.wav", text: "no address"},
		{name: "nothing", address: "", text: "no address"},
		{name: "in the clear", address: "http://api.twilio.com/RE1", text: "is not https"},
		{name: "endless", address: "https://api.twilio.com/" + strings.Repeat("x", 5000), text: "no address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := remote(t, nil, k.host(), "api.twilio.com").Recording(t.Context(), remoteCall, tt.address)
			refused, found := errors.AsType[*RefusedError](err)
			require.True(t, found, "%v", err)
			require.Equal(t, BadPath, refused.Reason)
			require.ErrorContains(t, err, tt.text)
		})
	}
	require.Empty(t, k.asked())
}

// A name may resolve to what it likes: what counts is the address that is called.
func TestAttackRecordingRebinds(t *testing.T) {
	t.Parallel()
	_, err := remote(t, nil, "10.0.0.1").Recording(t.Context(), remoteCall, "https://10.0.0.1"+remotePath)
	require.ErrorContains(t, err, "10.0.0.1 is an address of a private network", "whatever is configured")
	for _, address := range []string{
		"127.0.0.1:443", "10.1.2.3:443", "172.16.0.1:443", "192.168.1.1:443", "169.254.169.254:80", "100.64.0.1:443", "0.0.0.0:443", "224.0.0.1:443",
		"[::1]:443", "[fe80::1]:443", "[fd00::1]:443", "[::ffff:10.0.0.1]:443", "[64:ff9b::a00:1]:443", "[2002:a00:1::]:443", "nonsense",
	} {
		require.Error(t, onlyPublic("tcp", address, nil), address)
	}
	for _, address := range []string{"93.184.216.34:443", "[2606:2800:220:1::1]:443"} {
		require.NoError(t, onlyPublic("tcp", address, nil), address)
	}
}

func TestRemoteEndsWithItsContext(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	k.missing = 100
	r := remote(t, nil, k.host())
	r.looks = []time.Duration{0, time.Hour}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.Recording(ctx, remoteCall, k.URL+remotePath)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{"API.twilio.com": "api.twilio.com:443", "api.twilio.com:8443": "api.twilio.com:8443", "[::1]:1": "[::1]:1", "[::1]": "[::1]:443"} {
		require.Equal(t, want, hostOf("https", host))
	}
	u, err := url.Parse("https://api.twilio.com:443/x")
	require.NoError(t, err)
	require.True(t, Account{Hosts: []string{"api.twilio.com"}}.trusts(u))
}
