package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// stopPatience is how long a child may take to end when it is asked to.
const stopPatience = 30 * time.Second

// Child is the program as a process of its own.
type Child struct {
	cmd *exec.Cmd
	// Ended is closed when the process is gone; Result is then what became of it.
	Ended  chan struct{}
	Result error
}

// StartChild starts a command line, with more in its environment. Whatever it
// says goes to out.
func StartChild(out io.Writer, env []string, command ...string) (*Child, error) {
	c := &Child{cmd: exec.Command(command[0], command[1:]...), Ended: make(chan struct{})} //nolint:gosec,noctx // the program itself; it outlives no one: Kill
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stdout, c.cmd.Stderr = out, out
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	go func() {
		defer close(c.Ended)
		c.Result = c.cmd.Wait()
	}()
	return c, nil
}

// Kill ends the child as kill -9 does, and waits for it.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // it may be gone
	<-c.Ended
}

// PID is its process id.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Signal sends it a signal.
func (c *Child) Signal(sig os.Signal) error { return c.cmd.Process.Signal(sig) }

// Stop ends the child gracefully, and gives an error unless it ends with code 0.
func (c *Child) Stop(ctx context.Context) error {
	if err := c.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the daemon: %w", err)
	}
	patience := time.NewTimer(stopPatience)
	defer patience.Stop()
	select {
	case <-c.Ended:
	case <-ctx.Done():
		c.Kill()
		return context.Cause(ctx)
	case <-patience.C:
		c.Kill()
		return fmt.Errorf("stop the daemon: it still ran after %s", stopPatience)
	}
	if c.Result != nil {
		return fmt.Errorf("stop the daemon: %w", c.Result)
	}
	return nil
}
