package feedtest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed/feedtest"
)

const heartbeat = `{"specversion":"1.0","id":"e-1/heartbeat/x","source":"/talkbridge/hq","type":"com.talkbridge.heartbeat",` +
	`"time":"2026-01-02T10:00:00Z","datacontenttype":"application/json","cursor":"e-1","data":{}}`

// A checker that lets everything through would prove nothing.
func TestCheckerFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	c, err := feedtest.NewChecker("../../docs/asyncapi.yaml")
	require.NoError(t, err)
	require.Equal(t, 5, c.Types())
	require.NoError(t, c.Check([]byte(heartbeat)))
	for _, tt := range []struct{ name, from, to string }{
		{"no JSON", "{", ""},
		{"unknown type", "com.talkbridge.heartbeat", "com.talkbridge.other"},
		{"other version", `"1.0"`, `"2.0"`},
		{"missing id", `"id":"e-1/heartbeat/x",`, ""},
		{"bad cursor", `"cursor":"e-1"`, `"cursor":"e-01"`},
		{"time that is none", "2026-01-02T10:00:00Z", "yesterday"},
		{"attribute too much", `"data":{}`, `"data":{},"extra":1`},
		{"data too much", `"data":{}`, `"data":{"x":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, c.Check([]byte(strings.Replace(heartbeat, tt.from, tt.to, 1))))
		})
	}
	_, err = feedtest.NewChecker("absent.yaml")
	require.Error(t, err)
}
