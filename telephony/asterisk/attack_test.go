package asterisk_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// newchannel is a new call from outside as Asterisk writes it.
func newchannel(channel, number, unique string) string {
	lines := []string{
		"Event: Newchannel", "Privilege: call,all", "Channel: " + channel, "ChannelState: 4", "ChannelStateDesc: Ring",
		"CallerIDNum: " + number, "CallerIDName: x", "ConnectedLineNum: <unknown>", "ConnectedLineName: <unknown>",
		"Language: en", "AccountCode: ", "Context: from-trunk", "Exten: 100", "Priority: 1", "Uniqueid: " + unique, "Linkedid: " + unique,
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// Asterisk ends a line at a line feed alone, and so does the fake one: whatever
// talkbridge sends back of what it was told must not hold any.
func TestAttack_injection(t *testing.T) {
	t.Parallel()
	inject := "Action: Originate%Channel: Local/666@evil%Application: System%Data: x%%"
	for _, tt := range []struct{ name, channel string }{
		{"line feeds in the name of a channel", "PJSIP/trunk-1\n" + strings.ReplaceAll(inject, "%", "\n")},
		{"carriage returns in it", "PJSIP/trunk-1\r" + strings.ReplaceAll(inject, "%", "\r")},
		{"zeros in it", "PJSIP/trunk-1\x00" + strings.ReplaceAll(inject, "%", "\x00")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var heard []string
			f := fake{answers: loginAnswers(), pings: 100, heard: func(name string) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, name)
			}}
			f.after = map[string]string{"Events": newchannel(tt.channel, "+493010001234", "1.1") + newchannel("PJSIP/trunk-2", "+493010001235", "1.2")}
			k := newSink()
			r := run(t, asterisk.Config{
				Site: "hq", Name: "pbx1", Address: f.start(t), Username: "u", Secret: "s", Trunks: []string{"PJSIP/trunk"},
			}, k)
			eventually(t, func() bool { return !k.state("1.1").StartedAt.IsZero() && !k.state("1.2").StartedAt.IsZero() })
			r.stop(t)
			mu.Lock()
			defer mu.Unlock()
			require.Contains(t, heard, "Getvar", "the other call is asked about")
			require.NotContains(t, heard, "Originate")
			for _, name := range heard {
				require.Contains(t, []string{"Challenge", "Login", "Ping", "Filter", "Events", "Status", "QueueStatus", "Getvar"}, name)
			}
		})
	}
}

// A server that is none, or not in its right mind, costs a session and no memory.
func TestAttack_server(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 4<<10)
	for _, tt := range []struct{ name, greeting, forever, want string }{
		{"a greeting without an end", "", long, "is not how Asterisk greets"},
		{"another service", "220 mail.example.com ESMTP\r\n", "", "is not how Asterisk greets"},
		{"a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "is not how Asterisk greets"},
		{"a line without an end", "Asterisk Call Manager/11.0.0\r\nEvent: ", long, "log in"},
		{"an event without an end", "Asterisk Call Manager/11.0.0\r\n", "Event: X" + long + "\r\n", "log in"},
		{"events without an end before the answer", "Asterisk Call Manager/11.0.0\r\n", "Event: X\r\n\r\n", "log in"},
		{"a slow greeting", "A", "", "nothing greets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			address := flood(t, tt.greeting, tt.forever)
			log, _ := quiet()
			source, err := asterisk.New(asterisk.Config{Site: "hq", Name: "pbx1", Address: address, Username: "u", Secret: "s"}, log)
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			err = source.Run(ctx, newSink())
			require.Error(t, err)
			require.NoError(t, ctx.Err(), "it ends by itself")
			if tt.want == "nothing greets" {
				require.ErrorIs(t, err, asterisk.ErrNoGreeting)
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.Less(t, len(err.Error()), 1000)
		})
	}
}

// flood greets each client, and then says the same for ever.
func flood(t *testing.T, greeting, forever string) string {
	t.Helper()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() })
			_, err = io.WriteString(conn, greeting)
			for err == nil && forever != "" {
				_, err = io.WriteString(conn, forever)
			}
		}
	})
	return listener.Addr().String()
}
