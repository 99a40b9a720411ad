package transcript

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// The places of a command's arguments, and its bounds.
const (
	// FilePlace stands in a command for the path of the audio, LanguagePlace for
	// the language, which is "auto" where it is to be found out.
	FilePlace     = "{file}"
	LanguagePlace = "{language}"
	// maxComplaint bounds what of a command's standard error is told.
	maxComplaint = 300
	// lingering is how long a killed command may hold its output open.
	lingering = 2 * time.Second
)

// kept are the variables of the environment that a command sees. Others may be
// secrets of the configuration.
var kept = []string{"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"}

// Command is a Hook that runs a program: what it writes to its standard output is
// the text. No shell is between.
type Command struct {
	args    []string
	timeout time.Duration
}

var _ Hook = (*Command)(nil)

// NewCommand returns a hook that runs args, of which the first is the program.
// FilePlace and LanguagePlace are replaced wherever they stand; one argument must
// have FilePlace. A run that takes longer than timeout (0 is DefaultTimeout) is
// killed, with all that it started.
func NewCommand(args []string, timeout time.Duration) (*Command, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, errors.New("transcription command: it names no program")
	}
	if !strings.Contains(strings.Join(args[1:], " "), FilePlace) {
		return nil, fmt.Errorf("transcription command: no argument has %s, where the path of the audio goes", FilePlace)
	}
	return &Command{args: args, timeout: cmp.Or(timeout, DefaultTimeout)}, nil
}

// Transcribe implements Hook. A run that fails may pass the next time.
func (c *Command) Transcribe(ctx context.Context, speech Speech) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("it took longer than %s", c.timeout))
	defer cancel()
	fill := strings.NewReplacer(FilePlace, speech.Path, LanguagePlace, cmp.Or(speech.Language, "auto"))
	args := make([]string, len(c.args))
	for i, a := range c.args {
		args[i] = fill.Replace(a)
	}
	cmd := exec.CommandContext(ctx, c.args[0], args[1:]...) //nolint:gosec // the operator names the program
	// A group of its own, so that what it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = lingering
	cmd.Env = environment()
	text, complaint := bounded{limit: 2 * MaxText}, bounded{limit: maxComplaint}
	cmd.Stdout, cmd.Stderr = &text, &complaint
	err := cmd.Run()
	switch cause := context.Cause(ctx); {
	case err == nil:
		return Clean(text.String(), MaxText), nil
	case cause != nil:
		err = cause
	case errors.Is(err, exec.ErrWaitDelay):
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
		err = errors.New("it ended, and what it started did not")
	}
	err = fmt.Errorf("run the transcription command: %w", err)
	if said := strings.Join(strings.Fields(Clean(complaint.String(), maxComplaint)), " "); said != "" {
		err = fmt.Errorf("%w: it says %q", err, said)
	}
	return "", err
}

// environment is what a command sees of ours.
func environment() []string {
	var env []string
	for _, name := range kept {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// bounded keeps the beginning of what is written to it, and lets the rest go: a
// program that writes without end is ended by its time.
type bounded struct {
	bytes.Buffer
	limit int
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
