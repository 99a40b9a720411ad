package asterisk_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake is an AMI server that does as it is told, for what no real one does.
// Its answers are by the name of the action, and without the empty line; an
// action without an answer gets Success, one with "-" gets none. "%s" is the
// ActionID.
type fake struct {
	answers map[string]string
	after   map[string]string // sent behind the answer
	pings   int               // how many are answered on a connection
	heard   func(name string) // told of each action, if not nil
}

// loginAnswers let a client in and give it an empty list of channels.
func loginAnswers() map[string]string {
	return map[string]string{
		"Challenge": "Response: Success\r\nActionID: %s\r\nChallenge: 123456\r\n",
		"Status": "Response: Success\r\nActionID: %s\r\nEventList: start\r\nMessage: Channel status will follow\r\n\r\n" +
			"Event: StatusComplete\r\nActionID: %[1]s\r\nEventList: Complete\r\nListItems: 0\r\nItems: 0\r\n",
	}
}

// start serves on a loopback address until the test ends.
func (f fake) start(t *testing.T) string {
	t.Helper()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { _ = listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.serve(conn)
		}
	}()
	return listener.Addr().String()
}

func (f fake) serve(conn net.Conn) {
	defer conn.Close()
	if _, err := conn.Write([]byte("Asterisk Call Manager/11.0.0\r\n")); err != nil {
		return
	}
	lines := bufio.NewScanner(conn)
	action := map[string]string{}
	pings := 0
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ": ")
		if ok {
			action[key] = value
			continue
		}
		if action["Action"] == "Ping" {
			pings++
		}
		if action["Action"] != "Ping" || pings <= f.pings {
			f.answer(conn, action["Action"], action["ActionID"])
		}
		clear(action)
	}
}

func (f fake) answer(conn net.Conn, name, id string) {
	if f.heard != nil {
		f.heard(name)
	}
	answer, ok := f.answers[name]
	if !ok {
		answer = "Response: Success\r\nActionID: %s\r\n"
	}
	if answer != "-" {
		_, _ = fmt.Fprintf(conn, answer+"\r\n", id)
	}
	if after := f.after[name]; after != "" {
		_, _ = conn.Write([]byte(after))
	}
}
