package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
)

// lateRows are the scenarios as they should be told by the call records alone.
// Nobody sees a page.
func lateRows() []realRow {
	rows := slices.Clone(realRows)
	for i, row := range rows {
		rows[i].tickets = slices.Clone(row.tickets)
		for k := range rows[i].tickets {
			want := &rows[i].tickets[k]
			want.pops = nil
			want.length[0]--
		}
		if adapt := lateWants[row.name]; adapt != nil {
			rows[i].tickets = adapt(rows[i].tickets)
		}
	}
	return rows
}

// lateWants are the scenarios of which call records tell otherwise than events.
var lateWants = map[string]func([]wantTicket) []wantTicket{
	// No record names the mobile that the PBX dialled first.
	"click to call, on a mobile": func(w []wantTicket) []wantTicket {
		w[0].agents = nil
		return w
	},
	// That both are one conversation is known before either has a ticket.
	"attended transfer to an outside number, REFER with Replaces": func(w []wantTicket) []wantTicket {
		w[0].linked = false
		return w[:1]
	},
}

// realRecords has all scenarios happen while no daemon runs: the call records of
// the PBX tell of them afterwards.
func realRecords(t *testing.T, installed lab.Installation) {
	t.Helper()
	s := newRealSite(t, installed, false)
	text, err := os.ReadFile(s.config)
	require.NoError(t, err)
	text = []byte(strings.Replace(string(text), ", recordings: ", ", cdr: "+s.pbx.Records()+", recordings: ", 1))
	require.NoError(t, os.WriteFile(s.config, text, 0o600))
	s.startReady().stop(t) // the first start
	s.away = true
	rows := lateRows()
	s.play(rows)
	s.verdict(s.startReady(), rows)
}
