package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/feed/feedtest"
	"github.com/talkbridge/talkbridge/journal/journaltest"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// clusterMix is what is played while the machines fail.
var clusterMix = asterisktest.Mix{
	Inbound: 190, Outbound: 50, Missed: 20, Voicemail: 30, Busy: 10, Greeting: 10, Unanswered: 10, Internal: 10, Withheld: 20,
}

const (
	clusterPace = 250 * time.Millisecond
	// faultLasts is how long a fault lasts, faultEvery when the next comes.
	faultLasts = 8 * time.Second
	faultEvery = 15 * time.Second
)

// nodes is a site with several talkbridge nodes on a NATS cluster.
type nodes struct {
	*site

	nats  *journaltest.Cluster
	names []string
	wires [][]*wire // by node
	runs  []*child  // nil: it does not run
}

func newNodes(t *testing.T, n int, cluster *journaltest.Cluster) *nodes {
	t.Helper()
	s := &nodes{
		nats: cluster,
		site: newSite(t, siteOptions{recordings: true, pbx: asterisktest.Config{SeenAfter: time.Nanosecond}}),
		runs: make([]*child, n),
	}
	shared := s.folder("recordings")
	for i := range n {
		name := fmt.Sprintf("node%d", i+1)
		wires := newWires(t, s.nats.Addresses())
		s.names, s.wires = append(s.names, name), append(s.wires, wires)
		s.config = filepath.Join(s.dir, name+".yaml")
		s.write(siteOptions{
			recordings: true,
			edit:       []string{"journal: {dir: data}", fmt.Sprintf("journal: {dir: %s, url: %q, max_size: 64MiB}", name, wireURL(wires))},
			extra:      fmt.Sprintf("recordings: {dir: %s, keys_file: %s}\n", shared, filepath.Join(s.dir, "keys")),
		})
		s.run(i)
	}
	for _, c := range s.runs {
		c.says(t, "agents confirmed")
	}
	return s
}

// run starts a node.
func (s *nodes) run(i int) {
	s.t.Helper()
	s.config = filepath.Join(s.dir, s.names[i]+".yaml")
	s.runs[i] = s.start()
}

// acting is the node that makes tickets and shows pages, as the nodes see it.
func (s *nodes) acting() int {
	s.t.Helper()
	found := -1
	s.eventually(s.runs[0], "a node acts", func() bool {
		for i, c := range s.runs {
			if c == nil {
				continue
			}
			var h health
			_, body := c.page(s.t, "/readyz")
			require.NoError(s.t, json.Unmarshal([]byte(body), &h))
			if h.Node != nil && h.Node.Acting {
				found = i
			}
		}
		return found >= 0
	})
	return found
}

// machineFault is something that happens to a machine, and what ends it.
type machineFault struct {
	name string
	// within is how long pages may stop, zero if they need not.
	within time.Duration
	begin  func(s *nodes) (end func())
}

var machineFaults = []machineFault{
	{"acting node: kill -9", 3 * time.Second, func(s *nodes) func() {
		i := s.acting()
		s.runs[i].Kill()
		s.runs[i] = nil
		return func() { s.run(i) }
	}},
	{"acting node: SIGSTOP, SIGCONT", 3 * time.Second, func(s *nodes) func() {
		i := s.acting()
		s.runs[i].signal(s.t, syscall.SIGSTOP)
		return func() { s.runs[i].signal(s.t, syscall.SIGCONT) }
	}},
	{"acting node: cut off from NATS", 3 * time.Second, func(s *nodes) func() {
		i := s.acting()
		for _, w := range s.wires[i] {
			w.cut()
		}
		return func() {
			for _, w := range s.wires[i] {
				w.mend()
			}
		}
	}},
	{"NATS leader: kill -9", 10 * time.Second, func(s *nodes) func() {
		leader := s.nats.Leader("talkbridge-hq")
		leader.Kill()
		return leader.Start
	}},
	{"NATS leader and acting node: kill -9", 10 * time.Second, func(s *nodes) func() {
		leader, i := s.nats.Leader("talkbridge-hq"), s.acting()
		leader.Kill()
		s.runs[i].Kill()
		s.runs[i] = nil
		return func() {
			leader.Start()
			s.run(i)
		}
	}},
}

// TestCluster is the promise on several machines: whatever happens to one of
// them, no call is lost, none has two tickets, and pages soon go on.
//
// It runs alone: what it measures are times.
//
//nolint:paralleltest // see above
func TestCluster(t *testing.T) {
	s := newNodes(t, 2, journaltest.Start(t, 3))
	played := make(chan error, 1)
	go func() {
		_, err := s.player.PlayMix(t.Context(), clusterMix, asterisktest.MixOptions{
			Every: clusterPace,
			Vary: func(i int, sc *asterisktest.Scenario) {
				sc.Hold = asterisktest.Hold{Phase: asterisktest.Ringing, For: time.Duration(i%8) * 250 * time.Millisecond}
			},
		})
		played <- err
	}()
	var table strings.Builder
	<-time.After(faultEvery / 3)
	for _, fault := range machineFaults {
		began := time.Now()
		before := len(s.pbx.Calls())
		end := fault.begin(s)
		happened := time.Now()
		<-time.After(faultLasts)
		end()
		<-time.After(time.Until(began.Add(faultEvery)))
		gap := s.nextPage(happened)
		fmt.Fprintf(&table, "%-38s calls=%-3d next page after %.1f s\n", fault.name, len(s.pbx.Calls())-before, gap.Seconds())
		require.Less(t, gap, slowness*(fault.within+2*clusterPace), "%s: pages go on", fault.name)
	}
	require.NoError(t, <-played)
	v := s.awaitVerdict(150 * time.Second)
	t.Logf("two nodes, three NATS servers, three replicas:\n%sunseen=%d %s", table.String(), s.pbx.Unseen(), v)
	require.Empty(t, v.faults)
	require.Empty(t, s.zendesk.Duplicates())
}

// A reader of the live feed whose node dies goes on at another one where he was:
// the cursors of all nodes are of one journal.
func TestClusterFeedResumes(t *testing.T) {
	t.Parallel()
	checker, err := feedtest.NewChecker(repository + "/docs/asyncapi.yaml")
	require.NoError(t, err)
	s := newNodes(t, 2, journaltest.Start(t, 3))
	acting := s.acting()
	reader := s.listen1(s.runs[acting], "", "")
	reader.until(checker, func(m feed.Message) bool { return m.Type == feed.TypeSnapshot })
	s.play(answered())
	last := reader.until(checker, isComplete)
	s.runs[acting].Kill()

	id := s.play(s.untilShown(answered(), 1))
	again := s.listen1(s.runs[1-acting], "?since="+last[len(last)-1].Cursor.String(), "")
	next := last[len(last)-1].Cursor
	for _, m := range again.until(checker, isComplete) {
		require.Equal(t, next.Epoch, m.Cursor.Epoch)
		require.Equal(t, next.Seq+1, m.Cursor.Seq, "no gap, no repeat")
		next = m.Cursor
		require.Equal(t, id, m.Subject)
	}
}

// The disk of one NATS server is full: the other two go on.
func TestClusterDiskFull(t *testing.T) {
	t.Parallel()
	cluster := journaltest.StartWithSmallDisk(t, 3)
	s := newNodes(t, 2, cluster)
	s.play(s.untilShown(answered(), 1))
	cluster.Servers[2].FillDisk()
	for range 5 {
		s.play(s.untilShown(answered(), 1))
	}
	v := s.awaitVerdict(patience)
	require.Equal(t, 6, v.tickets)
	require.Empty(t, v.faults)
	require.True(t, cluster.Servers[2].Full())
}

// nextPage is how long after a moment the next page opened, but for those that
// were already on their way.
func (s *nodes) nextPage(after time.Time) time.Duration {
	s.t.Helper()
	for _, pop := range s.zendesk.Pops() {
		if gap := pop.At.Sub(after); gap > 100*time.Millisecond {
			return gap
		}
	}
	require.FailNow(s.t, "no page opened any more")
	return 0
}
