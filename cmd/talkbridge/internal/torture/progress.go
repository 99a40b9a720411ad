package torture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// progress rewrites one line for whoever looks.
func (s *site) progress(calls, open int) {
	if s.options.Progress == nil {
		return
	}
	s.mu.Lock()
	t := s.tally
	s.mu.Unlock()
	_, _ = fmt.Fprintf(s.options.Progress, "\r%s: %d of %d calls are as they should be, %d kills, %d cuts, %d outages\x1b[K",
		s.plan, calls-open, calls, t.Kills, t.Cuts, t.Outages)
}

// shortestKey tells keys from remarks.
const shortestKey = 32

// keys are those that sign the links to audio.
func (s *site) keys() ([]string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "journal", "recordings.keys"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of the links: %w", err)
	}
	return slices.DeleteFunc(strings.Fields(string(text)), func(word string) bool { return len(word) < shortestKey }), nil
}
