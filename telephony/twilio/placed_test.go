package twilio

import (
	"context"
	"maps"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

// ordered is an order for a call from a mobile phone to the caller of other tests, given
// a second before the calls of the tests begin.
func (s *site) ordered(key string) telephony.PlacedOrder {
	s.t.Helper()
	call, err := s.source.CallFor(key)
	require.NoError(s.t, err)
	return telephony.PlacedOrder{Order: telephony.Order{Call: call, Phone: mobile, Number: caller}, At: begun.Add(-time.Second)}
}

// pastPlaced is the record of a call that the API placed to that phone and that is over.
func (f *fakeAPI) pastPlaced(n, from string) {
	f.call(n, map[string]any{
		"from": from, "to": mobile, "status": "completed", "date_created": stamp(0), "start_time": stamp(1), "end_time": stamp(60), "duration": "50",
		"direction": "outbound-api",
	})
}

// dialling is a source that places calls, and was away; orders are those of its journal.
func dialling(t *testing.T, orders *[]telephony.PlacedOrder) *site {
	t.Helper()
	return away(t, func(c *Config) {
		c.Dial = &Dialling{CallerID: did}
		c.Orders = func(_ context.Context, since time.Time) ([]telephony.PlacedOrder, error) {
			require.True(t, since.Before(begun))
			return *orders, nil
		}
	})
}

// A call of which nobody heard, since talkbridge died when it had asked for it, is that of
// its order all the same, and of the right one.
func TestPlaced_nobodyHeard(t *testing.T) {
	t.Parallel()
	var orders []telephony.PlacedOrder
	s := dialling(t, &orders)
	s.api.pastPlaced("1", did)
	s.api.call("2", map[string]any{
		"parent_call_sid": id("CA", "1"), "from": did, "to": caller, "status": "completed", "date_created": stamp(10), "start_time": stamp(10), "end_time": stamp(59),
		"duration": "40", "direction": "outbound-dial",
	})
	s.api.pastPlaced("3", "+15550109999") // of another application
	wrong, right, old := s.ordered("wrong"), s.ordered("right"), s.ordered("old")
	wrong.Number, old.At = "+17165559999", begun.Add(-time.Hour)
	orders = []telephony.PlacedOrder{old, wrong, right}
	s.listen(s.sink)
	s.eventually("both calls", func() bool { return len(s.sink.States()) == 2 })
	got := s.sink.State(right.Call)
	require.Equal(t, telephony.Outbound, got.Direction)
	require.Equal(t, telephony.Answered, got.Disposition)
	require.Equal(t, caller, got.To.Number)
	require.Equal(t, mobile, got.Talks[0].Endpoint)
	require.True(t, got.Late)
	require.Len(t, s.call("3").Legs, 1)
}

// What was told of a call before a restart says which order it is of: to records, and to
// callbacks whose address does not.
func TestPlaced_recalled(t *testing.T) {
	t.Parallel()
	var orders []telephony.PlacedOrder
	s := dialling(t, &orders)
	o := s.ordered("k")
	for _, c := range newFlow().placed(0, calling, mobile, "initiated").placed(3, calling, mobile, "in-progress").callbacks {
		n, err := s.source.translate.translate(c.of(o.Call.Native()))
		require.NoError(t, err)
		require.NoError(t, s.sink.Append(t.Context(), append(n.begins, n.events...)))
	}
	s.api.pastPlaced(calling, did)
	s.listen(s.sink)
	s.eventually("the end", func() bool { return s.sink.State(o.Call).Ended() })
	s.post(hookRecording, url.Values{
		"AccountSid": {account}, "CallSid": {id("CA", calling)}, "RecordingSid": {id("RE", "1")}, "RecordingUrl": {recordingURL()}, "RecordingStatus": {"completed"},
		"RecordingDuration": {"40"}, "RecordingSource": {"StartCallRecordingAPI"},
	})
	require.NotEmpty(t, s.sink.State(o.Call).Recording)
	require.Len(t, s.sink.States(), 1)
	require.NotContains(t, s.api.questions(), "/2010-04-01/Accounts/"+account+"/Calls/"+id("CA", calling)+".json")
}

// A call that goes on for long is asked about, wherever its legs have their ids from.
func TestPlaced_goesOnForLong(t *testing.T) {
	t.Parallel()
	var orders []telephony.PlacedOrder
	s := dialling(t, &orders)
	s.source.waits = waits{settle: time.Hour, live: time.Millisecond}
	o := s.ordered("k")
	flow := newFlow().placed(0, calling, mobile, "initiated").placed(3, calling, mobile, "in-progress").
		leg(4, "2", caller, "initiated", "From", did).leg(9, "2", caller, "in-progress", "From", did)
	for _, c := range flow.callbacks {
		n, err := s.source.translate.translate(c.of(o.Call.Native()))
		require.NoError(t, err)
		require.NoError(t, s.sink.Append(t.Context(), append(n.begins, n.events...)))
	}
	s.api.pastPlaced(calling, did)
	s.api.call("2", map[string]any{
		"parent_call_sid": id("CA", calling), "from": did, "to": caller, "status": "completed", "start_time": stamp(4), "end_time": stamp(59), "duration": "50",
		"direction": "outbound-dial",
	})
	s.listen(s.sink)
	s.eventually("the end", func() bool { return s.sink.State(o.Call).Ended() })
	got := s.sink.State(o.Call)
	require.Equal(t, telephony.Answered, got.Disposition)
	require.Equal(t, telephony.Outbound, got.Direction)
	require.Len(t, got.Legs, 2)
	require.Len(t, s.sink.States(), 1)
}

// Of several calls that fit none is taken for that of an order, and none of a call that
// somebody told of as another one.
func TestFindCall(t *testing.T) {
	t.Parallel()
	var orders []telephony.PlacedOrder
	s := dialling(t, &orders)
	s.source.waits = waits{settle: time.Hour, live: time.Hour}
	s.listen(s.sink)
	o := s.ordered("k")
	find := func(o telephony.PlacedOrder) bool {
		found, err := s.source.FindCall(t.Context(), o)
		require.NoError(t, err)
		return found
	}
	require.False(t, find(o))
	s.api.pastPlaced("1", did)
	s.api.pastPlaced("2", did)
	require.False(t, find(o))
	form := newFlow().placed(0, "2", mobile, "initiated").callbacks[0].form
	require.Equal(t, 204, s.post(hookStatus, form).status)
	late := o
	late.At = begun.Add(-time.Hour)
	require.False(t, find(late))
	require.True(t, find(o))
	require.True(t, s.sink.State(o.Call).Legs[0].First)
	require.False(t, find(s.ordered("another")), "it is taken")
	s.api.mu.Lock()
	s.api.refuse = 503
	s.api.mu.Unlock()
	_, err := s.source.FindCall(t.Context(), s.ordered("a third"))
	require.ErrorContains(t, err, "list calls to the agent's phone")
	require.True(t, find(o), "it is known")
}

// What follows upon the answer is in the order, in less than Twilio takes; and each of
// its callbacks names the order, at an address that Twilio signs.
func TestDial_request(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *Config) { c.Dial = &Dialling{CallerID: did} })
	o := s.ordered("k").Order
	p, err := s.source.create(o)
	require.NoError(t, err)
	status := "https://calls.example.com/v1/twilio/tw/status?order=" + o.Call.Native() + TryAgain
	require.Equal(t, mobile, *p.To)
	require.Equal(t, did, *p.From)
	require.Equal(t, 20, *p.Timeout)
	require.Equal(t, status, *p.StatusCallback)
	require.Equal(t, []string{"initiated", "answered", "completed"}, *p.StatusCallbackEvent)
	require.Less(t, len(*p.Twiml), 4000)
	require.Contains(t, *p.Twiml, ">"+caller+"</Number>")
	require.Contains(t, *p.Twiml, `callerId="`+did+`"`)

	require.False(t, s.source.Connected())
	s.listen(s.sink)
	require.True(t, s.source.Connected())
	for phone, reached := range map[string]bool{
		ana: true, ben: true, mobile: true, "1001": false, "PJSIP/1001": false, "client:": false, "sip:ben": false, "+49": false, "": false,
	} {
		require.Equal(t, reached, s.source.Reaches(phone), phone)
	}
	for name, bad := range map[string]telephony.Order{
		"phone": {Call: o.Call, Phone: "1001", Number: caller}, "number": {Call: o.Call, Phone: ana, Number: "112"},
		"call": {Call: "hq/tw/CA1", Phone: ana, Number: caller},
	} {
		require.ErrorIs(t, s.source.Dial(t.Context(), bad), telephony.ErrNotDialled, name)
	}
	require.Empty(t, s.api.questions())
	observer := newSite(t, nil)
	require.False(t, observer.source.Reaches(ana))
	require.ErrorIs(t, observer.source.Dial(t.Context(), o), telephony.ErrNotDialled)
	_, err = New(Config{
		Site: "hq", Name: "tw", AccountSid: account, Tokens: []string{token}, PublicURL: "https://calls.example.com", Dial: &Dialling{CallerID: "Acme"},
	}, observer.source.log)
	require.ErrorContains(t, err, `caller id "Acme": want a number in E.164`)
}

// An address that names no order of ours names none.
func TestPlaced_strangeOrders(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"", "x", "tb-dial-", "tb-dial-zz", "../tb-dial-00", "tb-dial-8fa3aab28fa3aab28fa3aab28fa3aab2/x"} {
		c := newFlow().placed(0, calling, mobile, "initiated").callbacks[0]
		c.query.Set(orderKey, order)
		n, err := goldenCase{}.translator().translate(c)
		require.NoError(t, err)
		require.Equal(t, telephony.CallID("hq/tw/"+id("CA", calling)), n.begins[0].Call, order)
	}
	c := callback{query: url.Values{"queue": {"support"}}}
	before := maps.Clone(c.query)
	c.of("tb-dial-8fa3aab28fa3aab28fa3aab28fa3aab2")
	require.Equal(t, before, c.query, "it is a copy")
}
