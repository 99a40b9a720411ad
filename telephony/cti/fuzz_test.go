package cti

import (
	"net/http"
	"testing"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// FuzzReadPush has anything posted as a push: it is refused, or makes events that
// can be kept.
func FuzzReadPush(f *testing.F) {
	f.Add("form", "event=newCall&callId=1&from=anonymous&to=2&direction=in&user%5B%5D=a&user[1]=b")
	f.Add("form", "event=answer&callId=1&user=&answeringNumber=1&origCallId=2")
	f.Add("form", "event=hangup&callId=1&cause=forwarded&from=0049301&to=1")
	f.Add("json", `{"event":"newCall","call_id":1,"user":["a",null,{"x":1}],"direction":"out"}`)
	f.Add("multi", "--b\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\nhangup\r\n--b--")
	f.Fuzz(func(t *testing.T, kind, body string) {
		contentType := kinds[kind]
		if kind == "multi" {
			contentType = "multipart/form-data; boundary=b"
		}
		for _, sipgate := range []bool{false, true} {
			checkTwice(t, func(now time.Time) ([]telephony.Event, error) { return translateBody(contentType, body, now, sipgate) })
		}
	})
}

// checkTwice demands of what one message tells that it can be kept, and that a repeat
// tells the same.
func checkTwice(t *testing.T, read func(now time.Time) ([]telephony.Event, error)) {
	t.Helper()
	now := time.Now()
	events, err := read(now)
	again, _ := read(now.Add(time.Minute))
	if err != nil {
		return
	}
	if len(events) != len(again) {
		t.Fatal("a repeat tells something else")
	}
	for i, e := range events {
		if err := e.Validate(); err != nil {
			t.Fatal(err)
		}
		if e.ID != again[i].ID {
			t.Fatal("a repeat has another identity")
		}
	}
}

// FuzzCloudEvents has anything posted as events.
func FuzzCloudEvents(f *testing.F) {
	const event = `{"specversion":"1.0","id":"1","source":"/pbx","type":"com.talkbridge.phone.started","time":"2026-11-22T09:00:00Z",
		"data":{"call":"1","direction":"outbound","from":"1001","to":"+15550100001","agents":["Ana"],"queue":"q","with":"2","reason":"busy"}}`
	f.Add(typeEvent, "", event)
	f.Add(typeBatch, "", "["+event+",{}]")
	f.Add("application/json", "com.talkbridge.phone.linked", `{"call":"1","with":"2"}`)
	f.Fuzz(func(t *testing.T, kind, eventType, body string) {
		header := http.Header{
			"Content-Type": {kind}, "Ce-Id": {"1"}, "Ce-Source": {eventType}, "Ce-Type": {eventType}, "Ce-Specversion": {"1.0"}, "Ce-Time": {eventType},
		}
		all, err := readCloudEvents(header, []byte(body))
		if err != nil {
			return
		}
		for _, c := range all[:min(len(all), 20)] {
			checkTwice(t, func(now time.Time) ([]telephony.Event, error) { return lab.telephonyEvents(c, now) })
		}
	})
}

// FuzzMapping reads anything by paths.
func FuzzMapping(f *testing.F) {
	f.Add(`{"kind":"a","d":{"call":1,"t":1700000000.5,"who":["x","y"]}}`, "d.call", "d.who[1]", "d.t")
	f.Add(`{"kind":"b","d":[{"call":"x"}]}`, "d[0].call", "d.0", "")
	f.Fuzz(func(t *testing.T, body, call, agent, when string) {
		m := &Mapping{Kind: "kind", Call: call, Agent: agent, Time: when, From: agent, Kinds: map[string]Type{"a": Started, "b": Ended, "c": Held}}
		checkTwice(t, func(now time.Time) ([]telephony.Event, error) {
			e, err := m.read([]byte(body), now)
			if err != nil {
				return nil, err
			}
			return lab.Translate(e)
		})
	})
}

// FuzzVerify looks for a signature that is right without the secret.
func FuzzVerify(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	f.Add(Sign("another", []byte("body"), now), "body")
	f.Add("t=1800000000,v1=,v1=00", "")
	f.Fuzz(func(t *testing.T, header, body string) {
		if verify(header, "0123456789abcdef", []byte(body), now) == nil || verify(header, "", []byte(body), now) == nil {
			t.Fatal("it is taken")
		}
	})
}
