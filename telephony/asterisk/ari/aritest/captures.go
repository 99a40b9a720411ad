package aritest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed captures/*.gz
var captureFS embed.FS

const (
	captureDir    = "captures"
	captureSuffix = ".ari.jsonl.gz"
	// maxCapture bounds what a capture may inflate to.
	maxCapture = 16 << 20
)

// ErrNoCapture says that there is no capture of that name.
var ErrNoCapture = errors.New("no such capture")

// Captures lists the names of the embedded captures in ascending order. They are
// those of asterisktest, which were recorded at the same time over AMI.
func Captures() []string {
	entries, err := captureFS.ReadDir(captureDir)
	if err != nil {
		return nil // impossible: the folder is part of the binary
	}
	var names []string
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), captureSuffix))
	}
	slices.Sort(names)
	return names
}

// Capture returns the messages of a capture as they came. An unknown name gives
// ErrNoCapture.
func Capture(name string) ([][]byte, error) {
	packed, err := captureFS.ReadFile(captureDir + "/" + name + captureSuffix)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrNoCapture, name)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read capture %s: %w", name, err)
	}
	lines := bufio.NewReader(io.LimitReader(reader, maxCapture))
	var messages [][]byte
	for {
		line, err := lines.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			messages = append(messages, line)
		}
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read capture %s: %w", name, err)
		}
	}
}
