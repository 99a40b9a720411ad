package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// No way of printing shows a secret, nor a struct that hides it in a field of its own.
func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	type hidden struct {
		name   string
		secret config.Secret
		list   []config.Secret
		inner  struct{ deep *config.Secret }
	}
	secret := config.NewSecret("hunter2")
	h := hidden{name: "x", secret: secret, list: []config.Secret{secret}}
	h.inner.deep = &secret
	open := map[string]any{"secret": secret, "pointer": &secret, "cfg": config.OAuth{ClientSecret: secret}}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t", "%10.3s"} {
		for _, value := range []any{secret, &secret, h, &h, open, []config.Secret{secret}} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	for _, encode := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := encode(open)
		require.NoError(t, err)
		require.Contains(t, string(text), "redacted")
		out.Write(text)
	}
	for _, formatter := range []logrus.Formatter{&logrus.TextFormatter{}, &logrus.JSONFormatter{}} {
		log := logrus.New()
		log.SetOutput(&out)
		log.SetFormatter(formatter)
		log.WithFields(logrus.Fields{"secret": secret, "cfg": open, "h": h}).WithField("pointer", &secret).Error(secret)
	}
	require.NotContains(t, out.String(), "hunter2")
	require.NotContains(t, out.String(), fmt.Sprintf("%x", "hunter2"))
	require.Equal(t, "hunter2", secret.Reveal())
}

func TestSecretZero(t *testing.T) {
	t.Parallel()
	var none config.Secret
	require.True(t, none.IsZero())
	require.Empty(t, none.Reveal())
	require.Empty(t, none.String())
	require.True(t, none.Equal(config.NewSecret("")))
	require.False(t, none.Equal(config.NewSecret("x")))
}

func ExampleSecret() {
	secret := config.NewSecret("hunter2")
	fmt.Println(secret)
	fmt.Println(len(secret.Reveal()))
	// Output:
	// <redacted>
	// 7
}

func ExampleParse() {
	_, err := config.Parse("talkbridge.yaml", []byte("site: hq\nzendesk: {urll: https://acme.zendesk.com}\n"))
	fmt.Println(err)
	// Output:
	// talkbridge.yaml:1:1: sources: is missing; it has no default: the phone systems whose calls are followed: one or more
	// talkbridge.yaml:2:1: zendesk.oauth: is missing; talkbridge signs in as an OAuth client: give client_id and client_secret_file
	// talkbridge.yaml:2:11: zendesk.urll: is no key of the configuration; did you mean `url`?
}

func TestSizeString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "8GiB", (8 * config.GiB).String())
	require.Equal(t, "1536MiB", (1536 * config.MiB).String())
	require.Equal(t, "7B", config.Size(7).String())
	require.Equal(t, "0B", config.Size(0).String())
	require.Equal(t, "1TB", config.Size(1e12).String())
}
