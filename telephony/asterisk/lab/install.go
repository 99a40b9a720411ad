package lab

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed install.sh
var installScript string

// The suites of Debian that Install tries, in this order.
const (
	SuiteAsterisk22 = "sid"
	SuiteAsterisk16 = "bullseye"
)

// ErrUnavailable says that this machine cannot run the lab: Debian's package
// tools or sipp are missing, or the packages cannot be fetched.
var ErrUnavailable = errors.New("no Asterisk can be had here")

// unavailableStatus is how install.sh says so.
const unavailableStatus = 3

// Installation is an Asterisk that was unpacked. The zero value is none; make
// it with Install.
type Installation struct {
	// Root is the folder that it was unpacked into.
	Root string
	// Version is what it says of itself: "Asterisk 22.10.1...".
	Version string

	loader    string
	libraries string
}

// CacheDir is where Install keeps what it unpacked: talkbridge/asterisk in
// $XDG_CACHE_HOME, or in the user's cache folder.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(dir, "talkbridge", "asterisk"), nil
}

// Install unpacks Asterisk from the first of the suites that works, or finds it
// in the cache: about 20 s and 70 MiB the first time, at once later. Without
// suites it tries Asterisk 22, then 16. Errors: ErrUnavailable with the reason,
// or what went wrong.
func Install(ctx context.Context, cache string, suites ...string) (Installation, error) {
	if _, err := exec.LookPath("sipp"); err != nil {
		return Installation{}, fmt.Errorf("%w: sipp is missing: apt-get install sip-tester", ErrUnavailable)
	}
	if len(suites) == 0 {
		suites = []string{SuiteAsterisk22, SuiteAsterisk16}
	}
	var errs []error
	for _, suite := range suites {
		root, err := unpack(ctx, suite, cache)
		if err == nil {
			return readInstallation(root)
		}
		errs = append(errs, err)
	}
	return Installation{}, errors.Join(errs...)
}

func unpack(ctx context.Context, suite, cache string) (string, error) {
	script, err := writeScript(cache)
	if err != nil {
		return "", fmt.Errorf("unpack Asterisk from %s: %w", suite, err)
	}
	defer func() { _ = os.Remove(script) }()
	//nolint:gosec // the script is our own, its arguments are the caller's
	cmd := exec.CommandContext(ctx, "bash", script, suite, cache)
	var said strings.Builder
	cmd.Stderr = &said
	cmd.WaitDelay = waitDelay
	out, err := cmd.Output()
	if exit, found := errors.AsType[*exec.ExitError](err); found && exit.ExitCode() == unavailableStatus {
		return "", fmt.Errorf("%w: %s", ErrUnavailable, lastLine(said.String()))
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: bash is missing", ErrUnavailable)
	}
	if err != nil {
		return "", fmt.Errorf("unpack Asterisk from %s: %w: %s", suite, err, lastLine(said.String()))
	}
	return lastLine(string(out)), nil
}

// writeScript puts the script where bash can read it; it recognises what it has
// unpacked by its own text.
func writeScript(cache string) (string, error) {
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(cache, ".install-*.sh")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(installScript)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func readInstallation(root string) (Installation, error) {
	in := Installation{Root: root}
	for name, into := range map[string]*string{".version": &in.Version, ".loader": &in.loader, ".libraries": &in.libraries} {
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a folder of ours
		if err != nil {
			return Installation{}, fmt.Errorf("read the installation: %w", err)
		}
		*into = strings.TrimSpace(string(text))
	}
	in.loader = filepath.Join(root, in.loader)
	folders := strings.Split(in.libraries, ":")
	for i, folder := range folders {
		folders[i] = filepath.Join(root, folder)
	}
	in.libraries = strings.Join(folders, ":")
	return in, nil
}

// modules is the folder of Asterisk's modules: it differs between versions.
func (in Installation) modules() (string, error) {
	for _, pattern := range []string{"usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules"} {
		found, err := filepath.Glob(filepath.Join(in.Root, pattern))
		if err == nil && len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("find Asterisk's modules: none under %s", in.Root)
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
