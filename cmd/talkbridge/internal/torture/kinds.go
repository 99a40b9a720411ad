package torture

import "github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"

// The channels that a call's ticket comes by, in the numbers of Zendesk.
const (
	ViaVoicemail = 44
	ViaInbound   = 45
	ViaOutbound  = 46
)

// Kind is one kind of call, and what is true of it.
type Kind struct {
	// Source tells of it.
	Source Source
	// Name is what the kind is called, Capture what is played of Asterisk.
	Name, Capture string
	// Share is how many there are among some hundreds.
	Share int
	// Via is the channel of the ticket, 0 if the call gets none.
	Via int
	// Phones is how many agents' phones take part; those that are Fixed are
	// captured with numbers of their own, and are not exchanged.
	Phones int
	Fixed  bool
	// Talks are those of them at which agents talk to the other side, in order:
	// the first one answers, the last one has the ticket.
	Talks []int
	// Caller is how the outside party shows itself.
	Caller Caller
	// Waits is the phase that a call is held in at which nobody talks.
	Waits asterisktest.Phase
	// Silent says that there is no recording of it: its source tells of none.
	Silent bool
	// Early says that only events tell who talks, and no list of channels: whoever
	// comes late cannot know. Of a phone outside that is called first there is no
	// number later, and a name with the end of a line in it cuts what is listed of
	// its channel.
	Early bool
}

// Caller is how the outside party of a kind shows itself.
type Caller int

// The ways.
const (
	// Named: a number of its own, and a name where the call comes in.
	Named Caller = iota
	// Unnamed is a number without a name.
	Unnamed
	// Withheld is no number.
	Withheld
	// Captured is what was captured, which cannot be exchanged.
	Captured
)

// Answered says that an agent and the other side talk.
func (k Kind) Answered() bool { return len(k.Talks) > 0 }

// sounds is how much is to be heard on its ticket.
func (k Kind) sounds() int {
	if !k.Silent && (k.Answered() || k.Via == ViaVoicemail) {
		return 1
	}
	return 0
}

// outbound says that an agent calls.
func (k Kind) outbound() bool {
	return k.Via == ViaOutbound || k.Name == "unanswered" || k.Name == "outbound busy"
}

// KindsOf are all calls that a source tells of.
func KindsOf(source Source) []Kind {
	var kinds []Kind
	switch source {
	case Asterisk:
		kinds = captured()
	case Twilio:
		kinds = onTwilio()
	case CTI:
		kinds = pushed()
	case Events:
		kinds = evented()
	}
	for i := range kinds {
		kinds[i].Source = source
	}
	return kinds
}

// captured are all that are captured.
func captured() []Kind {
	one, both, second := []int{0}, []int{0, 1}, []int{1}
	const rings, records = asterisktest.Ringing, asterisktest.Recording
	return []Kind{
		{Name: "inbound", Capture: "a_inbound_answered", Share: 260, Via: ViaInbound, Phones: 1, Talks: one},
		{Name: "withheld", Capture: "l1_anonymous", Share: 30, Via: ViaInbound, Phones: 1, Talks: one, Caller: Withheld},
		{Name: "nameless number", Capture: "l2_no_user", Share: 10, Via: ViaInbound, Phones: 1, Talks: one, Caller: Captured},
		{Name: "unicode name", Capture: "l3_unicode_name", Share: 20, Via: ViaInbound, Phones: 1, Talks: one, Caller: Unnamed},
		{Name: "escaped name", Capture: "l4_escaped_crlf_user", Share: 10, Via: ViaInbound, Phones: 1, Talks: one, Caller: Captured, Early: true},
		{Name: "forged event", Capture: "l7_forged_event", Share: 10, Via: ViaInbound, Phones: 1, Talks: one, Caller: Captured, Early: true},
		{Name: "hold", Capture: "j_hold", Share: 30, Via: ViaInbound, Phones: 1, Talks: one},
		{Name: "queue", Capture: "e_queue_second_agent", Share: 60, Via: ViaInbound, Phones: 2, Talks: second},
		{Name: "blind transfer", Capture: "h1_blind_refer", Share: 30, Via: ViaInbound, Phones: 2, Talks: both},
		{Name: "blind transfer by AMI", Capture: "h2_blind_ami", Share: 20, Via: ViaInbound, Phones: 2, Talks: both},
		{Name: "attended transfer", Capture: "i1_attended_feature", Share: 20, Via: ViaInbound, Phones: 2, Talks: both},
		{Name: "attended transfer by REFER", Capture: "i2_attended_refer", Share: 20, Via: ViaInbound, Phones: 2, Talks: both},
		{Name: "mobile", Capture: "v1_mobile_answers", Share: 15, Via: ViaInbound, Phones: 1, Fixed: true, Talks: one},
		{Name: "blind transfer to a mobile", Capture: "v2_mobile_blind_refer", Share: 10, Via: ViaInbound, Phones: 2, Fixed: true, Talks: both},
		{Name: "attended transfer to a mobile by REFER", Capture: "v3_mobile_attended_refer", Share: 10, Via: ViaInbound, Phones: 2, Fixed: true, Talks: both},
		{Name: "attended transfer to a mobile", Capture: "v5_mobile_attended_feature", Share: 10, Via: ViaInbound, Phones: 2, Fixed: true, Talks: both},
		{Name: "missed", Capture: "c_abandoned_ringing", Share: 70, Via: ViaInbound, Phones: 1, Waits: rings},
		{Name: "busy", Capture: "d1_busy", Share: 30, Via: ViaInbound, Phones: 1, Waits: rings},
		{Name: "greeting", Capture: "b2_voicemail_hangup_in_greeting", Share: 30, Via: ViaInbound, Phones: 1, Waits: rings},
		{Name: "queue abandoned", Capture: "f_queue_abandoned", Share: 30, Via: ViaInbound, Phones: 2, Waits: rings},
		{Name: "voicemail", Capture: "b_voicemail", Share: 70, Via: ViaVoicemail, Phones: 1, Waits: records},
		{Name: "queue to voicemail", Capture: "d2_queue_all_busy_timeout", Share: 15, Via: ViaVoicemail, Waits: records},
		{Name: "outbound", Capture: "g1_outbound_answered", Share: 100, Via: ViaOutbound, Phones: 1, Talks: one},
		{Name: "click to call", Capture: "o_click_to_call", Share: 20, Via: ViaOutbound, Phones: 1, Talks: one},
		{Name: "click to call at a mobile", Capture: "v4_mobile_click_to_call", Share: 10, Via: ViaOutbound, Phones: 1, Fixed: true, Talks: one, Caller: Captured, Early: true},
		{Name: "unanswered", Capture: "g2_outbound_unanswered", Share: 25, Phones: 1, Waits: rings},
		{Name: "outbound busy", Capture: "g3_outbound_busy", Share: 15, Phones: 1, Waits: rings},
		{Name: "internal", Capture: "m_internal", Share: 30, Phones: 2, Waits: rings, Caller: Captured},
	}
}
