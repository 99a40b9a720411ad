package journaltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	// diskSize is the size of a disk in bytes; the file behind it is sparse.
	diskSize = 512 << 20

	// An ext4 that is shut down without its log being flushed is as after a power cut (Linux: fs/ext4/ext4.h).
	ext4Shutdown  = 0x8004587d // EXT4_IOC_SHUTDOWN
	shutdownNoLog = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
)

// Disk is an ext4 file system of its own, in a file, that can lose its power: what was only in the system's memory is
// gone then. What a disk forgets that does not honour fsync it cannot show: the file keeps all that was written to it.
// Its methods are for the goroutine of the test, but for [Disk.Cut] and [Disk.Blackout].
type Disk struct {
	// Path is where it is mounted.
	Path string

	t       testing.TB
	image   string
	mounted bool
}

// NewDisk makes a disk and mounts it, until the end of the test. Where the machine does not allow that (it takes root,
// and a kernel that lets it), the test is skipped, also where nothing else may be.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	dir := t.TempDir()
	d := &Disk{t: t, image: filepath.Join(dir, "image"), Path: filepath.Join(dir, "disk")}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		const none = "no mkfs.ext4 found: apt-get install e2fsprogs"
		if os.Getenv("TALKBRIDGE_NO_SKIP") != "" {
			t.Fatal(none)
		}
		t.Skip(none)
	}
	if err := errors.Join(os.Mkdir(d.Path, 0o700), os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, diskSize),
		run("mkfs.ext4", "-q", d.image)); err != nil {
		t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		t.Skipf("this machine lets no disk be mounted: %v", err) // .ci/gotest knows these words.
	}
	t.Cleanup(func() {
		if d.mounted {
			d.Unmount()
		}
	})
	return d
}

// Cut cuts the power: from now on nothing reaches the disk, and what had not reached it never will. It is safe for
// concurrent use.
func (d *Disk) Cut() error {
	f, err := os.Open(d.Path)
	if err != nil {
		return fmt.Errorf("cut power: %w", err)
	}
	if err := errors.Join(unix.IoctlSetPointerInt(int(f.Fd()), ext4Shutdown, shutdownNoLog), f.Close()); err != nil {
		return fmt.Errorf("cut power: %w", err)
	}
	return nil
}

// Freeze stops a child of this process where it is, and returns when it stands still. Power goes out for a program and its
// disk at one moment: one that ran on would be told by fsync that all is well, now and then, of what was given up with the
// journal of the ext4 (fs/jbd2/journal.c, jbd2_complete_transaction: a transaction that is gone counts as kept).
func Freeze(pid int) error {
	err := unix.Kill(pid, unix.SIGSTOP)
	for waits := err == nil; waits; waits = errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		return fmt.Errorf("freeze process %d: %w", pid, err)
	}
	return nil
}

// Blackout cuts the power: of process pid, which kill ends, and of the disk that it uses. Then the power is back. It is for
// one goroutine at a time, any one.
func (d *Disk) Blackout(pid int, kill func()) error {
	err := errors.Join(Freeze(pid), d.Cut())
	kill()
	d.mounted = false
	return errors.Join(err, run("umount", d.Path), d.mount())
}

// Unmount takes the disk away. Nobody may have a file open there.
func (d *Disk) Unmount() {
	d.t.Helper()
	if err := run("umount", d.Path); err != nil {
		d.t.Fatal(err)
	}
	d.mounted = false
}

// Mount brings the disk back, as the power comes back.
func (d *Disk) Mount() {
	d.t.Helper()
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *Disk) mount() error {
	if err := run("mount", "-o", "loop", d.image, d.Path); err != nil {
		return err
	}
	d.mounted = true
	return nil
}

func run(name string, args ...string) error {
	text, err := exec.Command(name, args...).CombinedOutput() //nolint:gosec,noctx // Fixed names; must also run when the test is over.
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.Join(strings.Fields(string(text)), " "))
	}
	return nil
}
