package cti_test

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/cti"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// listen runs a source until the test is over.
func listen(t *testing.T, source telephony.Source, sink *telephonytest.Sink) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	sessions := sink.Sessions()
	go func() { done <- source.Run(ctx, sink) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
	require.Eventually(t, func() bool { return sink.Sessions() > sessions }, time.Minute, time.Millisecond)
}

const (
	formType = "application/x-www-form-urlencoded"
	newCall  = "event=newCall&callId=1&from=4930123456&to=15550100001&direction=in&user%5B%5D=Ana"
)

func TestPush_refuses(t *testing.T) {
	t.Parallel()
	source := newPush(t, nil)
	sink := telephonytest.NewSink()
	address, client := serve(t, source)
	listen(t, source, sink)
	path := address + cti.PushPath("push1")
	right := http.Header{"Authorization": {"Bearer " + token}}
	for _, c := range []struct { //nolint:paralleltest // counts are compared
		name, path, kind, body string
		header                 http.Header
		status                 int
		text, counted          string
	}{
		{name: "no token", path: path, kind: formType, body: newCall, status: 401, text: "wrong token", counted: "unauthorized"},
		{name: "wrong token in the path", path: path + "/0123456789abcdee", kind: formType, body: newCall, status: 401, text: "wrong token", counted: "unauthorized"},
		{name: "wrong token in the header", path: path, kind: formType, body: newCall, header: http.Header{"Authorization": {"Bearer x"}}, status: 401, text: "wrong token", counted: "unauthorized"},
		{name: "no such source", path: address + "/v1/cti/other/" + token, kind: formType, body: newCall, status: 404, text: "not found"},
		{name: "wrong content type", path: path, kind: "text/csv", body: newCall, header: right, status: 415, text: "content type", counted: "content_type"},
		{name: "no content type", path: path, body: newCall, header: right, status: 415, text: "content type", counted: "content_type"},
		{name: "over 1 MiB", path: path, kind: formType, body: strings.Repeat("x", 1<<20+1), header: right, status: 413, text: "1024 KiB", counted: "too_large"},
		{name: "empty id", path: path, kind: formType, body: "event=newCall&callId=", header: right, status: 400, text: "no id", counted: "malformed"},
		{name: "long id", path: path, kind: formType, body: "event=newCall&callId=" + strings.Repeat("x", 251), header: right, status: 400, text: "250 bytes", counted: "malformed"},
		{name: "id with a line break", path: path, kind: formType, body: "event=newCall&callId=a%0Ab", header: right, status: 400, text: "control characters", counted: "malformed"},
		{name: "a thousand fields", path: path, kind: formType, body: strings.Repeat("user[]=a&", 1000), header: right, status: 400, text: "256 values", counted: "malformed"},
		{name: "hundred users", path: path, kind: formType, body: "event=newCall&callId=1" + strings.Repeat("&user[]=a", 100), header: right, status: 400, text: "agents", counted: "malformed"},
		{name: "half a form", path: path, kind: "multipart/form-data; boundary=b", body: "--b\r\nContent-Disp", header: right, status: 400, text: "cut", counted: "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := source.Count(c.counted)
			status, text, err := post(t.Context(), client, c.path, c.kind, c.body, c.header)
			require.NoError(t, err)
			require.Equal(t, c.status, status)
			require.Contains(t, text, c.text)
			require.Len(t, strings.Split(strings.TrimSpace(text), "\n"), 1, "one line")
			require.NotContains(t, text, token)
			if c.counted != "" {
				require.Equal(t, before+1, source.Count(c.counted))
			}
		})
	}
	require.Empty(t, sink.Entries(), "nothing is recorded")
}

// Every way to say who one is, and every form of body, tells the same.
func TestPush_takes(t *testing.T) {
	t.Parallel()
	var multi bytes.Buffer
	form := multipart.NewWriter(&multi)
	for name, value := range map[string]string{"event": "newCall", "callId": "1", "from": "4930123456", "to": "15550100001", "direction": "in", "user[]": "Ana"} {
		require.NoError(t, form.WriteField(name, value))
	}
	require.NoError(t, form.Close())
	bearer := http.Header{"Authorization": {"Bearer " + token}}
	for _, c := range []struct {
		name, path, kind, body string
		header                 http.Header
	}{
		{name: "form, token in the path", path: "/" + token, kind: formType, body: newCall},
		{name: "form, token in the header", kind: formType, body: newCall, header: bearer},
		{name: "form, token as password", kind: formType, body: newCall, header: http.Header{"Authorization": {"Basic dTowMTIzNDU2Nzg5YWJjZGVm"}}},
		{name: "multipart", kind: form.FormDataContentType(), body: multi.String(), header: bearer},
		{name: "JSON", kind: "application/json; charset=utf-8", header: bearer, body: `{"event":"newCall","call_id":1,"from":"4930123456","to":15550100001,"direction":"In","user":["Ana"],"more":{"x":1}}`},
		{name: "names in capitals", kind: formType, header: bearer, body: "EVENT=newcall&CALLID=1&From=4930123456&TO=15550100001&Direction=inbound&user=Ana"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			source := newPush(t, nil)
			sink := telephonytest.NewSink()
			address, client := serve(t, source)
			listen(t, source, sink)
			status, text, err := post(t.Context(), client, address+cti.PushPath("push1")+c.path, c.kind, c.body, c.header)
			require.NoError(t, err)
			require.Equal(t, 200, status, text)
			require.JSONEq(t, "{}", text)
			s := sink.State("hq/push1/1")
			require.Equal(t, telephony.Party{Number: "+4930123456"}, s.From)
			require.Equal(t, "+15550100001", s.To.Number)
			require.Equal(t, telephony.Inbound, s.Direction)
			require.Equal(t, []string{"Ana"}, s.Ringing)
			require.Equal(t, uint64(1), source.Count("accepted"))
		})
	}
}

func TestPush_sipgate(t *testing.T) {
	t.Parallel()
	source := newPush(t, func(c *cti.PushConfig) { c.Sipgate, c.PublicURL = true, "https://calls.example.com" })
	sink := telephonytest.NewSink()
	address, client := serve(t, source)
	listen(t, source, sink)
	status, text, err := post(t.Context(), client, address+cti.PushPath("push1")+"/"+token, formType, newCall, nil)
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<Response onAnswer="https://calls.example.com/v1/cti/push1/`+token+
		`" onHangup="https://calls.example.com/v1/cti/push1/`+token+`"></Response>`, text)
}

func TestNewPush_refuses(t *testing.T) {
	t.Parallel()
	good := cti.PushConfig{Translator: cti.Translator{Site: "hq", Source: "push1"}, Token: token}
	for name, change := range map[string]func(*cti.PushConfig){
		"token":           func(c *cti.PushConfig) { c.Token = "" },
		"site":            func(c *cti.PushConfig) { c.Site = "" },
		"http.public_url": func(c *cti.PushConfig) { c.Sipgate = true },
	} {
		config := good
		change(&config)
		_, err := cti.NewPush(config, quiet())
		require.Error(t, err, name)
	}
	_, err := cti.NewPush(good, quiet())
	require.NoError(t, err)
}

// A call whose hangup never comes ends by itself, also if the program was started
// anew meanwhile; and if the hangup comes after all, that counts.
func TestPush_timesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newPush(t, func(c *cti.PushConfig) { c.Timeout = time.Hour })
		sink := telephonytest.NewSink()
		run := func() func() {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- source.Run(ctx, sink) }()
			synctest.Wait()
			return func() {
				cancel()
				require.ErrorIs(t, <-done, context.Canceled)
			}
		}
		stop := run()
		began := time.Now()
		tell := func(body string) {
			events, err := cti.TranslateForm(source, body)
			require.NoError(t, err)
			require.NoError(t, sink.Append(t.Context(), events))
		}
		tell(newCall)
		<-time.After(30 * time.Minute)
		stop()
		require.True(t, sink.State("hq/push1/1").Live(), "not yet")
		<-time.After(31 * time.Minute)
		stop = run()
		s := sink.State("hq/push1/1")
		require.True(t, s.Ended())
		require.True(t, s.EndEstimated)
		require.Equal(t, began.Add(time.Hour).UTC(), s.EndedAt)
		entries := len(sink.Entries())
		<-time.After(10 * time.Minute)
		require.Len(t, sink.Entries(), entries, "once")

		tell("event=newCall&callId=2&from=1&to=2&direction=in")
		<-time.After(62 * time.Minute)
		require.True(t, sink.State("hq/push1/2").EndEstimated, "while it runs")
		tell("event=hangup&callId=2&cause=cancel&from=1&to=2&direction=in")
		require.False(t, sink.State("hq/push1/2").EndEstimated)
		require.Equal(t, telephony.Abandoned, sink.State("hq/push1/2").Disposition)
		stop()
	})
}
