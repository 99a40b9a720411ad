package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// proxy is a TLS proxy before the public listener. It returns its address and
// the file with its certificate.
func (s *site) proxy(c *child) (address, authority string) {
	s.t.Helper()
	target, err := url.Parse("http://" + c.address(s.t, "public_listen"))
	require.NoError(s.t, err)
	front := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	s.t.Cleanup(front.Close)
	authority = filepath.Join(s.dir, "authority.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
	require.NoError(s.t, os.WriteFile(authority, certificate, 0o600))
	return front.URL, authority
}

// doctor runs doctor as a process of its own, which trusts the authority.
func (s *site) doctor(authority string, args ...string) (code int, out string) {
	s.t.Helper()
	env := []string{"SSL_CERT_FILE=" + authority}
	d := startChild(s.t, env, append([]string{"doctor", "--config", s.config, "--watch", "300ms"}, args...)...)
	code = d.wait(s.t)
	return code, d.log.String()
}

// measured is what doctor measures.
var measured = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`(?m)^ +\w+ +(room|fsync) .*\n( +--> .*\n)?`), ""}, // it is of the machine
	{regexp.MustCompile(`version devel\S*`), "version VERSION"},
	{regexp.MustCompile(`YYYY-MM-DD \d\d:\d\d\b`), "YYYY-MM-DD HH:MM"},
	{regexp.MustCompile(`within \d+m?s`), "within N s"},
	{regexp.MustCompile(`process \d+`), "process PID"},
	{regexp.MustCompile(`is (\d+m)?[0-9.]+s (ahead|behind)`), "is N s $2"},
	{regexp.MustCompile(`\d+ of \d+ events`), "N of M events"},
	{regexp.MustCompile(`\d+ events in Ns, \d+ of`), "N events in Ns, M of"},
	{regexp.MustCompile(`\d+ channels? c`), "N channels c"},
	{regexp.MustCompile(`\d+ channels? up`), "N channels up"},
}

func (s *site) goldenDoctor(name, authority, out string) {
	s.t.Helper()
	if authority != "" {
		out = strings.ReplaceAll(out, authority, "PUBLIC")
	}
	out = strings.ReplaceAll(out, s.dir, "DIR")
	for _, f := range passing {
		out = f.pattern.ReplaceAllString(out, f.by)
	}
	for _, f := range measured {
		out = f.pattern.ReplaceAllString(out, f.by)
	}
	s.goldenSaid(name, out)
}

// TestDoctorHealthy: on a healthy site nothing fails and nothing is changed,
// with the daemon running and stopped.
func TestDoctorHealthy(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{records: true})
	c := s.startReady()
	s.settle(c, s.play(answered()))
	address, authority := s.proxy(c)
	s.write(siteOptions{records: true, edit: []string{"http://127.0.0.1:9", address}})
	pops, messages, requests := len(s.zendesk.Pops()), c.metric(t, "talkbridge_journal_messages "), len(s.writes())

	code, out := s.doctor(authority, "--pop-agent", "Alice")
	s.goldenDoctor("doctor_healthy", address, out)
	require.Equal(t, exitOK, code, out)
	require.Len(t, s.zendesk.Pops(), pops+1, "the test page and no other")
	require.InDelta(t, messages, c.metric(t, "talkbridge_journal_messages "), 0)
	require.Len(t, s.writes(), requests)

	code, out = s.doctor(authority, "--json")
	require.Equal(t, exitOK, code, out)
	var found diagnosis
	require.NoError(t, json.Unmarshal([]byte(out), &found), out)
	require.True(t, found.OK)
	s.requireDiscreet(out)
	c.stop(t)

	code, out = s.doctor(authority)
	require.Equal(t, exitOK, code, out)
	require.Contains(t, out, "no daemon runs")
	require.Contains(t, out, "the proxy does not reach talkbridge")
}

// finds demands a finding of doctor and returns it.
func (d diagnosis) finds(t testing.TB, area, check string, v severity) symptom {
	t.Helper()
	for _, f := range d.Findings {
		if f.Area == area && f.Check == check && f.Verdict == v {
			return f
		}
	}
	text, err := json.MarshalIndent(d.Findings, "", "  ")
	require.NoError(t, err)
	require.FailNow(t, "no such finding", "%s, %s: %s\n%s", area, check, v, text)
	return symptom{}
}

// diagnosis is what doctor says of a site, which has no https, so that there is always one failure.
func (s *site) diagnosis(args ...string) diagnosis {
	s.t.Helper()
	out, errs := s.cli(exitRun, append([]string{"doctor", "--json", "--watch", "200ms"}, args...)...)
	var found diagnosis
	require.NoError(s.t, json.Unmarshal([]byte(out), &found))
	require.False(s.t, found.OK)
	s.requireDiscreet(out + errs)
	return found
}

// TestDoctorBroken: each fault is found, with its remedy.
func TestDoctorBroken(t *testing.T) {
	t.Parallel()
	listener := asterisktest.User{Name: "talkbridge", Secret: "tbsecret", Read: "call,dialplan", Write: "reporting"}
	for _, tt := range []struct {
		name        string
		o           siteOptions
		make        func(*site)
		args        []string
		area, check string
		verdict     severity
		text        string
		remedy      string
	}{
		{
			name: "wrong secret", o: siteOptions{edit: []string{"secret: tbsecret", "secret: other"}},
			area: "pbx1", check: "login", verdict: failure, text: "authentication refused", remedy: "permit=",
		},
		{
			name: "phone system away", make: func(s *site) { s.pbx.Crash() },
			area: "pbx1", check: "connection", verdict: failure, text: "sources[0].asterisk.address",
		},
		{
			name: "no right to ask", o: siteOptions{pbx: asterisktest.Config{Users: []asterisktest.User{{Name: "talkbridge", Secret: "tbsecret", Read: "call,dialplan"}}}},
			area: "pbx1", check: "live channels", verdict: failure, text: "Permission denied", remedy: "write = reporting in [talkbridge] of manager.conf",
		},
		{
			name: "too many rights", o: siteOptions{pbx: asterisktest.Config{Users: []asterisktest.User{{Name: "talkbridge", Secret: "tbsecret", Read: "all", Write: "all"}}}},
			area: "pbx1", check: "rights", verdict: warning, text: "may also do Originate", remedy: "write = reporting",
		},
		{
			name: "the class system", o: siteOptions{pbx: asterisktest.Config{Users: []asterisktest.User{{Name: "talkbridge", Secret: "tbsecret", Read: "all", Write: "system,reporting"}}}},
			area: "pbx1", check: "rights", verdict: warning, text: "more than is needed", remedy: "eventfilter",
		},
		{
			name: "slow clock", o: siteOptions{pbx: asterisktest.Config{Users: []asterisktest.User{listener}, Now: func() time.Time { return time.Now().Add(-90 * time.Second) }}},
			area: "pbx1", check: "clock", verdict: warning, text: "behind ours", remedy: "NTP",
		},
		{
			name: "agent unknown", o: siteOptions{edit: []string{"bob@example.com", "rob@example.com"}},
			area: "zendesk", check: "agent", verdict: failure, text: "Bob: zendesk has no active agent", remedy: "agents",
		},
		{
			name: "web page", make: func(s *site) { s.zendesk.Inject(zendesktest.Fault{Effect: zendesktest.HTML()}) },
			area: "zendesk", check: "credentials", verdict: failure, text: "text/html instead of JSON",
		},
		{
			name: "wrong client secret", o: siteOptions{edit: []string{"client_secret: zendesk-secret", "client_secret: wrong-secret"}},
			area: "zendesk", check: "credentials", verdict: failure, text: "refuses the credentials",
		},
		{
			name: "no voice", make: func(s *site) {
				s.zendesk.Inject(zendesktest.Fault{Path: "/api/v2/channels/voice/**", Effect: zendesktest.Status(http.StatusForbidden, 0)})
			},
			area: "zendesk", check: "voice", verdict: failure, text: "403", remedy: "Suite Growth",
		},
		{
			name: "no voice and not found", make: func(s *site) {
				s.zendesk.Inject(zendesktest.Fault{Path: "/api/v2/channels/voice/**", Effect: zendesktest.Status(http.StatusNotFound, 0)})
			},
			area: "zendesk", check: "voice", verdict: failure, text: "404", remedy: "--pop-agent",
		},
		{
			name: "call records", o: withRecords(zendesktest.DefaultAppID),
			area: "zendesk", check: "call records", verdict: fine, text: "the app 1001 (talkbridge)",
		},
		{
			name: "app not installed", o: withRecords(77),
			area: "zendesk", check: "call records", verdict: failure, text: "no app 77 is installed: each record would be refused; installed: 1001 (talkbridge)", remedy: "zendesk.call_records.app_id",
		},
		{
			name: "app of no account", o: withRecords(77, zendesktest.WithApps()),
			area: "zendesk", check: "call records", verdict: failure, text: "installed: none",
		},
		{
			name: "id of the installation", o: withRecords(501_001),
			area: "zendesk", check: "call records", verdict: failure, text: "501001 is the id of an installation, not of its app, 1001 (talkbridge)", remedy: "zendesk.call_records: {app_id: 1001}",
		},
		{
			name: "app switched off", o: withRecords(5, zendesktest.WithApps(zendesktest.App{ID: 5, Name: "Phones", Disabled: true})),
			area: "zendesk", check: "call records", verdict: failure, text: "5 (Phones) is switched off", remedy: "enable it",
		},
		{
			name: "may not ask for apps", o: withRecords(1001), make: func(s *site) {
				s.zendesk.Inject(zendesktest.Fault{Path: "/api/v2/apps/installations", Effect: zendesktest.Status(http.StatusForbidden, 0)})
			},
			area: "zendesk", check: "call records", verdict: note, text: "may not ask which apps are installed", remedy: "admin",
		},
		{
			name: "number field", o: withNumberField(zendesktest.UserField{Key: "other"}, zendesktest.UserField{Key: "more_numbers"}),
			area: "zendesk", check: "number field", verdict: fine, text: "further numbers in more_numbers",
		},
		{
			name: "no such number field", o: withNumberField(zendesktest.UserField{Key: "more_phones"}, zendesktest.UserField{Key: "vip", Type: "checkbox"}),
			area: "zendesk", check: "number field", verdict: failure, text: "no field with the key more_numbers: nobody is found by it; fields for texts: more_phones", remedy: "tickets.number_field",
		},
		{
			name: "number field of another type", o: withNumberField(zendesktest.UserField{Key: "more_numbers", Type: "checkbox"}),
			area: "zendesk", check: "number field", verdict: failure, text: "of the type checkbox", remedy: "type Text",
		},
		{
			name: "number field that is not active", o: withNumberField(zendesktest.UserField{Key: "more_numbers", Inactive: true}),
			area: "zendesk", check: "number field", verdict: failure, text: "is not active",
		},
		{
			name: "test page for nobody", args: []string{"--pop-agent", "Nobody"},
			area: "zendesk", check: "test page", verdict: failure, text: `no agent "Nobody"`,
		},
		{
			name: "folder missing", make: func(s *site) { require.NoError(s.t, os.RemoveAll(s.player.Voicemail)) },
			area: "folders", check: "pbx1 voicemail", verdict: failure, text: "is not there",
		},
		{
			name: "folder is a file", make: func(s *site) {
				require.NoError(s.t, os.RemoveAll(s.player.Voicemail))
				require.NoError(s.t, os.WriteFile(s.player.Voicemail, nil, 0o600))
			},
			area: "folders", check: "pbx1 voicemail", verdict: failure, text: "cannot be read", remedy: "group asterisk",
		},
		{
			name: "no call records", area: "folders", check: "pbx1 cdr", verdict: note, text: "leave no ticket", remedy: "cdr: /var/log/asterisk",
		},
		{
			name: "call records missing", o: siteOptions{records: true},
			area: "folders", check: "pbx1 cdr", verdict: failure, text: "Master.csv is not there", remedy: "cdr_csv.so",
		},
		{
			name: "call records without uniqueid", o: siteOptions{records: true}, make: func(s *site) {
				line := strings.Repeat(`"",`, 9) + `"2026-11-22 01:11:49",,"2026-11-22 01:11:53",4,0,"BUSY","DOCUMENTATION"` + "\n"
				line = strings.Replace(line, `"","","","","","",`, `"","","","","","PJSIP/trunk-00000009",`, 1)
				require.NoError(s.t, os.WriteFile(s.player.Records, []byte(line), 0o600))
			},
			area: "folders", check: "pbx1 cdr", verdict: failure, text: "have no uniqueid", remedy: "loguniqueid = yes",
		},
		{
			name: "call records without Linkedids", o: siteOptions{records: true}, make: func(s *site) {
				s.player.OldRecords = true
				s.play(answered())
			},
			area: "folders", check: "pbx1 cdr", verdict: fine, text: "its times are UTC", remedy: "newcdrcolumns = yes",
		},
		{
			name: "call records of something else", o: siteOptions{records: true}, make: func(s *site) {
				require.NoError(s.t, os.WriteFile(s.player.Records, []byte("a,b,c\n"), 0o600))
			},
			area: "folders", check: "pbx1 cdr", verdict: failure, text: "no records as cdr_csv writes them", remedy: "cdr_custom",
		},
		{name: "no https", area: "public address", check: "http.public_url", verdict: failure, text: "is not https", remedy: "proxy"},
		{
			name: "public address away", o: siteOptions{edit: []string{"http://127.0.0.1:9", "https://127.0.0.1:9"}},
			area: "public address", check: "http.public_url", verdict: failure, text: "does not answer from here", remedy: "certificate",
		},
		{
			name: "too many calls to update", args: []string{"--calls-per-minute", "90"},
			area: "tickets", check: "tickets.create", verdict: warning, text: "100 updates a minute", remedy: "{create: end}",
		},
		{
			name: "limits of the plan", o: siteOptions{plan: zendesktest.Enterprise},
			area: "zendesk", check: "limits", verdict: fine, text: "700 requests a minute for all programs of the account (Enterprise)",
		},
		{
			name: "too many calls for the plan", o: siteOptions{plan: zendesktest.SuiteGrowth}, args: []string{"--calls-per-minute", "95"},
			area: "tickets", check: "tickets.create", verdict: warning, text: "about 380 requests, and the account takes 400 a minute", remedy: "larger plan",
		},
		{
			name: "plan without voice", o: siteOptions{plan: zendesktest.SuiteTeam},
			area: "zendesk", check: "voice", verdict: failure, text: "403", remedy: "Suite Growth",
		},
		{
			name: "at the end without need", o: siteOptions{edit: []string{"tickets: {", "tickets: {create: end, "}}, args: []string{"--calls-per-minute", "10"},
			area: "tickets", check: "tickets.create", verdict: note, text: "'answer' would fit too",
		},
		{
			name: "journal of another program", make: func(s *site) {
				require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, "data"), nil, 0o600))
			},
			area: "daemon", check: "journal", verdict: failure, text: "is not a folder",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.o)
			if tt.make != nil {
				tt.make(s)
			}
			found := s.diagnosis(tt.args...) // the site has no https, so there is always one failure
			f := found.finds(t, tt.area, tt.check, tt.verdict)
			require.Contains(t, f.Text, tt.text)
			require.Contains(t, f.Remedy, tt.remedy)
		})
	}
}

// withRecords is a site with call records of that app.
func withRecords(app int, desk ...zendesktest.Option) siteOptions {
	return siteOptions{edit: []string{"  timeout: 2s\n", fmt.Sprintf("  timeout: 2s\n  call_records: {app_id: %d}\n", app)}, desk: desk}
}

// withNumberField is a site whose users have those fields, one of which may be for
// further numbers.
func withNumberField(fields ...zendesktest.UserField) siteOptions {
	return siteOptions{edit: []string{"tickets: {", "tickets: {number_field: more_numbers, "}, desk: []zendesktest.Option{zendesktest.WithUserFields(fields...)}}
}

// TestDoctorSeesEvents: with calls going on it is seen what comes, what does
// not, and what is missing in it.
func TestDoctorSeesEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		config asterisktest.Config
		read   string
		want   map[string]severity
	}{
		{name: "good", read: "call,dialplan", want: map[string]severity{"events": fine, "times": fine}},
		{name: "no class call", read: "system", want: map[string]severity{"events": failure}},
		{name: "no timestamps", read: "call", config: asterisktest.Config{NoTimestamps: true}, want: map[string]severity{"events": fine, "times": warning}},
		{name: "no filters", read: "all", want: map[string]severity{"events": fine, "filters": warning}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.config.Users = []asterisktest.User{{
				Name: "talkbridge", Secret: "tbsecret", Read: tt.read, Write: "reporting", WriteTimeout: patience,
			}}
			s := newSite(t, siteOptions{pbx: tt.config})
			done := make(chan struct{})
			var found diagnosis
			go func() {
				defer close(done)
				_, out, _ := runCLI(t.Context(), "doctor", "--config", s.config, "--json", "--watch", "5s")
				_ = json.Unmarshal([]byte(out), &found)
			}()
			require.Eventually(t, func() bool { return s.pbx.Clients() == 1 }, patience, time.Millisecond)
			playing, hangUp := context.WithCancel(t.Context())
			var calls sync.WaitGroup
			for range 8 {
				calls.Go(func() {
					for playing.Err() == nil {
						_, _ = s.player.Play(playing, answered())
					}
				})
			}
			<-done
			hangUp()
			calls.Wait()
			for check, v := range tt.want {
				found.finds(t, "pbx1", check, v)
			}
		})
	}
}

// TestDoctorText: what a broken site looks like for people.
func TestDoctorText(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{
		edit: []string{"bob@example.com", "rob@example.com"},
		pbx:  asterisktest.Config{Users: []asterisktest.User{{Name: "talkbridge", Secret: "tbsecret", Read: "call"}}},
	})
	require.NoError(t, os.RemoveAll(s.player.Voicemail))
	s.zendesk.Inject(zendesktest.Fault{Path: "/api/v2/channels/voice/**", Effect: zendesktest.Status(http.StatusForbidden, 0)})
	out, errs := s.cli(exitRun, "doctor", "--watch", "100ms")
	s.goldenDoctor("doctor_broken", "", out+errs)
	for _, args := range [][]string{{"--watch", "0s"}, {"--watch", "1h"}, {"--calls-per-minute", "-1"}} {
		_, errs := s.cli(exitUsage, append([]string{"doctor"}, args...)...)
		require.Contains(t, errs, "want")
	}
}

// TestBusiestMinute: the largest number of calls that began within a minute.
func TestBusiestMinute(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var views []bridge.View
	for _, second := range []int{300, 0, 59, 60, 61, 119, 500} {
		views = append(views, bridge.View{State: telephony.State{StartedAt: begin.Add(time.Duration(second) * time.Second)}})
	}
	most, at := busiestMinute(views)
	require.Equal(t, 3, most)
	require.Equal(t, begin.Add(59*time.Second), at)
	most, _ = busiestMinute(nil)
	require.Zero(t, most)
}

// TestManualPages: each command has a page of macros that man(7) knows.
func TestManualPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code, _, errs := runCLI(t.Context(), "man", dir)
	require.Equal(t, exitOK, code, errs)
	for _, name := range commandNames() {
		page, err := os.ReadFile(filepath.Join(dir, "talkbridge-"+strings.ReplaceAll(name, " ", "-")+".1"))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(page), `.TH "TALKBRIDGE`), "%.60s", page)
		for line := range strings.Lines(string(page)) {
			if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
				require.Regexp(t, `^\.(TH|SH|B|PP|TP|nf|fi)\b`, line, "a macro of ours")
			}
			require.NotRegexp(t, `[^\\]--`, line, "a dash is a minus")
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "talkbridge.1"))
	require.NoError(t, err)
	require.Contains(t, string(page), `\fBtalkbridge\-explain\fP(1)`)
	code, _, errs = runCLI(t.Context(), "man", filepath.Join(dir, "none"))
	require.Equal(t, exitRun, code)
	require.Contains(t, errs, "no such file")
}
