package asterisktest_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// client is a raw TCP client: it knows lines and empty lines, nothing else.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func start(t testing.TB, config asterisktest.Config) *asterisktest.Server {
	t.Helper()
	server, err := asterisktest.Start(config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return server
}

func dial(t testing.TB, address string) *client {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	return wrap(t, conn)
}

func dialTLS(t testing.TB, server *asterisktest.Server) *client {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(server.CertificatePEM()))
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(t.Context(), "tcp", server.TLSAddr())
	require.NoError(t, err)
	return wrap(t, conn)
}

func wrap(t testing.TB, conn net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// login connects as a user and reads up to the answer.
func login(t testing.TB, server *asterisktest.Server, user asterisktest.User) *client {
	t.Helper()
	c := dial(t, server.Addr())
	c.greeting()
	c.send("Action: Login\r\nActionID: in\r\nUsername: " + user.Name + "\r\nSecret: " + user.Secret + "\r\n\r\n")
	require.Equal(t, "Success", c.next().get("Response"))
	if strings.Contains(user.Read, "system") || user.Read == "all" {
		require.Equal(t, "FullyBooted", c.next().get("Event"))
	}
	if user.Read == "all" {
		require.Equal(t, "SuccessfulAuth", c.next().get("Event"))
	}
	return c
}

func (c *client) greeting() string {
	c.t.Helper()
	require.NoError(c.t, c.conn.SetReadDeadline(time.Now().Add(patience)))
	line, err := c.r.ReadString('\n')
	require.NoError(c.t, err)
	require.True(c.t, strings.HasPrefix(line, "Asterisk Call Manager/"), line)
	return line
}

func (c *client) send(text string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, text)
	require.NoError(c.t, err)
}

// msg is one message as it came.
type msg struct{ text string }

func (m msg) get(key string) string {
	for line := range strings.SplitSeq(m.text, "\r\n") {
		if value, found := strings.CutPrefix(line, key+": "); found {
			return value
		}
	}
	return ""
}

// read returns the next message, or an error at the end.
func (c *client) read() (msg, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return msg{}, err
	}
	var text strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		text.WriteString(line)
		if err != nil {
			return msg{text.String()}, err
		}
		if line == "\r\n" {
			return msg{text.String()}, nil
		}
	}
}

func (c *client) next() msg {
	c.t.Helper()
	m, err := c.read()
	require.NoError(c.t, err)
	return m
}

// until reads events up to one of a kind and returns all, that one included.
func (c *client) until(kind string) []msg {
	c.t.Helper()
	var all []msg
	for {
		m := c.next()
		all = append(all, m)
		if m.get("Event") == kind {
			return all
		}
	}
}

// eof demands that the connection ends without another message.
func (c *client) eof() {
	c.t.Helper()
	m, err := c.read()
	require.ErrorIs(c.t, err, io.EOF)
	require.Empty(c.t, m.text)
}

// ask sends an action and returns the answer up to its end.
func (c *client) ask(text, complete string) []msg {
	c.t.Helper()
	c.send(text)
	var all []msg
	for {
		m := c.next()
		if complete == "" && m.get("Response") != "" {
			return []msg{m}
		}
		all = append(all, m)
		if m.get("Event") == complete {
			return all
		}
	}
}
