package lab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// waitDelay bounds how long the pipes of a process that ended are waited for.
const waitDelay = 2 * time.Second

// process is a child that ends when this process ends, however it ends.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // after done
}

// startProcess starts name in the folder dir; what it writes goes to the file output.
func startProcess(dir, output, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // a file of ours
	if err != nil {
		return nil, err
	}
	//nolint:gosec,noctx // started by tests with arguments of ours; it ends by kill
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = dir, out, out, waitDelay
	dieWithParent(p.cmd)
	started := make(chan error, 1)
	go func() {
		// The kernel takes the end of the thread that started a child for the end of its parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer func() { _ = out.Close() }()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// kill ends the process at once and waits for it. It does nothing to one that ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// wait waits for the end, which it returns.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until asks ready again and again until it says yes, p ends, or ctx is over.
func (p *process) until(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready() {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("it ended: %v", p.err) //nolint:errorlint // nobody branches on it, and it may be nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
