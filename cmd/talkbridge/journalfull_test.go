package main

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// TestJournalFull: a journal that is full of what is still owed stops nothing
// but the writing; with more room the calls of that time get their tickets.
func TestJournalFull(t *testing.T) {
	t.Parallel()
	smallest := siteOptions{edit: []string{"{dir: data}", "{dir: data, max_size: 64MiB}"}}
	s := newSite(t, smallest)
	call := s.pbx.Inbound(asterisktest.Party{Number: "+493010001234"}, "+15550100001")
	s.fill(call.Linkedid(), 64<<20)
	c := s.launch()
	c.says(t, "journal read, working")
	call.Ring("1001")
	call.Answer("1001")
	c.says(t, "journal takes no entries, waiting")
	require.Contains(t, c.log.String(), "raise journal.max_size")
	status, page := c.page(t, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, page, "journal: full (")
	require.Contains(t, page, "raise journal.max_size and restart")
	status, page = c.page(t, "/healthz")
	require.Equal(t, http.StatusOK, status, page)
	require.Empty(t, s.writes(), "nothing acts before it is durable")
	c.stop(t)

	s.write(siteOptions{edit: []string{"{dir: data}", "{dir: data, max_size: 96MiB}"}})
	c = s.startReady()
	s.ticketOf(c, "hq/pbx1/"+call.Linkedid(), 1)
	call.Hangup()
	require.NoError(t, call.Err())
	s.ticketOf(c, "hq/pbx1/"+call.Linkedid(), 2)
	c.stop(t)
}

// fill makes a journal in which a call that goes on leaves no room.
func (s *site) fill(linkedid string, size int64) {
	s.t.Helper()
	j, err := journal.Open(s.t.Context(), journal.Options{Dir: filepath.Join(s.dir, "data"), Site: "hq", MaxBytes: size})
	require.NoError(s.t, err)
	id, err := telephony.NewCallID("hq", "pbx1", linkedid)
	require.NoError(s.t, err)
	padding := map[string]string{"Padding": strings.Repeat("x", journal.MaxData-4096)}
	for n := uint64(1); ; n++ {
		m, err := bridge.EncodeEvents([]telephony.Event{{
			ID: strconv.FormatUint(n, 10), Call: id, Kind: telephony.LegStarted, Leg: linkedid, First: true,
			Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", Time: time.Now().UTC(), Ordinal: n, Raw: padding,
		}})
		require.NoError(s.t, err)
		if padding["Padding"] == "" {
			break
		}
		if _, err = j.Append(s.t.Context(), m); err != nil {
			require.ErrorIs(s.t, err, journal.ErrFull)
			padding = map[string]string{"Padding": padding["Padding"][:len(padding["Padding"])/2]}
		}
	}
	require.NoError(s.t, j.Close())
}
