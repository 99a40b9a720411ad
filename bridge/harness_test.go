package bridge_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	anaID, benID = 501, 502
	caller       = "+12125550123"
	support      = "+15550100001"
	voicePath    = "/api/v2/channels/voice/tickets"
	ticketPath   = "/api/v2/tickets/*"
	specFile     = "../../shared/contract/zendesk-support-openapi.yaml"
)

// spec is Zendesk's own description of its API, nil where it is not at hand.
var spec = sync.OnceValue(func() *zendesktest.Spec {
	doc, err := os.ReadFile(specFile)
	if err != nil {
		return nil
	}
	s, err := zendesktest.ParseSpec(doc)
	if err != nil {
		panic(err)
	}
	return s
})

// rig is a bridge between a real journal and a simulated Zendesk.
type rig struct {
	t         testing.TB
	dir       string
	journal   *journal.Journal
	desk      *zendesktest.Server
	client    *zendesk.Client
	directory *screenpop.Directory
	policy    *bridge.Policy
	logs      *logtest.Hook
	log       *logrus.Logger
	bridge    *bridge.Bridge
	stop      func() error
}

// setup says how a rig differs from the ordinary one.
type setup struct {
	policy  func(*bridge.Policy)
	timeout time.Duration
	desk    []zendesktest.Option
	audio   bridge.AudioCollector
	speech  bridge.Speech
	atOnce  int // what the hook for speech is asked at a time
	// wrap stands between the bridge and the journal.
	wrap func(bridge.Journal) bridge.Journal
	// idle leaves the bridge unstarted.
	idle     bool
	now      func() time.Time // the bridge's clock, if not that of the machine
	maxBytes int64
	pace     float64 // how fast the minutes of the account pass, if not as a clock's
}

func newRig(t testing.TB, s setup) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.log, r.logs = logtest.NewNullLogger()
	r.log.SetLevel(logrus.DebugLevel)
	if testing.Verbose() && os.Getenv("TALKBRIDGE_TEST_LOG") != "" {
		r.log.SetOutput(os.Stderr)
	} else {
		r.log.SetOutput(io.Discard)
	}
	r.openDesk(s)
	r.openPolicy(s)
	r.openJournal(s)
	if !s.idle {
		r.start(s)
	}
	return r
}

func (r *rig) openDesk(s setup) {
	options := append([]zendesktest.Option{
		zendesktest.WithPlan(zendesktest.Unlimited),
		zendesktest.WithAgents(
			zendesktest.User{ID: anaID, Name: "Ana", Email: "ana@example.com"},
			zendesktest.User{ID: benID, Name: "Ben", Email: "ben@example.com"},
		),
	}, s.desk...)
	if spec() != nil {
		options = append(options, zendesktest.WithSpec(spec()))
	}
	r.desk = zendesktest.New(options...)
	require.NoError(r.t, r.desk.Start(""))
	r.t.Cleanup(r.desk.Close)
	timeout := s.timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	var err error
	r.client, err = zendesk.New(r.desk.URL(), zendesk.APIToken{Email: zendesktest.DefaultEmail, Token: zendesktest.DefaultAPIToken},
		zendesk.WithTimeout(timeout), zendesk.WithObserver(func(ex zendesk.Exchange) {
			if b := r.bridge; b != nil {
				b.Observe(ex)
			}
		}))
	require.NoError(r.t, err)
	r.t.Cleanup(r.client.CloseIdleConnections)
}

func (r *rig) openPolicy(s setup) {
	directory, err := screenpop.NewDirectory([]screenpop.Agent{
		{Name: "Ana", ZendeskID: anaID, Numbers: []string{"1001"}},
		{Name: "Ben", ZendeskID: benID, Numbers: []string{"1002"}},
		{Name: "Eve", ZendeskID: 599, Numbers: []string{"1009"}}, // no agent of the account
	}, "US")
	require.NoError(r.t, err)
	require.Error(r.t, directory.Resolve(r.t.Context(), finder{}), "Eve is not there")
	r.directory = directory
	r.policy = &bridge.Policy{
		Create: bridge.CreateOnAnswer, Missed: true, Country: "US", Directory: directory, Settle: 1500 * time.Millisecond,
		Lines: map[string]bridge.Line{support: {Name: "Support", Country: "US"}},
		Pop:   screenpop.Policy{Deadline: time.Minute}, // no page is late because the machine is busy
	}
	if s.timeout != 0 {
		r.policy.Settle = s.timeout + time.Second
	}
	if s.policy != nil {
		s.policy(r.policy)
	}
}

// finder verifies all agents but Eve.
type finder struct{}

func (finder) AgentByEmail(context.Context, string) (int64, string, error) { return 0, "", io.EOF }

func (finder) AgentByID(_ context.Context, id int64) (string, error) {
	if id == anaID || id == benID {
		return "agent", nil
	}
	return "", io.EOF
}

func (r *rig) openJournal(s setup) {
	j, err := journal.Open(r.t.Context(), journal.Options{Dir: r.dir, Site: "hq", MaxBytes: s.maxBytes})
	require.NoError(r.t, err)
	r.journal = j
	r.t.Cleanup(func() { require.NoError(r.t, r.journal.Close()) })
}

// start starts a bridge and waits until it is ready. stop ends it and returns what Run returned.
func (r *rig) start(s setup) {
	r.t.Helper()
	var j bridge.Journal = r.journal
	if s.wrap != nil {
		j = s.wrap(j)
	}
	b, err := bridge.New(bridge.Options{
		Journal: j, Zendesk: r.client, Audio: s.audio, Policy: r.policy, Node: "node1", Log: r.log, Now: s.now,
		Speech: s.speech, SpeechAtOnce: s.atOnce,
	})
	require.NoError(r.t, err)
	if s.pace > 0 {
		b.SetPace(s.pace)
	}
	r.bridge = b
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	r.t.Cleanup(func() { _ = r.stop() })
	select {
	case <-b.Ready():
	case <-time.After(time.Minute):
		require.FailNow(r.t, "the bridge is not ready")
	}
}

// phone is one call as a driver tells it: one packing is one Append.
type phone struct {
	from string
	t    testing.TB
	sink telephony.Sink
	id   telephony.CallID
	n    int
	at   func() time.Time
}

func (r *rig) call(name string) *phone {
	id, err := telephony.NewCallID("hq", "pbx1", name)
	require.NoError(r.t, err)
	return &phone{from: caller, t: r.t, sink: r.bridge.Sink("pbx1"), id: id, at: time.Now}
}

// tell appends events as one packing.
func (p *phone) tell(events ...telephony.Event) {
	p.t.Helper()
	require.NoError(p.t, p.sink.Append(p.t.Context(), p.stamp(events...)))
}

func (p *phone) stamp(events ...telephony.Event) []telephony.Event {
	for i := range events {
		p.n++
		events[i].ID, events[i].Call = fmt.Sprintf("%s-%d", p.id, p.n), p.id
		events[i].Ordinal = uint64(p.n)
		if events[i].Time.IsZero() {
			events[i].Time = p.at().UTC()
		}
	}
	return events
}

func (p *phone) comes() { p.tell(p.coming()...) }

func (p *phone) coming() []telephony.Event {
	return []telephony.Event{{
		Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true,
		Party: telephony.Party{Number: p.from}, Dialled: support,
	}}
}

func (p *phone) rings(ext string) { p.tell(p.ringing(ext)...) }

func (p *phone) ringing(ext string) []telephony.Event {
	return []telephony.Event{
		{Kind: telephony.LegStarted, Leg: ext, Side: telephony.SideAgent, Endpoint: "PJSIP/" + ext},
		{Kind: telephony.LegDialled, Leg: ext, Peer: "t", Dialled: ext},
	}
}

func (p *phone) answers(ext string) { p.tell(p.answering(ext)...) }

func (p *phone) answering(ext string) []telephony.Event {
	return []telephony.Event{
		{Kind: telephony.LegDialEnded, Leg: ext, Status: telephony.DialAnswer},
		{Kind: telephony.LegBridged, Leg: "t", Bridge: "b"},
		{Kind: telephony.LegBridged, Leg: ext, Bridge: "b"},
	}
}

func (p *phone) ends(legs ...string) { p.tell(p.ending(legs...)...) }

func (p *phone) ending(legs ...string) []telephony.Event {
	var events []telephony.Event
	for _, leg := range legs {
		events = append(events, telephony.Event{Kind: telephony.LegEnded, Leg: leg, Cause: 16})
	}
	return events
}

// ordinary is an answered inbound call, as a driver packs it.
func (p *phone) ordinary(ext string) {
	p.comes()
	p.rings(ext)
	p.answers(ext)
	p.ends(ext, "t")
}

func (r *rig) eventually(what string, condition func() bool) {
	r.t.Helper()
	require.Eventually(r.t, condition, time.Minute, 20*time.Millisecond, what)
}

// settled waits until nothing is owed about the calls.
func (r *rig) settled(phones ...*phone) {
	r.t.Helper()
	r.settledWithin(time.Minute, phones...)
}

func (r *rig) settledWithin(patience time.Duration, phones ...*phone) {
	r.t.Helper()
	for _, p := range phones {
		var last bridge.View
		defer func() {
			if r.t.Failed() {
				r.t.Logf("%s: next %+v, record %+v, outcomes %v", p.id, last.Next, last.Record, kinds(r.outcomes(p)))
			}
		}()
		require.Eventually(r.t, func() bool {
			view, found, err := r.bridge.Call(r.t.Context(), p.id)
			last = view
			return err == nil && found && view.Next.Settled
		}, patience, 20*time.Millisecond, "settled: %s", p.id)
	}
}

func (r *rig) view(p *phone) bridge.View {
	r.t.Helper()
	view, found, err := r.bridge.Call(r.t.Context(), p.id)
	require.NoError(r.t, err)
	require.True(r.t, found)
	return view
}

// ticket is the one ticket of a call.
func (r *rig) ticket(p *phone) zendesktest.Ticket {
	r.t.Helper()
	tickets := r.desk.TicketsByExternalID(string(p.id))
	require.Len(r.t, tickets, 1)
	return tickets[0]
}

// outcomes are what the journal says was done about a call.
func (r *rig) outcomes(p *phone) []bridge.Outcome {
	r.t.Helper()
	story, err := r.journal.Story(r.t.Context(), string(p.id))
	require.NoError(r.t, err)
	var all []bridge.Outcome
	for _, record := range story {
		if record.Kind != journal.Outcome {
			continue
		}
		o, err := bridge.DecodeOutcome(record.Data)
		require.NoError(r.t, err)
		all = append(all, o)
	}
	return all
}

// kinds are the outcomes in short.
func kinds(outcomes []bridge.Outcome) []string {
	var names []string
	for _, o := range outcomes {
		names = append(names, fmt.Sprintf("%s %s", o.Kind, o.Step))
	}
	return names
}

// requests counts those that the simulator answered to method and path.
func (r *rig) requests(method, path string) int {
	n := 0
	for _, request := range r.desk.Requests() {
		if request.Method == method && request.Path == path {
			n++
		}
	}
	return n
}

func (r *rig) clean() {
	r.t.Helper()
	violations := slices.DeleteFunc(r.desk.Violations(), func(v zendesktest.Violation) bool {
		return v.Problem == "no such operation" && strings.HasPrefix(v.Path, callsPath) // Zendesk's description leaves them out
	})
	require.Empty(r.t, violations)
	require.Empty(r.t, r.desk.Duplicates())
}

// completions are the updates that complete a ticket.
func completions(ticket zendesktest.Ticket) int {
	n := 0
	for _, audit := range ticket.Audits {
		ours, _ := audit.Custom["talkbridge"].(map[string]any)
		if ours["step"] == string(bridge.StepComplete) {
			n++
		}
	}
	return n
}

func (r *rig) logged(level logrus.Level, message string) int {
	return len(slices.DeleteFunc(r.logs.AllEntries(), func(e *logrus.Entry) bool {
		return e.Level != level || e.Message != message
	}))
}
