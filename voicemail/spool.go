package voicemail

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// DefaultMaxSize is how large audio may be: 100 MiB, almost two hours of
// telephone WAV.
const DefaultMaxSize = 100 << 20

// Bounds of what a phone system may name, and of the folder of one mailbox.
const (
	maxWirePath  = 1024
	maxDepth     = 8
	maxInFolder  = 4096
	wireElements = 4 // context/mailbox/folder/msgNNNN
)

var (
	messageName = regexp.MustCompile(`^msg[0-9]{4,8}$`)
	folderName  = regexp.MustCompile(`^[A-Za-z0-9_+@-][A-Za-z0-9_+@.-]{0,79}$`)
	// callCategory is a category that names a call: Asterisk's Linkedid, with
	// or without the name of the system before it.
	callCategory = regexp.MustCompile(`^([A-Za-z0-9_.-]+-)?[0-9]{9,12}\.[0-9]+$`)
	// extensions are those under which Asterisk and its scripts leave audio;
	// .WAV is GSM in a WAV (format wav49).
	extensions = []string{".wav", ".WAV", ".mp3"}
)

// Spool reads the voicemail folder of one phone system. What it is asked for
// are names from the wire: it opens regular files below its folder only, by
// names of the form that messages have, follows no link out, and reads no more
// than is allowed. It is safe for concurrent use. See OpenSpool.
type Spool struct{ area }

// OpenSpool opens the voicemail folder of a phone system: the one that has
// context/mailbox/folder/msgNNNN below it. maxSize bounds a message in bytes; 0
// is DefaultMaxSize. The caller closes it.
func OpenSpool(folder string, maxSize int64) (*Spool, error) {
	a, err := openArea(folder, maxSize)
	if err != nil {
		return nil, fmt.Errorf("open voicemail folder: %w", err)
	}
	return &Spool{a}, nil
}

// Message is one voicemail that is open for reading. It is not safe for
// concurrent use; the caller closes it.
type Message struct {
	Info   Info
	Format Format
	// Size is in bytes.
	Size int64

	spool *Spool
	name  string // below the root, without extension
	file  *os.File
	sound io.Reader
}

// Read reads the audio. It fails with a *RefusedError if there is more of it
// than there was when it was opened.
func (m *Message) Read(p []byte) (int, error) {
	n, err := m.sound.Read(p)
	if errors.Is(err, io.EOF) && n == 0 && m.sound.(*io.LimitedReader).N == 0 {
		return 0, refuse(m.name, TooLarge, "it grew beyond %d bytes while it was read", m.Size)
	}
	return n, err
}

// Close closes the audio.
func (m *Message) Close() error { return m.file.Close() }

// Unchanged says whether the message still is what it was when it was opened:
// phone systems give the number of a deleted message to the next. It returns
// ErrChanged if not. To be asked after the audio was read.
func (m *Message) Unchanged() error {
	info, err := m.spool.info(m.name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if !info.same(m.Info) {
		return fmt.Errorf("%w: it was %q and is %q", ErrChanged, m.Info.MessageID, info.MessageID)
	}
	return nil
}

// Open opens the message that the phone system calls wire, a path without
// extension, for the call that it calls category. Where the text at that path
// is of another category, and one beside it or among the old messages is of
// this one, the message was given another number, and that one is opened. A
// text whose category names another call is not opened: the message would be
// somebody else's. Categories that are no ids of calls, or empty, say nothing.
//
// It returns ErrNotFinal while the text file is missing, whose appearance says
// that the message is final, and a *RefusedError for all that is no message.
func (s *Spool) Open(wire, category string) (*Message, error) {
	name, err := s.locate(wire)
	if err != nil {
		return nil, err
	}
	info, err := s.info(name)
	if category != "" && (err == nil || errors.Is(err, ErrNotFinal)) && info.Category != category {
		folder := path.Dir(name)
		for _, place := range []string{folder, path.Join(path.Dir(folder), "Old")} {
			if other, otherInfo, ok := s.find(place, category); ok {
				return s.open(other, otherInfo)
			}
		}
		if err == nil && callCategory.MatchString(info.Category) {
			err = fmt.Errorf("%w: %s is the message of call %q now", ErrNotFinal, name, info.Category)
		}
	}
	if err != nil {
		return nil, err
	}
	return s.open(name, info)
}

func (s *Spool) open(name string, info Info) (*Message, error) {
	for _, ext := range extensions {
		file, size, err := s.regular(name + ext)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		format, err := s.probe(name+ext, file, size)
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		// One byte more than there is shows that it grows.
		sound := &io.LimitedReader{R: file, N: size + 1}
		return &Message{Info: info, Format: format, Size: size, spool: s, name: name, file: file, sound: sound}, nil
	}
	// While messages are renumbered the audio is there a moment after the text.
	return nil, fmt.Errorf("%w: no %s beside %s.txt (the phone system must record one of these formats)",
		ErrNotFinal, strings.Join(extensions, ", "), name)
}

// info reads the text file of a message.
func (s *Spool) info(name string) (Info, error) {
	file, _, err := s.regular(name + ".txt")
	if errors.Is(err, fs.ErrNotExist) {
		return Info{}, fmt.Errorf("%w: %s.txt is not there", ErrNotFinal, name)
	}
	if err != nil {
		return Info{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := ParseInfo(file)
	if err != nil {
		return Info{}, refuse(name+".txt", BadInfo, "%v", err)
	}
	return info, nil
}

// find looks in one folder for the message of a category. More than a
// mailbox ever has is not looked through.
func (s *Spool) find(folder, category string) (string, Info, bool) {
	dir, err := s.root.Open(folder)
	if err != nil {
		return "", Info{}, false
	}
	defer dir.Close() //nolint:errcheck // it was only read
	names, err := dir.Readdirnames(maxInFolder)
	if err != nil {
		return "", Info{}, false
	}
	slices.Sort(names)
	for _, file := range names {
		base, isText := strings.CutSuffix(file, ".txt")
		if !isText || !messageName.MatchString(base) {
			continue
		}
		name := path.Join(folder, base)
		if info, err := s.info(name); err == nil && info.Category == category {
			return name, info, true
		}
	}
	return "", Info{}, false
}

// locate turns a path from the wire into one below the root. What the phone
// system says before context/mailbox/folder/msgNNNN does not matter: it may see
// the folder at another place.
func (s *Spool) locate(wire string) (string, error) {
	if wire == "" || len(wire) > maxWirePath {
		return "", refuse(wire[:min(len(wire), maxWirePath)], BadPath, "a path has 1 to %d bytes", maxWirePath)
	}
	elements := strings.Split(wire, "/")
	if slices.Contains(elements, "..") {
		return "", refuse(wire, BadPath, "it goes upwards")
	}
	if rest, below := strings.CutPrefix(path.Clean(wire), s.dir+"/"); below {
		elements = strings.Split(rest, "/")
	} else {
		elements = elements[max(0, len(elements)-wireElements):]
		if len(elements) < wireElements {
			return "", refuse(wire, BadPath, "it must end in context/mailbox/folder/msgNNNN")
		}
	}
	last := len(elements) - 1
	for _, folder := range elements[:last] {
		if !folderName.MatchString(folder) {
			return "", refuse(wire, BadPath, "%q is no name of a context, mailbox or folder", folder)
		}
	}
	if !messageName.MatchString(elements[last]) || last >= maxDepth {
		return "", refuse(wire, BadPath, "%q is no message: msgNNNN, without extension", elements[last])
	}
	return path.Join(elements...), nil
}
