package journaltest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/sys/unix"
)

// serverVariable names the configuration of the server that this process is to be, diskVariable its folder if that is
// to be a disk of its own.
const (
	serverVariable = "TALKBRIDGE_TEST_NATS_SERVER"
	diskVariable   = "TALKBRIDGE_TEST_NATS_DISK"
)

// smallDisk is the size of a server's disk that can be filled, in bytes.
const smallDisk = 256 << 20

// Main makes this process a NATS server and does not return, if it was started as one.
func Main() {
	config := os.Getenv(serverVariable)
	if config == "" {
		return
	}
	if err := serve(config, os.Getenv(diskVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(config, disk string) error {
	if disk != "" {
		if err := syscall.Mount("talkbridge", disk, "tmpfs", 0, fmt.Sprintf("size=%d", smallDisk)); err != nil {
			return fmt.Errorf("mount a small disk: %w", err)
		}
	}
	signal.Ignore(unix.SIGXFSZ) // a write beyond the limit is an error, as on a full disk
	options, err := server.ProcessConfigFile(config)
	if err != nil {
		return err
	}
	s, err := server.NewServer(options)
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
	return nil
}

// Server is one NATS server, a process of its own. Its methods are for the goroutine of the test.
type Server struct {
	t       testing.TB
	name    string
	dir     string
	address string
	config  string
	disk    bool
	cmd     *exec.Cmd
}

// newServer is one that does not run yet. What is configured besides name, address and log is more; store is its folder.
func newServer(t testing.TB, dir, name, address string, more func(store string) string) *Server {
	s := &Server{t: t, name: name, dir: dir, address: address}
	s.config = fmt.Sprintf("server_name: %s\nlisten: %q\nlog_file: %q\n%s", name, address, s.logFile(), more(s.store()))
	t.Cleanup(s.Kill)
	return s
}

// URL is where it is, for a client.
func (s *Server) URL() string { return "nats://" + s.address }

func (s *Server) store() string   { return filepath.Join(s.dir, s.name) }
func (s *Server) logFile() string { return filepath.Join(s.dir, s.name+".log") }

// Start starts it on the folder that it has, unless it runs.
func (s *Server) Start() {
	s.t.Helper()
	if s.cmd != nil {
		return
	}
	config := filepath.Join(s.dir, s.name+".conf")
	s.must(os.WriteFile(config, []byte(s.config), 0o600))
	self, err := os.Executable()
	s.must(err)
	cmd := exec.Command(self) //nolint:gosec,noctx // this very program; it ends with Kill
	cmd.Env = append(os.Environ(), serverVariable+"="+config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.disk {
		s.must(os.MkdirAll(s.store(), 0o700))
		cmd.Env = append(cmd.Env, diskVariable+"="+s.store())
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	s.must(cmd.Start())
	s.cmd = cmd
}

// Kill ends it with kill -9, if it runs.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it says that it was killed
	s.cmd = nil
}

// Signal sends it a signal: SIGSTOP and SIGCONT let it stand still.
func (s *Server) Signal(sig os.Signal) {
	s.t.Helper()
	s.must(s.cmd.Process.Signal(sig))
}

// FillDisk leaves no room on its disk: no space where it has a small one of its own, else no room in any file.
func (s *Server) FillDisk() {
	s.t.Helper()
	if !s.disk {
		s.must(unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: 1}, nil))
		return
	}
	inside := fmt.Sprintf("/proc/%d/root%s", s.cmd.Process.Pid, s.store())
	f, err := os.Create(filepath.Join(inside, "filler")) //nolint:gosec // the server's own folder
	s.must(err)
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	_ = f.Close() // there is no room, as it should be
}

// Full reports whether it has met what [Server.FillDisk] did: it says so where it has a disk of its own; kept from
// growing, its log cannot.
func (s *Server) Full() bool {
	var limit unix.Rlimit
	s.must(unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &limit))
	return limit.Max == 1 || strings.Contains(s.Log(), unix.ENOSPC.Error())
}

// Log is what it has said.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.logFile()) // there may be none yet
	return string(text)
}

func (s *Server) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Of these ports none is given to who asks for any (Linux: ip_local_port_range begins at 32768), so that nobody takes one
// away between its choice and the start of its server.
const (
	firstPort = 20000
	ports     = 10000
)

// freeAddresses are n addresses of this machine on which nobody listens now.
func freeAddresses(t testing.TB, n int) []string {
	t.Helper()
	var addresses []string
	for range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(ports))) //nolint:noctx,gosec // at once; any number will do
		if err != nil {
			continue // in use
		}
		defer func() { _ = l.Close() }()
		if addresses = append(addresses, l.Addr().String()); len(addresses) == n {
			return addresses
		}
	}
	t.Fatal("all ports are in use")
	return nil
}
