package twilio

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

func TestContract(t *testing.T) { //nolint:paralleltest // goroutines are counted
	telephonytest.RunTold(t, func(t *testing.T) telephonytest.Rig {
		r := newRig(t)
		return telephonytest.Rig{
			Source: r.source, Driver: "twilio", Garbage: r.garbage,
			Begin: func() telephonytest.Call {
				n, story := r.story()
				for _, c := range story[:3] {
					if r.deliver(t.Context(), c) != nil {
						break // nothing is taken just now
					}
				}
				return telephonytest.Call{ID: r.source.translate.callID(id("CA", n)), End: func() {
					for _, c := range story[3:] {
						_ = r.deliver(t.Context(), c) // nobody may listen
					}
				}}
			},
			Story: func() telephonytest.Story {
				n, callbacks := r.story()
				story := telephonytest.Story{ID: r.source.translate.callID(id("CA", n))}
				for _, c := range callbacks {
					story.Deliveries = append(story.Deliveries, func(ctx context.Context) error { return r.deliver(ctx, c) })
				}
				return story
			},
		}
	})
}

// rig is a source whose webhooks are called without a network.
type rig struct {
	source *Source
	mux    *http.ServeMux
	api    *fakeAPI
	calls  int
}

func newRig(t *testing.T) *rig {
	t.Helper()
	fake := newFakeAPI(t)
	log, _ := test.NewNullLogger()
	source, err := New(Config{
		Site: "hq", Name: "tw", AccountSid: account, Tokens: []string{token}, PublicURL: "https://calls.example.com", API: fake.server.URL,
	}, log)
	require.NoError(t, err)
	source.now = func() time.Time { return begun.Add(time.Minute) }
	source.api.pool.DisableKeepAlives = true
	r := &rig{source: source, mux: http.NewServeMux(), api: fake}
	source.Register(r.mux)
	return r
}

// story is the next call that an agent answers and the caller ends.
func (r *rig) story() (n string, callbacks []callback) {
	r.calls++
	call, agent := strconv.Itoa(100+2*r.calls), strconv.Itoa(101+2*r.calls)
	r.api.call(call, nil)
	f := newFlow().comes(caller, did).leg(1, agent, ana, "initiated").leg(5, agent, ana, "in-progress").
		leg(65, agent, ana, "completed", talked(60)...).ends(66, "completed", 66)
	for _, c := range f.callbacks {
		for _, key := range []string{"CallSid", "ParentCallSid"} {
			if c.form.Get(key) == id("CA", calling) {
				c.form.Set(key, id("CA", call))
			}
		}
	}
	return call, f.callbacks
}

func (r *rig) deliver(ctx context.Context, c callback) error {
	path := Path("tw", string(c.hook))
	return r.send(ctx, path, "application/x-www-form-urlencoded", c.form.Encode(), sign(token, "https://calls.example.com"+path, c.form))
}

func (r *rig) send(ctx context.Context, path, kind, body, signature string) error {
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	request.Header.Set("Content-Type", kind)
	request.Header.Set(signatureHeader, signature)
	answer := httptest.NewRecorder()
	r.mux.ServeHTTP(answer, request)
	if answer.Code >= 300 {
		return fmt.Errorf("%d: %s", answer.Code, answer.Body)
	}
	return nil
}

func (r *rig) garbage() {
	const form = "application/x-www-form-urlencoded"
	for _, body := range []string{"", "nonsense", "\x00\xff", "CallSid=CA1", "CallSid=" + id("CA", "1"), strings.Repeat("A=1&", 1000)} {
		_ = r.send(context.Background(), Path("tw", "status"), form, body, "") // it is refused
		for _, h := range hooks {
			values, err := url.ParseQuery(body)
			if err != nil {
				continue
			}
			values.Set("AccountSid", account)
			path := Path("tw", string(h))
			if values.Get("CallSid") != id("CA", "1") { // a right one is a call
				_ = r.send(context.Background(), path, form, values.Encode(), sign(token, "https://calls.example.com"+path, values))
			}
		}
	}
}

var _ telephony.Source = (*Source)(nil)
