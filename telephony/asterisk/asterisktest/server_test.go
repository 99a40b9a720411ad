package asterisktest_test

import (
	"crypto/md5"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoginVariants(t *testing.T) {
	t.Parallel()
	refused := asterisktest.User{Name: "acltest", Secret: "x", Permit: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}}
	server := start(t, asterisktest.Config{Users: []asterisktest.User{asterisktest.FullUser(), asterisktest.LeastPrivilegeUser(), refused}})
	tests := []struct {
		name, send string
		accepted   bool
	}{
		{"plain", "Action: Login\r\nActionID: 7\r\nUsername: lab\r\nSecret: labsecret\r\n\r\n", true},
		{"line feeds only", "Action: Login\nActionID: 7\nUsername: lab\nSecret: labsecret\n\n", true},
		{"keys of any case", "aCTION: login\r\nactionid: 7\r\nUSERNAME: lab\r\nsecret: labsecret\r\n\r\n", true},
		{"wrong secret", "Action: Login\r\nActionID: 7\r\nUsername: lab\r\nSecret: no\r\n\r\n", false},
		{"unknown user", "Action: Login\r\nActionID: 7\r\nUsername: nobody\r\nSecret: no\r\n\r\n", false},
		{"key without challenge", "Action: Login\r\nActionID: 7\r\nUsername: lab\r\nAuthType: MD5\r\nKey: 1\r\n\r\n", false},
		{"refused address", "Action: Login\r\nActionID: 7\r\nUsername: acltest\r\nSecret: x\r\n\r\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := dial(t, server.Addr())
			require.Equal(t, "Asterisk Call Manager/11.0.0\r\n", c.greeting())
			c.send(tt.send)
			if tt.accepted {
				require.Equal(t, "Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\n", c.next().text)
				require.Equal(t, "Fully Booted", c.next().get("Status"))
				return
			}
			require.Equal(t, "Response: Error\r\nActionID: 7\r\nMessage: Authentication failed\r\n\r\n", c.next().text)
			c.eof()
		})
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	for _, secret := range []string{"labsecret", "wrong"} {
		c := dial(t, server.Addr())
		c.greeting()
		require.Equal(t, "Must specify AuthType", c.ask("Action: Challenge\r\n\r\n", "")[0].get("Message"))
		answer := c.ask("Action: Challenge\r\nActionID: c\r\nAuthType: MD5\r\n\r\n", "")[0]
		require.Equal(t, "c", answer.get("ActionID"))
		sum := md5.Sum([]byte(answer.get("Challenge") + secret))
		c.send("Action: Login\r\nAuthType: md5\r\nUsername: lab\r\nKey: " + hex.EncodeToString(sum[:]) + "\r\n\r\n")
		if secret == "wrong" {
			require.Equal(t, "Authentication failed", c.next().get("Message"))
			c.eof()
			continue
		}
		require.Equal(t, "Authentication accepted", c.next().get("Message"))
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{TLS: true, AuthTimeout: 300 * time.Millisecond})
	c := dialTLS(t, server)
	c.greeting()
	require.Equal(t, "Success", c.ask("Action: Login\r\nUsername: talkbridge\r\nSecret: tbsecret\r\n\r\n", "")[0].get("Response"))

	// In the clear at the TLS port: no greeting, no answer, and the end comes with the time-out.
	began := time.Now()
	plain := dial(t, server.TLSAddr())
	plain.send("Action: Login\r\nUsername: lab\r\nSecret: labsecret\r\n\r\n")
	plain.eof()
	require.GreaterOrEqual(t, time.Since(began), 250*time.Millisecond)

	// And a connection that is logged in is not subject to it.
	require.Equal(t, "Pong", c.ask("Action: Ping\r\n\r\n", "")[0].get("Ping"))
}

func TestAuthTimeoutIsSilent(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{AuthTimeout: 50 * time.Millisecond})
	c := dial(t, server.Addr())
	c.greeting()
	c.eof()
}

func TestActionsAndPrivileges(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	c := dial(t, server.Addr())
	c.greeting()
	require.Equal(t, "Permission denied", c.ask("Action: Status\r\n\r\n", "")[0].get("Message"))

	least := login(t, server, asterisktest.LeastPrivilegeUser())
	tests := []struct{ name, action, key, want string }{
		{"ping", "Ping", "Ping", "Pong"},
		{"status is allowed", "Status", "Message", "Channel status will follow"},
		{"core status is allowed", "CoreStatus", "CoreCurrentCalls", "0"},
		{"filter is not", "Filter\r\nOperation: Add\r\nFilter: x", "Message", "Permission denied"},
		{"unknown", "Dance", "Message", "Invalid/unknown command: Dance. Use Action: ListCommands to show available commands."},
		{"none", "", "Message", "Missing action in request"},
		{"events off", "Events\r\nEventMask: off", "Events", "Off"},
		{"events on", "Events\r\nEventMask: on", "Events", "On"},
		{"no such channel", "Status\r\nChannel: PJSIP/x-1", "Message", "No such channel"},
	}
	for _, tt := range tests { // one connection: in order
		least.send("Action: " + tt.action + "\r\nActionID: " + tt.name + "\r\n\r\n")
		m := least.next()
		require.Equal(t, tt.want, m.get(tt.key), tt.name)
		require.Equal(t, tt.name, m.get("ActionID"))
		if tt.action == "Status" {
			require.Equal(t, "0", least.until("StatusComplete")[0].get("Items"))
		}
	}
	require.Equal(t, "Goodbye", least.ask("Action: Logoff\r\n\r\n", "")[0].get("Response"))
	least.eof()
}

func TestTooLongAnAction(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	c := login(t, server, asterisktest.LeastPrivilegeUser())
	c.send(strings.Repeat("Variable: x\r\n", 200)) // at once: the server closes in the middle
	require.Equal(t, "Error", c.next().get("Response"))
}

func TestEventMaskAndFilter(t *testing.T) {
	t.Parallel()
	server := start(t, asterisktest.Config{})
	deaf := dial(t, server.Addr())
	deaf.greeting()
	deaf.send("Action: Login\r\nUsername: lab\r\nSecret: labsecret\r\nEvents: off\r\n\r\n")
	require.Equal(t, "Success", deaf.next().get("Response"))

	picky := login(t, server, asterisktest.FullUser())
	require.Equal(t, "Filter Added Successfully",
		picky.ask("Action: Filter\r\nOperation: Add\r\nFilter: Event: (One|Two)\r\n\r\n", "")[0].get("Message"))
	require.Equal(t, "Filter Added Successfully",
		picky.ask("Action: Filter\r\nOperation: Add\r\nFilter: !Value: no\r\n\r\n", "")[0].get("Message"))

	for _, event := range []string{"Event: Three", "Event: One\nPrivilege: user,all\nValue: no", "Event: Two\nPrivilege: user,all\nValue: yes"} {
		require.NoError(t, server.Send(event))
	}
	require.Equal(t, "Event: Two\r\nPrivilege: user,all\r\nValue: yes\r\n\r\n", picky.next().text)
	require.Equal(t, "Pong", deaf.ask("Action: Ping\r\n\r\n", "")[0].get("Ping"))
}

func TestStalledClientIsThrownOut(t *testing.T) {
	t.Parallel()
	user := asterisktest.FullUser()
	user.WriteTimeout = 100 * time.Millisecond
	server := start(t, asterisktest.Config{Users: []asterisktest.User{user}, SendBuffer: 4096})
	c := login(t, server, user)
	require.NoError(t, c.conn.(*net.TCPConn).SetReadBuffer(4096))
	big := make([]byte, 1<<20)
	for i := range big {
		big[i] = 'x'
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for server.Clients() > 0 {
		require.NoError(t, server.SendBytes(append([]byte("Event: Big\r\nPrivilege: call,all\r\nValue: "), big...)))
		<-ticker.C
	}
	var last msg
	var err error
	for err == nil {
		last, err = c.read()
	}
	require.ErrorIs(t, err, io.EOF)
	require.NotEmpty(t, last.text, "in the middle of an event")
	require.False(t, strings.HasSuffix(last.text, "\r\n\r\n"))
}
