package main

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is a way through the network that can be cut: connections through it end,
// and new ones are refused, until it is mended.
type wire struct {
	t       testing.TB
	to      string
	address string

	mu    sync.Mutex
	l     net.Listener
	conns map[net.Conn]bool
	users sync.WaitGroup
}

// newWires leads to each of some addresses.
func newWires(t testing.TB, to []string) []*wire {
	t.Helper()
	wires := make([]*wire, len(to))
	for i := range to {
		w := &wire{t: t, to: to[i], address: "127.0.0.1:0", conns: make(map[net.Conn]bool)}
		w.mend()
		t.Cleanup(func() { w.cut(); w.users.Wait() })
		wires[i] = w
	}
	return wires
}

// wireURL is how a NATS client goes through wires.
func wireURL(wires []*wire) string {
	var urls []string
	for _, w := range wires {
		urls = append(urls, "nats://"+w.address)
	}
	return strings.Join(urls, ",")
}

func (w *wire) mend() {
	w.t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(context.WithoutCancel(w.t.Context()), "tcp", w.address)
	require.NoError(w.t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.l, w.address = l, l.Addr().String()
	w.users.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.users.Go(func() { w.lead(conn) })
		}
	})
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.l.Close()
	for conn := range w.conns {
		_ = conn.Close()
	}
}

// lead carries one connection.
func (w *wire) lead(from net.Conn) {
	var d net.Dialer
	to, err := d.DialContext(context.WithoutCancel(w.t.Context()), "tcp", w.to)
	if err != nil {
		_ = from.Close()
		return
	}
	w.mu.Lock()
	w.conns[from], w.conns[to] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
	w.mu.Lock()
	delete(w.conns, from)
	delete(w.conns, to)
	w.mu.Unlock()
}
