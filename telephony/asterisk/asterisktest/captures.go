package asterisktest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed captures
var captureFS embed.FS

const (
	captureDir    = "captures"
	captureSuffix = ".ami.txt"
	timesSuffix   = ".ami.times"
	// maxCapture bounds what a compressed capture may inflate to.
	maxCapture = 64 << 20
)

// ErrNoCapture says that a capture of that name, or that part of it, is not in
// the package.
var ErrNoCapture = errors.New("no such capture")

// Read is one read from the socket while a capture was recorded.
type Read struct {
	Offset int           // first byte in the capture
	Length int           // bytes read
	At     time.Duration // since the connection was made
}

// Captures lists the names of the embedded captures in ascending order. A name
// is that of the recorded scenario, such as "a_inbound_answered";
// "u2_miss_hangup.part1" is the connection that was cut before the call ended,
// "burst" is about 10 s of traffic at 20 calls a second.
func Captures() []string {
	entries, err := captureFS.ReadDir(captureDir)
	if err != nil {
		return nil // impossible: the folder is part of the binary
	}
	var names []string
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".gz")
		if base, found := strings.CutSuffix(name, captureSuffix); found {
			names = append(names, base)
		}
	}
	slices.Sort(names)
	return names
}

// Capture returns the exact bytes that one connection received, from the
// greeting on. The result belongs to the caller. An unknown name gives
// ErrNoCapture.
func Capture(name string) ([]byte, error) {
	return readCapture(name + captureSuffix)
}

// Times returns how the bytes of a capture came: one entry a read, in order,
// without holes. A capture that was recorded without times
// ("u2_miss_hangup.part1") gives ErrNoCapture.
func Times(name string) ([]Read, error) {
	data, err := readCapture(name + timesSuffix)
	if err != nil {
		return nil, err
	}
	var reads []Read
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		read, err := parseRead(line)
		if err != nil {
			return nil, fmt.Errorf("read times of capture %q: %w", name, err)
		}
		reads = append(reads, read)
	}
	return reads, nil
}

// Meta returns the note made beside a capture: scenario, PBX version, start,
// and the recordings and voicemail files left on disk with their sizes.
func Meta(name string) (string, error) {
	data, err := readCapture(name + ".meta.txt")
	return string(data), err
}

// CoreShowChannels returns what the CoreShowChannels action answered at the end
// of a capture, with line ends reduced to LF; recorded for "u2_miss_hangup"
// only.
func CoreShowChannels(name string) ([]byte, error) {
	return readCapture(name + ".coreshowchannels.txt")
}

// Voicemail returns the files of the mailbox folder that a capture left behind,
// named as in the spool (msg0000.wav, msg0000.txt). Recorded for "b_voicemail"
// and "d2_queue_all_busy_timeout".
func Voicemail(name string) (fs.FS, error) {
	dir := path.Join(captureDir, name+".vm")
	if _, err := fs.Stat(captureFS, dir); err != nil {
		return nil, fmt.Errorf("voicemail of %q: %w", name, ErrNoCapture)
	}
	return fs.Sub(captureFS, dir)
}

func readCapture(file string) ([]byte, error) {
	data, err := captureFS.ReadFile(path.Join(captureDir, file))
	if err == nil {
		return data, nil
	}
	packed, err := captureFS.ReadFile(path.Join(captureDir, file+".gz"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, ErrNoCapture)
	}
	unpacker, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", file, err)
	}
	data, err = io.ReadAll(io.LimitReader(unpacker, maxCapture))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", file, err)
	}
	return data, nil
}

func parseRead(line string) (Read, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return Read{}, fmt.Errorf("line %q: want offset, length and milliseconds", line)
	}
	offset, err := strconv.Atoi(fields[0])
	if err != nil {
		return Read{}, fmt.Errorf("parse offset: %w", err)
	}
	length, err := strconv.Atoi(fields[1])
	if err != nil {
		return Read{}, fmt.Errorf("parse length: %w", err)
	}
	ms, err := strconv.ParseFloat(fields[2], 64)
	if err != nil {
		return Read{}, fmt.Errorf("parse milliseconds: %w", err)
	}
	return Read{Offset: offset, Length: length, At: time.Duration(ms * float64(time.Millisecond))}, nil
}
