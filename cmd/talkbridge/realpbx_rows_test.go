package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony/asterisk/lab"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// realRow is a scenario: what happens on the telephones, and what it should
// leave in Zendesk.
type realRow struct {
	name  string
	place func(*stage)
	// dialled are the numbers of ours that its calls dial from outside; phones the extensions that begin its calls, or
	// placedOver for one that the PBX places over a trunk. No other scenario has them.
	dialled, phones []string
	tickets         []wantTicket
}

// rank says where a call of the PBX stands among those of the row, and its
// tickets with it: first what was dialled from outside. It is negative for calls
// of other rows.
func (r realRow) rank(call lab.Call) int {
	if i := slices.Index(r.dialled, call.Dialled); i >= 0 {
		return i
	}
	from := call.Endpoint
	if call.Dialled == "s" {
		from = cmp.Or(placedOver[from], from)
	}
	if i := slices.Index(r.phones, from); i >= 0 {
		return len(r.dialled) + i
	}
	return -1
}

// placedOver names calls that the PBX places by itself, by whose channel it begins
// them with.
var placedOver = map[string]string{"trunk": "placed over trunk"}

// realRows are the scenarios of one PBX, all at once. Numbers that begin with
// +1555010 have a voicemail behind them, +1555020 have none, +1555030 and +1555040 ring a
// queue, +1555050 a ring group, +1555060 and +1555080 a phone and its agent's mobile, +1555070 a
// number outside. A number outside that ends with 2 is not answered, with 3 is busy, with 4 hangs
// up after three seconds.
var realRows = []realRow{
	{
		name:    "inbound, answered",
		dialled: []string{"+15550101001"},
		place: func(s *stage) {
			s.answers("1001")
			s.calls("+15550101001", 3*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1001"}, pops: []string{"1001"}, length: [2]int{3, 6}, recording: true}},
	},
	{
		name:    "inbound, the agent hangs up",
		dialled: []string{"+15550101034"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-hangs-up", Phone: "1034", Ring: time.Second, Talk: 2 * time.Second})
			s.place(lab.Script{Name: "caller-waits", Number: "+15550101034"})
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1034"}, pops: []string{"1034"}, length: [2]int{2, 5}, recording: true}},
	},
	{
		name:    "voicemail",
		dialled: []string{"+15550101002"},
		place: func(s *stage) {
			s.rings("1002")
			s.calls("+15550101002", 14*time.Second)
		},
		tickets: []wantTicket{{via: 44, length: [2]int{15, 22}, voicemail: true}},
	},
	{
		name:    "voicemail, the phone is busy",
		dialled: []string{"+15550101035"},
		place: func(s *stage) {
			s.busy("1035")
			s.calls("+15550101035", 14*time.Second)
		},
		tickets: []wantTicket{{via: 44, length: [2]int{13, 17}, voicemail: true}},
	},
	{
		name:    "hang-up in the greeting",
		dialled: []string{"+15550101003"},
		place: func(s *stage) {
			s.rings("1003")
			s.calls("+15550101003", time.Second)
		},
		tickets: []wantTicket{{via: 45, length: [2]int{4, 8}}},
	},
	{
		name:    "abandoned while ringing",
		dialled: []string{"+15550201004"},
		place: func(s *stage) {
			s.rings("1004")
			s.place(lab.Script{Name: "caller-gives-up", Number: "+15550201004", Ring: 2 * time.Second})
		},
		tickets: []wantTicket{{via: 45, length: [2]int{2, 4}}},
	},
	{
		name:    "busy",
		dialled: []string{"+15550201005"},
		place: func(s *stage) {
			s.busy("1005")
			s.place(lab.Script{Name: "caller-refused", Number: "+15550201005"})
		},
		tickets: []wantTicket{{via: 45, length: [2]int{0, 4}}},
	},
	{
		name:    "queue, the second agent answers",
		dialled: []string{"+15550303001"},
		place: func(s *stage) {
			s.rings("1006")
			s.answers("1007")
			s.calls("+15550303001", 10*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1007"}, pops: []string{"1007"}, length: [2]int{9, 12}, recording: true}},
	},
	{
		name:    "queue, all busy, voicemail",
		dialled: []string{"+15550404001"},
		place: func(s *stage) {
			s.busy("1008")
			s.calls("+15550404001", 22*time.Second)
		},
		tickets: []wantTicket{{via: 44, length: [2]int{21, 26}, voicemail: true}},
	},
	{
		name:    "queue, abandoned",
		dialled: []string{"+15550303002"},
		place: func(s *stage) {
			s.rings("1009")
			s.calls("+15550303002", 3*time.Second)
		},
		tickets: []wantTicket{{via: 45, length: [2]int{3, 5}}},
	},
	{
		name:    "ring group, the second answers",
		dialled: []string{"+15550501032"},
		place: func(s *stage) {
			s.rings("1032")
			s.answers("1033")
			s.calls("+15550501032", 2*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1033"}, pops: []string{"1033"}, length: [2]int{2, 5}, recording: true}},
	},
	{
		name:   "outbound, answered",
		phones: []string{"1011"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "caller-talks", Phone: "1011", Number: "903055512341", Talk: 3 * time.Second})
		},
		tickets: []wantTicket{{via: 46, agents: []string{"1011"}, pops: []string{"1011"}, length: [2]int{3, 6}, recording: true, caller: hasNumber("+493055512341")}},
	},
	{
		name:   "outbound, not answered",
		phones: []string{"1012"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "caller-gives-up", Phone: "1012", Number: "903055512342", Ring: 2 * time.Second})
		},
	},
	{
		name:   "outbound, busy",
		phones: []string{"1013"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "caller-refused", Phone: "1013", Number: "903055512343"})
		},
	},
	{
		name:   "click to call",
		phones: []string{"1031"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-hangs-up", Phone: "1031", Ring: 500 * time.Millisecond, Talk: 4 * time.Second})
			s.do("Originate", "Channel", "PJSIP/1031", "Exten", "903055512351", "Context", "from-internal", "Priority", "1",
				"CallerID", `"Click" <+493055512351>`, "Async", "true")
		},
		tickets: []wantTicket{{via: 46, agents: []string{"1031"}, pops: []string{"1031"}, length: [2]int{3, 6}, recording: true, caller: hasNumber("+493055512351")}},
	},
	{
		name:   "internal",
		phones: []string{"1029"},
		place: func(s *stage) {
			s.answers("1030")
			s.place(lab.Script{Name: "caller-talks", Phone: "1029", Number: "1030", Talk: 2 * time.Second})
		},
	},
	{
		name:    "blind transfer, REFER",
		dialled: []string{"+15550101014"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-refers", Phone: "1014", Ring: 500 * time.Millisecond, Talk: 2 * time.Second, Transfer: "1015"})
			s.answers("1015")
			s.calls("+15550101014", 7*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1014", "1015"}, pops: []string{"1014", "1015"}, length: [2]int{7, 10}, recording: true}},
	},
	{
		name:    "blind transfer, AMI",
		dialled: []string{"+15550101016"},
		place: func(s *stage) {
			s.answers("1016")
			s.answers("1017")
			s.calls("+15550101016", 6*time.Second)
			s.talks("1016")
			s.sees("1016")
			s.do("BlindTransfer", "Channel", s.pbx.Channel("1016"), "Exten", "1017", "Context", "from-internal")
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1016", "1017"}, pops: []string{"1016", "1017"}, length: [2]int{6, 9}, recording: true}},
	},
	{
		name:    "attended transfer, feature code",
		dialled: []string{"+15550101018"},
		phones:  []string{"1018"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-presses-transfer", Phone: "1018", Ring: 500 * time.Millisecond, Talk: time.Second, Transfer: "1019"})
			s.answers("1019")
			s.calls("+15550101018", 14*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1018", "1019"}, pops: []string{"1018", "1019"}, length: [2]int{13, 17}, recording: true}},
	},
	{
		name:    "attended transfer, REFER with Replaces",
		dialled: []string{"+15550101020"},
		phones:  []string{"1020"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-consults", Phone: "1020", Ring: 500 * time.Millisecond, Talk: time.Second, Transfer: "1021"})
			s.answers("1021")
			s.calls("+15550101020", 11*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1020", "1021"}, pops: []string{"1020", "1021"}, length: [2]int{11, 14}, recording: true}},
	},
	{
		name:    "attended transfer to an outside number, REFER with Replaces",
		dialled: []string{"+15550101036"},
		phones:  []string{"1036"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-consults", Phone: "1036", Ring: 500 * time.Millisecond, Talk: time.Second, Transfer: "903055512361"})
			s.calls("+15550101036", 11*time.Second)
		},
		// Both conversations had a ticket before they were joined: both stay, and each names the other. What comes later, the
		// end too, goes to the older. Its recording is mostly of the two outside parties.
		tickets: []wantTicket{
			{via: 45, agents: []string{"1036"}, pops: []string{"1036"}, length: [2]int{11, 14}, mayRecord: true, linked: true},
			{via: 46, agents: []string{"1036"}, pops: []string{"1036"}, length: [2]int{-1, 14}, linked: true},
		},
	},
	{
		name:    "hold",
		dialled: []string{"+15550101022"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-holds", Phone: "1022", Ring: 500 * time.Millisecond})
			s.calls("+15550101022", 5*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1022"}, pops: []string{"1022"}, length: [2]int{5, 8}, recording: true}},
	},
	{
		name:    "two at once, the same caller",
		dialled: []string{"+15550101023", "+15550201024"},
		place: func(s *stage) {
			s.answers("1023")
			s.answers("1024")
			for _, number := range []string{"+15550101023", "+15550201024"} {
				s.place(lab.Script{Name: "caller-talks", Number: number, From: `"Twin" <sip:+493012300002@carrier.invalid>`, Talk: 3 * time.Second})
			}
		},
		tickets: []wantTicket{
			{via: 45, agents: []string{"1023"}, pops: []string{"1023"}, length: [2]int{3, 6}, recording: true, caller: hasNumber("+493012300002")},
			{via: 45, agents: []string{"1024"}, pops: []string{"1024"}, length: [2]int{3, 6}, recording: true, caller: hasNumber("+493012300002")},
		},
	},
	{
		name:    "the agent's mobile answers",
		dialled: []string{"+15550601037"},
		place: func(s *stage) {
			s.rings("1037")
			s.calls("+15550601037", 3*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1037"}, pops: []string{"1037"}, length: [2]int{3, 6}, mayRecord: true}},
	},
	{
		name:    "the agent's mobile answers, by a Local channel",
		dialled: []string{"+15550801048"},
		place: func(s *stage) {
			s.rings("1048")
			s.calls("+15550801048", 3*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1048"}, pops: []string{"1048"}, length: [2]int{3, 6}, mayRecord: true}},
	},
	{
		name:    "forwarded to nobody's number",
		dialled: []string{"+15550701038"},
		place:   func(s *stage) { s.calls("+15550701038", 3*time.Second) },
		tickets: []wantTicket{{via: 45, length: [2]int{3, 6}, mayRecord: true, text: "Connected to: +493055510381"}},
	},
	{
		name:    "blind transfer to a mobile, REFER",
		dialled: []string{"+15550101039"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-refers", Phone: "1039", Ring: 500 * time.Millisecond, Talk: 2 * time.Second, Transfer: "9017155510401"})
			s.calls("+15550101039", 7*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1039", "1040"}, pops: []string{"1039", "1040"}, length: [2]int{7, 10}, mayRecord: true}},
	},
	{
		name:    "attended transfer to a mobile, feature code",
		dialled: []string{"+15550101041"},
		phones:  []string{"1041"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-presses-transfer", Phone: "1041", Ring: 500 * time.Millisecond, Talk: time.Second, Transfer: "9017155510421"})
			s.calls("+15550101041", 16*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1041", "1042"}, pops: []string{"1041", "1042"}, length: [2]int{15, 19}, mayRecord: true}},
	},
	{
		name:    "attended transfer to a mobile, REFER with Replaces",
		dialled: []string{"+15550101043"},
		phones:  []string{"1043"},
		place: func(s *stage) {
			s.place(lab.Script{Name: "phone-consults", Phone: "1043", Ring: 500 * time.Millisecond, Talk: time.Second, Transfer: "9017155510441"})
			s.calls("+15550101043", 11*time.Second)
		},
		tickets: []wantTicket{{via: 45, agents: []string{"1043", "1044"}, pops: []string{"1043", "1044"}, length: [2]int{11, 14}, mayRecord: true}},
	},
	{
		name:   "click to call, on a mobile",
		phones: []string{placedOver["trunk"]},
		place: func(s *stage) {
			s.do("Originate", "Channel", "PJSIP/+4917155510451@trunk", "Exten", "903055512374", "Context", "from-internal", "Priority", "1", "Async", "true")
		},
		tickets: []wantTicket{{via: 46, agents: []string{"1045"}, pops: []string{"1045"}, length: [2]int{4, 9}, mayRecord: true, caller: hasNumber("+493055512374")}},
	},
	{
		name:    "click to call, on a mobile, by a Local channel",
		dialled: []string{"1049"},
		place: func(s *stage) {
			s.do("Originate", "Channel", "Local/1049@follow-me/n", "Exten", "903055512384", "Context", "from-internal", "Priority", "1", "Async", "true")
		},
		tickets: []wantTicket{{via: 46, agents: []string{"1049"}, pops: []string{"1049"}, length: [2]int{4, 9}, mayRecord: true, caller: hasNumber("+493055512384")}},
	},
	callerRow("anonymous", "1025", `"Anonymous" <sip:anonymous@anonymous.invalid>`, isPlaceholder),
	callerRow("name in Unicode", "1026", `"Zoë \"Q\" O'Brïen 漢字 😀 <b>&amp;" <sip:+33123456789@carrier.invalid>`, func(u zendesktest.User) string {
		// Asterisk does not take the backslashes of SIP away.
		if u.Name != `Zoë \"Q\" O'Brïen 漢字 😀 <b>&amp;` {
			return "the requester is " + u.Name
		}
		return hasNumber("+33123456789")(u)
	}),
	callerRow("line breaks in the number", "1027",
		`"Evil%0D%0AEvent: Hangup" <sip:+1555%0d%0aEvent%3a%20Newchannel%0d%0a@carrier.invalid>`, isPlaceholder),
	callerRow("a forged event in the number", "1028",
		`"x" <sip:1%0d%0a%0d%0aEvent%3a%20Hangup%0d%0aPrivilege%3a%20call%2call%0d%0aCause%3a%2016@carrier.invalid>`, isPlaceholder),
}

// callerRow is an answered call of somebody with a special name or number.
func callerRow(name, phone, from string, caller func(zendesktest.User) string) realRow {
	number := "+1555010" + phone
	return realRow{
		name:    name,
		dialled: []string{number},
		place: func(s *stage) {
			s.answers(phone)
			header := ""
			if name == "anonymous" {
				header = "Privacy: id"
			}
			s.place(lab.Script{Name: "caller-talks", Number: number, From: from, Header: header, Talk: 2 * time.Second})
		},
		tickets: []wantTicket{{via: 45, agents: []string{phone}, pops: []string{phone}, length: [2]int{2, 5}, recording: true, caller: caller}},
	}
}

// isPlaceholder wants the user who stands for all callers without a number.
func isPlaceholder(u zendesktest.User) string {
	if u.ExternalID != "talkbridge-anonymous" {
		return "the requester is " + u.Name
	}
	return ""
}

// hasNumber wants the user with a number.
func hasNumber(number string) func(zendesktest.User) string {
	return func(u zendesktest.User) string {
		if u.Phone != number && !slices.Contains(u.PhoneIdentities, number) {
			return "the requester has the numbers " + strings.Join(append(u.PhoneIdentities, u.Phone), ", ")
		}
		return ""
	}
}
