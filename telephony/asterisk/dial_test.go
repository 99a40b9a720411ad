package asterisk_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
)

// dialling is a running source that may place calls.
func dialling(t *testing.T, config asterisktest.Config, plan *asterisk.Dialplan) (*asterisk.Source, *asterisktest.Server, *telephonytest.Sink) {
	t.Helper()
	server := startServer(t, config)
	log, _ := quiet()
	settings := labConfig(server)
	settings.Username, settings.Secret, settings.Dial = "lab", "labsecret", plan
	source, err := asterisk.New(settings, log)
	require.NoError(t, err)
	sink := telephonytest.NewSink()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, sink) }()
	t.Cleanup(func() { cancel(); <-done })
	require.Eventually(t, func() bool { return sink.Sessions() == 1 }, time.Minute, time.Millisecond)
	return source, server, sink
}

// TestDial: the agent's phone rings, answers, and the number is called; the call has
// the id that was chosen for it, and is an outbound one.
func TestDial(t *testing.T) {
	t.Parallel()
	plan := &asterisk.Dialplan{Context: "from-internal", Prefix: "9", Format: asterisk.FormatNational, Country: "DE"}
	source, server, sink := dialling(t, asterisktest.Config{Originate: func(call *asterisktest.Script) {
		call.PickUp()
		call.Ring("trunk")
		call.Answer("trunk")
		call.HangupBy("1001")
	}}, plan)
	id, err := source.CallFor("a key")
	require.NoError(t, err)
	require.Equal(t, telephony.CallID("hq/pbx1/"+telephony.DialledID("a key")), id)
	require.NoError(t, source.Dial(t.Context(), telephony.Order{Call: id, Phone: "1001", Number: "+493055512345"}))
	require.Equal(t, []asterisktest.Origination{{
		Channel: "PJSIP/1001", Exten: "903055512345", Context: "from-internal", CallerID: "+493055512345", ChannelID: id.Native(),
	}}, server.Originated())
	require.Eventually(t, func() bool { return sink.State(id).Ended() }, time.Minute, time.Millisecond)
	state := sink.State(id)
	require.Equal(t, telephony.Outbound, state.Direction)
	require.Equal(t, telephony.Answered, state.Disposition)
	require.Len(t, state.Talks, 1)
	require.Equal(t, "PJSIP/1001", state.Talks[0].Endpoint)
}

func TestDial_number(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		plan          asterisk.Dialplan
		phone, number string
		channel, want string
	}{
		{asterisk.Dialplan{}, "1001", "+493055512345", "PJSIP/1001", "+493055512345"},
		{asterisk.Dialplan{Prefix: "0", Format: asterisk.FormatInternational, Technology: "SIP"}, "1001", "+493055512345", "SIP/1001", "000493055512345"},
		{asterisk.Dialplan{Format: asterisk.FormatNational, Country: "DE"}, "PJSIP/desk-1", "+15550100101", "PJSIP/desk-1", "0015550100101"},
	} {
		tt.plan.Context = "agents"
		source, server, _ := dialling(t, asterisktest.Config{}, &tt.plan)
		id, err := source.CallFor("k")
		require.NoError(t, err)
		require.NoError(t, source.Dial(t.Context(), telephony.Order{Call: id, Phone: tt.phone, Number: tt.number}))
		got := server.Originated()[0]
		require.Equal(t, []string{tt.channel, tt.want, "agents"}, []string{got.Channel, got.Exten, got.Context})
	}
}

// What certainly rings nobody's phone is told apart from what may do so.
func TestDial_fails(t *testing.T) {
	t.Parallel()
	plan := &asterisk.Dialplan{Context: "from-internal"}
	order := telephony.Order{Call: "hq/pbx1/" + telephony.CallID(telephony.DialledID("k")), Phone: "1001", Number: "+493055512345"}
	source, server, _ := dialling(t, asterisktest.Config{}, plan)
	for name, change := range map[string]func(*telephony.Order){
		"a phone outside":          func(o *telephony.Order) { o.Phone = "+491715551001" },
		"no phone":                 func(o *telephony.Order) { o.Phone = "" },
		"a header in the phone":    func(o *telephony.Order) { o.Phone = "1001\r\nApplication: System" },
		"a channel with options":   func(o *telephony.Order) { o.Phone = "Local/1001@from-internal,x" },
		"no number":                func(o *telephony.Order) { o.Number = "112" },
		"a header in the number":   func(o *telephony.Order) { o.Number = "+49305551\r\nApplication: System" },
		"an operation in the call": func(o *telephony.Order) { o.Number = "+4930,1,System(x)" },
		"no call":                  func(o *telephony.Order) { o.Call = "" },
	} {
		bad := order
		change(&bad)
		require.ErrorIs(t, source.Dial(t.Context(), bad), telephony.ErrNotDialled, name)
	}
	require.Empty(t, server.Originated())
	require.True(t, source.Reaches("1001"))
	require.False(t, source.Reaches("+491715551001"))

	server.DropClients()
	require.Eventually(t, func() bool {
		return source.Dial(t.Context(), order) != nil
	}, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, source.Dial(t.Context(), order), telephony.ErrNotDialled)

	lost, _, _ := dialling(t, asterisktest.Config{Unanswered: true}, plan)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := lost.Dial(ctx, order)
	require.Error(t, err)
	require.NotErrorIs(t, err, telephony.ErrNotDialled, "it may ring")

	none, _, _ := dialling(t, asterisktest.Config{}, nil)
	require.ErrorIs(t, none.Dial(t.Context(), order), telephony.ErrNotDialled)
	require.False(t, none.Reaches("1001"))
}

// A user without the right is told which one is missing.
func TestDial_withoutRight(t *testing.T) {
	t.Parallel()
	user := asterisktest.FullUser()
	user.Write = "reporting"
	source, _, _ := dialling(t, asterisktest.Config{Users: []asterisktest.User{user}}, &asterisk.Dialplan{Context: "x"})
	err := source.Dial(t.Context(), telephony.Order{Call: "hq/pbx1/1", Phone: "1001", Number: "+493055512345"})
	require.ErrorIs(t, err, telephony.ErrNotDialled)
	require.ErrorContains(t, err, "write=originate")
}

func TestNew_dialplan(t *testing.T) {
	t.Parallel()
	log, _ := quiet()
	for want, plan := range map[string]asterisk.Dialplan{
		"dial: context: required": {}, "dial prefix": {Context: "x", Prefix: "9\r\n"}, "dial technology": {Context: "x", Technology: "PJSIP/"},
	} {
		_, err := asterisk.New(asterisk.Config{Site: "hq", Name: "pbx1", Address: "127.0.0.1:1", Username: "u", Secret: "s", Dial: &plan}, log)
		require.ErrorContains(t, err, want)
	}
}
