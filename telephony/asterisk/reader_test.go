package asterisk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

const hello = "Asterisk Call Manager/11.0.0\r\n"

// chunks reads data in pieces that end at the given offsets.
type chunks struct {
	data []byte
	ends []int
	at   int
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.at == len(c.data) {
		return 0, io.EOF
	}
	for len(c.ends) > 0 && c.ends[0] <= c.at {
		c.ends = c.ends[1:]
	}
	end := len(c.data)
	if len(c.ends) > 0 {
		end = c.ends[0]
	}
	n := copy(p, c.data[c.at:end])
	c.at += n
	return n, nil
}

// However the bytes of a capture come, they are the same messages.
func TestReader_anyCuts(t *testing.T) {
	t.Parallel()
	for _, name := range asterisktest.Captures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := capture(t, name)
			data = data[:min(len(data), 128<<10)] // of the burst; the others are shorter
			if i := bytes.LastIndex(data, blank); i >= 0 {
				data = data[:i+len(blank)]
			}
			whole := messages(t, bytes.NewReader(data), nil)
			same := func(got []Message) {
				t.Helper()
				require.Empty(t, cmp.Diff(whole, got, cmpopts.IgnoreFields(Message{}, "Received")))
			}
			same(messages(t, iotest.OneByteReader(bytes.NewReader(data)), nil))
			same(messages(t, iotest.DataErrReader(bytes.NewReader(data)), nil))
			if reads, err := asterisktest.Times(name); err == nil {
				var ends []int
				for _, r := range reads {
					ends = append(ends, min(r.Offset+r.Length, len(data)))
				}
				same(messages(t, &chunks{data: data, ends: ends}, nil))
			}
		})
	}
}

func TestReader_errors(t *testing.T) {
	t.Parallel()
	const ping = "Response: Success\r\nPing: Pong\r\n\r\n"
	tests := []struct {
		name   string
		stream string
		want   []error // of each Read; nil: the ping
	}{
		{name: "end between messages", stream: ping, want: []error{nil, io.EOF}},
		{name: "end after empty lines", stream: ping + "\r\n\r\n", want: []error{nil, io.EOF}},
		{name: "end inside a message", stream: ping + "Event: Hang", want: []error{nil, io.ErrUnexpectedEOF}},
		{name: "end before the empty line", stream: "Event: Hangup\r\n", want: []error{io.ErrUnexpectedEOF}},
		{name: "end inside an event that a caller id cut", stream: headOf("Hangup") + "1\r\n\r\n", want: []error{io.ErrUnexpectedEOF}},
		{name: "neither event nor response", stream: "Evnt: x\r\n\r\n" + ping, want: []error{ErrNotAMessage, nil, io.EOF}},
		{name: "bare line feeds end nothing", stream: "Response: Success\n\nPing: Pong\r\n\r\n", want: []error{nil, io.EOF}},
		{name: "extra empty lines", stream: "\r\n\r\n\r\n" + ping + "\r\n\r\n" + ping, want: []error{nil, nil, io.EOF}},
		{
			name: "too large", stream: "Response: " + strings.Repeat("x", 10*maxMessage) + "\r\n\r\n" + ping,
			want: []error{ErrMessageTooLarge, nil, io.EOF},
		},
		{
			name: "too large without an end", stream: "Response: " + strings.Repeat("x", 10*maxMessage),
			want: []error{io.ErrUnexpectedEOF},
		},
		{
			name: "too many headers", stream: "Response: x\r\n" + strings.Repeat("a: b\r\n", maxHeaders) + "\r\n" + ping,
			want: []error{ErrTooManyHeaders, nil, io.EOF},
		},
		{
			name: "forged", stream: "Event: Hangup\r\nPrivilege: call,all\r\nUniqueid: 1.2\r\n\r\n" + ping,
			want: []error{ErrForged, nil, io.EOF},
		},
		{
			name: "cut, and a whole event follows", stream: headOf("Hangup") + "1\r\n\r\n" + whole("Hangup", "Cause: 16\r\nCause-txt: x\r\n") + ping,
			want: []error{ErrForged, nil, nil, io.EOF},
		},
		{
			name: "cut for good", stream: headOf("Hangup") + "1\r\n\r\n" + strings.Repeat(ping, maxCut/len(ping)+1),
			want: []error{ErrForged, nil},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, from := range []io.Reader{strings.NewReader(hello + tt.stream), iotest.HalfReader(strings.NewReader(hello + tt.stream))} {
				r := NewReader(from, nil)
				_, err := r.ReadGreeting()
				require.NoError(t, err)
				for i, want := range tt.want {
					_, err := r.Read()
					require.ErrorIs(t, err, want, "read %d", i)
				}
			}
		})
	}
}

// headOf is the beginning of an event up to the number.
func headOf(kind string) string {
	return "Event: " + kind + "\r\nPrivilege: call,all\r\nTimestamp: 1795309909.146786\r\nSystemName: pbx1\r\n" +
		"Channel: PJSIP/trunk-00000001\r\nChannelState: 6\r\nChannelStateDesc: Up\r\nCallerIDNum: "
}

// tailOf is the rest of a channel after the number.
func tailOf(prefix, uniqueid, linkedid string) string {
	lines := []string{
		"CallerIDName: Ann", "ConnectedLineNum: <unknown>", "ConnectedLineName: <unknown>", "Language: en", "AccountCode: ",
		"Context: from-trunk", "Exten: +15550100001", "Priority: 1", "Uniqueid: " + uniqueid, "Linkedid: " + linkedid,
	}
	return prefix + strings.Join(lines, "\r\n"+prefix) + "\r\n"
}

// whole is a genuine event of a channel.
func whole(kind, rest string) string {
	return headOf(kind) + "+4930\r\n" + tailOf("", "1.1", "1.1") + rest + "\r\n"
}

func TestReader_greeting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, stream, want string
		err                error
	}{
		{name: "22", stream: hello, want: "Asterisk Call Manager/11.0.0"},
		{name: "16", stream: "Asterisk Call Manager/5.0.4\r\nResponse", want: "Asterisk Call Manager/5.0.4"},
		{name: "a web server", stream: "HTTP/1.1 400 Bad Request\r\n", err: ErrNoGreeting},
		{name: "no end", stream: strings.Repeat("x", 1000), err: ErrNoGreeting},
		{name: "cut", stream: "Asterisk", err: io.EOF},
		{name: "nothing", stream: "", err: io.EOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := NewReader(strings.NewReader(tt.stream), nil).ReadGreeting()
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestReader_noProgress(t *testing.T) {
	t.Parallel()
	_, err := NewReader(idle{}, nil).ReadGreeting()
	require.ErrorIs(t, err, io.ErrNoProgress)
	failure := errors.New("cable cut")
	r := NewReader(io.MultiReader(strings.NewReader(hello+"Event: x\r\n"), iotest.ErrReader(failure)), nil)
	_, err = r.ReadGreeting()
	require.NoError(t, err)
	_, err = r.Read()
	require.ErrorIs(t, err, failure)
}

// idle gives neither bytes nor errors.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// Lines without a colon survive, and so does everything else of a message.
func TestReader_keepsLines(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader(hello+"Event: Odd\r\nno colon here\r\nA:b\r\nA: c: d\r\nEmpty: \r\n\r\n"), nil)
	_, err := r.ReadGreeting()
	require.NoError(t, err)
	m, err := r.Read()
	require.NoError(t, err)
	require.Equal(t, []Header{{"Event", "Odd"}, {"", "no colon here"}, {"A", "b"}, {"A", "c: d"}, {"Empty", ""}}, m.Headers)
	require.Equal(t, "Odd", m.Kind())
	require.Equal(t, "b", m.Get("A"))
	require.Empty(t, m.Get("Missing"))
}

func TestReader_counts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want Stats
	}{
		{name: "a_inbound_answered", want: Stats{Bytes: 57924, Messages: 124, Wanted: 17, Skipped: 107}},
		{name: "b_voicemail", want: Stats{Bytes: 58744, Messages: 131, Wanted: 14, Skipped: 117}},
		{name: "l4_escaped_crlf_user", want: Stats{Bytes: 62224, Messages: 165, Wanted: 17, Skipped: 112, Malformed: 36, Rejoined: 67}},
		{name: "l7_forged_event", want: Stats{Bytes: 62240, Messages: 165, Wanted: 17, Skipped: 111, Forged: 37, Rejoined: 67}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := NewReader(bytes.NewReader(capture(t, tt.name)), wanted)
			_, err := r.ReadGreeting()
			require.NoError(t, err)
			for {
				if _, err := r.Read(); errors.Is(err, io.EOF) {
					break
				}
			}
			require.Equal(t, tt.want, r.Stats())
		})
	}
}

func TestReader_allocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	unwanted := bytes.Repeat([]byte(whole("Newexten", "Extension: s\r\n")+whole("VarSet", "Variable: RTPAUDIOQOS\r\nValue: 1\r\n")), 100)
	allocs := testing.AllocsPerRun(10, func() {
		r := NewReader(bytes.NewReader(unwanted), wanted)
		if _, err := r.Read(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	require.LessOrEqual(t, allocs, 10.0, "200 messages that are not wanted, and the reader itself")
}

// A whole captured call, read message by message and translated, may allocate so much: what was measured, and a tenth more.
func TestReader_allocationsOfACall(t *testing.T) { //nolint:paralleltest // allocations are counted
	data := capture(t, "a_inbound_answered")
	read := func() (all []Message) {
		r := NewReader(bytes.NewReader(data), wanted)
		if _, err := r.ReadGreeting(); err != nil {
			t.Error(err)
		}
		for {
			m, err := r.Read()
			if err != nil {
				return all
			}
			all = append(all, m)
		}
	}
	all := read()
	require.NotEmpty(t, all)
	require.LessOrEqual(t, testing.AllocsPerRun(50, func() { read() })/float64(len(all)), 3.2, "a message that is wanted")
	tr := lab()
	require.LessOrEqual(t, testing.AllocsPerRun(50, func() {
		for i, m := range all {
			if _, _, err := tr.translate(m, uint64(i)); err != nil {
				t.Error(err)
			}
		}
	})/float64(len(all)), 8.4, "translated")
}

func FuzzReadMessage(f *testing.F) {
	for _, name := range []string{"a_inbound_answered", "l4_escaped_crlf_user", "l7_forged_event", "u2_miss_hangup"} {
		data := capture(f, name)[len(hello):]
		f.Add(data[:min(len(data), 6000)])
	}
	f.Add([]byte(headOf("Hangup") + "1\r\n\r\n" + tailOf("", "1", "1")))
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(from io.Reader) (all []Message, last error) {
			r := NewReader(from, nil)
			r.now = func() time.Time { return received }
			for range len(data) + 2 {
				m, err := r.Read()
				switch {
				case errors.Is(err, ErrMalformed):
				case err != nil:
					return all, err
				default:
					all = append(all, m)
				}
			}
			return all, errors.New("no end")
		}
		one, err1 := read(bytes.NewReader(data))
		two, err2 := read(iotest.OneByteReader(bytes.NewReader(data)))
		require.Equal(t, one, two)
		require.Equal(t, err1, err2)
		if !errors.Is(err1, io.EOF) {
			require.ErrorIs(t, err1, io.ErrUnexpectedEOF)
		}
		for _, m := range one {
			require.NotEmpty(t, m.Headers)
			require.Contains(t, []string{"Event", "Response"}, m.Headers[0].Key)
			require.True(t, bytes.Contains(data, []byte(m.Raw)))
		}
	})
}

func BenchmarkReadMessage(b *testing.B) {
	data := capture(b, "burst")
	for _, bench := range []struct {
		name  string
		wants func(kind, variable []byte) bool
	}{
		{name: "wanted", wants: wanted},
		{name: "none", wants: func([]byte, []byte) bool { return false }},
		{name: "all"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			var stats Stats
			for b.Loop() {
				r := NewReader(bytes.NewReader(data), bench.wants)
				if _, err := r.ReadGreeting(); err != nil {
					b.Fatal(err)
				}
				for {
					if _, err := r.Read(); err != nil {
						break
					}
				}
				stats = r.Stats()
			}
			b.ReportMetric(float64(stats.Messages), "messages/op")
		})
	}
}

func ExampleReader() {
	stream := "Asterisk Call Manager/11.0.0\r\n" +
		"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
	r := NewReader(strings.NewReader(stream), nil)
	greeting, _ := r.ReadGreeting()
	m, _ := r.Read()
	fmt.Println(greeting)
	fmt.Println(m.Kind(), "-", m.Get("Status"))
	// Output:
	// Asterisk Call Manager/11.0.0
	// FullyBooted - Fully Booted
}
