package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/torture"
)

// child is the daemon as a process of its own.
type child struct {
	*torture.Child

	log *syncBuffer
}

// start starts the daemon on the site and waits until the phone system is
// connected.
func (s *site) start() *child {
	s.t.Helper()
	c := s.launch()
	c.says(s.t, "phone system connected")
	return c
}

// startReady starts the daemon and waits until it is ready.
func (s *site) startReady() *child {
	s.t.Helper()
	c := s.start()
	c.says(s.t, "agents confirmed")
	return c
}

// launch starts the daemon and does not wait. Whatever it logs is searched for
// secrets and telephone numbers at the end of the test.
func (s *site) launch() *child {
	s.t.Helper()
	c := startChild(s.t, nil, "serve", "--config", s.config)
	s.children = append(s.children, c)
	s.t.Cleanup(func() {
		c.Kill()
		s.requireDiscreet(c.log.String())
	})
	return c
}

// startChild starts the program with a command line.
func startChild(t testing.TB, env []string, args ...string) *child {
	t.Helper()
	c := &child{log: &syncBuffer{}}
	var err error
	c.Child, err = torture.StartChild(c.log, append([]string{runEnv + "=1"}, env...), append([]string{os.Args[0]}, args...)...)
	require.NoError(t, err)
	t.Cleanup(c.Kill)
	return c
}

// stop ends the child gracefully.
func (c *child) stop(t testing.TB) {
	t.Helper()
	c.signal(t, os.Interrupt)
	require.Equal(t, exitOK, c.wait(t), "log:\n%s", c.log)
}

func (c *child) signal(t testing.TB, sig os.Signal) {
	t.Helper()
	require.NoError(t, c.Signal(sig))
}

// wait waits for the end of the child and returns its exit code, -1 if a signal
// ended it.
func (c *child) wait(t testing.TB) int {
	t.Helper()
	select {
	case <-c.Ended:
	case <-time.After(patience):
		require.FailNow(t, "still running", "%s", c.log)
	}
	if exit, found := errors.AsType[*exec.ExitError](c.Result); found {
		return exit.ExitCode()
	}
	require.NoError(t, c.Result)
	return exitOK
}

// says waits until the child's log contains a text.
func (c *child) says(t testing.TB, text string) {
	t.Helper()
	c.saysTimes(t, 1, text)
}

// saysTimes waits until the child's log contains a text so many times.
func (c *child) saysTimes(t testing.TB, n int, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(c.log.String(), text) >= n },
		patience, 10*time.Millisecond, "%q is not said %d times:\n%s", text, n, c.log)
}

// address is what the child's log says of a listener.
func (c *child) address(t testing.TB, key string) string {
	t.Helper()
	_, rest, found := strings.Cut(c.log.String(), " "+key+"=\"")
	require.True(t, found, "no %s in:\n%s", key, c.log)
	address, _, _ := strings.Cut(rest, "\"")
	return address
}

// page fetches a page of the internal listener.
func (c *child) page(t testing.TB, path string) (status int, body string) {
	t.Helper()
	return get(t, "http://"+c.address(t, "listen")+path)
}

// metric is the sum over the series whose line begins with prefix.
func (c *child) metric(t testing.TB, prefix string) float64 {
	t.Helper()
	_, page := c.page(t, "/metrics")
	sum := 0.0
	for line := range strings.Lines(page) {
		if value, found := strings.CutPrefix(line, prefix); found {
			fields := strings.Fields(value)
			n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			require.NoError(t, err)
			sum += n
		}
	}
	return sum
}

// requireDiscreet demands that a text holds no secret and no telephone number.
func (s *site) requireDiscreet(text string) {
	s.t.Helper()
	secrets := append(s.gate.Secrets(), "zendesk-secret", "tbsecret")
	for line := range strings.Lines(text) {
		require.Empty(s.t, torture.Indiscretion(line, secrets), line)
	}
}

// plain is how the tests ask the daemon's listeners.
var plain = &http.Transport{DisableKeepAlives: true}

// reply is an answer that has been read.
type reply struct {
	status int
	header http.Header
	length int64
	body   []byte
}

// request makes a request and reads the answer.
func request(t testing.TB, method, url string, header http.Header) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	maps.Copy(r.Header, header)
	response, err := plain.RoundTrip(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return reply{response.StatusCode, response.Header, response.ContentLength, body}
}

// get fetches a page.
func get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	r := request(t, http.MethodGet, url, nil)
	return r.status, string(r.body)
}

// runCLI runs one command in this process.
func runCLI(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(ctx, args, &out, &errs)
	return code, out.String(), errs.String()
}

// syncBuffer is a buffer that a child writes while a test reads.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
