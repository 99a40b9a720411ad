package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/journal/journaltest"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// runEnv makes the test binary be the program: the tests start it as a child.
const runEnv = "TALKBRIDGE_TEST_RUN"

func TestMain(m *testing.M) {
	journaltest.Main()
	if os.Getenv(runEnv) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// site is a phone system, a Zendesk and a folder: what a daemon is put between.
type site struct {
	t       testing.TB
	dir     string
	zendesk *zendesktest.Server
	gate    *gate
	pbx     *asterisktest.Server
	player  *asterisktest.Player
	listen  string
	config  string
	// children are the daemons started so far, the newest last.
	children []*child
}

// siteOptions change the configuration.
type siteOptions struct {
	settle time.Duration
	// recordings says that the folder of recordings can be read.
	recordings bool
	// records says that Master.csv can be read.
	records bool
	extra   string // appended to the file
	// edit changes the text of the file, by pairs of old and new.
	edit []string
	pbx  asterisktest.Config
	plan zendesktest.Plan // "": Unlimited
	desk []zendesktest.Option
}

func newSite(t testing.TB, o siteOptions) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	options := []zendesktest.Option{
		zendesktest.WithPlan(cmp.Or(o.plan, zendesktest.Unlimited)),
		zendesktest.WithOAuthClient("talkbridge", "zendesk-secret"),
		zendesktest.WithAgents(
			zendesktest.User{Name: "Alice Agent", Email: "alice@example.com"},
			zendesktest.User{Name: "Bob Agent", Email: "bob@example.com"},
			zendesktest.User{Name: "Carol Agent", Email: "carol@example.com"},
		),
	}
	s.zendesk = zendesktest.New(append(options, o.desk...)...)
	t.Cleanup(s.zendesk.Close)
	s.gate = newGate(t, s.zendesk)
	var err error
	s.pbx, err = asterisktest.Start(o.pbx)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.pbx.Close()) })
	s.player = &asterisktest.Player{
		Server: s.pbx, Speed: 4, Seed: 1, Concurrency: 200, Voicemail: s.folder("voicemail"), Recordings: s.folder("monitor"),
		Records: filepath.Join(s.folder("cdr-csv"), "Master.csv"),
	}
	s.listen = "127.0.0.1:0"
	s.config = filepath.Join(s.dir, "talkbridge.yaml")
	s.write(o)
	return s
}

// write writes the configuration.
func (s *site) write(o siteOptions) {
	s.t.Helper()
	text := s.yaml(o)
	for pair := range slices.Chunk(o.edit, 2) {
		require.Contains(s.t, text, pair[0])
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	require.NoError(s.t, os.WriteFile(s.config, []byte(text), 0o600))
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
	recordings := ""
	if o.recordings {
		recordings = ", recordings: " + s.player.Recordings
	}
	if o.records {
		recordings += ", cdr: " + s.player.Records
	}
	return fmt.Sprintf(`site: hq
country: DE
zendesk:
  url: %s
  timeout: 2s
  oauth: {client_id: talkbridge, client_secret: zendesk-secret}
sources:
  - name: pbx1
    asterisk: {address: %q, username: talkbridge, secret: tbsecret, trunks: [PJSIP/trunk], voicemail: %s%s}
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
%s`, s.gate.URL(), s.pbx.Addr(), s.player.Voicemail, recordings, settle, s.listen, o.extra)
}

// settled says whether the running daemon owes nothing about a call any more.
func (s *site) settled(id string) bool {
	s.t.Helper()
	code, out, errs := runCLI(s.t.Context(), "calls", "--config", s.config, "--json")
	require.Equal(s.t, exitOK, code, errs)
	var rows []callRow
	require.NoError(s.t, json.Unmarshal([]byte(out), &rows))
	return slices.ContainsFunc(rows, func(r callRow) bool { return string(r.ID) == id && r.Settled })
}
