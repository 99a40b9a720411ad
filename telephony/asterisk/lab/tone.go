package lab

import (
	"errors"
	"math"
	"os"
	"path/filepath"
)

// What is said on the telephone: tones, so that whoever hears them can tell who
// spoke. In hertz.
const (
	CallerTone = 440
	AgentTone  = 660
)

const sampleRate = 8000

// tone is a second of a tone in G.711 µ-law, 8,000 samples; it can be repeated
// without a click.
func tone(hertz float64) []byte {
	samples := make([]byte, sampleRate)
	for i := range samples {
		samples[i] = muLaw(int(8000 * math.Sin(2*math.Pi*hertz*float64(i)/sampleRate)))
	}
	return samples
}

// muLaw encodes a 16-bit sample (ITU-T G.711).
func muLaw(sample int) byte {
	const bias, clip = 0x84, 32635
	sign := 0
	if sample < 0 {
		sign, sample = 0x80, -sample
	}
	sample = min(sample, clip) + bias
	exponent := 7
	for mask := 0x4000; exponent > 0 && sample&mask == 0; mask >>= 1 {
		exponent--
	}
	return ^byte(sign | exponent<<4 | sample>>(exponent+3)&0x0f) //nolint:gosec // eight bits by construction
}

// writeTones puts the audio beside the scripts of the telephones.
func (p *PBX) writeTones() error {
	return errors.Join(
		os.WriteFile(filepath.Join(p.dir, "phones", "caller.ulaw"), tone(CallerTone), 0o600),
		os.WriteFile(filepath.Join(p.dir, "phones", "agent.ulaw"), tone(AgentTone), 0o600),
	)
}
