package voicemail

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Bounds of a key ring.
const (
	minSecret   = 32 // characters
	maxSecrets  = 64
	maxKeysFile = 64 << 10
)

// linkPath is where a Handler serves, below the public URL.
const linkPath = "/recordings/"

// Keyring signs links to recordings, and verifies them. The first key signs,
// all verify, so that a new key put first leaves the old links alive. It does
// not change and is safe for concurrent use; a zero Keyring is not usable, see
// NewKeyring and LoadKeyring.
type Keyring struct {
	keys    []signingKey
	store   []byte
	created bool
}

type signingKey struct {
	id     string
	secret []byte
}

// NewKeyring makes a ring of secrets of at least 32 characters each; the first
// one signs. The names in a Store are derived from the last, the oldest: it is
// best kept until all that was signed with it is gone. Errors do not show
// secrets.
func NewKeyring(secrets []string) (*Keyring, error) {
	if len(secrets) == 0 || len(secrets) > maxSecrets {
		return nil, fmt.Errorf("recording keys: there are %d, and there must be 1 to %d", len(secrets), maxSecrets)
	}
	ring := &Keyring{store: derive(secrets[len(secrets)-1], "store")}
	seen := make(map[string]bool)
	for i, secret := range secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("recording keys: key %d has %d characters, and needs %d: use a random one", i+1, len(secret), minSecret)
		}
		key := signingKey{id: hex.EncodeToString(derive(secret, "id")[:4]), secret: derive(secret, "link")}
		if seen[key.id] {
			return nil, fmt.Errorf("recording keys: key %d is there twice: remove one", i+1)
		}
		seen[key.id] = true
		ring.keys = append(ring.keys, key)
	}
	return ring, nil
}

// LoadKeyring reads a ring from a file with one key on each line, the newest
// first; empty lines and those that begin with "#" do not count. If there is
// no file it makes one, and its folder, with a random key, readable by its
// owner only. A file that others may read is refused.
func LoadKeyring(path string) (*Keyring, error) {
	secrets, err := readKeys(path)
	created := errors.Is(err, fs.ErrNotExist)
	if created {
		if err = createKeys(path); err == nil {
			secrets, err = readKeys(path)
		}
	}
	if err != nil {
		return nil, err
	}
	ring, err := NewKeyring(secrets)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	ring.created = created
	return ring, nil
}

// Created reports whether LoadKeyring made the file. If there are recordings
// already, the links that were given out for them no longer work.
func (k *Keyring) Created() bool { return k.created }

func readKeys(path string) ([]string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the path is configuration
	if err != nil {
		return nil, fmt.Errorf("open recording keys: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fmt.Errorf("read recording keys: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("recording keys: %s is no regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("recording keys: others may read %s (mode %04o): chmod 600 it", path, info.Mode().Perm())
	case info.Size() > maxKeysFile:
		return nil, fmt.Errorf("recording keys: %s has %d bytes, and %d are allowed", path, info.Size(), maxKeysFile)
	}
	var secrets []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			secrets = append(secrets, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read recording keys: %w", err)
	}
	return secrets, nil
}

// createKeys writes the file whole or not at all, and never over another.
func createKeys(path string) (err error) {
	if err = os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make recording keys: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return fmt.Errorf("make recording keys: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = fmt.Fprintf(file, "# Keys that sign the links to recordings: one on each line, the newest first.\n"+
		"# Keep them secret. Without them the links in tickets stop working.\n%s\n", rand.Text()+rand.Text())
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("make recording keys: %w", err)
	}
	if err = os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make recording keys: %w", err)
	}
	return nil
}

// derive gives each use of a secret a key of its own.
func derive(secret, use string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("talkbridge recordings: " + use))
	return mac.Sum(nil)
}

// idEncoding has no characters that need escaping or differ by case only.
var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// id is the name under which audio for key is kept: 128 bits that nobody can
// guess without the ring, and the same each time.
func (k *Keyring) id(key string) string {
	mac := hmac.New(sha256.New, k.store)
	mac.Write([]byte(key))
	return idEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func (s signingKey) sign(name string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(name))
	return mac.Sum(nil)
}

// Link is the address at which a Handler below publicURL serves audio. It
// works as long as the audio is kept and the key is in the ring. The path ends
// with the extension, since players go by it.
func (k *Keyring) Link(publicURL string, audio Audio) (string, error) {
	u, err := url.Parse(publicURL)
	switch {
	case err != nil:
		return "", fmt.Errorf("read public url: %w", err)
	case (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return "", fmt.Errorf("public url %q: must be like https://calls.example.com", u.Redacted())
	}
	key, name := k.keys[0], audio.name()
	query := url.Values{"k": {key.id}, "sig": {base64.RawURLEncoding.EncodeToString(key.sign(name))}}
	u.Path = strings.TrimSuffix(u.Path, "/") + linkPath + name
	u.RawPath, u.RawQuery, u.Fragment = "", query.Encode(), ""
	return u.String(), nil
}

// verify reports whether l was signed with a key of the ring, in constant time
// for each key.
func (k *Keyring) verify(l link) bool {
	for _, key := range k.keys {
		if key.id == l.key {
			return hmac.Equal(key.sign(l.name()), l.signature)
		}
	}
	return false
}

// link is what a client asked for, in the right form, true or not.
type link struct {
	id        string
	format    Format
	key       string
	signature []byte
}

func (l link) name() string { return l.id + "." + string(l.format) }

// parseLink reads the path and the query of a request. Apart from the order
// of the query and its escapes there is one way only to write a link: whatever
// is more, less or different is none.
func parseLink(path, query string) (link, bool) {
	name, ok := strings.CutPrefix(path, linkPath)
	if !ok || len(name) > 64 || len(query) > 256 {
		return link{}, false
	}
	id, format, ok := splitName(name)
	if !ok {
		return link{}, false
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 2 || len(values["k"]) != 1 || len(values["sig"]) != 1 {
		return link{}, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(values.Get("sig"))
	// The decoder passes over line breaks and bits that do not count.
	if err != nil || len(signature) != sha256.Size || base64.RawURLEncoding.EncodeToString(signature) != values.Get("sig") {
		return link{}, false
	}
	return link{id: id, format: format, key: values.Get("k"), signature: signature}, true
}

// splitName reads the name of a kept file: 26 characters, a dot, a format.
func splitName(name string) (string, Format, bool) {
	id, ext, _ := strings.Cut(name, ".")
	format := Format(ext)
	if !validID(id) || format.ContentType() == "" {
		return "", "", false
	}
	return id, format, true
}

// validID reports whether id has the form of those that Keyring.id gives.
func validID(id string) bool {
	raw, err := idEncoding.DecodeString(id)
	return err == nil && len(raw) == 16 && idEncoding.EncodeToString(raw) == id
}
