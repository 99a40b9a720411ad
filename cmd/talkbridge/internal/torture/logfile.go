package torture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// maxLogLine bounds what is read of the log as one line.
const maxLogLine = 1 << 20

// logFile is where all daemons of a site write what they say. It is safe for
// concurrent use.
type logFile struct {
	path string

	mu     sync.Mutex
	file   *os.File
	rest   []byte // of a line that is not whole yet
	public string // where the newest daemon serves audio
	// connected counts how often daemons said that they know what is live on a phone
	// system, by its name; confirmed how often, that they know their agents.
	connected map[string]int
	confirmed int
}

func newLogFile(path string) (*logFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in a folder of our own
	if err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	return &logFile{path: path, file: file, connected: map[string]int{}}, nil
}

// Write implements io.Writer.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte{'\n'})
		if !whole {
			break
		}
		l.note(line)
		l.rest = rest
	}
	l.rest = append([]byte(nil), l.rest[:min(len(l.rest), maxLogLine)]...)
	return l.file.Write(p)
}

// note reads a line; the caller holds the lock.
func (l *logFile) note(line []byte) {
	switch {
	case bytes.Contains(line, []byte(`msg="phone system connected"`)):
		_, rest, _ := bytes.Cut(line, []byte(" source="))
		name, _, _ := bytes.Cut(rest, []byte{' '})
		l.connected[string(name)]++
	case bytes.Contains(line, []byte(`msg="agents confirmed"`)):
		l.confirmed++
	}
	if _, rest, found := bytes.Cut(line, []byte(` public_listen="`)); found {
		address, _, _ := bytes.Cut(rest, []byte{'"'})
		l.public = string(address)
	}
}

// sessions is how often daemons said that they are connected with a phone system.
func (l *logFile) sessions(source Source) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.connected[source.name()]
}

// agentsConfirmed is how often daemons said that they know their agents.
func (l *logFile) agentsConfirmed() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.confirmed
}

// publicListen is where the newest daemon serves audio, "" while that is not
// known.
func (l *logFile) publicListen() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.public
}

// each gives fn every line so far.
func (l *logFile) each(fn func(line string)) error {
	file, err := os.Open(l.path)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLogLine)
	for lines.Scan() {
		fn(lines.Text())
	}
	return errors.Join(lines.Err(), file.Close())
}

// about are the newest lines that contain a text, at most so many.
func (l *logFile) about(text string, most int) ([]string, error) {
	var found []string
	err := l.each(func(line string) {
		if strings.Contains(line, text) {
			found = append(found, line)
			found = found[max(0, len(found)-most):]
		}
	})
	return found, err
}

// Close ends the writing.
func (l *logFile) Close() error { return l.file.Close() }
