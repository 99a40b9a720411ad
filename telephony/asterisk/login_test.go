package asterisk_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// once runs one session to its end.
func once(t *testing.T, config asterisk.Config) error {
	t.Helper()
	log, _ := quiet()
	source, err := asterisk.New(config, log)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return source.Run(ctx, newSink())
}

func TestLogin_refused(t *testing.T) {
	t.Parallel()
	banned := asterisktest.User{
		Name: "banned", Secret: "s", Read: "all", Write: "all", Permit: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
	server := startServer(t, asterisktest.Config{Users: []asterisktest.User{asterisktest.FullUser(), banned}})
	tests := []struct{ name, user, secret string }{
		{name: "wrong secret", user: "lab", secret: "labsecret2"},
		{name: "unknown user", user: "nobody", secret: "labsecret"},
		{name: "excluded address", user: "banned", secret: "s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := labConfig(server)
			config.Username, config.Secret = tt.user, tt.secret
			err := once(t, config)
			require.ErrorIs(t, err, asterisk.ErrAuthentication)
			require.ErrorContains(t, err, "manager.conf")
			require.ErrorContains(t, err, "permit=")
			require.NotContains(t, err.Error(), tt.secret+`"`)
			require.NotContains(t, err.Error(), "labsecret")
		})
	}
}

func TestLogin_TLS(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{TLS: true})
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(server.CertificatePEM()))

	config := labConfig(server)
	config.Address, config.TLS = server.TLSAddr(), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	k := newSink()
	r := run(t, config, k)
	eventually(t, func() bool { return k.Sessions() == 1 })
	r.stop(t)

	config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	require.ErrorContains(t, once(t, config), "certificate")
}

func TestLogin_wrongPort(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{TLS: true})
	t.Run("plain client at the TLS port", func(t *testing.T) {
		t.Parallel()
		config := labConfig(server)
		config.Address = server.TLSAddr()
		err := once(t, config)
		require.ErrorIs(t, err, asterisk.ErrNoGreeting)
		require.ErrorContains(t, err, "is this the TLS port? set tls")
	})
	t.Run("TLS client at the plain port", func(t *testing.T) {
		t.Parallel()
		config := labConfig(server)
		config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		require.ErrorContains(t, once(t, config), "is this the plain port?")
	})
}

func TestLogin_odd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		answers map[string]string // besides those that let a client in
		after   map[string]string
		want    error
		text    string
	}{
		{
			name:    "no challenge and no TLS: the secret stays here",
			answers: map[string]string{"Challenge": "Response: Error\r\nActionID: %s\r\nMessage: Must specify AuthType\r\n"},
			want:    asterisk.ErrAuthentication, text: "set tls",
		},
		{
			name:    "Status is not allowed; what else comes is passed over",
			answers: map[string]string{"Status": "Response: Error\r\nActionID: %s\r\nMessage: Permission denied\r\n"},
			after:   map[string]string{"Login": "Response: Error\r\nActionID: other\r\n\r\nnonsense\r\n\r\n"},
			want:    asterisk.ErrSnapshot, text: "write=call or write=reporting",
		},
		{
			name:    "nobody answers any more",
			answers: map[string]string{"Status": "-"},
			after:   map[string]string{"Filter": "Response: Success\r\n\r\n"},
			want:    asterisk.ErrDeadPeer, text: "nothing within 100ms",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fake{answers: loginAnswers(), after: tt.after}
			maps.Copy(f.answers, tt.answers)
			f.pings = 1 // that of the login
			err := once(t, asterisk.Config{
				Site: "hq", Name: "pbx1", Address: f.start(t), Username: "u", Secret: "s", Keepalive: 100 * time.Millisecond,
			})
			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

func TestLogin_nobodyThere(t *testing.T) {
	t.Parallel()
	server := startServer(t, asterisktest.Config{})
	config := labConfig(server)
	require.NoError(t, server.Close())
	err := once(t, config)
	require.ErrorContains(t, err, "asterisk pbx1 at "+config.Address+": connect:")
}

// What closes before it greets says so.
func TestLogin_closed(t *testing.T) {
	t.Parallel()
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	go func() {
		if conn, err := listener.Accept(); err == nil {
			conn.Close()
		}
	}()
	err = once(t, asterisk.Config{Site: "hq", Name: "pbx1", Address: listener.Addr().String(), Username: "u", Secret: "s"})
	require.ErrorIs(t, err, io.EOF)
	require.ErrorContains(t, err, "read greeting")
}
