package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGap: for how long nobody listened is said when somebody does again, louder
// where no records make up for it.
func TestGap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		records bool
		level   string
	}{{"without call records", false, "level=warning msg=\"gap: "}, {"with call records", true, "level=info msg=\"gap: "}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{records: tt.records})
			c := s.startReady()
			require.NotContains(t, c.log.String(), "gap: ", "there was nothing before the first start")
			require.Zero(t, c.metric(t, "talkbridge_source_gaps_total"))
			s.pbx.DropClients()
			c.saysTimes(t, 2, "phone system connected")
			c.says(t, tt.level)
			c.Kill()
			c = s.start()
			c.says(t, tt.level)
			require.InDelta(t, 1, c.metric(t, "talkbridge_source_gaps_total"), 0)
			c.stop(t)
		})
	}
}

// TestBackfillFrom: what --since takes.
func TestBackfillFrom(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text  string
		want  time.Time
		wrong string
	}{
		{text: ""},
		{text: "2h", want: now.Add(-2 * time.Hour)},
		{text: "2026-11-29T03:00:00Z", want: now.Add(-9 * time.Hour)},
		{text: "2d", wrong: "older than backfill.max_age (24h0m0s)"},
		{text: "2026-11-30T03:00:00Z", wrong: "yet to come"},
		{text: "yesterday", wrong: "want how long ago"},
	} {
		got, err := backfillFrom(tt.text, 24*time.Hour, now)
		if tt.wrong != "" {
			require.ErrorContains(t, err, tt.wrong, tt.text)
			continue
		}
		require.NoError(t, err, tt.text)
		require.True(t, tt.want.Equal(got), tt.text)
	}
}

// loseJournal removes the folder of the journal.
func (s *site) loseJournal() {
	s.t.Helper()
	require.NoError(s.t, os.RemoveAll(filepath.Join(s.dir, "data")))
}

// TestSinceAfterALostJournal: with a new journal the calls of before are taken
// only if somebody says so, and a ticket that is there is found.
func TestSinceAfterALostJournal(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{records: true})
	c := s.startReady()
	ids := []string{s.play(answered())}
	s.ticketOf(c, ids[0], 2)
	c.stop(t)
	ids = append(ids, s.play(answered()))
	s.loseJournal()

	c = s.startReady()
	c.says(t, "call records looked at")
	require.Len(t, s.zendesk.Tickets(), 1, "a new journal takes nothing")
	c.stop(t)
	s.loseJournal()

	c = startChild(t, nil, "serve", "--config", s.config, "--since", "1h")
	c.says(t, "call records looked at")
	s.ticketOf(c, ids[1], 1)
	s.eventually(c, "nothing is owed", func() bool { return c.metric(t, `talkbridge_calls{state="open"}`) == 0 })
	s.ticketOf(c, ids[0], 2) // it was there already, and is left alone
	require.Len(t, s.zendesk.Tickets(), 2)
	c.stop(t)
}
