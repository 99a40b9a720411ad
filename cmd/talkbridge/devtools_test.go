package main

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// The bounds of the browser.
const (
	browserStart  = 60 * time.Second
	browserAnswer = 30 * time.Second
	pageWidth     = 1280
	pageHeight    = 800
)

// browser is a headless Chromium with one page, driven over the DevTools
// protocol (chromedevtools.github.io/devtools-protocol).
type browser struct {
	t       *testing.T
	conn    *websocket.Conn
	session string
	lastID  atomic.Int64
	writing sync.Mutex

	mu       sync.Mutex
	waiting  map[int64]chan message
	requests []string // addresses that the page asked for
	faults   []string // what the console complained about
}

// message is a command's answer, or an event.
type message struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// findChromium is the browser named by CHROMIUM, or found in the PATH. Without
// one the test is skipped, or fails where nothing may be skipped.
func findChromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless_shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const none = "no Chromium found: apt-get install chromium, or set CHROMIUM to its path"
	if os.Getenv("TALKBRIDGE_NO_SKIP") != "" {
		require.FailNow(t, none)
	}
	t.Skip(none)
	return ""
}

// startBrowser starts a browser with an empty page.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := findChromium(t)
	dir := filepath.Join(t.TempDir(), "profile")
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+dir, "--remote-debugging-port=0", "--window-size=1280,800", "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, cmd.Start())
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
		require.Eventually(t, func() bool { return os.RemoveAll(dir) == nil }, browserAnswer, 20*time.Millisecond, "its last processes write there")
	})
	var address string
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "DevToolsActivePort"))
		port, path, found := strings.Cut(strings.TrimSpace(string(text)), "\n")
		address = "ws://127.0.0.1:" + port + path
		return err == nil && found
	}, browserStart, 20*time.Millisecond, "Chromium does not come up")
	b := &browser{t: t, waiting: make(map[int64]chan message)}
	b.connect(address)
	return b
}

func (b *browser) connect(address string) {
	b.t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: browserAnswer}
	conn, response, err := dialer.DialContext(b.t.Context(), address, nil)
	require.NoError(b.t, err)
	defer func() { _ = response.Body.Close() }()
	b.conn = conn
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.read()
	}()
	b.t.Cleanup(func() {
		_ = conn.Close()
		<-ended
	})
	var target struct {
		ID string `json:"targetId"`
	}
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	b.session = attached.Session
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": pageWidth, "height": pageHeight, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// read takes what the browser says until the connection ends.
func (b *browser) read() {
	for {
		var m message
		if err := b.conn.ReadJSON(&m); err != nil {
			return
		}
		b.mu.Lock()
		if answer := b.waiting[m.ID]; answer != nil && m.Method == "" {
			answer <- m
			delete(b.waiting, m.ID)
		}
		b.note(m)
		b.mu.Unlock()
	}
}

// note keeps what a page must not do, and what it asks for.
func (b *browser) note(m message) {
	var p struct {
		Type    string `json:"type"`
		Request struct {
			URL string `json:"url"`
		} `json:"request"`
		Entry struct {
			Level string `json:"level"`
			Text  string `json:"text"`
			URL   string `json:"url"`
		} `json:"entry"`
	}
	_ = json.Unmarshal(m.Params, &p) // of other events, other things
	switch {
	case m.Method == "Network.requestWillBeSent":
		b.requests = append(b.requests, p.Request.URL)
	case m.Method == "Runtime.exceptionThrown", m.Method == "Page.javascriptDialogOpening",
		m.Method == "Runtime.consoleAPICalled" && p.Type == "error":
		b.faults = append(b.faults, m.Method+" "+string(m.Params))
	case m.Method == "Log.entryAdded" && p.Entry.Level == "error":
		b.faults = append(b.faults, p.Entry.Text+" "+p.Entry.URL)
	}
}

// call executes a command and decodes its result into out, unless that is nil.
func (b *browser) call(method string, params map[string]any, out any) {
	b.t.Helper()
	command := map[string]any{"id": b.lastID.Add(1), "method": method, "params": params}
	if params == nil {
		command["params"] = map[string]any{}
	}
	if b.session != "" {
		command["sessionId"] = b.session
	}
	answer := make(chan message, 1)
	b.mu.Lock()
	b.waiting[b.lastID.Load()] = answer
	b.mu.Unlock()
	b.writing.Lock()
	err := b.conn.WriteJSON(command)
	b.writing.Unlock()
	require.NoError(b.t, err)
	select {
	case m := <-answer:
		require.Nil(b.t, m.Error, "%s: %+v", method, m.Error)
		if out != nil {
			require.NoError(b.t, json.Unmarshal(m.Result, out))
		}
	case <-time.After(browserAnswer):
		require.FailNow(b.t, "the browser does not answer", method)
	}
}

// eval is the text that an expression is in the page.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	var out struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception json.RawMessage `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", map[string]any{"expression": "String(" + expression + ")", "returnByValue": true}, &out)
	require.Empty(b.t, out.Exception, expression)
	text, _ := out.Result.Value.(string)
	return text
}

// await waits until an expression is what is wanted.
func (b *browser) await(expression, want string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return b.eval(expression) == want }, patience, 10*time.Millisecond,
		"%s is not %s", expression, want)
}

// open goes to a page.
func (b *browser) open(address string) {
	b.t.Helper()
	b.call("Page.navigate", map[string]any{"url": address}, nil)
	b.await("location.href", address)
	b.await("document.readyState", "complete")
}

// screenshot writes a picture of the page.
func (b *browser) screenshot(file string) {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	picture, err := base64.StdEncoding.DecodeString(shot.Data)
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(filepath.Dir(file), 0o750))
	require.NoError(b.t, os.WriteFile(file, picture, 0o600))
}

// requireClean demands that the page complained about nothing and asked nobody
// but this machine.
func (b *browser) requireClean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(b.t, b.faults)
	require.NotEmpty(b.t, b.requests)
	for _, address := range b.requests {
		u, err := url.Parse(address)
		require.NoError(b.t, err)
		if u.Scheme == "about" || u.Scheme == "data" {
			continue
		}
		require.True(b.t, net.ParseIP(u.Hostname()).IsLoopback(), "asks %s", address)
	}
}
