package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// certify writes a certificate for this machine, and its key.
func certify(t *testing.T, certFile, keyFile string, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

// The public listener speaks TLS where it has a certificate, and nothing else; the
// other one, which only this machine reaches, stays as it was.
func TestListenersWithTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	authority := x509.NewCertPool()
	authority.AddCert(certify(t, certFile, keyFile, 1))
	s := newSite(t, siteOptions{edit: []string{"http: {", "http: {tls: {cert_file: " + certFile + ", key_file: " + keyFile + "}, "}})
	c := s.startReady()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(client.CloseIdleConnections)
	status := func(address string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		answer, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, http.StatusNotFound, status("https://"+c.address(t, "public_listen")+"/recordings/x.wav"))
	require.Equal(t, http.StatusBadRequest, status("http://"+c.address(t, "public_listen")+"/recordings/x.wav"))
	require.Equal(t, http.StatusOK, status("http://"+c.address(t, "listen")+"/healthz"))
	old := &tls.Config{RootCAs: authority, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	_, err := tls.Dial("tcp", c.address(t, "public_listen"), old)
	require.Error(t, err)
	c.stop(t)
}

// A certificate that was renewed is shown; one that is half there is not.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, said := test.NewNullLogger()
	c := &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), log: logrus.NewEntry(log)}
	shown := func() int64 {
		c.looked = time.Time{}
		pair, err := c.get(nil)
		require.NoError(t, err)
		return pair.Leaf.SerialNumber.Int64()
	}
	require.Error(t, c.read(), "there is none yet")
	certify(t, c.certFile, c.keyFile, 1)
	require.NoError(t, c.read())
	require.Equal(t, int64(1), shown())
	require.Empty(t, said.AllEntries())

	certify(t, c.certFile, filepath.Join(dir, "elsewhere"), 2)
	require.Equal(t, int64(1), shown(), "its key is not there yet")
	require.Equal(t, "new certificate not used, the one before is shown", said.LastEntry().Message)
	certify(t, c.certFile, c.keyFile, 3)
	require.Equal(t, int64(3), shown())
	require.Equal(t, "new certificate is shown", said.LastEntry().Message)
}

// Links lead where the listener is, as it speaks.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	const at = "127.0.0.1:8081"
	require.Equal(t, "http://127.0.0.1:8081", publicURL(config.HTTP{}, at))
	require.Equal(t, "https://127.0.0.1:8081", publicURL(config.HTTP{TLS: &config.Certificate{}}, at))
	require.Equal(t, "https://calls.example.com", publicURL(config.HTTP{PublicURL: "https://calls.example.com"}, at))
}
