package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// bootTimeout bounds the start of Asterisk, which takes about a second.
const bootTimeout = 30 * time.Second

// stopTimeout bounds its orderly end.
const stopTimeout = 10 * time.Second

// firstExtension is the extension of the first telephone.
const firstExtension = 1000

// Options say what the PBX is like.
type Options struct {
	// Manager is a manager.conf with one user, as an administrator writes it. The lab sets the address and the secret in
	// it, adds TLS, and a user of its own.
	Manager string
	// ARI is an ari.conf with one user, likewise, whose password the lab sets. Empty: that interface is off.
	ARI string
	// Phones is how many telephones there are, 1000 and up: at most 118. Each has a voicemail box.
	Phones int
	// Queues are the queues; each has a voicemail box.
	Queues []Queue
}

// PBX is an Asterisk with its carrier and telephones. The zero value is not
// usable, see Start. Its methods are safe for concurrent use, but for Stop, Kill,
// Boot and Close, of which one at a time may run.
type PBX struct {
	// Secret is that of the users in Options.Manager and Options.ARI.
	Secret string

	installed Installation
	network   *network
	dir       string
	witness   *witness

	mu      sync.Mutex
	process *process
	manager *manager
	scripts int
	callers int
	running []*Running
}

// Start makes a PBX and boots it. Close gives everything back.
func Start(ctx context.Context, in Installation, o Options) (_ *PBX, err error) {
	if o.Phones < 0 || o.Phones > maxPhones {
		return nil, fmt.Errorf("start Asterisk: %d phones, want at most %d", o.Phones, maxPhones)
	}
	p := &PBX{Secret: rand.Text(), installed: in, witness: newWitness()}
	if p.network, err = claimNetwork(); err != nil {
		return nil, fmt.Errorf("start Asterisk: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	// The path is short: a socket is made in it.
	if p.dir, err = os.MkdirTemp("", "pbx"); err != nil {
		return nil, fmt.Errorf("start Asterisk: %w", err)
	}
	if err := p.writeConfig(o); err != nil {
		return nil, fmt.Errorf("configure Asterisk: %w", err)
	}
	if err := p.Boot(ctx); err != nil {
		return nil, err
	}
	_, err = p.Place(ctx, Script{Name: "carrier", host: carrierHost})
	return p, err
}

// Address is where the manager interface listens, host:port.
func (p *PBX) Address() string { return fmt.Sprintf("%s:%d", p.network.Host(pbxHost), amiPort) }

// TLSAddress is where it listens with TLS, with the certificate of CAFile.
func (p *PBX) TLSAddress() string { return fmt.Sprintf("%s:%d", p.network.Host(pbxHost), amiTLSPort) }

// ARIAddress is where the REST interface listens, host:port.
func (p *PBX) ARIAddress() string { return fmt.Sprintf("%s:%d", p.network.Host(pbxHost), ariPort) }

// ARITLSAddress is where it listens with TLS, with the certificate of CAFile.
func (p *PBX) ARITLSAddress() string {
	return fmt.Sprintf("%s:%d", p.network.Host(pbxHost), ariTLSPort)
}

// CAFile is the certificate of both interfaces, in PEM form.
func (p *PBX) CAFile() string { return filepath.Join(p.dir, "etc", "ami.crt") }

func (p *PBX) keyFile() string { return filepath.Join(p.dir, "etc", "ami.key") }

// Voicemail is the folder of the voicemail spool.
func (p *PBX) Voicemail() string { return filepath.Join(p.dir, "spool", "voicemail") }

// Recordings is the folder of the call recordings.
func (p *PBX) Recordings() string { return filepath.Join(p.dir, "spool", "monitor") }

// Records is the file that Asterisk appends its call detail records to.
func (p *PBX) Records() string { return filepath.Join(p.dir, "log", "cdr-csv", "Master.csv") }

// Spare is an address beside the PBX that is free for whatever is tested.
func (p *PBX) Spare() string { return p.network.Host(spareHost) }

// Log is what Asterisk wrote so far.
func (p *PBX) Log() string {
	var b strings.Builder
	for _, name := range []string{"stdout", "full"} {
		text, err := os.ReadFile(filepath.Join(p.dir, "log", name)) //nolint:gosec // a file of ours
		if err == nil {
			b.Write(text)
		}
	}
	return b.String()
}

// Boot starts Asterisk after Stop or Kill, and returns when it is ready.
func (p *PBX) Boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	process, err := startProcess(p.dir, filepath.Join(p.dir, "log", "stdout"), p.installed.loader,
		"--library-path", p.installed.libraries, filepath.Join(p.installed.Root, "usr/sbin/asterisk"),
		"-C", filepath.Join(p.dir, "etc", "asterisk.conf"), "-f", "-n", "-q")
	if err != nil {
		return fmt.Errorf("start Asterisk: %w", err)
	}
	var m *manager
	err = process.until(ctx, func() bool {
		m, err = dialManager(ctx, p.Address(), p.Secret, p.witness.hear)
		return err == nil
	})
	if err == nil {
		select {
		case <-m.booted:
		case <-process.done:
			err = errors.New("it ended")
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	p.mu.Lock()
	p.process, p.manager = process, m
	p.mu.Unlock()
	if err != nil {
		p.Kill()
		return fmt.Errorf("boot Asterisk: %w:\n%s", err, p.Log())
	}
	return nil
}

// Stop ends Asterisk in an orderly way, core stop now: live calls get their
// hang-ups.
func (p *PBX) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	// The answer may get lost in the end of the connection.
	err := p.Do(ctx, "Command", "Command", "core stop now")
	p.mu.Lock()
	process := p.process
	p.mu.Unlock()
	if waited := process.wait(ctx); ctx.Err() != nil {
		return fmt.Errorf("stop Asterisk: %w", errors.Join(waited, err))
	}
	p.Kill() // what is left of it
	return nil
}

// Kill ends Asterisk as kill -9 does, and waits for its end.
func (p *PBX) Kill() {
	p.mu.Lock()
	process, manager := p.process, p.manager
	p.process, p.manager = nil, nil
	p.mu.Unlock()
	if process != nil {
		process.kill()
	}
	if manager != nil {
		manager.close()
	}
	p.witness.forget()
}

// Close ends the PBX and all telephones, and removes what they wrote.
func (p *PBX) Close() error {
	p.mu.Lock()
	running := p.running
	p.running = nil
	p.mu.Unlock()
	for _, r := range running {
		r.process.kill()
	}
	p.Kill()
	var removed error
	if p.dir != "" {
		removed = os.RemoveAll(p.dir)
	}
	return errors.Join(removed, p.network.release())
}

var errDown = errors.New("the PBX is not running")

// Do sends an action to the manager interface as a user with all rights, its
// fields as key and value in turn.
func (p *PBX) Do(ctx context.Context, action string, fields ...string) error {
	p.mu.Lock()
	m := p.manager
	p.mu.Unlock()
	if m == nil {
		return fmt.Errorf("%s: %w", action, errDown)
	}
	return m.do(ctx, action, fields...)
}

// Channel is the name of a live channel of the endpoint: "PJSIP/1001-0000002a".
// Empty if there is none.
func (p *PBX) Channel(endpoint string) string { return p.witness.channel(endpoint) }
