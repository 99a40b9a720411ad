package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

// benchBody is a body of 500 bytes of JSON.
var benchBody = fmt.Appendf(nil, `{"v":1,"id":"4f1c8d2e9a7b","kind":"answer","leg":"1724412345.17","at":"2026-11-22T10:00:00.123Z","from":"+15550100001","to":"+15550100002","facts":{"channel":"PJSIP/1001-0000002a","text":%q}}`, strings.Repeat("x", 304))

type benchEvent struct {
	V     int               `json:"v"`
	ID    string            `json:"id"`
	Kind  string            `json:"kind"`
	Leg   string            `json:"leg"`
	At    time.Time         `json:"at"`
	From  string            `json:"from"`
	To    string            `json:"to"`
	Facts map[string]string `json:"facts"`
}

// fill makes a journal of so many records, ten a call, and returns it open.
func fill(b *testing.B, dir string, records int) *journal.Journal {
	b.Helper()
	j, err := tryOpen(b.Context(), dir, func(o *journal.Options) { o.MaxBytes = 4 << 30 })
	require.NoError(b, err)
	messages := make([]journal.Message, 0, 1000)
	for i := range records {
		messages = append(messages, journal.Message{Call: fmt.Sprintf("hq/pbx1/1724412345.%d", i/10), Kind: journal.Kind(1 + i%2), Data: benchBody})
		if len(messages) == cap(messages) || i == records-1 {
			_, err := j.Append(b.Context(), messages...)
			require.NoError(b, err)
			messages = messages[:0]
		}
	}
	return j
}

func reportLatency(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100])/1e6, "p99-ms")
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64, 200} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			j := open(b, b.TempDir())
			b.ReportMetric(float64(j.FsyncTime())/1e6, "fsync-ms")
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for w := range writers {
				wg.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						start := time.Now()
						if _, err := j.Append(b.Context(), journal.Message{Call: fmt.Sprint("call-", w), Kind: journal.Event, ID: fmt.Sprint(i), Data: benchBody}); err != nil {
							b.Error(err)
							return
						}
						took[i] = time.Since(start)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			reportLatency(b, took)
		})
	}
	b.Run("together=100", func(b *testing.B) {
		j := open(b, b.TempDir())
		messages := make([]journal.Message, 100)
		for i := range messages {
			messages[i] = journal.Message{Call: fmt.Sprint("call-", i/10), Kind: journal.Event, Data: benchBody}
		}
		for b.Loop() {
			_, err := j.Append(b.Context(), messages...)
			require.NoError(b, err)
		}
		b.ReportMetric(float64(b.N*len(messages))/b.Elapsed().Seconds(), "msg/s")
	})
}

// BenchmarkAppendToTail is the time from the call of Append to the record's arrival at a Tail.
func BenchmarkAppendToTail(b *testing.B) {
	j := open(b, b.TempDir())
	arrived := make(chan struct{})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- j.Tail(ctx, 1, func(journal.Record) error { arrived <- struct{}{}; return nil }) }()
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		_, err := j.Append(b.Context(), journal.Message{Call: "a", Kind: journal.Event, Data: benchBody})
		require.NoError(b, err)
		<-arrived
		took = append(took, time.Since(start))
	}
	reportLatency(b, took)
	cancel()
	<-done
}

// BenchmarkReplay reads a journal from the start, and in the same run does the least that any reader must: it reads
// the block files and takes the records apart. Both with and without decoding each body.
func BenchmarkReplay(b *testing.B) {
	const records = 100_000
	dir := b.TempDir()
	j := fill(b, dir, records)
	defer func() { require.NoError(b, j.Close()) }()
	readers := map[string]func(fn func([]byte)){
		"tail": func(fn func([]byte)) {
			err := j.Tail(b.Context(), 1, func(r journal.Record) error {
				fn(r.Data)
				if r.Seq == records {
					return errStop
				}
				return nil
			})
			require.ErrorIs(b, err, errStop)
		},
		"bare": func(fn func([]byte)) { bareRead(b, dir, fn) },
	}
	for name, reader := range readers {
		for _, decode := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/decode=%v", name, decode), func(b *testing.B) {
				var seen int
				for b.Loop() {
					seen = 0
					reader(func(data []byte) {
						seen++
						var e benchEvent
						if decode && json.Unmarshal(data, &e) != nil {
							b.Error("not a benchEvent")
						}
					})
				}
				require.Equal(b, records, seen)
				b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

func bareRead(b *testing.B, dir string, fn func([]byte)) {
	b.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, streamFolder, "msgs", "*.blk"))
	require.NoError(b, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(b, err)
		for len(data) > 0 {
			size := int(data[0]) | int(data[1])<<8 // A record here is shorter than 64 kB and has no headers.
			subject := int(data[20]) | int(data[21])<<8
			fn(data[22+subject : size-8])
			data = data[size:]
		}
	}
}

// BenchmarkOpen opens a journal that was closed cleanly.
func BenchmarkOpen(b *testing.B) {
	for _, records := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			dir := b.TempDir()
			require.NoError(b, fill(b, dir, records).Close())
			for b.Loop() {
				j, err := tryOpen(b.Context(), dir, func(o *journal.Options) { o.MaxBytes = 0 })
				require.NoError(b, err)
				b.StopTimer()
				require.NoError(b, j.Close())
				b.StartTimer()
			}
		})
	}
}

func BenchmarkStory(b *testing.B) {
	const records = 20_000
	j := fill(b, b.TempDir(), records)
	defer func() { require.NoError(b, j.Close()) }()
	var i int
	for b.Loop() {
		story, err := j.Story(b.Context(), fmt.Sprintf("hq/pbx1/1724412345.%d", i%(records/10)))
		require.NoError(b, err)
		require.Len(b, story, 10)
		i++
	}
}
