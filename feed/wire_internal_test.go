package feed

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// A frame of our making is what the library reads, at each length where its form
// changes, and what the WebSocket itself says comes between frames.
func TestFramesAreRead(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 125, 126, 65535, 65536, 200000}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hijacked := &wired{ResponseWriter: w}
		conn, err := (&websocket.Upgrader{}).Upgrade(hijacked, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		pinged := make(chan error, 1)
		go func() { pinged <- conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute)) }()
		var frames [][]byte
		for _, size := range sizes {
			frames = append(frames, frame(bytes.Repeat([]byte("x"), size)))
		}
		if _, err := hijacked.wire.send(time.Now().Add(time.Minute), frames); err != nil {
			t.Error(err)
		}
		if err := <-pinged; err != nil {
			t.Error(err)
		}
		if err := conn.WriteMessage(websocket.TextMessage, []byte("the end")); err != nil {
			t.Error(err)
		}
		_, _, _ = conn.ReadMessage() // until the reader goes: what is closed with something unread in it loses its end
	}))
	defer server.Close()
	conn, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, response.Body.Close())
	for _, size := range sizes {
		kind, got, err := conn.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, websocket.TextMessage, kind)
		require.Equal(t, strings.Repeat("x", size), string(got))
	}
	_, got, err := conn.ReadMessage()
	require.NoError(t, err)
	require.Equal(t, "the end", string(got))
}

// A message costs each further reader nothing but the system call: what is made
// of it is made once for all.
func TestSendAllocatesNothing(t *testing.T) { //nolint:paralleltest // allocations are counted
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	defer func() { _ = ours.Close() }()
	w := newWire(&undated{ours})
	frames := [][]byte{frame([]byte(`{"a":"message"}`))}
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := w.send(time.Time{}, frames[:1]); err != nil {
			t.Error(err)
		}
	})
	require.Zero(t, allocs)
}

// undated has no deadlines: those of a pipe in memory allocate.
type undated struct{ net.Conn }

func (undated) SetWriteDeadline(time.Time) error { return nil }
