package main

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// asHost fetches a page of a listener under a name of the asker's choice.
func asHost(t testing.TB, address, path, host string, header http.Header) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	require.NoError(t, err)
	r.Host = host
	maps.Copy(r.Header, header)
	answer, err := plain.RoundTrip(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Empty(t, answer.Header.Get("Access-Control-Allow-Origin"))
	return answer.StatusCode
}

// A page that somebody's browser shows next to the daemon reads nothing of it: not
// as a page of its own host, and not after its name server pointed that name here.
func TestAttackFromPage(t *testing.T) {
	t.Parallel()
	_, c := attacked(t, siteOptions{})
	to := c.address(t, "listen")
	for _, tt := range []struct {
		name, host string
		header     http.Header
		want       int
	}{
		{"a name that was made to lead here", "evil.example.com", nil, http.StatusForbidden},
		{"one with a port", "evil.example.com:8080", nil, http.StatusForbidden},
		{"one that looks like this machine", "localhost.evil.example.com", nil, http.StatusForbidden},
		{"an address of another network", "192.0.2.1", nil, http.StatusForbidden},
		{"a page of another origin", to, http.Header{"Origin": {"https://evil.example.com"}}, http.StatusForbidden},
		{"a page without an origin", to, http.Header{"Origin": {"null"}}, http.StatusForbidden},
		{"this machine", to, nil, http.StatusOK},
		{"this machine by name", "localhost", nil, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, path := range []string{"/metrics", "/healthz"} {
				require.Equal(t, tt.want, asHost(t, to, path, tt.host, tt.header), path)
			}
			if tt.want == http.StatusForbidden {
				for _, path := range []string{"/readyz", "/v1/feed"} {
					require.Equal(t, tt.want, asHost(t, to, path, tt.host, tt.header), path)
				}
			}
		})
	}
}

// The two doors share nothing: what is behind one cannot be had at the other.
func TestAttackWrongDoor(t *testing.T) {
	t.Parallel()
	_, c := attacked(t, siteOptions{})
	for _, tt := range []struct{ listener, path string }{
		{"public_listen", "/metrics"},
		{"public_listen", "/healthz"},
		{"public_listen", "/v1/feed"},
		{"public_listen", "/v1/session"},
		{"public_listen", "/v1/calls"},
		{"public_listen", "/debug/pprof/heap"},
		{"public_listen", "/"},
		{"public_listen", "/recordings/../metrics"},
		{"public_listen", "/recordings/..%2fmetrics"},
		{"public_listen", "//metrics"},
		{"public_listen", "/recordings/%2e%2e/%2e%2e/etc/passwd"},
		{"public_listen", "/recordings/..%252f..%252fetc%252fpasswd"},
		{"public_listen", "/recordings/%00"},
		{"public_listen", "/recordings/..\\..\\talkbridge.yaml"},
		{"public_listen", "/recordings/recordings.keys"},
		{"listen", "/debug/pprof/heap"},
		{"listen", "/v1/calls"},
		{"listen", "/recordings/x"},
		{"listen", "/v1/operator/calls"},
	} {
		t.Run(tt.listener+tt.path, func(t *testing.T) {
			t.Parallel()
			conn := dialFrom(t, "127.0.0.1", c.address(t, tt.listener))
			status := talk(t, conn, "GET "+tt.path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
			require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest, http.StatusMovedPermanently, http.StatusTemporaryRedirect}, status)
		})
	}
}

// A key that is put first signs; those behind it verify; one that is taken out
// takes its links with it.
func TestAttackKeyRotation(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	keys := filepath.Join(s.dir, "data", "recordings.keys")
	c := s.startReady()
	first := s.voicemailLink(t, c)
	require.Equal(t, http.StatusOK, s.follow(t, c, first))
	c.stop(t)
	text, err := os.ReadFile(keys)
	require.NoError(t, err)
	info, err := os.Stat(keys)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	added := strings.Repeat("new-key-", 8)
	require.NoError(t, os.WriteFile(keys, append([]byte(added+"\n"), text...), 0o600))
	c = s.startReady()
	require.Equal(t, http.StatusOK, s.follow(t, c, first), "the old key still verifies")
	second := s.voicemailLink(t, c)
	require.NotEqual(t, first.Query().Get("k"), second.Query().Get("k"), "the new key signs")
	require.Equal(t, http.StatusOK, s.follow(t, c, second))
	forged := *second
	forged.RawQuery = url.Values{"k": {first.Query().Get("k")}, "sig": {second.Query().Get("sig")}}.Encode()
	require.Equal(t, http.StatusNotFound, s.follow(t, c, &forged))
	c.stop(t)

	require.NoError(t, os.WriteFile(keys, []byte(added+"\n"), 0o600))
	c = s.startReady()
	require.Equal(t, http.StatusNotFound, s.follow(t, c, first), "its key is gone")
	require.Equal(t, http.StatusOK, s.follow(t, c, second))
	require.NotContains(t, c.log.String(), added)
	c.stop(t)
}

// voicemailLink leaves a voicemail and returns the link of its ticket.
func (s *site) voicemailLink(t *testing.T, c *child) *url.URL {
	t.Helper()
	played, err := s.player.Play(t.Context(), asterisktest.Scenario{Capture: "b_voicemail", Kind: "voicemail", Agents: []string{"1001"}})
	require.NoError(t, err)
	voice := s.ticketOf(c, "hq/pbx1/"+played.Linkedids[0], 1).VoiceComments()
	require.Len(t, voice, 1)
	link, err := url.Parse(voice[0].RecordingURL)
	require.NoError(t, err)
	return link
}

// follow asks a daemon for a link.
func (s *site) follow(t *testing.T, c *child, link *url.URL) int {
	t.Helper()
	here := *link
	here.Host = c.address(t, "public_listen")
	status, _ := get(t, here.String())
	return status
}

// Another user of the machine gets nothing of the daemon's folder and socket.
func TestAttackFromThisMachine(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.startReady()
	s.voicemailLink(t, c)
	data := filepath.Join(s.dir, "data")
	require.NoError(t, filepath.WalkDir(data, func(path string, entry os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		if os.IsNotExist(err) {
			return nil // the journal turned a file over meanwhile
		}
		require.NoError(t, err)
		if path == data || filepath.Dir(path) == data {
			require.Zero(t, info.Mode().Perm()&0o077, "%s is %s", path, info.Mode())
		}
		return nil
	}))
	if os.Getuid() != 0 {
		return // the modes are what a test of another user's would try
	}
	// The way there is open to all, as /var/lib is.
	for dir := s.dir; dir != "/" && strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	other := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	for _, try := range [][]string{
		{"ls", data},
		{"cat", filepath.Join(data, "recordings.keys")},
		{"cat", s.config},
		{"dd", "if=/dev/null", "of=" + filepath.Join(data, "control.sock")},
	} {
		require.NotZero(t, runAs(t, other, try...), "%v", try)
	}
}

// runAs runs a program as another user and returns its exit code.
func runAs(t *testing.T, who *syscall.SysProcAttr, args ...string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.SysProcAttr, cmd.Dir = who, "/"
	out, err := cmd.CombinedOutput()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended {
		require.Contains(t, string(out), "ermission denied")
		return exit.ExitCode()
	}
	require.NoError(t, err)
	return 0
}
