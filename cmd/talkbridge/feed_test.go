package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/feed/feedtest"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	wallToken  = "token-of-the-wall-board"
	carolToken = "token-of-carols-desk"
)

// withTokens gives the site's configuration two tokens.
func (s *site) withTokens(tokens string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	require.NoError(s.t, err)
	changed := strings.Replace(string(text), `http: {`, `http: {tokens: `+tokens+`, `, 1)
	require.NotEqual(s.t, string(text), changed)
	require.NoError(s.t, os.WriteFile(s.config, []byte(changed), 0o600))
}

const bothTokens = `[{name: wall, token: ` + wallToken + `, scope: all}, {name: desk, token: ` + carolToken + `, agent: Carol}]`

// listener collects the messages of one connection, each held against the
// description.
type listener struct {
	t    *testing.T
	conn *websocket.Conn
	kind map[string]int
}

func (s *site) listen1(c *child, query, token string) *listener {
	s.t.Helper()
	header := http.Header{"Authorization": {"Bearer " + token}}
	conn, response, err := websocket.DefaultDialer.DialContext(s.t.Context(), "ws://"+c.address(s.t, "listen")+"/v1/feed"+query, header)
	require.NoError(s.t, err)
	require.NoError(s.t, response.Body.Close())
	s.t.Cleanup(func() { _ = conn.Close() })
	return &listener{t: s.t.(*testing.T), conn: conn, kind: make(map[string]int)}
}

// until reads until a message is what is wanted, and returns all.
func (l *listener) until(checker *feedtest.Checker, wanted func(feed.Message) bool) []feed.Message {
	l.t.Helper()
	var all []feed.Message
	for {
		require.NoError(l.t, l.conn.SetReadDeadline(time.Now().Add(patience)))
		_, data, err := l.conn.ReadMessage()
		require.NoError(l.t, err)
		require.NoError(l.t, checker.Check(data), "%s", data)
		require.NotContains(l.t, string(data), "zendesk-secret")
		require.NotContains(l.t, string(data), "/recordings/", "no links to audio")
		var m feed.Message
		require.NoError(l.t, json.Unmarshal(data, &m))
		l.kind[m.Type]++
		if all = append(all, m); wanted(m) {
			return all
		}
	}
}

// isComplete finds the outcome that completes a call's ticket.
func isComplete(m feed.Message) bool {
	var o struct{ Kind, Step string }
	return m.Type == feed.TypeOutcome && json.Unmarshal(m.Data, &o) == nil && o.Kind == "done" && o.Step == "complete"
}

// A call from the first ringing to the completed ticket, as a wall board sees it;
// every message is as the description says.
func TestFeedTellsACall(t *testing.T) {
	t.Parallel()
	checker, err := feedtest.NewChecker(repository + "/docs/asyncapi.yaml")
	require.NoError(t, err)
	s := newSite(t, siteOptions{})
	s.withTokens(bothTokens)
	c := s.start()
	wall, desk := s.listen1(c, "?line=Support", wallToken), s.listen1(c, "", carolToken)
	wall.until(checker, func(m feed.Message) bool { return m.Type == feed.TypeSnapshot })
	id := s.play(answered())
	all := wall.until(checker, isComplete)
	var phases []feed.Phase
	for i, m := range all {
		require.Equal(t, id, m.Subject)
		if i > 0 {
			require.Equal(t, all[i-1].Cursor.Seq+1, m.Cursor.Seq)
		}
		if m.Type != feed.TypeEvent {
			continue
		}
		var data feed.EventData
		require.NoError(t, json.Unmarshal(m.Data, &data))
		if len(phases) == 0 || phases[len(phases)-1] != data.Call.Phase {
			phases = append(phases, data.Call.Phase)
		}
		if data.Call.Phase == feed.PhaseTalking {
			require.Equal(t, "Alice", data.Call.Agents[0].Name)
			require.Equal(t, feed.Line{Number: "+15550100001", Name: "Support"}, data.Call.Line)
			require.Equal(t, "+493010001234", data.Call.From.Number)
		}
	}
	require.Subset(t, phases, []feed.Phase{feed.PhaseRinging, feed.PhaseTalking, feed.PhaseEnded})
	require.Positive(t, wall.kind[feed.TypeOutcome])

	// The call again, resumed from the start; and a gap.
	again := s.listen1(c, "?since="+feed.Cursor{Epoch: all[0].Cursor.Epoch}.String(), wallToken).until(checker, isComplete)
	require.Equal(t, all, again)
	s.listen1(c, "?since=another-7", wallToken).until(checker, func(m feed.Message) bool { return m.Type == feed.TypeGap })

	// Carol sees nothing of Alice's call, and her own.
	other := answered()
	other.Agents = []string{"1003"}
	hers := s.play(other)
	for _, m := range desk.until(checker, isComplete) {
		require.True(t, m.Type == feed.TypeSnapshot || m.Subject == hers, "%s %s", m.Type, m.Subject)
	}

	// A token that is taken away takes its readers along.
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.config, []byte(strings.Replace(string(text), carolToken, "another-token-for-carol", 1)), 0o600))
	c.signal(t, syscall.SIGHUP)
	require.Equal(t, feed.CloseToken, desk.closeCode())
	require.NotContains(t, c.log.String(), "restart needed")
	c.stop(t)
	require.Equal(t, feed.CloseStopping, wall.closeCode())
	require.NotContains(t, c.log.String(), wallToken)
}

// closeCode reads to the end.
func (l *listener) closeCode() int {
	l.t.Helper()
	for {
		require.NoError(l.t, l.conn.SetReadDeadline(time.Now().Add(patience)))
		if _, _, err := l.conn.ReadMessage(); err != nil {
			closed, ok := errors.AsType[*websocket.CloseError](err)
			require.True(l.t, ok, "%v", err)
			return closed.Code
		}
	}
}

// The daemon is killed in mid-call, twice; the reader comes back by itself and
// sees each entry exactly once.
func TestFeedResumesOverKills(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	c := s.start()
	journalDir := s.dir + "/data"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var calls sync.WaitGroup
	last := make(chan string, 1)
	play := func(played chan<- string) {
		calls.Go(func() {
			p, err := s.player.Play(ctx, answered())
			if err == nil && played != nil {
				played <- "hq/pbx1/" + p.Linkedids[0]
			}
		})
	}
	play(nil)
	reader := &feed.Reader{URL: "ws://talkbridge/v1/feed", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return journal.DialControl(ctx, journalDir)
	}}
	var next uint64
	var wanted string
	var completed []string
	cuts, kills := 0, 0
	reader.Cut = func(error, time.Duration) { cuts++ }
	err := reader.Run(ctx, func(m feed.Message) error {
		switch m.Type {
		case feed.TypeSnapshot:
			require.Zero(t, next, "only one snapshot: the rest is resumed")
			next = m.Cursor.Seq + 1
		case feed.TypeEvent, feed.TypeOutcome:
			require.Equal(t, next, m.Cursor.Seq, "neither gap nor repeat")
			next++
		case feed.TypeGap:
			require.Fail(t, "gap")
		}
		if kills < 2 && phaseOf(m) == feed.PhaseTalking {
			kills++
			c.Kill()
			c = s.start()
			if kills < 2 {
				play(nil)
			} else {
				play(last)
			}
		}
		select {
		case wanted = <-last:
		default:
		}
		if isComplete(m) {
			completed = append(completed, m.Subject)
		}
		if wanted != "" && slices.Contains(completed, wanted) {
			return io.EOF
		}
		return nil
	})
	require.ErrorIs(t, err, io.EOF)
	require.GreaterOrEqual(t, cuts, 2)
	calls.Wait()
	c.stop(t)
}

// phaseOf is the phase of a message's call, "" for a message without one.
func phaseOf(m feed.Message) feed.Phase {
	var data struct{ Call struct{ Phase feed.Phase } }
	if json.Unmarshal(m.Data, &data) != nil {
		return ""
	}
	return data.Call.Phase
}

func TestFeedCommand(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	code, _, stderr := runCLI(t.Context(), "feed", "--config", s.config)
	require.Equal(t, exitRun, code)
	require.Contains(t, stderr, "start it with 'talkbridge serve'")

	c := s.start()
	epoch := epochOf(t, s)
	hostile := answered()
	hostile.Caller.Name = "\x1b[31mEvil\x1b[0m\u202eName<script>"
	id := s.play(hostile)
	s.ticketOf(c, id, 2)
	ended := func(out string) bool { return strings.Contains(out, "ended") && strings.Contains(out, "done complete") }
	text := s.followUntil(ended, "feed", "--config", s.config, "--since", epoch+"-0", "--agent", "Alice", "--color", "never")
	for _, want := range []string{"ringing", "talking", "+493010001234", "[Support]", "Alice ringing", "Alice talking", "answered after", "ticket #", id} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\u202e")
	require.Contains(t, s.followUntil(ended, "feed", "--config", s.config, "--since", epoch+"-0", "--color", "always"), "\x1b[32mtalking\x1b[0m")

	lines := s.followUntil(func(out string) bool { return strings.Contains(out, `"complete"`) && strings.HasSuffix(out, "\n") },
		"feed", "--config", s.config, "--since", epoch+"-0", "--call", id, "--json")
	for line := range strings.Lines(lines) {
		var m feed.Message
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		require.Equal(t, id, m.Subject)
	}
	require.Contains(t, s.followUntil(func(out string) bool { return strings.Contains(out, "no live calls") },
		"feed", "--config", s.config, "--since", "another-1"), "not resumed: the journal is another one")
	require.Contains(t, s.followUntil(func(out string) bool { return strings.Contains(out, "no live calls") },
		"feed", "--url", "ws://"+c.address(t, "listen")), "cursor "+epoch+"-")
	c.stop(t)
}

// epochOf asks the running daemon for its journal's epoch.
func epochOf(t *testing.T, s *site) string {
	t.Helper()
	var epoch string
	reader := &feed.Reader{URL: "ws://talkbridge/v1/feed", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return journal.DialControl(ctx, s.dir+"/data")
	}}
	err := reader.Run(t.Context(), func(m feed.Message) error {
		epoch = m.Cursor.Epoch
		return io.EOF
	})
	require.ErrorIs(t, err, io.EOF)
	return epoch
}

// followUntil runs a command until its output is what is wanted, then ends it as
// Ctrl-C does.
func (s *site) followUntil(wanted func(string) bool, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	out, errs := &syncBuffer{}, &syncBuffer{}
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, out, errs) }()
	require.Eventually(s.t, func() bool { return wanted(out.String()) }, patience, 5*time.Millisecond, "%v: %s%s", args, out, errs)
	cancel()
	require.Equal(s.t, exitOK, <-code)
	return out.String()
}

func TestFeedCommandUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"cursor that is none", []string{"--since", "yesterday"}, "--since: \"yesterday\" is no cursor"},
		{"colour that is none", []string{"--url", "ws://127.0.0.1:1", "--color", "blue"}, "want auto, always or never"},
		{"address without scheme", []string{"--url", "127.0.0.1:8080"}, "write it like wss://"},
		{"web address", []string{"--url", "https://calls.example.com"}, "write it like wss://"},
		{"token file without address", []string{"--token-file", "x"}, "goes with --url"},
		{"absent token file", []string{"--url", "ws://127.0.0.1:1", "--token-file", "absent"}, "--token-file: open absent"},
		{"empty filter", []string{"--agent", ""}, "--agent: is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := runCLI(t.Context(), append([]string{"feed"}, tt.args...)...)
			require.Equal(t, exitUsage, code)
			require.Contains(t, stderr, tt.want)
		})
	}
}

// An address that others can reach and no token: the daemon does not start.
func TestOpenFeedIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	open := bytes.Replace(text, []byte(`listen: "127.0.0.1:0"`), []byte(`listen: "0.0.0.0:0"`), 1)
	require.NotEqual(t, text, open)
	require.NoError(t, os.WriteFile(s.config, open, 0o600))
	code, _, stderr := runCLI(t.Context(), "serve", "--config", s.config)
	require.Equal(t, exitConfig, code)
	require.Contains(t, stderr, "give http.tokens, or listen on 127.0.0.1")
}

// What a phone system makes up is plain text on the terminal.
func TestFeedPrinterIsSafe(t *testing.T) {
	t.Parallel()
	const evil = "\x1b]0;title\x07\r\nforged line\u202e\u0085\x9b31m"
	var out bytes.Buffer
	p := &feedPrinter{out: &out}
	call := &feed.Call{State: telephony.State{
		ID: evil, From: telephony.Party{Number: evil, Name: evil}, To: telephony.Party{Number: evil},
	}, Phase: feed.PhaseTalking, Agents: []feed.Agent{{Endpoint: evil, Name: evil, State: feed.AgentTalking}}, Line: feed.Line{Name: evil}}
	event, err := json.Marshal(feed.EventData{Call: call, Events: []telephony.Event{{Kind: evil}}})
	require.NoError(t, err)
	outcome, err := json.Marshal(map[string]any{"kind": evil, "reason": evil, "pop": map[string]any{"result": evil, "error": evil}})
	require.NoError(t, err)
	require.NoError(t, p.print(feed.Message{Type: feed.TypeEvent, Subject: evil, Data: event}))
	require.NoError(t, p.print(feed.Message{Type: feed.TypeOutcome, Subject: evil, Data: outcome}))
	require.NoError(t, p.print(feed.Message{Type: "com.talkbridge.later", Data: []byte(`{}`)}))
	require.Equal(t, 2, strings.Count(out.String(), "\n"))
	require.Equal(t, strings.TrimSuffix(strings.ReplaceAll(out.String(), "\n", "|"), "|"),
		telephony.StripControls(strings.TrimSuffix(strings.ReplaceAll(out.String(), "\n", "|"), "|")))
}
