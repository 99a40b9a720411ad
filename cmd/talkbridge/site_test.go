package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// runEnv makes the test binary be the program: the tests start it as a child.
const runEnv = "TALKBRIDGE_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runEnv) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// site is a phone system, a Zendesk and a folder: what a daemon is put between.
type site struct {
	t       testing.TB
	dir     string
	zendesk *zendesktest.Server
	pbx     *asterisktest.Server
	player  *asterisktest.Player
	listen  string
	config  string
}

// siteOptions change the configuration.
type siteOptions struct {
	settle time.Duration
	extra  string // appended to the file
	pbx    asterisktest.Config
}

func newSite(t testing.TB, o siteOptions, zendeskOptions ...zendesktest.Option) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	options := append([]zendesktest.Option{
		zendesktest.WithPlan(zendesktest.Unlimited),
		zendesktest.WithOAuthClient("talkbridge", "zendesk-secret"),
		zendesktest.WithAgents(
			zendesktest.User{Name: "Alice Agent", Email: "alice@example.com"},
			zendesktest.User{Name: "Bob Agent", Email: "bob@example.com"},
			zendesktest.User{Name: "Carol Agent", Email: "carol@example.com"},
		),
	}, zendeskOptions...)
	s.zendesk = zendesktest.New(options...)
	require.NoError(t, s.zendesk.Start("127.0.0.1:0"))
	t.Cleanup(s.zendesk.Close)
	var err error
	s.pbx, err = asterisktest.Start(o.pbx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.pbx.Close()) })
	s.player = &asterisktest.Player{
		Server: s.pbx, Speed: 4, Seed: 1, Concurrency: 200, Voicemail: s.folder("voicemail"), Recordings: s.folder("monitor"),
	}
	s.listen = "127.0.0.1:0"
	s.config = filepath.Join(s.dir, "talkbridge.yaml")
	require.NoError(t, os.WriteFile(s.config, []byte(s.yaml(o)), 0o600))
	return s
}

// folder makes a folder of the site.
func (s *site) folder(name string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	require.NoError(s.t, os.MkdirAll(dir, 0o700))
	return dir
}

// yaml is the configuration as a person would write it.
func (s *site) yaml(o siteOptions) string {
	settle := o.settle
	if settle == 0 {
		settle = 30 * time.Second
	}
	return fmt.Sprintf(`site: hq
country: DE
zendesk:
  url: %s
  timeout: 2s
  oauth: {client_id: talkbridge, client_secret: zendesk-secret}
sources:
  - name: pbx1
    asterisk: {address: %q, username: talkbridge, secret: tbsecret, trunks: [PJSIP/trunk], voicemail: %s}
lines:
  - {number: "+15550100001", name: Support}
  - {number: "+15550100003", name: Service}
agents:
  - {name: Alice, zendesk: alice@example.com, numbers: ["1001"]}
  - {name: Bob, zendesk: bob@example.com, numbers: ["PJSIP/1002"]}
  - {name: Carol, zendesk: carol@example.com, numbers: ["1003"]}
tickets: {settle: %s}
journal: {dir: data}
http: {listen: %q, public_listen: "127.0.0.1:0", public_url: "http://127.0.0.1:9"}
%s`, s.zendesk.URL(), s.pbx.Addr(), s.player.Voicemail, settle, s.listen, o.extra)
}

// child is the daemon as a process of its own.
type child struct {
	cmd  *exec.Cmd
	log  *syncBuffer
	done chan error
}

// start starts the daemon on the site and waits until it is ready.
func (s *site) start(args ...string) *child {
	s.t.Helper()
	c := s.launch(args...)
	require.Eventually(s.t, func() bool { return strings.Contains(c.log.String(), "phone system connected") },
		30*time.Second, 10*time.Millisecond, "not connected:\n%s", c.log)
	return c
}

// launch starts the daemon and does not wait.
func (s *site) launch(args ...string) *child {
	s.t.Helper()
	if len(args) == 0 {
		args = []string{"serve", "--config", s.config}
	}
	c := &child{cmd: exec.Command(os.Args[0], args...), log: &syncBuffer{}, done: make(chan error, 1)}
	c.cmd.Env = append(os.Environ(), runEnv+"=1")
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	require.NoError(s.t, c.cmd.Start())
	go func() { c.done <- c.cmd.Wait() }()
	s.t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// kill ends the child as kill -9 does, and waits for it.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// stop ends the child gracefully.
func (c *child) stop(t testing.TB) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, c.wait(t), "log:\n%s", c.log)
}

// wait waits for the end of the child.
func (c *child) wait(t testing.TB) error {
	t.Helper()
	select {
	case err := <-c.done:
		return err
	case <-time.After(20 * time.Second):
		require.Fail(t, "still running", "%s", c.log)
		return nil
	}
}

// address is what the child's log says of a listener.
func (c *child) address(t testing.TB, key string) string {
	t.Helper()
	_, rest, found := strings.Cut(c.log.String(), " "+key+"=\"")
	require.True(t, found, "no %s in:\n%s", key, c.log)
	address, _, _ := strings.Cut(rest, "\"")
	return address
}

// get fetches a page of the child.
func get(t testing.TB, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
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
