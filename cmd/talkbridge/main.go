// Command talkbridge runs beside a phone system and makes Zendesk agree with
// what happened on the phone: one call, one ticket, and the right page in the
// answering agent's browser.
//
// This package holds flags, configuration, wiring and exit codes, and nothing
// else; it is the only one that knows all the others. Run it without arguments
// for its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The exit codes.
const (
	exitOK     = 0
	exitRun    = 1
	exitUsage  = 2
	exitConfig = 78 // EX_CONFIG of sysexits.h
)

func main() {
	ctx, stop := signalContext(context.Background())
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// sameSignal is how close together two signals are one: timeout(1) and some
// terminals send to the process and to its group.
const sameSignal = 250 * time.Millisecond

// signalContext ends with the first SIGINT or SIGTERM. The second ends the
// process at once.
func signalContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		first := time.Now()
		cancel()
		for range signals {
			if time.Since(first) > sameSignal {
				break
			}
		}
		_, _ = fmt.Fprintln(os.Stderr, "talkbridge: stopped at once, what was in flight is looked up at the next start")
		os.Exit(exitRun)
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// exitError carries the exit code of a failure whose text is complete.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)           //nolint:contextcheck // commands get it from ExecuteContext
	root.SetArgs(append([]string{}, args...)) // never nil: that means os.Args
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintln(stderr, "talkbridge:", err)
	if exit, found := errors.AsType[*exitError](err); found {
		return exit.code
	}
	_, _ = fmt.Fprintf(stderr, "talkbridge: see '%s --help'\n", cmd.CommandPath())
	return exitUsage
}
