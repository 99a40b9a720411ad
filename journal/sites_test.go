package journal_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/journal/journaltest"
)

// Two sites keep their journals on servers of their own, and a hub collects what
// both append. A site does not need the hub: it goes on without it, and the hub
// gets what it missed.
func TestSitesBelowAHub(t *testing.T) {
	t.Parallel()
	s := journaltest.StartSites(t, 2)
	var journals []*journal.Journal
	for i, server := range s.Sites {
		site := fmt.Sprintf("site%d", i+1)
		j, err := journal.Open(t.Context(), journal.Options{
			Dir: filepath.Join(t.TempDir(), site), Site: site, Cluster: journal.Cluster{URL: server.URL(), Replicas: 1},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, j.Close()) })
		journals = append(journals, j)
	}
	each := func(from, to int) {
		for _, j := range journals {
			for i := from; i < to; i++ {
				_, err := insist(t.Context(), j, journal.Message{Call: "call", Kind: journal.Event, ID: fmt.Sprint(i), Data: fmt.Append(nil, i)})
				require.NoError(t, err)
			}
		}
	}
	each(0, 10)
	conn, err := nats.Connect(s.Hub.URL(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	require.NoError(t, err)
	for i := range s.Sites {
		linked(t, conn, fmt.Sprintf("site%d", i+1))
	}
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "all-sites", Sources: []*jetstream.StreamSource{
		{Name: "talkbridge-site1", Domain: "site1"}, {Name: "talkbridge-site2", Domain: "site2"},
	}})
	require.NoError(t, err)
	collected(t, js, 20)

	s.Hub.Kill()
	each(10, 20)
	s.Hub.Start()
	collected(t, js, 40)
}

// linked waits until the hub reaches a site.
func linked(t *testing.T, conn *nats.Conn, domain string) {
	t.Helper()
	site, err := jetstream.NewWithDomain(conn, domain)
	require.NoError(t, err)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		<-tick.C
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		_, err = site.AccountInfo(ctx)
		cancel()
		if err == nil {
			return
		}
	}
	require.NoError(t, err)
}

// collected waits until the hub has so many entries, and no more. After a restart
// its sources are tried again after half a minute.
func collected(t *testing.T, js jetstream.JetStream, want uint64) {
	t.Helper()
	deadline := time.NewTimer(3 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var has uint64
	for has != want {
		select {
		case <-deadline.C:
			require.FailNow(t, "not collected", "%d of %d", has, want)
		case <-tick.C:
		}
		if stream, err := js.Stream(t.Context(), "all-sites"); err == nil {
			has = stream.CachedInfo().State.Msgs
		}
		require.LessOrEqual(t, has, want, "none twice")
	}
}
