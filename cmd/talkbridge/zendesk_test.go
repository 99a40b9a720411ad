package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// account is a simulated Zendesk with all channels, and the configuration for
// it.
type account struct {
	t      *testing.T
	server *zendesktest.Server
	config string
}

func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{t: t, config: filepath.Join(t.TempDir(), "talkbridge.yaml")}
	a.server = zendesktest.New(zendesktest.WithPlan(zendesktest.Unlimited),
		zendesktest.WithAgents(zendesktest.User{ID: 501, Name: "Ana", Email: "ana@example.com"}),
		zendesktest.WithXHandles(zendesktest.XHandle{ID: 431, ScreenName: "@help\x1b[2J", Name: "Help"}),
		zendesktest.WithInstances(zendesktest.Instance{PushID: "push-1"}))
	require.NoError(t, a.server.Start(""))
	t.Cleanup(a.server.Close)
	text := fmt.Sprintf(`site: hq
zendesk: {url: %q, oauth: {client_id: %s, client_secret: %s}}
sources: [{name: pbx1, asterisk: {address: "127.0.0.1:1", username: u, secret: pbx-secret, trunks: [PJSIP/trunk]}}]
lines: [{number: "+15550100001", name: Support, country: US}]
http: {public_url: "http://127.0.0.1:9"}
`, a.server.URL(), zendesktest.DefaultClientID, zendesktest.DefaultClientSecret)
	require.NoError(t, os.WriteFile(a.config, []byte(text), 0o600))
	return a
}

// run runs a command below zendesk.
func (a *account) run(want int, args ...string) (out, errs string) {
	a.t.Helper()
	args = append(append([]string{"zendesk"}, args...), "--config", a.config)
	code, out, errs := runCLI(a.t.Context(), args...)
	require.Equal(a.t, want, code, "%v: %s%s", args, out, errs)
	return out, errs
}

func TestZendeskVoiceCommands(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	out, _ := a.run(exitOK, "ticket", "--kind", "inbound", "--from", "+15135557611", "--to", "+15550100001", "--duration", "40s", "--agent", "501")
	require.Equal(t, "ticket   #1 Call from +15135557611 to +15550100001, new, api_phone_call_inbound\npage     opens at agent 501\n", out)
	made, _ := a.server.Ticket(1)
	require.Equal(t, 40, made.VoiceComments()[0].CallDuration)
	require.False(t, made.Comments[0].Public)

	out, _ = a.run(exitOK, "ticket", "--json", "--kind", "voicemail", "--from", "+1", "--to", "+2", "--started", "2026-03-01T09:14:57Z")
	var ticket zendesk.Ticket
	require.NoError(t, json.Unmarshal([]byte(out), &ticket))
	require.Equal(t, "api_voicemail", ticket.Via.Channel)

	out, _ = a.run(exitOK, "display", "--agent", "501", "--ticket", "1")
	require.Equal(t, "page     accepted for agent 501\n", out)
	a.run(exitOK, "display", "--agent", "501", "--user", "501", "--json")
	require.Len(t, a.server.Pops(), 3)
	_, errs := a.run(exitRun, "display", "--agent", "501", "--ticket", "99")
	require.Contains(t, errs, "404")

	a.server.Inject(zendesktest.Fault{Path: "/api/v2/channels/voice/tickets", Count: 1, Effect: zendesktest.DropAfterCommit()})
	_, errs = a.run(exitRun, "ticket", "--kind", "inbound", "--from", "+1", "--to", "+2")
	require.Contains(t, errs, "outcome unknown")
}

func TestZendeskXCommands(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	out, _ := a.run(exitOK, "x", "handles")
	require.Regexp(t, `^431 +@help.*\(Help\)\n$`, out)
	require.NotContains(t, out, "\x1b", "a name cannot move the cursor")
	a.run(exitOK, "x", "handle", "431")
	_, errs := a.run(exitRun, "x", "handle", "1")
	require.Contains(t, errs, "404")
	out, _ = a.run(exitOK, "x", "ticket", "--post", "1744031231231231233", "--handle", "431", "--json")
	require.JSONEq(t, `{"done":true}`, out)
	posts := a.server.XPosts()
	require.Len(t, posts, 1)
	require.NoError(t, a.server.MarkXPost(posts[0].ID, true, false, false))
	out, _ = a.run(exitOK, "x", "statuses", fmt.Sprint(posts[0].CommentID))
	require.Contains(t, out, "liked true, reposted false, followed false")
}

func TestZendeskChannelCommands(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	file := filepath.Join(t.TempDir(), "push.json")
	push := `{"instance_push_id":"push-1","external_resources":[{"external_id":"m1","message":"Hello","created_at":"2026-03-01T09:14:57Z",
		"author":{"external_id":"ana"}},{"external_id":"m2","message":"Hello","created_at":"2026-03-01T09:14:57Z",
		"parent_id":"%s","author":{"external_id":"ana"}}]}`
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(fmt.Sprintf(push, "nobody"))
	out, errs := a.run(exitRun, "push", file)
	require.Equal(t, "success m1\ncould_not_locate_parent_external_resource m2 (nobody)\n", out)
	require.Contains(t, errs, "1 of 2 resources not imported")
	write(fmt.Sprintf(push, "m1"))
	out, _ = a.run(exitOK, "push", file)
	require.Equal(t, "already_imported m1\nsuccess m2\n", out)

	write(strings.Replace(push, `"message"`, `"massage"`, 1))
	_, errs = a.run(exitUsage, "push", file)
	require.Contains(t, errs, `unknown field "massage"`)
	write(strings.Replace(push, "ana", strings.Repeat("x", 256), 1))
	_, errs = a.run(exitUsage, "push", file)
	require.Contains(t, errs, "external_resources[0].author.external_id: is 256 characters; the limit is 255")

	out, _ = a.run(exitOK, "validate-token", "push-1")
	require.Equal(t, "token    good for push-1\n", out)
	a.run(exitRun, "validate-token", "nobody")
	_, errs = a.run(exitRun, "report-error", "push-1", "m9", "--description", "not in service")
	require.Contains(t, errs, "404", "it is no reply that was accepted")
}

func TestZendeskUsage(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for want, args := range map[string][]string{
		`"sideways": want inbound`: {"ticket", "--kind", "sideways"},
		"which numbers?":           {"ticket", "--kind", "inbound"}, `"now": want a time`: {"ticket", "--kind", "inbound", "--from", "1", "--to", "2", "--started", "now"},
		"which page?": {"display", "--agent", "1"}, "agent_id: want a positive id": {"display", "--ticket", "1"},
		`handle "x": want a positive number`: {"x", "handle", "x"}, "both above 0": {"x", "ticket"},
		"needs the id of a comment": {"x", "statuses"}, "needs a file": {"push"}, "an instance_push_id and an external id": {"report-error", "a"},
	} {
		_, errs := a.run(exitUsage, args...)
		require.Contains(t, errs, want, args)
	}
	require.Empty(t, a.server.Requests())
	code, _, errs := runCLI(t.Context(), "zendesk", "disply")
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "did you mean display?")
	code, out, _ := runCLI(t.Context(), "zendesk")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "report-error")
}

func TestSimulateZendesk(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, []string{"simulate-zendesk", "--listen", "127.0.0.1:0", "--agents", "2", "--plan", "enterprise"}, write, io.Discard)
		_ = write.Close()
		ended <- code
	}()
	lines := bufio.NewScanner(read)
	require.True(t, lines.Scan())
	found := regexp.MustCompile(`^account  (http://127\.0\.0\.1:\d+) \(enterprise\)$`).FindStringSubmatch(lines.Text())
	require.NotNil(t, found, lines.Text())
	rest := make(chan string, 1)
	go func() {
		var b strings.Builder
		for lines.Scan() {
			b.WriteString(lines.Text() + "\n")
		}
		rest <- b.String()
	}()

	client, err := zendesk.New(found[1], zendesk.OAuthClientCredentials{
		ClientID: zendesktest.DefaultClientID, ClientSecret: zendesktest.DefaultClientSecret,
	})
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	require.NoError(t, client.ValidateToken(t.Context(), simulatedPush, ""))
	_, err = client.CreateTicket(t.Context(), zendesk.NewTicket{Ticket: zendesk.TicketFields{Comment: &zendesk.Comment{Body: "x"}}}, zendesk.CreateTicketOptions{})
	require.NoError(t, err)
	require.Equal(t, 700, client.RateLimit().Account.Limit)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, found[1]+"/", http.NoBody)
	require.NoError(t, err)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, "there is a page")
	stop()
	require.Equal(t, exitOK, <-ended)
	said := <-rest
	require.Contains(t, said, "the end: 1 tickets, 0 calls, 0 pages opened")
	require.Equal(t, 2, strings.Count(said, "/agent/")-strings.Count(said, "Account owner"))
	require.Contains(t, said, "  oauth: {client_id: talkbridge, client_secret: simulated-secret}")
}

func TestSimulateZendeskUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		`--plan "golden"`: {"--plan", "golden"}, "want 1 to 100": {"--agents", "0"}, "--latency: want 0 or more": {"--latency", "-1s"},
		`--listen "x"`: {"--listen", "x"},
	} {
		code, _, errs := runCLI(t.Context(), append([]string{"simulate-zendesk"}, args...)...)
		require.Equal(t, exitUsage, code)
		require.Contains(t, errs, want)
	}
	code, _, errs := runCLI(t.Context(), "simulate-zendesk", "--listen", "256.0.0.1:1")
	require.Equal(t, exitRun, code)
	require.Contains(t, errs, "start the simulated Zendesk")
}
