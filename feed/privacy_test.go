package feed_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/telephony"
)

// raw reads the next message as it came, held against the description.
func (f *follower) raw() string {
	f.t.Helper()
	_, data, err := f.conn.ReadMessage()
	require.NoError(f.t, err)
	checker, err := description()
	require.NoError(f.t, err)
	require.NoError(f.t, checker.Check(data), "%s", data)
	return string(data)
}

// What a caller withholds, where files lie, what the driver was told and links to
// audio are nobody's business, in no kind of message, and what was said neither.
func TestWhatIsNotTold(t *testing.T) {
	t.Parallel()
	j := newMemory()
	c := &call{id: firstCall}
	begins := c.starts("5550100001")
	begins.Party.Withheld = true
	rings := c.rings("PJSIP/1001")
	rings[1].Party = telephony.Party{Number: "+15550109999", Name: "Caller"} // as a careless phone system shows him
	recorded := c.event(telephony.CallRecorded, "t1", func(e *telephony.Event) { e.Path = "/var/spool/asterisk/monitor/1.wav" })
	voicemail := c.event(telephony.CallVoicemail, "t1", func(e *telephony.Event) { e.Path = "/var/spool/asterisk/voicemail/msg0000" })
	words := c.event(telephony.CallHint, "t1", func(e *telephony.Event) { e.Name, e.Value = telephony.HintTranscript, "my card number" })
	s := newSite(t, siteOptions{journal: j})
	f := s.follow("")
	f.raw()
	j.events(begins)
	j.events(rings...)
	j.events(recorded, voicemail, words)
	j.outcome(firstCall, `{"kind":"audio","time":"2026-01-02T10:00:00Z","audio":{"url":"https://calls.example.com/recordings/signed","seconds":7},"request":{"comment":"+15550109999"}}`)
	j.outcome(firstCall, `{"kind":"transcribed","time":"2026-01-02T10:00:00Z","step":"transcribe","transcript":{"text":"my card number"}}`)
	snapshot := func() string { return s.follow("").raw() }
	told := []string{f.raw(), f.raw(), f.raw(), f.raw(), f.raw(), snapshot()}
	for _, text := range told {
		for _, never := range []string{"5550109999", "Caller", "/var/spool", "raw fact", "recordings/signed", "card number"} {
			require.NotContains(t, text, never)
		}
	}
	require.Contains(t, told[2], `"recorded":true`)
	require.Contains(t, told[2], `"voicemail":{"at":`)
	require.Contains(t, told[3], `"seconds":7`)
	require.NotContains(t, s.log.String(), "5550109999")
}

// Names are what callers make of them; a message stays one JSON document.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, evil string }{
		{"markup", `</script><script>alert(1)</script>`},
		{"control characters", "\x00\x1b[2J\r\n\x7f\u0085"},
		{"direction of writing", "\u202eevil\u2066"},
		{"line separators", "a\u2028b\u2029c"},
		{"latin-1", "M\xfcller"},
		{"half a pair", "\xed\xa0\x80"},
		{"quotes", `"},"cursor":"0-0`},
		{"ten kilobytes", strings.Repeat("é\"", 5000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			j := newMemory()
			s := newSite(t, siteOptions{journal: j})
			f := s.follow("")
			f.snapshot()
			c := &call{id: firstCall}
			begins := c.starts("5550100001")
			begins.Party = telephony.Party{Number: tc.evil, Name: tc.evil}
			j.events(begins)
			m := f.next()
			require.Equal(t, feed.Cursor{Epoch: epoch, Seq: 1}, m.Cursor)
			require.NotContains(t, string(m.Data), "<script>")
			want := strings.ToValidUTF8(tc.evil, "\uFFFD")
			if tc.name == "half a pair" {
				want = strings.Repeat("\uFFFD", 3)
			}
			require.Equal(t, want, data[feed.EventData](t, m).Call.From.Name)
			_, calls := s.follow("").snapshot()
			require.Equal(t, want, calls[0].From.Name)
		})
	}
}

// What ten thousand live calls cost the feed, in memory, and a reader to begin.
func BenchmarkTenThousandLiveCalls(b *testing.B) {
	const live = 10_000
	for b.Loop() {
		j := newMemory()
		for n := range live {
			c := &call{id: firstCall + strings.Repeat("0", n%3) + string(rune('a'+n%26)) + strings.Repeat("x", n/26%400)}
			c.id += "/" + strings.Repeat("y", n/10400)
			j.events(c.starts("5550100001"))
			j.events(c.rings("PJSIP/1001")...)
		}
		heap := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		s := newSite(b, siteOptions{journal: j, recent: 1})
		after := heap()
		_, calls := s.follow("").snapshot()
		b.ReportMetric(float64(after-before)/float64(len(calls)), "B/call")
		b.ReportMetric(float64(len(calls)), "calls")
		s.stop()
	}
}
