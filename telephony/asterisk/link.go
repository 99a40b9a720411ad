package asterisk

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// writeTimeout bounds how long one action may take to be written.
const writeTimeout = 5 * time.Second

// link is one connection: it reads messages and writes actions. Reading is for
// one goroutine, writing for any.
type link struct {
	*Reader
	conn  net.Conn
	id    string       // random: how our ActionIDs begin
	begun time.Time    // monotonic reference
	heard atomic.Int64 // when bytes last came, since begun

	mu   sync.Mutex
	sent uint64
}

// field is a header of an action.
type field struct{ key, value string }

func newLink(conn net.Conn, count *counters) *link {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails, crypto/rand says
	l := &link{conn: conn, id: "tb-" + hex.EncodeToString(id), begun: time.Now()}
	l.Reader = NewReader(listener{l}, wanted)
	l.count = count
	l.actionID = []byte(l.id + "-")
	return l
}

// listener notes when bytes come.
type listener struct{ l *link }

func (r listener) Read(p []byte) (int, error) {
	n, err := r.l.conn.Read(p)
	if n > 0 {
		r.l.heard.Store(int64(time.Since(r.l.begun)))
	}
	return n, err
}

// breaks are what ends a line for Asterisk, which takes a line feed alone too
// (get_input in its manager.c), and a text in C.
const breaks = "\r\n\x00"

// act writes an action and returns its ActionID. A value that would not stay in
// its line is not sent: what follows would be an action of somebody else's.
func (l *link) act(name string, fields ...field) (string, error) {
	return l.actAs(func(string) {}, name, fields...)
}

// actAs tells expect the ActionID before the answer can come, and then acts.
func (l *link) actAs(expect func(id string), name string, fields ...field) (string, error) {
	for _, f := range fields {
		if strings.ContainsAny(f.key+f.value, breaks) {
			return "", fmt.Errorf("send %s: %s has a line break in it", name, f.key)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	id := l.id + "-" + strconv.FormatUint(l.sent, 10)
	expect(id)
	var b strings.Builder
	b.WriteString("Action: " + name + "\r\nActionID: " + id + "\r\n")
	for _, f := range fields {
		b.WriteString(f.key + ": " + f.value + "\r\n")
	}
	b.WriteString("\r\n")
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return "", fmt.Errorf("send %s: %w", name, err)
	}
	if _, err := l.conn.Write([]byte(b.String())); err != nil {
		return "", fmt.Errorf("send %s: %w", name, err)
	}
	return id, nil
}
