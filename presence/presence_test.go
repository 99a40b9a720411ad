package presence_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/presence"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ana             = 501
	onCall   int64  = 101
	setPath  string = "/api/v2/agent_availabilities/agent_statuses/agents/*"
	showPath string = "/api/v2/agent_availabilities/*"
)

// rig is a service between a real journal, a simulated Zendesk and queues.
type rig struct {
	t       *testing.T
	journal *journal.Journal
	desk    *zendesktest.Server
	client  *zendesk.Client
	queues  *queues
	turn    *turn
	logs    *logtest.Hook
	log     *logrus.Logger
	stop    func()
}

// turn is whether this node acts.
type turn struct {
	mu   sync.Mutex
	away bool
}

func (t *turn) Holds() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.away
}

func (t *turn) give(away bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away = away
}

// queues have one phone, in one queue.
type queues struct {
	mu      sync.Mutex
	paused  bool
	asked   int
	refuses int
	hear    func(presence.Update)
}

func (q *queues) Name() string { return "pbx1" }

func (q *queues) Follow(ctx context.Context, hear func(presence.Update)) error {
	q.mu.Lock()
	q.hear = hear
	paused := q.paused
	q.mu.Unlock()
	hear(presence.Update{Complete: true, Members: []presence.Member{{Queue: "support", Phone: "Local/1001@from-queue/n", Device: "hint:1001@ext-local", Paused: paused}}})
	<-ctx.Done()
	return context.Cause(ctx)
}

func (q *queues) Pause(_ context.Context, _ string, paused bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	if q.refuses--; q.refuses >= 0 {
		return context.DeadlineExceeded
	}
	q.paused = paused
	return nil
}

func (q *queues) is() (paused bool, asked int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.paused, q.asked
}

func newRig(t *testing.T, wishes presence.Wishes) *rig {
	t.Helper()
	r := &rig{t: t, queues: &queues{}, turn: &turn{}}
	r.log, r.logs = logtest.NewNullLogger()
	r.desk = zendesktest.New(
		zendesktest.WithPlan(zendesktest.Unlimited), zendesktest.WithAgents(zendesktest.User{ID: ana, Name: "Ana", Email: "ana@example.com"}),
		zendesktest.WithAgentStatuses(zendesktest.AgentStatus{ID: onCall, Name: "On a call"}),
	)
	require.NoError(t, r.desk.Start(""))
	t.Cleanup(r.desk.Close)
	require.NoError(t, r.desk.SwitchAgentState(ana, zendesk.StatusOnline))
	var err error
	r.client, err = zendesk.New(r.desk.URL(), zendesk.APIToken{Email: zendesktest.DefaultEmail, Token: zendesktest.DefaultAPIToken}, zendesk.WithTimeout(2*time.Second))
	require.NoError(t, err)
	t.Cleanup(r.client.CloseIdleConnections)
	r.journal, err = journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Site: "hq"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.journal.Close()) })
	r.start(wishes)
	return r
}

func (r *rig) start(wishes presence.Wishes) {
	r.t.Helper()
	directory, err := screenpop.NewDirectory([]screenpop.Agent{{Name: "Ana", ZendeskID: ana, Numbers: []string{"1001"}}}, "US")
	require.NoError(r.t, err)
	s, err := presence.New(presence.Options{
		Wishes: wishes, Desk: r.client, Journal: r.journal, Directory: directory,
		Queues: []presence.Queues{r.queues}, Turn: r.turn, Poll: 100 * time.Millisecond, Log: r.log,
	})
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(r.t, <-ended)
	})
	r.t.Cleanup(r.stop)
}

// tell appends events of the one call.
func (r *rig) tell(n int, events ...telephony.Event) {
	r.t.Helper()
	for i := range events {
		e := &events[i]
		e.ID, e.Call, e.Time, e.Ordinal = string(rune('a'+n))+string(rune('a'+i)), "hq/pbx1/1", time.Now().UTC(), uint64(10*n+i)
	}
	m, err := bridge.EncodeEvents(events)
	require.NoError(r.t, err)
	_, err = r.journal.Append(r.t.Context(), m)
	require.NoError(r.t, err)
}

func (r *rig) answers() {
	r.tell(1,
		telephony.Event{Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true, Dialled: "+15550100001"},
		telephony.Event{Kind: telephony.LegStarted, Leg: "1", Side: telephony.SideAgent, Endpoint: "PJSIP/1001"},
		telephony.Event{Kind: telephony.LegDialled, Leg: "1", Peer: "t"},
		telephony.Event{Kind: telephony.LegBridged, Leg: "t", Bridge: "b"}, telephony.Event{Kind: telephony.LegBridged, Leg: "1", Bridge: "b"},
	)
}

func (r *rig) hangsUp() {
	r.tell(2, telephony.Event{Kind: telephony.LegEnded, Leg: "1"}, telephony.Event{Kind: telephony.LegEnded, Leg: "t"})
}

func (r *rig) has(status int64) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.desk.AgentState(ana).StatusID == status }, time.Minute, 10*time.Millisecond)
}

// writes counts the requests that were to change a status.
func (r *rig) writes() int {
	n := 0
	for _, request := range r.desk.Requests() {
		if request.Method == http.MethodPut {
			n++
		}
	}
	return n
}

// Whatever becomes of a request, the status is set and taken back.
func TestStatusSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		method string
		path   string
		effect zendesktest.Effect
	}{
		{"429", http.MethodPut, setPath, zendesktest.RateLimited(time.Second)},
		{"500", http.MethodPut, setPath, zendesktest.ServerError()},
		{"it happened, the answer was lost", http.MethodPut, setPath, zendesktest.DropAfterCommit()},
		{"it did not happen", http.MethodPut, setPath, zendesktest.DropBeforeCommit()},
		{"the status is not told", http.MethodGet, showPath, zendesktest.Unavailable(0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, presence.Wishes{OnCall: "on A call"})
			for range 2 { // once for setting it, once for taking it back
				fault := r.desk.Inject(zendesktest.Fault{Method: tt.method, Path: tt.path, Count: 1, Effect: tt.effect})
				if r.desk.AgentState(ana).StatusID == zendesk.StatusOnline {
					r.answers()
					r.has(onCall)
				} else {
					r.hangsUp()
					r.has(zendesk.StatusOnline)
				}
				require.Eventually(t, func() bool { return fault.Hits() == 1 }, time.Minute, 10*time.Millisecond)
			}
			require.Equal(t, "PUBLIC_API", r.desk.AgentState(ana).Reason)
		})
	}
}

// A node that does not act changes nothing, and who takes over does what is due.
func TestOnlyTheNodeThatActsChangesStatuses(t *testing.T) {
	t.Parallel()
	r := newRig(t, presence.Wishes{OnCall: "101"})
	r.turn.give(true)
	r.answers()
	time.AfterFunc(1500*time.Millisecond, func() { r.turn.give(false) })
	require.Zero(t, r.writes())
	r.has(onCall)
	r.stop()
	r.hangsUp()
	r.start(presence.Wishes{OnCall: "101"})
	r.has(zendesk.StatusOnline)
	require.Equal(t, 2, r.writes())
}

// A pause that fails is tried again; what FreePBX calls a phone is known.
func TestPauseThatFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, presence.Wishes{PauseOn: []string{"away"}})
	r.queues.mu.Lock()
	r.queues.refuses = 1
	r.queues.mu.Unlock()
	require.NoError(t, r.desk.SwitchAgentState(ana, zendesk.StatusAway))
	require.Eventually(t, func() bool { paused, asked := r.queues.is(); return paused && asked == 2 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, r.desk.SwitchAgentState(ana, zendesk.StatusOnline))
	require.Eventually(t, func() bool { paused, _ := r.queues.is(); return !paused }, time.Minute, 10*time.Millisecond)
	require.Zero(t, r.writes())
}

// A status that the account does not have is told of, and the rest works.
func TestStatusThatIsNotThere(t *testing.T) {
	t.Parallel()
	r := newRig(t, presence.Wishes{OnCall: "On a call", Paused: "Telephone"})
	r.answers()
	r.has(onCall)
	told := false
	for _, e := range r.logs.AllEntries() {
		told = told || e.Level == logrus.ErrorLevel && e.Data["statuses"] == "Telephone"
	}
	require.True(t, told)
}
