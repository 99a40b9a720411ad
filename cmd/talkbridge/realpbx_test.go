package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	// realPatience bounds the wait for what calls should leave in Zendesk.
	realPatience = 40 * time.Second
	// realCallTimeout bounds one scenario.
	realCallTimeout = 90 * time.Second
	// realStagger is between the beginnings of two scenarios, so that two cores suffice.
	realStagger = 400 * time.Millisecond
	// realPopWithin is generous: the machine runs two PBXs and some sixty telephones beside it. Promises about speed are
	// held elsewhere.
	realPopWithin = 3 * time.Second
)

// TestRealPBX places real SIP calls through a real Asterisk and looks at what
// they leave in Zendesk. talkbridge is a process of its own, and reads the PBX as
// the user of the documentation's manager.conf.
//
// It runs alone, one part after the other: a page that is late by a second comes
// after some of these calls are over.
//
//nolint:paralleltest,tparallel // see above
func TestRealPBX(t *testing.T) {
	installed := installAsterisk(t)
	t.Run("calls", func(t *testing.T) {
		s := newRealSite(t, installed, false)
		daemon := s.startReady()
		s.play(realRows)
		s.verdict(daemon, realRows)
	})
	t.Run("records", func(t *testing.T) {
		realRecords(t, installed)
	})
	t.Run("over ARI", func(t *testing.T) {
		realOverARI(t, installed)
	})
	t.Run("dials", func(t *testing.T) {
		realDials(t, installed)
	})
	t.Run("restarts", func(t *testing.T) {
		realRestarts(t, installed)
	})
}

// installAsterisk finds or unpacks the Asterisk; without one the test is skipped,
// unless nothing may be.
func installAsterisk(t *testing.T) lab.Installation {
	t.Helper()
	cache, err := lab.CacheDir()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var suites []string // Asterisk 22, else 16
	if suite := os.Getenv("TALKBRIDGE_ASTERISK_SUITE"); suite != "" {
		suites = []string{suite}
	}
	installed, err := lab.Install(ctx, cache, suites...)
	if errors.Is(err, lab.ErrUnavailable) && os.Getenv("TALKBRIDGE_NO_SKIP") == "" {
		t.Skip(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	require.NoError(t, err)
	return installed
}

// realSite is a real Asterisk, a simulated Zendesk, and the configuration of a
// daemon between them.
type realSite struct {
	*site
	pbx    *lab.PBX
	agents map[int64]string  // extensions by Zendesk's id
	heard  map[string]string // what good links play
	away   bool              // no daemon runs while the calls go on
}

// realPhones is how many telephones there are, 1000 and up; each is of an agent.
const realPhones = 60

// newRealSite starts the PBX and Zendesk. The PBX is read over TLS if secure.
func newRealSite(t *testing.T, installed lab.Installation, secure bool, change ...func(*lab.Options)) *realSite {
	t.Helper()
	t.Log(installed.Version)
	options := lab.Options{
		Manager: documentedConf(t, "read = call"), Phones: realPhones,
		Queues: []lab.Queue{
			{Name: "3001", Members: []string{"1006", "1007"}},
			{Name: "3002", Members: []string{"1009"}},
			{Name: "4001", Members: []string{"1008"}},
		},
	}
	for _, f := range change {
		f(&options)
	}
	pbx, err := lab.Start(t.Context(), installed, options)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Asterisk:\n%s", pbx.Log())
		}
		require.NoError(t, pbx.Close())
	})
	s := &realSite{site: &site{t: t, dir: t.TempDir()}, pbx: pbx, agents: make(map[int64]string), heard: make(map[string]string)}
	s.zendesk = zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited), zendesktest.WithOAuthClient("talkbridge", "zendesk-secret"))
	t.Cleanup(s.zendesk.Close)
	for i := range realPhones {
		extension := fmt.Sprint(1000 + i)
		agent, err := s.zendesk.AddAgent(zendesktest.User{Name: "Agent " + extension, Email: "a" + extension + "@example.com"})
		require.NoError(t, err)
		s.agents[agent.ID] = extension
	}
	s.gate = newGate(t, s.zendesk)
	s.config = filepath.Join(s.dir, "talkbridge.yaml")
	require.NoError(t, os.WriteFile(s.config, []byte(s.yaml(secure)), 0o600))
	return s
}

// documentedConf is the configuration of Asterisk in the documentation that has such a
// line, as it stands there: its manager.conf, or its ari.conf.
func documentedConf(t *testing.T, line string) string {
	t.Helper()
	const page = "../../docs/asterisk.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, block := range regexp.MustCompile("(?s)```ini\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if strings.Contains(block[1], "[talkbridge]") && strings.Contains(block[1], line) {
			return block[1]
		}
	}
	require.FailNow(t, "no such configuration", "%s has no ini block with the user talkbridge and %s", page, line)
	return ""
}

// yaml is the configuration as a person would write it.
func (s *realSite) yaml(secure bool) string {
	var b strings.Builder
	address, tls := s.pbx.Address(), ""
	if secure {
		address, tls = s.pbx.TLSAddress(), fmt.Sprintf(", tls: {ca_file: %s}", s.pbx.CAFile())
	}
	fmt.Fprintf(&b, `site: hq
country: DE
zendesk:
  url: %s
  timeout: 5s
  oauth: {client_id: talkbridge, client_secret: zendesk-secret}
sources:
  - name: pbx1
    asterisk:
      {address: %q, username: talkbridge, secret: %s, trunks: [PJSIP/trunk], voicemail: %s, recordings: %s%s}
lines:
  - {number: "+15550101001", name: Support}
journal: {dir: data}
http: {listen: "%[7]s:8080", public_listen: "%[7]s:8081", public_url: "http://%[7]s:8081"}
agents:
`, s.gate.URL(), address, s.pbx.Secret, s.pbx.Voicemail(), s.pbx.Recordings(), tls, s.pbx.Spare())
	for i := range realPhones {
		fmt.Fprintf(&b, "  - {name: \"Agent %[1]d\", zendesk: a%[1]d@example.com, numbers: [\"PJSIP/%[1]d\", \"%[1]d\", \"+49171555%[1]d1\"]}\n", 1000+i)
	}
	return b.String()
}

// play plays all scenarios beside each other, and returns when all have ended.
func (s *realSite) play(rows []realRow) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), realCallTimeout)
	defer cancel()
	var wg sync.WaitGroup
	failures := make([]error, len(rows))
	tick := time.NewTicker(realStagger)
	defer tick.Stop()
	for i, row := range rows {
		wg.Go(func() {
			stage := &stage{ctx: ctx, pbx: s.pbx, shown: s.shown}
			row.place(stage)
			stage.end()
			if stage.err != nil {
				failures[i] = fmt.Errorf("%s: %w", row.name, stage.err)
			}
		})
		<-tick.C
	}
	wg.Wait()
	require.NoError(s.t, errors.Join(failures...), "the telephones could not do what they should")
}

// stage is where a scenario is played. The first error stands; nothing is done
// after it.
type stage struct {
	ctx     context.Context // of the scenario
	pbx     *lab.PBX
	err     error
	playing []*lab.Running
	// shown reports whether a page was shown to the agent of a telephone.
	shown func(phone string) bool
}

// place lets somebody follow a script, to its end.
func (s *stage) place(script lab.Script) {
	if s.err == nil {
		var r *lab.Running
		if r, s.err = s.pbx.Place(s.ctx, script); s.err == nil {
			s.playing = append(s.playing, r)
		}
	}
}

// stand lets somebody follow a script that has no end, or whose end does not matter.
func (s *stage) stand(script lab.Script) {
	if s.err == nil {
		_, s.err = s.pbx.Place(s.ctx, script)
	}
}

// answers puts a telephone there that rings for a second, answers, and talks
// until the other side hangs up.
func (s *stage) answers(phone string) {
	s.place(lab.Script{Name: "phone-answers", Phone: phone, Ring: time.Second})
}

// rings puts a telephone there that rings until the other side gives up.
func (s *stage) rings(phone string) { s.stand(lab.Script{Name: "phone-rings", Phone: phone}) }

// busy puts a telephone there that refuses every call.
func (s *stage) busy(phone string) { s.stand(lab.Script{Name: "phone-busy", Phone: phone}) }

// calls lets a caller from outside call, talk and hang up.
func (s *stage) calls(number string, talk time.Duration) {
	s.place(lab.Script{Name: "caller-talks", Number: number, Talk: talk})
}

// talks waits until a telephone is joined with somebody.
func (s *stage) talks(phone string) {
	s.await(phone+" talks", func() bool { return len(s.pbx.Talks(phone)) > 0 })
}

// sees waits until the agent of a telephone was shown a page: who has gone by then
// is shown none.
func (s *stage) sees(phone string) {
	s.await(phone+" sees the page", func() bool { return s.shown(phone) })
}

func (s *stage) await(what string, ready func() bool) {
	if s.err != nil {
		return
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-tick.C:
		case <-s.ctx.Done():
			s.err = fmt.Errorf("wait until %s: %w", what, context.Cause(s.ctx))
			return
		}
	}
}

// do sends an action to the PBX.
func (s *stage) do(action string, fields ...string) {
	if s.err == nil {
		s.err = s.pbx.Do(s.ctx, action, fields...)
	}
}

// end waits until all have followed their scripts.
func (s *stage) end() {
	for _, r := range s.playing {
		if s.err == nil {
			s.err = r.Wait(s.ctx)
		}
	}
}

// shown reports whether a page was shown to the agent of a telephone, or none can
// be.
func (s *realSite) shown(phone string) bool {
	return s.away || slices.ContainsFunc(s.zendesk.Pops(), func(p zendesktest.Pop) bool { return s.agents[p.AgentID] == phone })
}

// listed is what the running daemon says of its calls.
func (s *realSite) listed() []callRow {
	s.t.Helper()
	code, out, errs := runCLI(s.t.Context(), "calls", "--config", s.config, "--json", "--limit", "200")
	require.Equal(s.t, exitOK, code, errs)
	var rows []callRow
	require.NoError(s.t, json.Unmarshal([]byte(out), &rows))
	return rows
}
