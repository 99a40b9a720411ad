package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	amiPort    = 5038
	amiTLSPort = 5039
	ariPort    = 8088
	ariTLSPort = 8089

	amiTimeout = 5 * time.Second
)

// message is what the manager interface sends: the first value of each key.
type message map[string]string

// manager is a connection of the lab's own user to the manager interface.
type manager struct {
	conn   net.Conn
	booted chan struct{} // closed when Asterisk says that it is ready
	done   chan struct{} // closed when the reader has ended

	mu      sync.Mutex
	last    int
	waiting map[string]chan message
}

// dialManager connects and logs in. Every event goes to heard, in order.
func dialManager(ctx context.Context, address, secret string, heard func(message)) (*manager, error) {
	dialer := net.Dialer{Timeout: amiTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	m := &manager{conn: conn, booted: make(chan struct{}), done: make(chan struct{}), waiting: make(map[string]chan message)}
	go m.read(heard)
	if err := m.do(ctx, "Login", "Username", labUser, "Secret", secret); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *manager) close() {
	_ = m.conn.Close()
	<-m.done
}

// read takes all messages until the connection ends.
func (m *manager) read(heard func(message)) {
	defer close(m.done)
	r := bufio.NewReader(m.conn)
	if _, err := r.ReadString('\n'); err != nil { // the greeting
		return
	}
	var once sync.Once
	for {
		msg, err := readMessage(r)
		if err != nil {
			return
		}
		switch {
		case msg["Event"] == "FullyBooted":
			once.Do(func() { close(m.booted) })
		case msg["Event"] != "":
			heard(msg)
		case msg["Response"] != "":
			m.mu.Lock()
			answer := m.waiting[msg["ActionID"]]
			delete(m.waiting, msg["ActionID"])
			m.mu.Unlock()
			if answer != nil {
				answer <- msg
			}
		}
	}
}

// readMessage reads up to an empty line. Lines that are none are skipped: a
// caller may have written them.
func readMessage(r *bufio.Reader) (message, error) {
	msg := make(message)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return msg, nil
		}
		key, value, found := strings.Cut(line, ": ")
		if _, known := msg[key]; found && !known {
			msg[key] = value
		}
	}
}

var errRefused = errors.New("refused by Asterisk")

// do sends an action with its fields, key and value in turn, and waits for the answer.
func (m *manager) do(ctx context.Context, action string, fields ...string) error {
	ctx, cancel := context.WithTimeout(ctx, amiTimeout)
	defer cancel()
	answer := make(chan message, 1)
	m.mu.Lock()
	m.last++
	id := fmt.Sprint(m.last)
	m.waiting[id] = answer
	m.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "Action: %s\r\nActionID: %s\r\n", action, id)
	for i := 0; i+1 < len(fields); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", fields[i], fields[i+1])
	}
	if _, err := io.WriteString(m.conn, b.String()+"\r\n"); err != nil {
		return fmt.Errorf("send %s: %w", action, err)
	}
	select {
	case msg := <-answer:
		if msg["Response"] == "Error" {
			return fmt.Errorf("%s: %w: %s", action, errRefused, msg["Message"])
		}
		return nil
	case <-m.done:
		return fmt.Errorf("%s: %w", action, io.ErrUnexpectedEOF)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", action, context.Cause(ctx))
	}
}
