package voicemail

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxChunks bounds how many chunks of a WAV are walked through.
const maxChunks = 64

// Format is a kind of audio that is kept and served.
type Format string

// The formats. Their values are the extensions of files and links.
const (
	WAV Format = "wav"
	MP3 Format = "mp3"
)

// formats are tried in this order where only the name of audio is known.
var formats = []Format{WAV, MP3}

// ContentType is the media type, or "" for an unknown format.
func (f Format) ContentType() string {
	switch f {
	case WAV:
		return "audio/wav"
	case MP3:
		return "audio/mpeg"
	}
	return ""
}

var (
	errNotAudio = errors.New("neither WAV nor MP3")
	errNoSound  = errors.New("a header without sound")
)

// Probe says what audio r is, by its first bytes and not by its name, and how
// long it lasts: exactly for WAV, 0 (unknown) for MP3. size is how many bytes r
// has. It reads headers only. Audio without sound, such as the 44 bytes that a
// recorder leaves of a call that was never answered, is an error.
func Probe(r io.ReaderAt, size int64) (Format, time.Duration, error) {
	var head [12]byte
	n, err := r.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", 0, fmt.Errorf("read audio: %w", err)
	}
	switch {
	case n == len(head) && string(head[:4]) == "RIFF" && string(head[8:]) == "WAVE":
		length, err := wavDuration(r, size)
		return WAV, length, err
	case n == len(head) && isMP3(head[:]):
		return MP3, 0, nil
	case size == 0:
		return "", 0, errNoSound
	}
	return "", 0, errNotAudio
}

// isMP3 knows an ID3v2 tag and the header of an MPEG audio frame of layer III
// (ISO 11172-3, 2.4.1.3): eleven set bits, then version, layer, bit rate and
// sampling rate, each with a value that is not allowed.
func isMP3(head []byte) bool {
	if string(head[:3]) == "ID3" {
		return head[3] < 0xff && head[4] < 0xff
	}
	version, layer := head[1]>>3&3, head[1]>>1&3
	bitrate, sampling := head[2]>>4, head[2]>>2&3
	return head[0] == 0xff && head[1]&0xe0 == 0xe0 && version != 1 && layer == 1 && bitrate != 0 && bitrate != 15 && sampling != 3
}

// wavDuration walks the chunks of a RIFF file to fmt and data. Recorders that
// were cut off leave a data size of 0 or more than there is: then what is
// there counts.
func wavDuration(r io.ReaderAt, size int64) (time.Duration, error) {
	var byteRate uint32
	at := int64(12)
	for range maxChunks {
		var head [8]byte
		if at+int64(len(head)) > size {
			break
		}
		if _, err := r.ReadAt(head[:], at); err != nil {
			return 0, fmt.Errorf("read WAV chunk: %w", err)
		}
		at += int64(len(head))
		length, left := int64(binary.LittleEndian.Uint32(head[4:])), size-at
		switch string(head[:4]) {
		case "fmt ":
			var format [12]byte
			if length < 16 || left < 16 {
				return 0, fmt.Errorf("%w: WAV format chunk of %d bytes", errNotAudio, min(length, left))
			}
			if _, err := r.ReadAt(format[:], at); err != nil {
				return 0, fmt.Errorf("read WAV format: %w", err)
			}
			byteRate = binary.LittleEndian.Uint32(format[8:])
		case "data":
			if length == 0 || length > left {
				length = left
			}
			return soundLength(length, byteRate)
		}
		at += length + length&1
	}
	return 0, fmt.Errorf("%w: WAV without a data chunk", errNoSound)
}

// soundLength is the time that n bytes last at rate bytes a second.
func soundLength(n int64, rate uint32) (time.Duration, error) {
	switch {
	case rate == 0:
		return 0, fmt.Errorf("%w: WAV with a byte rate of 0", errNotAudio)
	case n <= 0:
		return 0, errNoSound
	}
	whole, rest := n/int64(rate), n%int64(rate)
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate), nil
}
