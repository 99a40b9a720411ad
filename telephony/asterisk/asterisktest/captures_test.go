package asterisktest_test

import (
	"bytes"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// everyCapture is what tests and demo play; a file that is embedded without
// being used makes every binary larger, and fails TestCapturesAreAllUsed.
var everyCapture = []string{
	"a_inbound_answered", "b2_voicemail_hangup_in_greeting", "b_voicemail", "burst", "c_abandoned_ringing",
	"d1_busy", "d2_queue_all_busy_timeout", "e_queue_second_agent", "f_queue_abandoned", "g1_outbound_answered",
	"g2_outbound_unanswered", "g3_outbound_busy", "h1_blind_refer", "h2_blind_ami", "i1_attended_feature",
	"i2_attended_refer", "j_hold", "k_two_concurrent", "l1_anonymous", "l2_no_user",
	"l3_unicode_name", "l4_escaped_crlf_user", "l7_forged_event", "m_internal", "o_click_to_call", "t1_least_privilege_a",
	"t4_no_timestamps_a", "u2_miss_hangup", "u2_miss_hangup.part1",
	"v1_mobile_answers", "v2_mobile_blind_refer", "v3_mobile_attended_refer", "v4_mobile_click_to_call", "v5_mobile_attended_feature",
}

func TestCapturesAreAllUsed(t *testing.T) {
	t.Parallel()
	require.Equal(t, everyCapture, asterisktest.Captures())

	used := map[string]bool{".gitattributes": true, "u2_miss_hangup.coreshowchannels.txt": true, "b_voicemail.vm/msg0000.txt": true, "b_voicemail.vm/msg0000.wav": true, "d2_queue_all_busy_timeout.vm/msg0000.txt": true, "d2_queue_all_busy_timeout.vm/msg0000.wav": true}
	for _, name := range everyCapture {
		for _, suffix := range []string{".ami.txt", ".ami.times", ".meta.txt", ".ami.txt.gz", ".ami.times.gz"} {
			used[name+suffix] = true
		}
	}
	require.NoError(t, fs.WalkDir(os.DirFS("captures"), ".", func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		if !entry.IsDir() {
			require.Truef(t, used[path], "captures/%s is used by nothing", path)
		}
		return nil
	}))
}

func TestCaptureIsWhole(t *testing.T) {
	t.Parallel()
	for _, name := range everyCapture {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := asterisktest.Capture(name)
			require.NoError(t, err)
			require.True(t, bytes.HasPrefix(data, []byte("Asterisk Call Manager/11.0.0\r\n")))
			require.Zero(t, bytes.Count(data, []byte("\n"))-bytes.Count(data, []byte("\r\n")), "line ends must survive the checkout")
			if name == "u2_miss_hangup.part1" {
				_, err = asterisktest.Times(name)
				require.ErrorIs(t, err, asterisktest.ErrNoCapture)
				return
			}
			reads, err := asterisktest.Times(name)
			require.NoError(t, err)
			next := 0
			for _, read := range reads {
				require.Equal(t, next, read.Offset)
				next += read.Length
			}
			require.Equal(t, len(data), next)
			if name != "burst" {
				meta, err := asterisktest.Meta(name)
				require.NoError(t, err)
				require.Contains(t, meta, "driver_rc: 0")
			}
		})
	}
}

func TestCaptureExtras(t *testing.T) {
	t.Parallel()
	_, err := asterisktest.Capture("z")
	require.ErrorIs(t, err, asterisktest.ErrNoCapture)
	_, err = asterisktest.Voicemail("a_inbound_answered")
	require.ErrorIs(t, err, asterisktest.ErrNoCapture)

	mailbox, err := asterisktest.Voicemail("b_voicemail")
	require.NoError(t, err)
	wav, err := fs.ReadFile(mailbox, "msg0000.wav")
	require.NoError(t, err)
	require.Len(t, wav, 90604)
	text, err := fs.ReadFile(mailbox, "msg0000.txt")
	require.NoError(t, err)
	require.Contains(t, string(text), "category=pbx1-1795310938.0\n")

	channels, err := asterisktest.CoreShowChannels("u2_miss_hangup")
	require.NoError(t, err)
	require.Contains(t, string(channels), "ListItems: 0\n")
}
