package pbx

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func TestEndpointAndSide(t *testing.T) {
	t.Parallel()
	trunks := []string{"PJSIP/trunk", "DAHDI/i1", "SIP/my-carrier"}
	tests := []struct {
		channel, endpoint string
		side              telephony.Side
	}{
		{channel: "PJSIP/trunk-0000006e", endpoint: "PJSIP/trunk", side: telephony.SideTrunk},
		{channel: "PJSIP/trunk2-0000006e", endpoint: "PJSIP/trunk2", side: telephony.SideAgent},
		{channel: "pjsip/Trunk-0000006e", endpoint: "pjsip/Trunk", side: telephony.SideTrunk},
		{channel: "SIP/my-carrier-0000006e", endpoint: "SIP/my-carrier", side: telephony.SideTrunk},
		{channel: "DAHDI/i1/03055512345-1a", endpoint: "DAHDI/i1/03055512345", side: telephony.SideTrunk},
		{channel: "DAHDI/i11/030-1a", endpoint: "DAHDI/i11/030", side: telephony.SideAgent},
		{channel: "PJSIP/1001-00000001", endpoint: "PJSIP/1001", side: telephony.SideAgent},
		{channel: "Local/1001@ctx-00000001;2", endpoint: "Local/1001@ctx-00000001", side: telephony.SideHelper},
		{channel: "odd", endpoint: "odd", side: telephony.SideAgent},
		{channel: "-", endpoint: "-", side: telephony.SideAgent},
		{channel: "", endpoint: "", side: telephony.SideAgent},
	}
	for _, tt := range tests {
		t.Run(tt.channel, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.endpoint, Endpoint(tt.channel))
			require.Equal(t, tt.side, Side(tt.endpoint, trunks))
		})
	}
}

func TestDialledNumber(t *testing.T) {
	t.Parallel()
	tests := []struct{ dial, want string }{
		{dial: "03055512345@trunk", want: "03055512345"},
		{dial: "trunk/03055512345", want: "03055512345"},
		{dial: "trunk/sip:+4930@carrier.example:5060", want: "+4930"},
		{dial: "i1/03055512345", want: "03055512345"},
		{dial: "03055512345", want: "03055512345"},
		{dial: "1\r\n2@x", want: "12"},
		{dial: "", want: ""},
	}
	for _, tt := range tests {
		t.Run(tt.dial, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, DialledNumber(tt.dial))
		})
	}
	for _, tt := range []struct{ data, trunk, want string }{
		{"PJSIP/03055512345@trunk,20,tT", "PJSIP/trunk", "03055512345"},
		{"PJSIP/1@x&PJSIP/03055512345@trunk,20,tT", "PJSIP/trunk", "03055512345"},
		{"PJSIP/1001&pjsip/+15550100101@Trunk", "PJSIP/trunk", "+15550100101"},
		{"PJSIP/trunk/sip:03055512345@h", "PJSIP/trunk", "03055512345"},
		{"DAHDI/i1/03055512345", "DAHDI/i1/03055512345", "03055512345"},
		{"DAHDI/g0/03055512345,20", "DAHDI/i1/03055512345", "03055512345"},
		{"PJSIP/1001&DAHDI/g0/03055512345", "DAHDI/i1/03055512345", ""},
		{"PJSIP/1001&Local/mobile@ring", "PJSIP/trunk", ""},
		{"PJSIP/1001", "DAHDI/i1/03055512345", ""},
		{"support,tT", "PJSIP/trunk", ""},
		{"", "", ""},
		{"/", "", ""},
	} {
		require.Equal(t, tt.want, AppNumber(tt.data, tt.trunk), tt.data)
	}
}
