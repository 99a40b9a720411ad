package config_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// A certificate that cannot be shown is told before anybody asks for it.
func TestCertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Close()
	dir := t.TempDir()
	cert, empty := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "empty.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(cert, block, 0o600))
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, tt := range []struct{ name, tls, fail string }{
		{"no key", "{cert_file: " + cert + "}", "http.tls.key_file: is missing"},
		{"no such file", "{cert_file: " + cert + ", key_file: " + dir + "/none.pem}", "none.pem cannot be read: no such file"},
		{"a key that is none", "{cert_file: " + cert + ", key_file: " + cert + "}", "do not go together"},
		{"a certificate that is none", "{cert_file: " + empty + ", key_file: " + empty + "}", "do not go together"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse("talkbridge.yaml", []byte(strings.TrimRight(minimal, "\n")+"\nhttp: {tls: "+tt.tls+"}\n"))
			require.ErrorContains(t, err, tt.fail)
		})
	}
}
