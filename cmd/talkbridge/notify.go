package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// notifyTimeout bounds the sending of one message to the service manager.
const notifyTimeout = time.Second

// manager is the service manager that started this process, as sd_notify(3)
// describes it: a datagram socket that is told of changes.
type manager struct {
	socket string
	// every is how often it wants a sign of life, zero for never: half of what
	// it waits, as sd_watchdog_enabled(3) advises.
	every time.Duration
}

// findManager reads what a service manager leaves in the environment: nil if
// there is none that wants to be told.
func findManager(getenv func(string) string) (*manager, error) {
	m := &manager{socket: getenv("NOTIFY_SOCKET")}
	if m.socket == "" {
		return nil, nil //nolint:nilnil // no manager is the usual case outside systemd
	}
	if !strings.HasPrefix(m.socket, "/") && !strings.HasPrefix(m.socket, "@") {
		return nil, fmt.Errorf("NOTIFY_SOCKET %q: want a Unix socket, its path or @name", m.socket)
	}
	wait, pid := getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID")
	if wait == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return m, nil
	}
	microseconds, err := strconv.ParseInt(wait, 10, 64)
	if err != nil || microseconds < 2 || microseconds > int64(24*time.Hour/time.Microsecond) {
		return nil, fmt.Errorf("WATCHDOG_USEC %q: want microseconds, at most a day of them", wait)
	}
	m.every = time.Duration(microseconds) * time.Microsecond / 2
	return m, nil
}

// tell sends one message.
func (m *manager) tell(ctx context.Context, message string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unixgram", m.socket)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(message))
	return err
}

// watched is what the service manager hears of: a daemon.
type watched interface {
	// Ready is closed when it works.
	Ready() <-chan struct{}
	// Ping fails when it is stuck.
	Ping(ctx context.Context) error
}

// follow tells the manager that w is ready, then that it lives, for as long as
// it answers, and at the end of ctx that it stops.
func (m *manager) follow(ctx context.Context, w watched, log logrus.FieldLogger) {
	say := func(message string) {
		if err := m.tell(context.WithoutCancel(ctx), message); err != nil {
			log.WithError(err).WithField("socket", m.socket).Warn("service manager not told")
		}
	}
	defer say("STOPPING=1")
	select {
	case <-ctx.Done():
		return
	case <-w.Ready():
		say("READY=1")
	}
	if m.every == 0 {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		if err := ping(ctx, w, m.every); err == nil {
			say("WATCHDOG=1")
		} else if ctx.Err() == nil {
			log.WithError(err).Error("the conductor does not answer, the service manager is not told of life")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ping waits no longer than timeout.
func ping(ctx context.Context, w watched, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return w.Ping(ctx)
}

// notifyManager tells the service manager of the daemon, if there is one, until
// stop is called.
func notifyManager(ctx context.Context, d *daemon, log logrus.FieldLogger) (stop func()) {
	m, err := findManager(os.Getenv)
	if err != nil {
		log.WithError(err).Warn("service manager not told")
	}
	if m == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.follow(ctx, d.bridge, log)
	}()
	return func() {
		cancel()
		<-done
	}
}
