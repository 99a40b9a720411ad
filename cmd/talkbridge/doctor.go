package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/zendesk"
)

// severity is how bad a finding is.
type severity string

// The verdicts. A note is something that is not known, or not needed.
const (
	fine    severity = "ok"
	note    severity = "note"
	warning severity = "warning"
	failure severity = "fail"
)

// symptom is one thing that doctor looked at.
type symptom struct {
	Area    string   `json:"area"`
	Check   string   `json:"check"`
	Verdict severity `json:"verdict"`
	Text    string   `json:"text"`
	// Remedy is what to do, "" where there is nothing to.
	Remedy string `json:"remedy,omitzero"`
}

// diagnosis is all that doctor found.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Findings []symptom `json:"findings"`
}

// doctorOptions are the flags of the command doctor.
type doctorOptions struct {
	path     string
	asJSON   bool
	watch    time.Duration
	popAgent string
	rate     int
}

// doctorTimeout bounds what doctor asks, beyond the time for which it watches.
const doctorTimeout = 60 * time.Second

func newDoctor() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [--config FILE] [--watch TIME] [--pop-agent AGENT] [--json]",
		Short: "Look for what is wrong, and say what to do",
		Long: `Look at everything that talkbridge needs: each phone system (connection, rights,
events, times, clock), Zendesk (credentials, role, Talk Partner Edition, limits, each
agent), folders, the disk, and the public address. Each finding has its remedy.

It uses connections of its own, changes nothing, and may run beside the daemon or
without one. A phone system tells of its events only when something happens: with
--watch 1m and a test call meanwhile, events and their times are looked at too.

Exit code 0 if nothing fails, 1 if something does; warnings do not count.`,
		Example: `  talkbridge doctor --config /etc/talkbridge/talkbridge.yaml
  talkbridge doctor --watch 1m --pop-agent Ana
  talkbridge doctor --json | jq '.findings[] | select(.verdict == "fail")'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.watch <= 0 || o.watch > asterisk.MaxWatch {
				return fmt.Errorf("--watch %s: want more than 0s, at most %s", o.watch, asterisk.MaxWatch)
			}
			if o.rate < 0 {
				return fmt.Errorf("--calls-per-minute %d: want 0 or more", o.rate)
			}
			return runDoctor(cmd, o)
		},
	}
	operatorFlags(cmd, &o.path, &o.asJSON)
	cmd.Flags().DurationVar(&o.watch, "watch", asterisk.DefaultWatch, "how long to listen for events: a `TIME` such as 1m")
	cmd.Flags().StringVar(&o.popAgent, "pop-agent", "", "open a test page in the browser of this `AGENT`")
	cmd.Flags().IntVar(&o.rate, "calls-per-minute", 0, "calls in the busiest minute, `N`; 0 asks the journal")
	return cmd
}

func runDoctor(cmd *cobra.Command, o doctorOptions) error {
	cfg, err := loadConfig(o.path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), o.watch+doctorTimeout, errors.New("doctor's time is over"))
	defer cancel()
	d, err := newDoctoring(cfg, o)
	if err != nil {
		return asExit(err)
	}
	defer d.client.CloseIdleConnections()
	found := d.diagnose(ctx)
	if o.asJSON {
		err = printJSON(cmd.OutOrStdout(), found)
	} else {
		printDiagnosis(newPage(cmd.OutOrStdout()), found)
	}
	if err == nil && !found.OK {
		err = fmt.Errorf("%s", count(found.Findings, failure, "thing fails", "things fail"))
	}
	if err != nil {
		return asExit(err)
	}
	return nil
}

// doctoring is one run of doctor.
type doctoring struct {
	options   doctorOptions
	cfg       *config.Config
	client    *zendesk.Client
	directory *screenpop.Directory
	facts     facts
}

func newDoctoring(cfg *config.Config, o doctorOptions) (*doctoring, error) {
	client, err := newZendesk(cfg.Zendesk, nil)
	if err != nil {
		return nil, err
	}
	directory, err := screenpop.NewDirectory(agentEntries(cfg), cfg.Countries()...)
	if err != nil {
		return nil, &exitError{exitConfig, fmt.Errorf("agents: %w", err)}
	}
	return &doctoring{options: o, cfg: cfg, client: client, directory: directory}, nil
}

// diagnose looks at everything: first at what is here, then at the phone systems
// and Zendesk at the same time.
func (d *doctoring) diagnose(ctx context.Context) diagnosis {
	areas := [][]symptom{d.configuration(), d.daemon(ctx)}
	var looks []func(context.Context) []symptom
	for i, s := range d.cfg.Sources {
		if s.Asterisk != nil {
			looks = append(looks, func(ctx context.Context) []symptom { return d.phones(ctx, i, s) })
		}
		if s.ARI != nil {
			looks = append(looks, func(ctx context.Context) []symptom { return d.ariPhone(ctx, i, s) })
		}
		if s.Twilio != nil {
			looks = append(looks, func(ctx context.Context) []symptom { return d.twilio(ctx, i, s) })
		}
		if s.CTI != nil || s.Events != nil {
			looks = append(looks, func(context.Context) []symptom { return d.deliveries(s) })
		}
	}
	looks = append(looks, d.zendesk, d.folders, d.public, d.disk, d.speech, d.agentStatus)
	results := make([][]symptom, len(looks))
	var wg sync.WaitGroup
	for i, look := range looks {
		wg.Go(func() { results[i] = look(ctx) })
	}
	wg.Wait()
	out := diagnosis{OK: true, Findings: []symptom{}}
	for _, findings := range slices.Concat(areas, results, [][]symptom{d.tickets()}) {
		for _, f := range findings {
			out.OK = out.OK && f.Verdict != failure
			out.Findings = append(out.Findings, f)
		}
	}
	return out
}

// configuration repeats what check warns of.
func (d *doctoring) configuration() []symptom {
	found := []symptom{{"configuration", "file", fine, fmt.Sprintf("%s: site %s, %s, %s, %s", d.options.path, d.cfg.Site,
		plural(len(d.cfg.Sources), "phone system"), plural(len(d.cfg.Lines), "line"), plural(len(d.cfg.Agents), "agent")), ""}}
	for _, w := range d.cfg.Warnings() {
		found = append(found, symptom{"configuration", "file", warning, w.String(), ""})
	}
	return found
}

// daemon asks the running one, or the journal at rest.
func (d *doctoring) daemon(ctx context.Context) []symptom {
	f, running, err := factsQuestion.ask(ctx, d.cfg, factsQuery{})
	if err != nil {
		return []symptom{{"daemon", "journal", failure, err.Error(), ""}}
	}
	d.facts = f
	if !running {
		return []symptom{{"daemon", "running", note, "no daemon runs on " + socketDir(d.cfg), "talkbridge serve"}}
	}
	_, body, err := askControl(ctx, d.cfg, "/readyz")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return []symptom{{"daemon", "running", warning, "the daemon is about to start or to stop", "try again"}}
	}
	if err != nil {
		return []symptom{{"daemon", "running", failure, err.Error(), "restart it"}}
	}
	var h health
	if err := json.Unmarshal(body, &h); err != nil {
		return []symptom{{"daemon", "running", failure, "it answers nothing readable", "is it of another version? restart it"}}
	}
	found := []symptom{{"daemon", "running", fine, "version " + h.Version, ""}}
	for _, text := range h.Errors {
		found = append(found, symptom{"daemon", "ready", failure, text, ""})
	}
	if f.Parked > 0 {
		found = append(found, symptom{
			"daemon", "parked", warning, plural(f.Parked, "call") + " waits for a person",
			"'talkbridge calls --state parked' lists them, 'talkbridge explain CALL' says why, 'talkbridge retry' tries again",
		})
	}
	return found
}

func printDiagnosis(out page, d diagnosis) {
	area := ""
	inks := map[severity]ink{fine: greenInk, note: dimInk, warning: amberInk, failure: redInk}
	for _, f := range d.Findings {
		if f.Area != area {
			area = f.Area
			out.raw(out.ink(boldInk, area))
		}
		const indent = 27
		word := string(f.Verdict)
		if f.Verdict == failure {
			word = "FAIL"
		}
		for i, line := range out.lines(f.Text, indent) {
			head := out.ink(inks[f.Verdict], fmt.Sprintf("  %-8s", word)) + out.ink(plainInk, fmt.Sprintf("%-15s", f.Check))
			if i > 0 {
				head = strings.Repeat(" ", indent-2)
			}
			out.raw(head, "  ", out.ink(plainInk, line))
		}
		if f.Remedy == "" {
			continue
		}
		for i, line := range out.lines(f.Remedy, indent+4) {
			arrow := "    "
			if i == 0 {
				arrow = "--> "
			}
			out.raw(strings.Repeat(" ", indent), arrow, out.ink(plainInk, line))
		}
	}
	out.raw()
	if d.OK {
		out.raw(out.ink(greenInk, "nothing fails"), ", "+count(d.Findings, warning, "warning", "warnings"))
		return
	}
	out.raw(out.ink(redInk, count(d.Findings, failure, "thing fails", "things fail")), ", "+count(d.Findings, warning, "warning", "warnings"))
}

// count is how many findings there are of a kind, for people.
func count(findings []symptom, v severity, one, many string) string {
	n := 0
	for _, f := range findings {
		if f.Verdict == v {
			n++
		}
	}
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// publicTimeout is how long the public address may take to answer.
const publicTimeout = 10 * time.Second

// public looks whether the public address leads to the listener for audio. From
// here: what agents' browsers reach only they know.
func (d *doctoring) public(ctx context.Context) []symptom {
	address := d.cfg.HTTP.PublicURL
	found := func(v severity, text, remedy string) []symptom {
		return []symptom{{"public address", "http.public_url", v, text, remedy}}
	}
	if address == "" {
		return found(note, "not set: tickets get no links to audio that a browser elsewhere can open", "set it where voicemails are collected")
	}
	if !strings.HasPrefix(address, "https://") {
		return found(failure, address+" is not https: Zendesk's pages are, and browsers play nothing else in them", "put a proxy with TLS before http.public_listen")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, publicTimeout, fmt.Errorf("no answer within %s", publicTimeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/")+"/recordings/doctor", http.NoBody)
	if err != nil {
		return found(failure, err.Error(), "correct http.public_url")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	response, err := (&http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).Do(request)
	if err != nil {
		return found(failure, address+" does not answer from here: "+reason(err), "check its name, its certificate, the proxy, and that it leads to http.public_listen "+d.cfg.HTTP.PublicListen)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusNotFound && strings.Contains(response.Header.Get("X-Robots-Tag"), "noindex"):
		return found(fine, address+" leads to talkbridge, seen from here", "")
	case response.StatusCode >= http.StatusInternalServerError:
		return found(warning, fmt.Sprintf("%s answers %d: the proxy does not reach talkbridge", address, response.StatusCode), "is the daemon running, and does the proxy lead to http.public_listen "+d.cfg.HTTP.PublicListen+"?")
	}
	return found(failure, fmt.Sprintf("%s answers %d, and it is not talkbridge that answers", address, response.StatusCode), "have the proxy lead to http.public_listen "+d.cfg.HTTP.PublicListen)
}
