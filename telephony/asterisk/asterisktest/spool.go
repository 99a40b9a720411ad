package asterisktest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxMessages is Asterisk's limit of messages in a folder of a mailbox.
const maxMessages = 9999

// leaveMessage puts a voicemail into the spool in the order of Asterisk: the
// sound is complete and in place before the text, whose appearance is the
// commit mark.
func (p *play) leaveMessage() error {
	if p.player.Voicemail == "" {
		return nil
	}
	captured, err := Voicemail(p.played.Capture)
	if err != nil {
		return err
	}
	sound, err := fs.ReadFile(captured, "msg0000.wav")
	if err != nil {
		return fmt.Errorf("read captured voicemail: %w", err)
	}
	if p.player.Marked > 0 {
		sound = p.wave(len(sound)-waveHeader, p.played.Linkedids[0]+".wav")
	}
	text, err := fs.ReadFile(captured, "msg0000.txt")
	if err != nil {
		return fmt.Errorf("read captured voicemail: %w", err)
	}
	p.player.mail.Lock()
	defer p.player.mail.Unlock()
	mailbox := filepath.Join(p.player.Voicemail, "default", p.mailbox(string(text)))
	if p.message, p.messages, err = nextMessage(filepath.Join(mailbox, "INBOX")); err != nil {
		return fmt.Errorf("leave voicemail: %w", err)
	}
	for _, file := range []struct {
		extension string
		data      []byte
	}{{".wav", sound}, {".txt", []byte(p.messageText(string(text)))}} {
		if err := commit(mailbox, p.message+file.extension, file.data); err != nil {
			return fmt.Errorf("leave voicemail: %w", err)
		}
	}
	p.played.Message = filepath.Join(mailbox, "INBOX", p.message)
	return nil
}

// mailbox is that of the captured message: it follows its agent, if it is one of
// an agent of the call.
func (p *play) mailbox(text string) string {
	for line := range strings.Lines(text) {
		captured, found := strings.CutPrefix(strings.TrimSpace(line), "origmailbox=")
		if !found {
			continue
		}
		if i := slices.Index(p.template.originals[slotAgent], captured); i >= 0 {
			return p.values[slotAgent][i]
		}
		return captured
	}
	return p.values[slotAgent][0]
}

// nextMessage returns the first free name of a folder and how many messages
// there will be.
func nextMessage(inbox string) (name string, count int, err error) {
	for n := range maxMessages {
		name = fmt.Sprintf("msg%04d", n)
		_, err = os.Stat(filepath.Join(inbox, name+".txt"))
		if errors.Is(err, fs.ErrNotExist) {
			return name, n + 1, nil
		}
		if err != nil {
			return "", 0, err
		}
	}
	return "", 0, fmt.Errorf("%s is full", inbox)
}

// commit writes a file in tmp and renames it into INBOX.
func commit(mailbox, name string, data []byte) error {
	for _, folder := range []string{"tmp", "INBOX"} {
		if err := os.MkdirAll(filepath.Join(mailbox, folder), 0o750); err != nil {
			return err
		}
	}
	draft := filepath.Join(mailbox, "tmp", name)
	if err := os.WriteFile(draft, data, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, filepath.Join(mailbox, "INBOX", name))
}

// messageText fills the captured text file for this play.
func (p *play) messageText(text string) string {
	now := p.server.config.Now().UTC()
	origin := strconv.FormatInt(now.Unix(), 10)
	number := or(p.played.Caller.Number, p.template.callerNumber)
	name := or(escapeName(p.played.Caller.Name), p.template.callerName)
	values := map[string]string{
		"origmailbox": p.mailbox(text),
		"exten":       "+" + p.values[slotDID][0],
		"callerchan":  p.values[slotChannel][0],
		"callerid":    `"` + name + `" <` + number + `>`,
		"origdate":    now.Format("Mon Jan 02 03:04:05 PM UTC 2006"),
		"origtime":    origin,
		"category":    p.played.Linkedids[0],
		"msg_id":      origin + "-" + fmt.Sprintf("%08x", p.messages-1),
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(line, "=")
		if value, found := values[key]; found {
			line = key + "=" + value + "\n"
		}
		out.WriteString(line)
	}
	return out.String()
}

var recordedSize = regexp.MustCompile(`(?m)^  \S+\.wav (\d+) bytes$`)

// record keeps the files of recordings as MixMonitor does: a header as soon as
// it starts, everything at the end of the recorded channel. What is written is
// silence of the recorded length.
func (p *play) record(e *event) error {
	if p.player.Recordings == "" {
		return nil
	}
	switch {
	case e.kind == "VarSet" && e.get("Variable") == "MIXMONITOR_FILENAME":
		path := e.get("Value")
		p.recordings[path] = p.recordedSize(p.recorded)
		p.recorded++
		return p.writeSound(path, 0)
	case e.kind == "Hangup":
		for path, size := range p.recordings {
			if strings.HasSuffix(path, "-"+e.get("Uniqueid")+".wav") {
				delete(p.recordings, path)
				if err := p.writeSound(path, size); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// recordedSize is how large the n-th recording of the capture became; nothing
// but a header where that was not noted.
func (p *play) recordedSize(n int) int {
	meta, err := Meta(p.played.Capture)
	if err != nil {
		return 0 // only the burst has no note
	}
	sizes := recordedSize.FindAllStringSubmatch(meta, -1)
	if n >= len(sizes) {
		return 0
	}
	size, _ := strconv.Atoi(sizes[n][1]) // digits, by the expression
	return size - waveHeader
}

const (
	waveHeader = 44
	sampleRate = 8000
)

// writeSound writes a recording; size is that of the samples in bytes.
func (p *play) writeSound(path string, size int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	if err := os.WriteFile(path, p.wave(size, filepath.Base(path)), 0o600); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// wave makes a WAV file of silence, 16 bit mono; size is that of the samples in
// bytes. The mark is put into the first of them if the player marks its sounds.
func (p *play) wave(size int, mark string) []byte {
	if p.player.Marked > 0 && size > p.player.Marked {
		size = p.player.Marked
	}
	if size < 0 {
		size = 0
	}
	data := make([]byte, waveHeader+size)
	copy(data, "RIFF")
	copy(data[8:], "WAVEfmt ")
	copy(data[36:], "data")
	order := binary.LittleEndian
	order.PutUint32(data[4:], uint32(waveHeader-8+size))
	order.PutUint32(data[16:], 16)
	order.PutUint16(data[20:], 1) // PCM
	order.PutUint16(data[22:], 1)
	order.PutUint32(data[24:], sampleRate)
	order.PutUint32(data[28:], sampleRate*2)
	order.PutUint16(data[32:], 2)
	order.PutUint16(data[34:], 16)
	order.PutUint32(data[40:], uint32(size))
	if p.player.Marked > 0 {
		copy(data[waveHeader:], mark)
	}
	return data
}
