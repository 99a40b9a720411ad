package voicemail_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/voicemail"
)

func TestParseInfo(t *testing.T) {
	t.Parallel()
	got, err := voicemail.ParseInfo(bytes.NewReader(captured(t, "msg0000.txt")))
	require.NoError(t, err)
	want := voicemail.Info{
		MessageID: "1795310949-00000000",
		Category:  native,
		Caller:    `"Ann Caller" <+493012345678>`,
		Mailbox:   "1001",
		Time:      time.Date(2026, 11, 22, 1, 29, 9, 0, time.UTC),
		Duration:  5 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("info (-want +got):\n%s", diff)
	}
}

func TestParseInfoForms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text, wantErr string
		want                voicemail.Info
	}{
		{name: "empty section", text: "[message]\n"},
		{name: "blanks, case and CRLF", text: " [Message] \r\n MSG_ID = a b \r\n", want: voicemail.Info{MessageID: "a b"}},
		{name: "first counts", text: "[message]\nmsg_id=1\nmsg_id=2\n", want: voicemail.Info{MessageID: "1"}},
		{name: "other section", text: "[other]\nmsg_id=1\n[message]\nduration=3\n[more]\ncategory=x\n", want: voicemail.Info{Duration: 3 * time.Second}},
		{name: "value with equals", text: "[message]\ncategory=a=b\n", want: voicemail.Info{Category: "a=b"}},
		{name: "control characters", text: "[message]\ncallerid=\"A\x1b[31m\u202eB\" <1>\n", want: voicemail.Info{Caller: `"A[31mB" <1>`}},
		{name: "line without equals", text: "[message]\nrubbish\nmsg_id=1", want: voicemail.Info{MessageID: "1"}},
		{name: "nothing", text: "", wantErr: "no section [message]"},
		{name: "no section", text: "msg_id=1\n", wantErr: "no section [message]"},
		{name: "time is no number", text: "[message]\norigtime=soon\n", wantErr: `origtime "soon"`},
		{name: "time before 1970", text: "[message]\norigtime=-1\n", wantErr: "origtime"},
		{name: "time of no calendar", text: "[message]\norigtime=99999999999999\n", wantErr: "origtime"},
		{name: "negative duration", text: "[message]\nduration=-5\n", wantErr: `duration "-5"`},
		{name: "duration overflows", text: "[message]\nduration=99999999999\n", wantErr: "duration"},
		{name: "too long", text: "[message]\n" + strings.Repeat("x", 64<<10), wantErr: "longer than 65536 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := voicemail.ParseInfo(strings.NewReader(tc.text))
			if tc.wantErr != "" {
				require.ErrorContains(t, err, tc.wantErr)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func FuzzParseInfo(f *testing.F) {
	f.Add(captured(f, "msg0000.txt"))
	f.Add([]byte("[message]\norigtime=1\nduration=2\r\nmsg_id=\x00\n[x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		info, err := voicemail.ParseInfo(bytes.NewReader(text))
		if err != nil {
			require.Zero(t, info)
			return
		}
		require.GreaterOrEqual(t, info.Duration, time.Duration(0))
		require.False(t, strings.ContainsAny(info.MessageID+info.Category+info.Caller+info.Mailbox, "\r\n\x00"))
		// What was read reads the same again.
		again := fmt.Sprintf("[message]\nmsg_id=%s\ncategory=%s\ncallerid=%s\norigmailbox=%s\nduration=%d\n",
			info.MessageID, info.Category, info.Caller, info.Mailbox, info.Duration/time.Second)
		if !info.Time.IsZero() {
			again += fmt.Sprintf("origtime=%d\n", info.Time.Unix())
		}
		if len(again) > 64<<10 {
			return
		}
		second, err := voicemail.ParseInfo(strings.NewReader(again))
		require.NoError(t, err)
		require.Equal(t, info, second)
	})
}

func ExampleParseInfo() {
	text := "[message]\norigmailbox=1001\ncallerid=\"Ann Caller\" <+493012345678>\n" +
		"origtime=1795310949\ncategory=pbx1-1795310938.0\nmsg_id=1795310949-00000000\nduration=5\n"
	info, err := voicemail.ParseInfo(strings.NewReader(text))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.Category, info.Time.Format(time.RFC3339), info.Duration)
	// Output: pbx1-1795310938.0 2026-11-22T01:29:09Z 5s
}
