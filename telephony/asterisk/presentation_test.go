package asterisk_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// channelEvent is an event of the first channel of call 1.1, from outside.
func channelEvent(kind, rest string) string {
	return "Event: " + kind + "\r\nPrivilege: call,all\r\nTimestamp: 1795309909.146786\r\nChannel: PJSIP/trunk-00000001\r\nChannelState: 4\r\n" +
		"ChannelStateDesc: Ring\r\nCallerIDNum: +493012345678\r\nCallerIDName: Ann\r\nConnectedLineNum: <unknown>\r\nConnectedLineName: <unknown>\r\n" +
		"Language: en\r\nAccountCode: \r\nContext: from-trunk\r\nExten: +1555\r\nPriority: 1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n" + rest + "\r\n"
}

// forwarded is the dialling of an outside line by that channel.
func forwarded() string {
	dest := "DestChannel: PJSIP/trunk-00000002\r\nDestChannelState: 0\r\nDestChannelStateDesc: Down\r\nDestCallerIDNum: 030\r\nDestCallerIDName: \r\n" +
		"DestConnectedLineNum: +493012345678\r\nDestConnectedLineName: Ann\r\nDestLanguage: en\r\nDestAccountCode: \r\nDestContext: x\r\nDestExten: s\r\n" +
		"DestPriority: 1\r\nDestUniqueid: 1.2\r\nDestLinkedid: 1.1\r\nDialString: 030@trunk\r\n"
	return channelEvent("DialBegin", dest)
}

// A number of which the caller asked that it be hidden is neither shown nor
// stored, although Asterisk prints it in every event.
func TestPresentation(t *testing.T) {
	t.Parallel()
	answer := func(value string) string {
		return "Response: Success\r\nActionID: %s\r\nVariable: CALLERID(num-pres)\r\nValue: " + value + "\r\n"
	}
	public, hidden := telephony.Party{Number: "+493012345678", Name: "Ann"}, telephony.Party{Withheld: true}
	tests := []struct {
		name, answer string
		want         telephony.Party
	}{
		{name: "allowed", answer: answer("allowed_not_screened"), want: public},
		{name: "prohibited", answer: answer("prohib_passed_screen"), want: hidden},
		{name: "unavailable", answer: answer("unavailable"), want: hidden},
		{name: "not allowed to ask", answer: "Response: Error\r\nActionID: %s\r\nMessage: Permission denied\r\n", want: public},
		{name: "the channel is gone", answer: "Response: Error\r\nActionID: %s\r\nMessage: No such channel\r\n", want: public},
		{name: "no answer", answer: "-", want: public},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answers := loginAnswers()
			answers["Getvar"] = tt.answer
			f := fake{answers: answers, pings: 1000, after: map[string]string{
				"Events": channelEvent("Newchannel", "") + forwarded() + channelEvent("Hangup", "Cause: 16\r\nCause-txt: x\r\n"),
			}}
			k := newSink()
			r := run(t, asterisk.Config{
				Site: "hq", Name: "pbx1", Address: f.start(t), Username: "u", Secret: "s", Trunks: []string{"PJSIP/trunk"},
			}, k)
			eventually(t, func() bool {
				legs := k.state("1.1").Legs
				return len(legs) == 2 && !legs[0].EndedAt.IsZero()
			})
			s := k.state("1.1")
			require.Equal(t, tt.want, s.From)
			r.stop(t)
			for _, entry := range k.Entries() {
				for _, e := range entry {
					shown := strings.Contains(e.Party.Number, "3012345678")
					for _, value := range e.Raw {
						shown = shown || strings.Contains(value, "3012345678")
					}
					require.False(t, shown && tt.want.Withheld, "%+v", e)
				}
			}
		})
	}
}
