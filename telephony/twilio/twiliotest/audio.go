package twiliotest

import (
	"encoding/binary"
	"math"
	"time"
)

// The sound of recordings: a tone of 440 Hz at 8 kHz with 16 bits, of at most ten minutes.
const (
	sampleRate  = 8000
	tone        = 440
	loudness    = 4000
	waveHeader  = 44
	longestTone = 10 * time.Minute
)

// WAV is a recording of that length and so many channels as a WAV file. Its comment names it.
func WAV(name string, length time.Duration, channels int) []byte {
	length = min(length, longestTone)
	samples := int(length.Seconds() * sampleRate)
	size := samples * 2 * channels
	comment := infoChunk(name)
	data := make([]byte, waveHeader+size, waveHeader+size+len(comment))
	order := binary.LittleEndian
	copy(data, "RIFF")
	order.PutUint32(data[4:], uint32(waveHeader-8+size+len(comment))) //nolint:gosec // at most ten minutes
	copy(data[8:], "WAVEfmt ")
	order.PutUint32(data[16:], 16)
	order.PutUint16(data[20:], 1)                // PCM
	order.PutUint16(data[22:], uint16(channels)) //nolint:gosec // one or two
	order.PutUint32(data[24:], sampleRate)
	order.PutUint32(data[28:], uint32(sampleRate*2*channels)) //nolint:gosec // one or two
	order.PutUint16(data[32:], uint16(2*channels))            //nolint:gosec // one or two
	order.PutUint16(data[34:], 16)
	copy(data[36:], "data")
	order.PutUint32(data[40:], uint32(size)) //nolint:gosec // at most ten minutes
	for i := range samples * channels {
		v := int16(loudness * math.Sin(2*math.Pi*tone*float64(i/channels)/sampleRate))
		order.PutUint16(data[waveHeader+2*i:], uint16(v)) //nolint:gosec // two's complement
	}
	return append(data, comment...)
}

// infoChunk is a comment as RIFF files have it.
func infoChunk(text string) []byte {
	value := []byte(text + "\x00")
	if len(value)%2 == 1 {
		value = append(value, 0)
	}
	body := append([]byte("INFOICMT"), binary.LittleEndian.AppendUint32(nil, uint32(len(value)))...) //nolint:gosec // a name
	body = append(body, value...)
	return append(binary.LittleEndian.AppendUint32([]byte("LIST"), uint32(len(body))), body...) //nolint:gosec // a name
}

// The frames of an MP3: MPEG 1 layer III, 32 kbit/s, 44.1 kHz, one channel, whose side information says that there is
// nothing to hear (ISO 11172-3, 2.4.1.3).
const (
	frameSize    = 144 * 32000 / 44100
	frameSamples = 1152
)

var frameHeader = []byte{0xff, 0xfb, 0x10, 0xc4}

// MP3 is a silence of that length as an MP3 file. Its title names it.
func MP3(name string, length time.Duration) []byte {
	length = min(length, longestTone)
	frames := int(math.Ceil(length.Seconds() * 44100 / frameSamples))
	title := append([]byte{0}, name...) // ISO 8859-1
	tag := []byte("TIT2")
	tag = binary.BigEndian.AppendUint32(tag, uint32(len(title))) //nolint:gosec // a name
	tag = append(append(tag, 0, 0), title...)
	data := append([]byte("ID3\x03\x00\x00"), 0, 0, byte(len(tag)>>7&0x7f), byte(len(tag)&0x7f))
	data = append(data, tag...)
	for range frames {
		at := len(data)
		data = append(data, make([]byte, frameSize)...)
		copy(data[at:], frameHeader)
	}
	return data
}
