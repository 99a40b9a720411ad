package asterisk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// row is a record as Asterisk writes it, up to amaflags.
const row = `"","+493012345678","+15550100001","from-trunk","""Ann"" <+493012345678>","PJSIP/trunk-00000009","PJSIP/1001-0000000a",` +
	`"Dial","PJSIP/1001,20,tT","2026-11-22 01:11:49","2026-11-22 01:11:50","2026-11-22 01:11:53",4,3,"ANSWERED","DOCUMENTATION"`

// readAll reads records to the end.
func readAll(t testing.TB, text string) ([]cdr, *cdrReader) {
	t.Helper()
	r := newCDRReader(strings.NewReader(text))
	var all []cdr
	for {
		c, err := r.next()
		if errors.Is(err, io.EOF) {
			return all, r
		}
		require.NoError(t, err)
		all = append(all, c)
	}
}

// Which columns there are is decided in cdr.conf.
func TestCDRColumns(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, extra                   string
		uniqueid, linkedid, userfield string
		short, bad                    int
	}{
		{name: "as it comes", short: 1},
		{name: "loguniqueid", extra: `,"pbx1-1795309909.16"`, uniqueid: "pbx1-1795309909.16"},
		{name: "loguniqueid, no name of the system", extra: `,"1795309909.16"`, uniqueid: "1795309909.16"},
		{name: "loguserfield alone", extra: `,"vip"`, short: 1},
		{name: "loguniqueid and loguserfield", extra: `,"1795309909.16","vip"`, uniqueid: "1795309909.16", userfield: "vip"},
		{name: "newcdrcolumns alone", extra: `,"","1795309909.16",7`, short: 1},
		{name: "loguniqueid and newcdrcolumns", extra: `,"1795309909.17","","1795309909.16",7`, uniqueid: "1795309909.17", linkedid: "1795309909.16"},
		{name: "all", extra: `,"1795309909.17","a,b","","1795309909.16",7`, uniqueid: "1795309909.17", linkedid: "1795309909.16", userfield: "a,b"},
		{name: "text where a number belongs", extra: `,"1795309909.17","","1795309909.16","7"`, bad: 1},
		{name: "more than Asterisk writes", extra: `,"1795309909.17","","","","","1795309909.16",7,8`, bad: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all, r := readAll(t, row+tt.extra+"\n")
			require.Equal(t, []int{tt.short, tt.bad}, []int{r.short, r.bad})
			if tt.short+tt.bad > 0 {
				require.Empty(t, all)
				return
			}
			require.Len(t, all, 1)
			require.Equal(t, []string{tt.uniqueid, tt.linkedid, tt.userfield}, []string{all[0].uniqueid, all[0].linkedid, all[0].userfield})
			require.Equal(t, "PJSIP/1001-0000000a", all[0].dstChannel)
			require.Equal(t, telephony.Party{Number: "+493012345678", Name: "Ann"}, all[0].party())
			require.Equal(t, 3*time.Second, all[0].end.Sub(all[0].answer))
		})
	}
}

// Whatever stands between records, they are found.
func TestCDRTrouble(t *testing.T) {
	t.Parallel()
	good := row + ",\"1795309909.16\"\n"
	for _, tt := range []struct {
		name, text string
		good, bad  int
	}{
		{name: "nothing"},
		{name: "a last line that is being written", text: good + good[:100], good: 1},
		{name: "the end of a line", text: good[200:] + good, good: 1, bad: 1},
		{name: "a line of something else", text: "accountcode,src\n" + good, good: 1, bad: 1},
		{name: "an empty line", text: "\n" + good, good: 1, bad: 1},
		{name: "no end of a text", text: `"` + strings.Repeat("x", 2*maxRecord) + "\n" + good, good: 1, bad: 1},
		{name: "bytes that are none of Asterisk's", text: "\x00\xff\"\x01\"\"\n" + good, good: 1, bad: 1},
		{name: "a line break in a caller id", text: strings.Replace(good, `<+4930`, "<1\n\n"+`"",""`+"\n+4930", 1) + good, good: 2},
		{name: "an end before its beginning", text: strings.Replace(good, "01:11:53", "01:11:40", 1) + good, good: 1, bad: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			all, r := readAll(t, tt.text)
			require.Len(t, all, tt.good)
			require.Equal(t, tt.bad, r.bad)
		})
	}
}

// FuzzCDR has a caller choose his number and name, and the reading begin
// anywhere: the records that are found are Asterisk's, and none of his.
func FuzzCDR(f *testing.F) {
	f.Add("+493012345678", "Ann", uint16(0))
	f.Add("1\nEvent: x", `","`, uint16(300))
	f.Add("\n"+row+`,"1795309909.99"`+"\n", "\n\"", uint16(20))
	f.Fuzz(func(t *testing.T, number, name string, from uint16) {
		quote := func(s string) string { return `"` + strings.ReplaceAll(s[:min(len(s), 500)], `"`, `""`) + `"` }
		line := fmt.Sprintf(`"",%s,"100","from-trunk",%s,"PJSIP/trunk-00000009","","Queue","q","2026-11-22 01:11:49",,"2026-11-22 01:11:53",4,0,"NO ANSWER",`+
			`"DOCUMENTATION","1795309909.16",""`+"\n", quote(number), quote(name+" <"+number+">"))
		text := strings.Repeat(line, 3)
		all, _ := readAll(t, text[min(int(from), len(line)):])
		require.GreaterOrEqual(t, len(all), 1)
		for _, c := range all {
			require.Equal(t, "1795309909.16", c.uniqueid)
		}
		if from == 0 {
			require.Len(t, all, 3)
			require.Equal(t, number[:min(len(number), 500)], all[0].src)
		}
		for _, e := range lab().tellRecords(recordedCalls(all)[0], "hq/pbx1/1795309909.16", func(string) string { return "" }, 0) {
			require.NoError(t, e.Validate())
			require.True(t, e.Late)
		}
	})
}

// The file says nothing of its zone.
func TestZones(t *testing.T) {
	t.Parallel()
	at := func(seconds int64, wall string) cdr {
		start, err := time.Parse(time.DateTime, wall)
		require.NoError(t, err)
		return cdr{uniqueid: fmt.Sprintf("%d.1", seconds), start: start, end: start.Add(time.Minute)}
	}
	const noon = 1795348800   // 2026-11-22 12:00:00 UTC
	const change = 1792890000 // 2026-10-25 01:00:00 UTC: summer time ends in Berlin
	for _, tt := range []struct {
		name    string
		records []cdr
		want    []string // the beginnings in UTC
	}{
		{name: "UTC", records: []cdr{at(noon, "2026-11-22 12:00:00"), at(noon, "2026-11-22 13:00:05")}, want: []string{"12:00:00", "13:00:05"}},
		{name: "Berlin", records: []cdr{at(noon, "2026-11-22 13:00:00"), at(noon, "2026-11-22 13:20:00")}, want: []string{"12:00:00", "12:20:00"}},
		{name: "Kathmandu", records: []cdr{at(noon, "2026-11-22 17:45:00")}, want: []string{"12:00:00"}},
		{name: "New York", records: []cdr{at(noon, "2026-11-22 07:00:01")}, want: []string{"12:00:01"}},
		{
			name: "the end of summer time",
			records: []cdr{
				at(change-1800, "2026-10-25 02:30:00"), at(change-1800, "2026-10-25 02:35:00"),
				at(change+1800, "2026-10-25 02:30:00"), at(change+1800, "2026-10-25 02:35:00"),
			},
			want: []string{"00:30:00", "00:35:00", "01:30:00", "01:35:00"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z := zonesOf(tt.records)
			for i, r := range tt.records {
				z.settle(&r)
				require.Equal(t, tt.want[i], r.start.Format(time.TimeOnly))
				require.Equal(t, time.Minute, r.end.Sub(r.start))
			}
		})
	}
}

// TestReadRecords reads the end of a file, and what log rotation made of it.
func TestReadRecords(t *testing.T) {
	t.Parallel()
	const first, count = 1795309909, 20_000
	line := func(second int64) string {
		at := time.Unix(second, 0).UTC().Format(time.DateTime)
		return fmt.Sprintf(`"","+493012345678","100","from-trunk","","PJSIP/trunk-00000009","PJSIP/1001-0000000a","Dial","PJSIP/1001,20,tT",`+
			`"%[2]s","%[2]s","%[2]s",0,0,"ANSWERED","DOCUMENTATION","%[1]d.1",""`+"\n", second, at)
	}
	var text strings.Builder
	for i := range int64(count) {
		text.WriteString(line(first + 10*i))
	}
	require.Greater(t, text.Len(), 3*firstTail)
	dir := t.TempDir()
	path := filepath.Join(dir, "Master.csv")
	write := func(name, text string) { require.NoError(t, os.WriteFile(name, []byte(text), 0o600)) }
	read := func(since int64) recordFile {
		found, err := readRecords(t.Context(), path, time.Unix(since, 0))
		require.NoError(t, err)
		return found
	}
	_, err := readRecords(t.Context(), path, time.Unix(first, 0))
	require.ErrorIs(t, err, os.ErrNotExist)

	write(path, text.String())
	require.Len(t, read(first).records, count, "all of it")
	last := int64(first + 10*(count-1))
	found := read(last - 3600)
	require.Len(t, found.records, 361, "the last hour")
	require.Zero(t, found.bad)
	require.True(t, found.whole)

	require.NoError(t, os.Rename(path, path+".1"))
	write(path+".2.gz", "\x1f\x8b")
	write(filepath.Join(dir, "Master.csv.bak"), text.String())
	write(path, line(last+10)+line(last + 20)[:50])
	found = read(last - 3600)
	require.Len(t, found.records, 362, "that of before the rotation, and the one after it")
	require.Equal(t, fmt.Sprintf("%d.1", last+10), found.records[361].uniqueid)

	require.NoError(t, os.Chtimes(path+".1", time.Unix(last, 0), time.Unix(last, 0)))
	require.Len(t, read(last+5).records, 1, "the old file is older than what is asked for")
}

// Records that an Asterisk 22 wrote of the scenarios of make test-pbx.
func TestRecordedCallsOfRealPBX(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		without bool // without Linkedids
	}{{name: "asterisk-22"}, {name: "asterisk-22-uniqueids", without: true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found, err := readRecords(t.Context(), "testdata/cdr/asterisk-22.csv", time.Unix(1795984879, 0))
			require.NoError(t, err)
			require.Len(t, found.records, 72)
			require.Zero(t, found.bad)
			for i := range found.records {
				if tt.without {
					found.records[i].linkedid, found.records[i].sequence = "", 0
				}
			}
			var text strings.Builder
			for _, s := range telephonytest.States(t, lateEvents(recordedCalls(found.records))) {
				require.True(t, s.Late)
				require.True(t, s.Ended())
				fmt.Fprintf(&text, "%s %s %s %+q > %q %s, talked %s%s\n", s.ID.Native(), s.Direction, s.Disposition, s.From.Number+" "+s.From.Name, s.To.Number,
					s.Duration(), s.TalkTime(), queueWord(s.Queue()))
				for _, talk := range s.Talks {
					fmt.Fprintf(&text, "    %s %s\n", talk.Endpoint, talk.Until.Sub(talk.From))
				}
			}
			telephonytest.CompareFile(t, filepath.Join("testdata", "cdr", tt.name+".golden.txt"), text.String())
		})
	}
}

func queueWord(name string) string {
	if name == "" {
		return ""
	}
	return ", queue " + name
}

// lateEvents tells all of the calls.
func lateEvents(calls []recorded) []telephony.Event {
	var all []telephony.Event
	for _, c := range calls {
		id := telephony.CallID("hq/pbx1/" + c.id)
		all = append(all, lab().tellRecords(c, id, func(string) string { return "" }, 0)...)
	}
	return all
}

// Told twice, by whomever, they are the same facts.
func TestRecordsAreToldTheSame(t *testing.T) {
	t.Parallel()
	read := func() []telephony.Event {
		found, err := readRecords(t.Context(), "testdata/cdr/asterisk-22.csv", time.Unix(1795984879, 0))
		require.NoError(t, err)
		return lateEvents(recordedCalls(found.records))
	}
	once := read()
	require.Equal(t, once, read())
	ids := make(map[string]bool)
	for _, e := range once {
		require.NoError(t, e.Validate())
		require.False(t, ids[e.ID], "%+v", e)
		ids[e.ID] = true
	}
}

// A call is told when it is over, and not if it began before what is asked for,
// though other channels of it began later.
func TestRecordedDue(t *testing.T) {
	t.Parallel()
	const began = 1795309909
	at := func(seconds int64) time.Time { return time.Unix(began+seconds, 0) }
	call := recordedCalls([]cdr{
		{uniqueid: fmt.Sprintf("%d.1", began), linkedid: fmt.Sprintf("%d.1", began), channel: "PJSIP/trunk-1", start: at(0).UTC(), end: at(30).UTC()},
		{uniqueid: fmt.Sprintf("%d.7", began+20), linkedid: fmt.Sprintf("%d.1", began), channel: "PJSIP/1001-2", start: at(20).UTC(), end: at(60).UTC()},
	})[0]
	require.True(t, call.due(at(65), at(0)))
	require.False(t, call.due(at(64), at(0)), "it ended four seconds ago")
	require.False(t, call.due(at(65), at(1)), "it began before")
}
