package main

import (
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pictures is where the screenshots of the documentation are kept:
// go test -run Browser -pictures ../../docs/images ./cmd/talkbridge.
var pictures = flag.String("pictures", "", "write screenshots of the demonstration into this folder")

// firstPage is how long the demonstration may take from its greeting to the
// first page in an agent's browser; slowness is 1, but for the race detector.
const firstPage = slowness * 2 * time.Second

// TestBrowserDemo looks at the demonstration as a person does.
//
//nolint:paralleltest // it measures time, and wants the machine for itself
func TestBrowserDemo(t *testing.T) {
	b := startBrowser(t)
	tmp := t.TempDir()
	c := startChild(t, []string{"TMPDIR=" + tmp}, "demo", "--listen", "127.0.0.1:0")
	alice := regexp.MustCompile(`Alice's browser +(http://127\.0\.0\.1:\d+)(/agent/\d+)`)
	c.says(t, "Calls are coming in")
	ready := time.Now()
	found := alice.FindStringSubmatch(c.log.String())
	require.NotNil(t, found, c.log)
	b.open(found[1] + found[2])
	b.await(`document.querySelectorAll(".tab").length > 0`, "true")
	took := time.Since(ready)
	t.Logf("first page after %s", took.Round(time.Millisecond))
	require.Less(t, took, firstPage)

	b.eval("window.notReloaded = 'yes'")
	key := b.eval(`[...document.querySelectorAll(".tab")].at(-1).dataset.key`)
	panel := `document.getElementById("panel-` + key + `")`
	b.await(panel+` !== null`, "true")
	require.Regexp(t, `^Call from \+49\d+`, b.eval(panel+`.querySelector("h2").textContent`))
	require.Contains(t, b.eval(panel+`.querySelector(".subject .faint").textContent`), "via Phone call (inbound)")
	require.Contains(t, b.eval(panel+`.querySelector(".comment .body").textContent`), "Call ID: demo/pbx1/")
	b.await(panel+`.querySelectorAll(".comment").length`, "2")
	require.Contains(t, b.eval(panel+`.querySelectorAll(".comment")[1].querySelector("audio").src`), "/recordings/")
	require.Equal(t, "Alice Agent", b.eval(`document.querySelector(".me").textContent.trim().replace(/^\S+\s+/, "")`))
	b.await(`document.querySelector("[data-live]").textContent`, "live")
	b.await(`document.querySelectorAll(".tab").length > 2`, "true")
	require.Equal(t, "yes", b.eval("window.notReloaded"), "it all came without loading the page again")
	require.Regexp(t, `^● .+ · Alice Agent$`, b.eval("document.title"))

	b.eval(`document.querySelector('.tab[data-key="` + key + `"]').click()`)
	picture(t, b, "demo.png")
	b.open(found[1] + "/")
	rows := 3
	if *pictures != "" {
		rows = 9 // more to look at
	}
	b.await(fmt.Sprintf(`document.querySelectorAll("tbody tr").length > %d`, rows), "true")
	require.Equal(t, "0", b.eval(`document.querySelector('[data-key="n-duplicates"] strong').textContent`))
	picture(t, b, "overview.png")
	b.requireClean()
	b.open("about:blank")
	c.stop(t)
	requireNothingLeft(t, tmp)
}

// TestBrowserHostileName: what a caller calls himself is text, wherever it
// shows.
func TestBrowserHostileName(t *testing.T) {
	t.Parallel()
	const name = `<img src=x onerror=alert(1)><script>alert(2)</script>"'&`
	b := startBrowser(t)
	s := newSite(t, siteOptions{})
	c := s.startReady()
	b.open(s.gate.URL() + "/agent/" + strconv.FormatInt(s.agentID("Alice"), 10))
	require.Equal(t, "Ready for calls", b.eval(`document.querySelector("[data-empty] h1").textContent`))
	call := answered()
	call.Caller.Name = name
	s.ticketOf(c, s.play(call), 2)
	b.await(`document.querySelectorAll(".tab").length`, "1")
	b.await(`document.querySelectorAll(".panel .comment").length`, "2")
	require.Contains(t, b.eval(`document.querySelector(".panel h2").textContent`), "<img src=x onerror=alert(1)>")
	require.Equal(t, "0", b.eval(`document.querySelectorAll("img, main script").length`))
	b.requireClean()
	c.stop(t)
}

// picture makes a screenshot and looks at its size.
func picture(t *testing.T, b *browser, name string) {
	t.Helper()
	dir := *pictures
	if dir == "" {
		dir = t.TempDir()
	}
	file := filepath.Join(dir, name)
	b.await("document.getAnimations().length", "0")
	b.screenshot(file)
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	config, err := png.DecodeConfig(f)
	require.NoError(t, err)
	require.Equal(t, []int{pageWidth, pageHeight}, []int{config.Width, config.Height})
}

// requireNothingLeft demands that a folder for temporary files is empty.
func requireNothingLeft(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}
