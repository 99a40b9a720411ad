package main

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// maxImage is how large the image may be.
const maxImage = 45_000_000

// repository is the root of the module.
const repository = "../.."

// readDeploy returns a file of the repository.
func readDeploy(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, path))
	require.NoError(t, err)
	return string(text)
}

// instruction is one of a Dockerfile, with continued lines joined.
type instruction struct{ name, args string }

func readDockerfile(t *testing.T) []instruction {
	t.Helper()
	var all []instruction
	text := strings.ReplaceAll(readDeploy(t, "deploy/Dockerfile"), "\\\n", "")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, args, found := strings.Cut(line, " ")
		require.True(t, found, line)
		all = append(all, instruction{name, strings.TrimSpace(args)})
	}
	return all
}

// lastStage is what the image is made of.
func lastStage(all []instruction) []instruction {
	for i, in := range slices.Backward(all) {
		if in.name == "FROM" {
			return all[i:]
		}
	}
	return nil
}

func find(t *testing.T, all []instruction, name string) string {
	t.Helper()
	for _, in := range all {
		if in.name == name {
			return in.args
		}
	}
	require.Fail(t, "the Dockerfile has no "+name)
	return ""
}

// execForm reads the JSON form of a command, the only one that works without a shell.
func execForm(t *testing.T, args string) []string {
	t.Helper()
	var words []string
	require.NoError(t, json.Unmarshal([]byte(args), &words), args)
	return words
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	image := lastStage(readDockerfile(t))
	require.Equal(t, "scratch", image[0].args, "nothing but what is copied")
	for _, in := range image {
		require.NotEqual(t, "RUN", in.name, "there is no shell in the image")
		if in.name == "COPY" {
			require.Contains(t, in.args, "--from=build")
		}
	}
	require.Regexp(t, `^[1-9]\d*:[1-9]\d*$`, find(t, image, "USER"), "a number, which Kubernetes can see to be no root")
	binary := execForm(t, find(t, image, "ENTRYPOINT"))
	require.Equal(t, []string{"/usr/local/bin/talkbridge"}, binary)
	require.Equal(t, []string{"serve"}, execForm(t, find(t, image, "CMD")))
	require.Equal(t, "SIGTERM", find(t, image, "STOPSIGNAL"))

	_, check, found := strings.Cut(find(t, image, "HEALTHCHECK"), "CMD ")
	require.True(t, found)
	words := execForm(t, check)
	require.Equal(t, binary[0], words[0])
	command, rest, err := newRoot(nil, nil).Find(words[1:])
	require.NoError(t, err)
	require.Equal(t, "health", command.Name())
	require.Empty(t, rest)

	require.Equal(t, dockerConfig(t).Journal.Dir, find(t, image, "VOLUME"))
	require.Equal(t, "/etc/talkbridge", find(t, image, "WORKDIR"), "where "+defaultConfig+" is looked for")
	text := readDeploy(t, "deploy/Dockerfile")
	require.Contains(t, text, "--chown="+find(t, image, "USER")+" /state "+find(t, image, "VOLUME"))
	require.Contains(t, text, "/etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt")
}

// The image is the binary, a list of authorities and the time zones: so the
// binary is built as the Dockerfile does, and all of it weighed.
func TestImageIsSmall(t *testing.T) {
	t.Parallel()
	var line string
	for _, in := range readDockerfile(t) {
		if in.name == "RUN" && strings.Contains(in.args, "go build") {
			line = in.args
		}
	}
	out := filepath.Join(t.TempDir(), "talkbridge")
	require.Contains(t, line, "-o /image/usr/local/bin/talkbridge ")
	line = strings.Replace(line, "-o /image/usr/local/bin/talkbridge ", "-o "+out+" ", 1)
	build := exec.CommandContext(t.Context(), "sh", "-c", line)
	build.Dir = repository
	build.Env = append(os.Environ(), "RELEASE=v1.2.3", "TARGETARCH="+runtime.GOARCH)
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	file, err := elf.Open(out)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	for _, program := range file.Progs {
		require.NotEqual(t, elf.PT_INTERP, program.Type, "it needs a loader: not static")
	}
	info, err := os.Stat(out)
	require.NoError(t, err)
	zones, err := os.Stat(filepath.Join(goRoot(t), "lib", "time", "zoneinfo.zip"))
	require.NoError(t, err)
	const authorities = 300_000 // ca-certificates.crt of Debian 12: 214 kB
	size := info.Size() + zones.Size() + authorities
	t.Logf("binary %.1f MB, image %.1f MB", float64(info.Size())/1e6, float64(size)/1e6)
	require.Less(t, size, int64(maxImage))

	printed, err := exec.CommandContext(t.Context(), out, "version").Output()
	require.NoError(t, err)
	require.Contains(t, string(printed), "talkbridge v1.2.3 ")
}

func goRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// The ways to build are one: make build, make release and the Dockerfile.
func TestBuildFlags(t *testing.T) {
	t.Parallel()
	flags := regexp.MustCompile(`go build (-trimpath -ldflags "[^"]*")`)
	makefile := strings.NewReplacer("$(GO)", "go", "$(RELEASE)", "${RELEASE}").Replace(readDeploy(t, "Makefile"))
	found := flags.FindAllStringSubmatch(makefile+readDeploy(t, "deploy/Dockerfile"), -1)
	require.Len(t, found, 3)
	for _, f := range found {
		require.Equal(t, found[0][1], f[1])
	}
}

// dockerSettings are those of the configuration for the container that other files rely upon.
type dockerSettings struct {
	Journal struct{ Dir string }
	HTTP    struct {
		Listen       string
		PublicListen string `yaml:"public_listen"`
	} `yaml:"http"`
}

func dockerConfig(t *testing.T) dockerSettings {
	t.Helper()
	var s dockerSettings
	require.NoError(t, yaml.Unmarshal([]byte(readDeploy(t, "deploy/talkbridge.docker.yaml")), &s))
	return s
}

// credentials makes a folder as systemd and Docker give it to a service.
func credentials(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"zendesk.secret", "ami.secret"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("0123456789abcdef\n"), 0o400))
	}
	return dir
}

// One configuration serves systemd, a container and a person at a terminal: the
// folder with the secrets comes by the environment.
func TestCredentialsDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(repository, "deploy/talkbridge.docker.yaml")
	c := startChild(t, []string{"CREDENTIALS_DIRECTORY=" + credentials(t)}, "check", "--config", path)
	require.Equal(t, exitOK, c.wait(t), c.log)
	require.NotContains(t, c.log.String(), "warning")

	c = startChild(t, []string{"CREDENTIALS_DIRECTORY=" + t.TempDir()}, "check", "--config", path)
	require.Equal(t, exitConfig, c.wait(t))
	require.Contains(t, c.log.String(), "zendesk.secret")
}

func TestCompose(t *testing.T) {
	t.Parallel()
	var file struct {
		Services map[string]struct {
			ReadOnly    bool     `yaml:"read_only"`
			CapDrop     []string `yaml:"cap_drop"`
			SecurityOpt []string `yaml:"security_opt"`
			StopGrace   string   `yaml:"stop_grace_period"`
			Ports       []string
			Volumes     []string
			Secrets     []string
		}
		Volumes map[string]any
		Secrets map[string]struct{ File string }
	}
	require.NoError(t, yaml.Unmarshal([]byte(readDeploy(t, "deploy/compose.yaml")), &file))
	s, found := file.Services["talkbridge"]
	require.True(t, found)
	require.True(t, s.ReadOnly)
	require.Equal(t, []string{"ALL"}, s.CapDrop)
	require.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt)
	grace, err := time.ParseDuration(s.StopGrace)
	require.NoError(t, err)
	require.GreaterOrEqual(t, grace, 30*time.Second, "longer than requests in flight and the journal may take")
	settings := dockerConfig(t)
	require.Contains(t, s.Volumes, "journal:"+settings.Journal.Dir)
	require.Contains(t, file.Volumes, "journal")
	port := strings.TrimPrefix(settings.HTTP.PublicListen, "0.0.0.0")
	require.Equal(t, []string{"127.0.0.1" + port + port}, s.Ports, "published on loopback alone")
	require.Contains(t, settings.HTTP.Listen, "127.0.0.1:")
	config := readDeploy(t, "deploy/talkbridge.docker.yaml")
	for _, name := range s.Secrets {
		require.Contains(t, config, "${CREDENTIALS_DIRECTORY}/"+name)
		require.Contains(t, file.Secrets, name)
	}
}

// readUnit returns the settings of the unit; a list where one is given again.
func readUnit(t *testing.T) map[string][]string {
	t.Helper()
	settings := make(map[string][]string)
	for line := range strings.Lines(readDeploy(t, "deploy/talkbridge.service")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		require.True(t, found, line)
		settings[key] = append(settings[key], value)
	}
	return settings
}

func TestUnit(t *testing.T) {
	t.Parallel()
	unit := readUnit(t)
	for key, want := range map[string]string{
		"Type": "notify", "NotifyAccess": "main", "WatchdogSec": "60s", "Restart": "always", "RestartPreventExitStatus": "78",
		"User": "talkbridge", "StateDirectory": "talkbridge", "StateDirectoryMode": "0700", "UMask": "0077",
		"NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"PrivateDevices": "yes", "MemoryDenyWriteExecute": "yes", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
		"SystemCallErrorNumber": "ENOSYS",
	} {
		require.Equal(t, []string{want}, unit[key], key)
	}
	require.Equal(t, []string{"@system-service", "~@privileged @resources"}, unit["SystemCallFilter"])
	require.Equal(t, []string{"zendesk.secret:/etc/talkbridge/zendesk.secret", "ami.secret:/etc/talkbridge/ami.secret"}, unit["LoadCredential"])
	require.Equal(t, 78, exitConfig)

	stop, err := time.ParseDuration(unit["TimeoutStopSec"][0])
	require.NoError(t, err)
	require.GreaterOrEqual(t, stop, 30*time.Second, "longer than requests in flight and the journal may take")
	for _, line := range append(unit["ExecStart"], unit["ExecReload"][0]) {
		words := strings.Fields(line)
		require.Equal(t, "/usr/local/bin/talkbridge", words[0])
		command, _, err := newRoot(nil, nil).Find(words[1:])
		require.NoError(t, err)
		require.Contains(t, []string{"serve", "check"}, command.Name())
		require.Equal(t, []string{"--config", "/etc/talkbridge/talkbridge.yaml"}, words[2:])
	}
	require.Contains(t, readDeploy(t, "deploy/talkbridge.sysusers.conf"), "\nu "+unit["User"][0]+" ")
}
