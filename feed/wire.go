package feed

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// wire is the connection of a reader, below his WebSocket. Messages are written to
// it as the frames that they were made into once, several in one system call when
// several wait; what the WebSocket itself says (pings, good-byes) goes between
// them. websocket.PreparedMessage would do for the first, but has a lock in each
// message that all readers meet at: with hundreds of them they queue up there.
type wire struct {
	net.Conn
	// place is held by who writes: what is written is always whole frames.
	place chan struct{}
	mu    sync.Mutex
	until time.Time // the deadline of the WebSocket's own writes
}

func newWire(conn net.Conn) *wire { return &wire{Conn: conn, place: make(chan struct{}, 1)} }

// SetWriteDeadline implements net.Conn: it is for the next Write, and leaves a
// send that is under way alone.
func (w *wire) SetWriteDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = t
	return nil
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	until := w.until
	w.mu.Unlock()
	return w.send(until, [][]byte{p})
}

// send writes frames, all of them by a deadline. It takes them out of the slice.
func (w *wire) send(until time.Time, frames [][]byte) (int, error) {
	w.place <- struct{}{}
	defer func() { <-w.place }()
	if err := w.Conn.SetWriteDeadline(until); err != nil {
		return 0, err
	}
	if len(frames) == 1 {
		return w.Conn.Write(frames[0])
	}
	buffers := net.Buffers(frames)
	n, err := buffers.WriteTo(w.Conn)
	return int(n), err
}

// wired has an upgrader make its connection on a wire.
type wired struct {
	http.ResponseWriter
	wire *wire
}

// Hijack implements http.Hijacker.
func (w *wired) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rest, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.wire = newWire(conn)
	return w.wire, rest, nil
}

// The head of a frame that is a whole text from a server (RFC 6455, 5.2): it is
// not masked.
const (
	finalText = 0x81
	length16  = 126
	length64  = 127
	maxHead   = 10
)

// frame makes the frame of a text.
func frame(text []byte) []byte {
	f := append(make([]byte, 0, maxHead+len(text)), finalText)
	switch n := len(text); {
	case n < length16:
		f = append(f, byte(n))
	case n <= math.MaxUint16:
		f = binary.BigEndian.AppendUint16(append(f, length16), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, length64), uint64(n))
	}
	return append(f, text...)
}

// packer packs a text once for all readers that want it compressed, if there is
// one.
func packer(text []byte) func() (*websocket.PreparedMessage, error) {
	return sync.OnceValues(func() (*websocket.PreparedMessage, error) {
		packed, err := websocket.NewPreparedMessage(websocket.TextMessage, text)
		if err != nil {
			return nil, fmt.Errorf("prepare message: %w", err)
		}
		return packed, nil
	})
}
