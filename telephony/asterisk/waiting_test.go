package asterisk

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// entry is one waiting caller of a list, as Asterisk 22 writes it.
func entry(t *testing.T, channel, uniqueid, number, wait string) Message {
	t.Helper()
	text := "Event: QueueEntry\r\nQueue: support\r\nPosition: 1\r\nChannel: " + channel + "\r\nUniqueid: " + uniqueid +
		"\r\nCallerIDNum: " + number + "\r\nCallerIDName: Ann\r\nConnectedLineNum: unknown\r\nConnectedLineName: unknown\r\nWait: " + wait +
		"\r\nPriority: 0\r\nActionID: tb-1-2\r\n\r\n"
	all := messages(t, strings.NewReader(hello+text), wanted)
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

func TestAddWaiting(t *testing.T) {
	t.Parallel()
	const trunk, uniqueid = "PJSIP/trunk-00000001", "pbx1-1795309909.1"
	second := asked.Truncate(time.Second)
	tests := []struct {
		name  string
		entry Message
		want  time.Time // zero: no event
	}{
		{name: "waits", entry: entry(t, trunk, uniqueid, "+4930", "4"), want: second.Add(-4 * time.Second)},
		{name: "just came", entry: entry(t, trunk, uniqueid, "+4930", "0"), want: second},
		{name: "longer than his channel", entry: entry(t, trunk, uniqueid, "+4930", "4000"), want: began.Truncate(time.Second)},
		{name: "nonsense", entry: entry(t, trunk, uniqueid, "+4930", "-4"), want: second},
		{name: "not listed", entry: entry(t, trunk, "pbx1-1795309909.7", "+4930", "4")},
		{name: "another channel", entry: entry(t, "PJSIP/trunk-00000002", uniqueid, "+4930", "4")},
		{name: "a number with a line break", entry: entry(t, trunk, uniqueid, "1\r\nWait: 99", "4")},
		{
			name:  "a forged entry in a number",
			entry: entry(t, "PJSIP/trunk-00000002", "1.2", "1\r\n\r\nEvent: QueueEntry\r\nQueue: x\r\nUniqueid: "+uniqueid, "4"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			listed := []Message{status(t, nil)}
			f := pbx.Facts{Events: make(map[telephony.CallID][]telephony.Event)}
			lab().addWaiting(&f, []Message{tt.entry}, listed, asked)
			if tt.want.IsZero() {
				require.Empty(t, f.Order)
				return
			}
			want := pbx.Identified(telephony.Event{
				Call: "hq/pbx1/" + uniqueid, Kind: telephony.CallQueued, Time: tt.want, Leg: uniqueid, Name: "support", Estimated: true,
			})
			require.NoError(t, want.Validate())
			require.Equal(t, []telephony.Event{want}, f.Events[want.Call])
		})
	}
}
