package voicemail_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/voicemail"
)

// chunk is one part of a RIFF file, padded to an even length; size lies about
// its length if it is not negative.
func chunk(name string, body []byte, size int) []byte {
	if size < 0 {
		size = len(body)
	}
	out := binary.LittleEndian.AppendUint32([]byte(name), uint32(size))
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// format is a format chunk of one channel at 8 kHz.
func format(tag uint16, byteRate uint32, extra ...byte) []byte {
	out := binary.LittleEndian.AppendUint16(nil, tag)
	out = binary.LittleEndian.AppendUint16(out, 1)
	out = binary.LittleEndian.AppendUint32(out, 8000)
	out = binary.LittleEndian.AppendUint32(out, byteRate)
	return append(append(out, 2, 0, 16, 0), extra...)
}

func riff(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return chunk("RIFF", body, -1)
}

func TestProbe(t *testing.T) {
	t.Parallel()
	pcm := chunk("fmt ", format(1, 16000), -1)
	second := make([]byte, 16000)
	for _, tc := range []struct {
		name    string
		sound   []byte
		format  voicemail.Format
		want    time.Duration
		wantErr string
	}{
		{name: "captured", sound: captured(t, "msg0000.wav"), format: voicemail.WAV, want: 5660 * time.Millisecond},
		{name: "PCM", sound: riff(pcm, chunk("data", second, -1)), format: voicemail.WAV, want: time.Second},
		{name: "mu-law", sound: riff(chunk("fmt ", format(7, 8000, 0, 0), -1), chunk("data", second, -1)), format: voicemail.WAV, want: 2 * time.Second},
		{name: "GSM", sound: riff(chunk("fmt ", format(0x31, 1625, 2, 0, 0x40, 1), -1), chunk("fact", make([]byte, 4), -1), chunk("data", make([]byte, 3250), -1)), format: voicemail.WAV, want: 2 * time.Second},
		{name: "other chunks, one odd", sound: riff(chunk("LIST", []byte("odd"), -1), pcm, chunk("data", second, -1), chunk("id3 ", nil, -1)), format: voicemail.WAV, want: time.Second},
		{name: "cut off recorder: size 0", sound: riff(pcm, chunk("data", second, 0)), format: voicemail.WAV, want: time.Second},
		{name: "cut off recorder: size too large", sound: riff(pcm, chunk("data", second, 1<<31)), format: voicemail.WAV, want: time.Second},
		{name: "ID3", sound: append([]byte("ID3\x03\x00\x00\x00\x00\x00\x00"), second...), format: voicemail.MP3},
		{name: "MPEG 1 frame", sound: append([]byte{0xff, 0xfb, 0x90, 0x64}, second...), format: voicemail.MP3},
		{name: "MPEG 2 frame", sound: append([]byte{0xff, 0xf3, 0x40, 0xc0}, second...), format: voicemail.MP3},
		{name: "no sound", sound: riff(pcm, chunk("data", nil, -1)), wantErr: "without sound"},
		{name: "no data", sound: riff(pcm), wantErr: "without a data chunk"},
		{name: "empty", wantErr: "without sound"},
		{name: "data before format", sound: riff(chunk("data", second, -1), pcm), wantErr: "byte rate of 0"},
		{name: "byte rate 0", sound: riff(chunk("fmt ", format(1, 0), -1), chunk("data", second, -1)), wantErr: "byte rate of 0"},
		{name: "short format", sound: riff(chunk("fmt ", make([]byte, 4), -1), chunk("data", second, -1)), wantErr: "format chunk of 4 bytes"},
		{name: "chunk beyond the end", sound: riff(chunk("LIST", []byte("x"), 1<<31), pcm), wantErr: "without a data chunk"},
		{name: "thousand chunks", sound: riff(bytes.Repeat(chunk("junk", nil, -1), 1000), pcm, chunk("data", second, -1)), wantErr: "without a data chunk"},
		{name: "AVI", sound: chunk("RIFF", append([]byte("AVI "), second...), -1), wantErr: "neither WAV nor MP3"},
		{name: "UTF-16 text", sound: []byte("\xff\xfeh\x00e\x00l\x00l\x00o\x00!\x00"), wantErr: "neither WAV nor MP3"},
		{name: "AAC frame", sound: append([]byte{0xff, 0xf1, 0x50, 0x80}, second...), wantErr: "neither WAV nor MP3"},
		{name: "all ones", sound: bytes.Repeat([]byte{0xff}, 64), wantErr: "neither WAV nor MP3"},
		{name: "Ogg", sound: append([]byte("OggS"), second...), wantErr: "neither WAV nor MP3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			format, got, err := voicemail.Probe(bytes.NewReader(tc.sound), int64(len(tc.sound)))
			if tc.wantErr != "" {
				require.ErrorContains(t, err, tc.wantErr)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.format, format)
			require.Equal(t, tc.want, got)
		})
	}
}

func FuzzProbe(f *testing.F) {
	f.Add(captured(f, "msg0000.wav")[:1024])
	f.Add(riff(chunk("fmt ", format(1, 16000), -1), chunk("data", make([]byte, 10), 1<<31)))
	f.Add(riff(chunk("LIST", []byte("odd"), -1), chunk("fmt ", format(0x31, 1), -1), chunk("data", make([]byte, 10), -1)))
	f.Fuzz(func(t *testing.T, sound []byte) {
		format, length, err := voicemail.Probe(bytes.NewReader(sound), int64(len(sound)))
		if err != nil {
			require.Zero(t, length)
			return
		}
		require.NotEmpty(t, format.ContentType())
		require.GreaterOrEqual(t, length, time.Duration(0))
		require.LessOrEqual(t, length, time.Duration(len(sound))*time.Second, "a byte lasts a second at most")
	})
}
