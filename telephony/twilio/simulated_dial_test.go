package twilio_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/telephonytest"
	"github.com/talkbridge/talkbridge/telephony/twilio"
	"github.com/talkbridge/talkbridge/telephony/twilio/twiliotest"
)

const (
	simCustomer = "+15550107777"
	callsPath   = "/2010-04-01/Accounts/*/Calls.json"
)

// dials starts a source that places calls through an account.
func dials(t *testing.T, config twiliotest.Config, change func(*twilio.Config)) *simulation {
	t.Helper()
	config.Numbers = append(config.Numbers, twiliotest.Number{Number: simLine})
	config.Speed = 4
	s := &simulation{t: t, sink: telephonytest.NewSink(), Server: twiliotest.New(config)}
	t.Cleanup(s.Close)
	require.NoError(t, s.Start(""))
	c := twilio.Config{Dial: &twilio.Dialling{CallerID: simLine}}
	if change != nil {
		change(&c)
	}
	s.follow(c)
	return s
}

// order is an order for a call from a phone to the customer.
func (s *simulation) order(key, phone string) telephony.Order {
	s.t.Helper()
	call, err := s.source.CallFor(key)
	require.NoError(s.t, err)
	return telephony.Order{Call: call, Phone: phone, Number: simCustomer}
}

var (
	customerAnswers = twiliotest.Phone{Address: simCustomer, After: 5 * time.Second, Talks: 10 * time.Second}
	customerRings   = twiliotest.Phone{Address: simCustomer, Does: twiliotest.Rings}
)

// TestSimulatedDial: the agent's phone rings, then the number is called, and whatever
// happens to callbacks on their way it is one outbound call of that agent, under the id
// of its order. Whoever does not pick up called nobody.
func TestSimulatedDial(t *testing.T) {
	t.Parallel()
	answered := func(phone string) outcome {
		return outcome{telephony.Outbound, telephony.Answered, phone, simCustomer, false, ""}
	}
	rows := []struct {
		name   string
		phones []twiliotest.Phone
		want   outcome
	}{
		{"a client", meets(twiliotest.Phone{Address: simAna, After: 4 * time.Second}, customerAnswers), answered(simAna)},
		{"a SIP phone", meets(twiliotest.Phone{Address: simBen, After: 4 * time.Second}, customerAnswers), answered(simBen)},
		{"a number", meets(twiliotest.Phone{Address: simMobile, After: 4 * time.Second}, customerAnswers), answered(simMobile)},
		{
			"the customer does not answer", meets(twiliotest.Phone{Address: simAna, After: 4 * time.Second, Talks: time.Minute}, customerRings),
			outcome{telephony.Outbound, telephony.Missed, "", simCustomer, false, ""},
		},
	}
	type round struct {
		name string
		sim  *simulation
		call telephony.CallID
		want outcome
	}
	var rounds []round
	for _, m := range mischiefs {
		for _, whispers := range []bool{false, true} {
			for _, row := range rows {
				s := dials(t, twiliotest.Config{Phones: row.phones}, func(c *twilio.Config) { c.Whispers = whispers })
				for _, mischief := range m.does {
					s.Meddle(mischief)
				}
				o := s.order(m.name, row.phones[0].Address)
				require.NoError(t, s.source.Dial(t.Context(), o))
				rounds = append(rounds, round{m.name + ", " + row.name, s, o.Call, row.want})
			}
		}
	}
	for _, r := range rounds {
		require.NoError(t, r.sim.Wait(t.Context()))
		got := r.sim.state(r.call.Native())
		require.Equal(t, r.want, outcomeOf(got), "%s: %+v", r.name, got)
		require.True(t, got.Ended(), r.name)
		require.Len(t, r.sim.Calls(), 2, r.name)
		require.Len(t, r.sim.sink.States(), 1, "%s: all is told of the order's call", r.name)
		require.Zero(t, r.sim.Stats().Refused, r.name)
		require.Empty(t, r.sim.Alerts(), r.name)
	}
}

// TestSimulatedDial_nobodyPicksUp: a call that its agent does not take is internal
// wherever he was rung, and nobody else was.
func TestSimulatedDial_nobodyPicksUp(t *testing.T) {
	t.Parallel()
	for _, phone := range []twiliotest.Phone{
		{Address: simAna, Does: twiliotest.Rings}, {Address: simMobile, Does: twiliotest.Busy}, {Address: simMobile, Does: twiliotest.Unreachable},
	} {
		s := dials(t, twiliotest.Config{Phones: meets(phone, customerAnswers)}, func(c *twilio.Config) { c.Dial.Ring = 5 * time.Second })
		o := s.order("k", phone.Address)
		require.NoError(t, s.source.Dial(t.Context(), o))
		require.NoError(t, s.Wait(t.Context()))
		got := s.state(o.Call.Native())
		require.Equal(t, telephony.Internal, got.Direction)
		require.True(t, got.Ended())
		require.Empty(t, got.Talks)
		require.Len(t, s.Calls(), 1)
	}
}

// TestSimulatedDial_refused: what Twilio does not take is certainly not placed, and the
// error says what to do.
func TestSimulatedDial_refused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		phone  string
		change func(*twilio.Config)
		code   int
		text   string
	}{
		{"country", "+53123456789", nil, 21215, "Geo permissions"},
		{"caller id", simAna, func(c *twilio.Config) { c.Dial.CallerID = "+15550109999" }, 21210, "set dial.caller_id of the source to a number of the account"},
		{"login", simAna, func(c *twilio.Config) { c.Key, c.KeySecret = "SK00000000000000000000000000000009", "wrong" }, 20003, "correct account_sid and auth_token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := dials(t, twiliotest.Config{Forbidden: []string{"+53"}}, tt.change)
			err := s.source.Dial(t.Context(), s.order("k", tt.phone))
			require.ErrorIs(t, err, telephony.ErrNotDialled)
			var refused *twilio.CallRefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tt.code, refused.Code)
			require.ErrorContains(t, err, tt.text)
			require.NotContains(t, err.Error(), s.AuthToken())
			require.NotContains(t, err.Error(), "+53123456789", "it is logged")
			require.Empty(t, s.Calls())
			require.Len(t, s.Requests(), 1, "what is refused is not tried again")
		})
	}
	for code, text := range map[int]string{20005: "has no money left", 10004: "more calls go on", 21211: "correct the agent's number", 29999: "(29999)"} {
		s := dials(t, twiliotest.Config{}, nil)
		s.Inject(twiliotest.Fault{Method: http.MethodPost, Path: callsPath, Effect: twiliotest.Refuse(http.StatusBadRequest, code, "It does not work.")})
		err := s.source.Dial(t.Context(), s.order("k", simAna))
		require.ErrorIs(t, err, telephony.ErrNotDialled)
		require.ErrorContains(t, err, "It does not work (")
		require.ErrorContains(t, err, text)
	}
}

// TestSimulatedDial_busy: too many requests are no refusal yet: nothing was done, so it
// is asked again, a few times.
func TestSimulatedDial_busy(t *testing.T) {
	t.Parallel()
	for count, placed := range map[int]bool{2: true, 3: false} {
		s := dials(t, twiliotest.Config{Phones: meets(anaAnswers, customerAnswers)}, nil)
		busy := s.Inject(twiliotest.Fault{Method: http.MethodPost, Path: callsPath, Count: count, Effect: twiliotest.TooMany(0)})
		err := s.source.Dial(t.Context(), s.order("k", simAna))
		require.Equal(t, count, busy.Hits())
		require.Equal(t, placed, err == nil, "%v", err)
		if !placed {
			require.ErrorIs(t, err, telephony.ErrNotDialled)
			require.ErrorContains(t, err, "(20429): too many requests at once")
			require.Empty(t, s.Calls())
		}
	}
}

// TestSimulatedDial_lostAnswer: Twilio acted and its answer got lost, or never heard of
// it: nothing is ever asked for again. The call is found by its callbacks or else in
// Twilio's list, where there is one.
func TestSimulatedDial_lostAnswer(t *testing.T) {
	t.Parallel()
	noCallbacks := twiliotest.Mischief{Drop: true}
	for _, tt := range []struct {
		name   string
		effect twiliotest.Effect
		does   []twiliotest.Mischief
		calls  int
	}{
		{"cut, callbacks come", twiliotest.DropAfter(), nil, 1},
		{"cut, no callback comes", twiliotest.DropAfter(), []twiliotest.Mischief{noCallbacks}, 1},
		{"cut short", twiliotest.Truncate(), nil, 1},
		{"never heard of", twiliotest.DropBefore(), nil, 0},
		{"unavailable", twiliotest.Unavailable(), nil, 0},
		{"broken", twiliotest.Refuse(http.StatusInternalServerError, 20500, "Internal server error"), nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			phone := twiliotest.Phone{Address: simAna, Does: twiliotest.Rings}
			s := dials(t, twiliotest.Config{Phones: meets(phone, customerAnswers), Verified: []string{simCustomer}}, func(c *twilio.Config) { c.Dial.Ring = 4 * time.Second })
			s.create(t, map[string][]string{"To": {simAna}, "From": {simCustomer}, "Twiml": {"<Response/>"}, "Timeout": {"4"}}) // somebody else's
			for _, m := range tt.does {
				s.Meddle(m)
			}
			s.Inject(twiliotest.Fault{Method: http.MethodPost, Path: callsPath, Effect: tt.effect})
			o := s.order("k", simAna)
			err := s.source.Dial(t.Context(), o)
			require.Equal(t, tt.calls == 1, err == nil, "%v", err)
			require.NotErrorIs(t, err, telephony.ErrNotDialled)
			require.Len(t, s.Calls(), 1+tt.calls)
			found, err := s.source.FindCall(t.Context(), telephony.PlacedOrder{Order: o, At: time.Now()})
			require.NoError(t, err)
			require.Equal(t, tt.calls == 1, found)
			posted := slices.DeleteFunc(s.Requests(), func(r twiliotest.Request) bool { return r.Method != http.MethodPost })
			require.Len(t, posted, 2)
			require.NoError(t, s.Wait(t.Context()))
			require.Len(t, s.Calls(), 1+tt.calls)
		})
	}
}

// TestSimulatedDial_notReached: where there is no connection nothing was asked for.
func TestSimulatedDial_notReached(t *testing.T) {
	t.Parallel()
	s := dials(t, twiliotest.Config{}, nil)
	o := s.order("k", simAna)
	s.Close()
	err := s.source.Dial(t.Context(), o)
	require.ErrorIs(t, err, telephony.ErrNotDialled)
	require.ErrorContains(t, err, "Twilio is not reached")
}
