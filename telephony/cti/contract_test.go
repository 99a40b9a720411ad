package cti_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/cti"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

const token = "0123456789abcdef"

// shortly is how long the sources of tests wait for what blocks.
const shortly = 200 * time.Millisecond

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// receiver is a source that is told over HTTP.
type receiver interface {
	telephony.Source
	Register(mux *http.ServeMux)
}

// serve has a source listen on this machine.
func serve(t *testing.T, source receiver) (string, *http.Client) {
	t.Helper()
	mux := http.NewServeMux()
	source.Register(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// post posts a body and returns the answer.
func post(ctx context.Context, client *http.Client, address, contentType, body string, header http.Header) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", contentType)
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// posting is a delivery: it succeeds with a 2xx.
func posting(client *http.Client, address, contentType, body string, header http.Header) func(context.Context) error {
	return func(ctx context.Context) error {
		status, text, err := post(ctx, client, address, contentType, body, header)
		if err == nil && status/100 != 2 {
			err = fmt.Errorf("%d %s", status, text)
		}
		return err
	}
}

// rigOf makes a rig of what tells of one call, and what no phone system should say.
func rigOf(source telephony.Source, story func() telephonytest.Story, garbage func()) telephonytest.Rig {
	tell := func(deliveries ...func(context.Context) error) {
		for _, d := range deliveries {
			_ = d(context.Background()) // whether it is taken is what the contract looks at
		}
	}
	return telephonytest.Rig{
		Source: source, Story: story, Garbage: garbage,
		Begin: func() telephonytest.Call {
			s := story()
			tell(s.Deliveries[:2]...)
			return telephonytest.Call{ID: s.ID, End: func() { tell(s.Deliveries[2:]...) }}
		},
	}
}

func newPush(t *testing.T, change func(*cti.PushConfig)) *cti.Push {
	t.Helper()
	config := cti.PushConfig{Translator: cti.Translator{Site: "hq", Source: "push1", Country: "DE"}, Token: token, Wait: shortly}
	if change != nil {
		change(&config)
	}
	source, err := cti.NewPush(config, quiet())
	require.NoError(t, err)
	return source
}

func TestContract_push(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunTold(t, func(t *testing.T) telephonytest.Rig {
		t.Helper()
		source := newPush(t, nil)
		address, client := serve(t, source)
		address += cti.PushPath("push1") + "/" + token
		calls := 0
		rig := rigOf(source, func() telephonytest.Story {
			calls++
			id := fmt.Sprintf("c-%d", calls)
			form := func(event string, more ...string) func(context.Context) error {
				v := url.Values{"event": {event}, "callId": {id}, "from": {"4930123456"}, "to": {"15550100001"}, "direction": {"in"}}
				for i := 0; i < len(more); i += 2 {
					v.Set(more[i], more[i+1])
				}
				return posting(client, address, "application/x-www-form-urlencoded", v.Encode(), nil)
			}
			return telephonytest.Story{ID: telephony.CallID("hq/push1/" + id), Deliveries: []func(context.Context) error{
				form("newCall", "user[]", "Ana"), form("answer", "user", "Ana"), form("hangup", "cause", "normalClearing"),
			}}
		}, func() {
			for kind, body := range map[string]string{
				"application/json":                  `{"event":"newCall"}`,
				"application/x-www-form-urlencoded": "event=hangup&callId=%zz",
				"multipart/form-data":               "nonsense",
				"text/plain":                        "\x00\xff",
			} {
				_, _, err := post(context.Background(), client, address, kind, body, nil)
				require.NoError(t, err)
			}
		})
		rig.Driver = "cti"
		return rig
	})
}
