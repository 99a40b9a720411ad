package voicemail_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/talkbridge/talkbridge/voicemail"
)

// read opens a message, reads it and closes it.
func read(t testing.TB, spool *voicemail.Spool, wire, category string) (voicemail.Info, []byte, error) {
	t.Helper()
	message, err := spool.Open(wire, category)
	if err != nil {
		return voicemail.Info{}, nil, err
	}
	defer func() { require.NoError(t, message.Close()) }()
	sound, err := io.ReadAll(message)
	require.NoError(t, message.Unchanged())
	return message.Info, sound, err
}

func TestSpoolOpen(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	for _, tc := range []struct{ name, wire string }{
		{"path of the phone system", wire},
		{"path below the configured folder", filepath.Join(folder, "default/1001/INBOX/msg0000")},
		{"path in a container", "/mnt/pbx-7/vm/default/1001/INBOX/msg0000"},
		{"relative path", "default/1001/INBOX/msg0000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			info, sound, err := read(t, openSpool(t, folder, 0), tc.wire, native)
			require.NoError(t, err)
			require.Equal(t, captured(t, "msg0000.wav"), sound)
			require.Equal(t, "1795310949-00000000", info.MessageID)
		})
	}
}

// The configured folder may be that of one context.
func TestSpoolOfOneContext(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	spool := openSpool(t, filepath.Join(folder, "default"), 0)
	_, _, err := read(t, spool, filepath.Join(folder, "default/1001/INBOX/msg0000"), native)
	require.NoError(t, err)
}

func TestSpoolFormats(t *testing.T) {
	t.Parallel()
	mp3 := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), make([]byte, 100)...)
	for _, tc := range []struct {
		ext   string
		sound []byte
		want  voicemail.Format
	}{
		{".wav", captured(t, "msg0000.wav"), voicemail.WAV},
		{".WAV", captured(t, "msg0000.wav"), voicemail.WAV},
		{".mp3", mp3, voicemail.MP3},
		{".wav", mp3, voicemail.MP3}, // what is in it counts
	} {
		t.Run(tc.ext, func(t *testing.T) {
			t.Parallel()
			folder, inbox := inbox(t)
			put(t, captured(t, "msg0000.txt"), inbox, "msg0000.txt")
			put(t, tc.sound, inbox, "msg0000"+tc.ext)
			message, err := openSpool(t, folder, 0).Open(wire, native)
			require.NoError(t, err)
			require.Equal(t, tc.want, message.Format)
			require.Equal(t, int64(len(tc.sound)), message.Size)
			require.NoError(t, message.Close())
		})
	}
}

func TestSpoolRefusesPaths(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	put(t, captured(t, "msg0000.wav"), filepath.Dir(folder), "msg0000.wav")
	put(t, captured(t, "msg0000.txt"), filepath.Dir(folder), "msg0000.txt")
	spool := openSpool(t, folder, 0)
	for _, path := range []string{
		"",
		"msg0000",
		"1001/INBOX/msg0000",
		"/",
		"default/1001/INBOX/msg0000.wav",
		"default/1001/INBOX/msg0000.txt",
		"default/1001/INBOX/",
		"default/1001/INBOX/greet",
		"default/1001/INBOX/msg00",
		"default/1001/INBOX/msg0000\x00",
		"default/1001/INBOX/msg0000\n",
		"default/1001/INBOX/../INBOX/msg0000",
		"/var/spool/../default/1001/INBOX/msg0000",
		"../../../../etc/msg0000",
		folder + "/../msg0000",
		"default/1001//msg0000",
		"default/./INBOX/msg0000",
		"default/.hidden/INBOX/msg0000",
		"default/10 01/INBOX/msg0000",
		`default\1001\INBOX\msg0000`,
		"default/" + strings.Repeat("x", 81) + "/INBOX/msg0000",
		folder + "/a/b/c/d/e/f/g/h/msg0000",
		strings.Repeat("/x", 600) + "/default/1001/INBOX/msg0000",
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			_, err := spool.Open(path, native)
			var refused *voicemail.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, voicemail.BadPath, refused.Reason, err.Error())
		})
	}
}

func TestSpoolRefusesFiles(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret.wav")
	put(t, captured(t, "msg0000.wav"), outside)
	wav, txt := captured(t, "msg0000.wav"), captured(t, "msg0000.txt")
	for _, tc := range []struct {
		name string
		make func(t *testing.T, folder, inbox string)
		want voicemail.Reason
	}{
		{"link out of the folder", func(t *testing.T, _, inbox string) {
			require.NoError(t, os.Symlink(outside, filepath.Join(inbox, "msg0000.wav")))
		}, voicemail.NotRegular},
		{"link within the folder", func(t *testing.T, _, inbox string) {
			put(t, wav, inbox, "other.wav")
			require.NoError(t, os.Symlink("other.wav", filepath.Join(inbox, "msg0000.wav")))
		}, voicemail.NotRegular},
		{"folder is a link out", func(t *testing.T, _, inbox string) {
			real := t.TempDir()
			leave(t, real)
			require.NoError(t, os.RemoveAll(inbox))
			require.NoError(t, os.Symlink(real, inbox))
		}, voicemail.NotReadable},
		{"text is a link out", func(t *testing.T, _, inbox string) {
			put(t, wav, inbox, "msg0000.wav")
			require.NoError(t, os.Remove(filepath.Join(inbox, "msg0000.txt")))
			require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(inbox, "msg0000.txt")))
		}, voicemail.NotRegular},
		{"pipe", func(t *testing.T, _, inbox string) {
			require.NoError(t, syscall.Mkfifo(filepath.Join(inbox, "msg0000.wav"), 0o600))
		}, voicemail.NotRegular},
		{"text is a pipe", func(t *testing.T, _, inbox string) {
			require.NoError(t, os.Remove(filepath.Join(inbox, "msg0000.txt")))
			require.NoError(t, syscall.Mkfifo(filepath.Join(inbox, "msg0000.txt"), 0o600))
		}, voicemail.NotRegular},
		{"folder", func(t *testing.T, _, inbox string) {
			require.NoError(t, os.Mkdir(filepath.Join(inbox, "msg0000.wav"), 0o700))
		}, voicemail.NotRegular},
		{"5 GB, sparse", func(t *testing.T, _, inbox string) {
			put(t, wav, inbox, "msg0000.wav")
			require.NoError(t, os.Truncate(filepath.Join(inbox, "msg0000.wav"), 5<<30))
		}, voicemail.TooLarge},
		{"header only", func(t *testing.T, _, inbox string) { put(t, wav[:44], inbox, "msg0000.wav") }, voicemail.NoSound},
		{"empty", func(t *testing.T, _, inbox string) { put(t, nil, inbox, "msg0000.wav") }, voicemail.NoSound},
		{"text named wav", func(t *testing.T, _, inbox string) {
			put(t, []byte("root:x:0:0:root:/root:/bin/sh\n"), inbox, "msg0000.wav")
		}, voicemail.NotAudio},
		{"page named mp3", func(t *testing.T, _, inbox string) {
			put(t, []byte("<html><script>alert(1)</script>"), inbox, "msg0000.mp3")
		}, voicemail.NotAudio},
		{"five bytes", func(t *testing.T, _, inbox string) { put(t, wav[:5], inbox, "msg0000.wav") }, voicemail.NotAudio},
		{"text of a megabyte", func(t *testing.T, _, inbox string) {
			put(t, append(txt, make([]byte, 1<<20)...), inbox, "msg0000.txt")
		}, voicemail.BadInfo},
		{"text is none", func(t *testing.T, _, inbox string) { put(t, wav, inbox, "msg0000.txt") }, voicemail.BadInfo},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			folder, inbox := inbox(t)
			put(t, txt, inbox, "msg0000.txt")
			tc.make(t, folder, inbox)
			began := time.Now()
			_, err := openSpool(t, folder, 0).Open(wire, native)
			var refused *voicemail.RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tc.want, refused.Reason, err.Error())
			require.Less(t, time.Since(began), 5*time.Second)
		})
	}
}

func TestSpoolNotFinal(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	spool := openSpool(t, folder, 0)
	_, err := spool.Open(wire, native)
	require.ErrorIs(t, err, voicemail.ErrNotFinal, "nothing is there")
	put(t, captured(t, "msg0000.wav"), inbox, "msg0000.wav")
	_, err = spool.Open(wire, native)
	require.ErrorIs(t, err, voicemail.ErrNotFinal, "audio without text")
	require.NoError(t, os.Rename(filepath.Join(inbox, "msg0000.wav"), filepath.Join(inbox, "msg0000.gsm")))
	put(t, captured(t, "msg0000.txt"), inbox, "msg0000.txt")
	_, err = spool.Open(wire, native)
	require.ErrorIs(t, err, voicemail.ErrNotFinal, "no audio that can be kept")
	require.ErrorContains(t, err, "must record one of these formats")
	_, err = spool.Open("default/1002/INBOX/msg0000", native)
	require.ErrorIs(t, err, voicemail.ErrNotFinal, "a mailbox that has no folder yet")
}

// text is the text file of a message of a category.
func text(category string) []byte {
	return fmt.Appendf(nil, "[message]\ncategory=%s\nmsg_id=%s-1\norigtime=1795310949\nduration=5\n", category, category)
}

// Deleting a message gives the following ones other numbers: what belongs to
// the call is found, and never what belongs to another.
func TestSpoolRenumbered(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		make func(t *testing.T, mailbox string)
		want string // message id, or "" for ErrNotFinal
	}{
		{"it kept its number", func(t *testing.T, m string) { put(t, text("1795310938.0"), m, "INBOX/msg0003.txt") }, "1795310938.0-1"},
		{"it has a smaller number", func(t *testing.T, m string) { put(t, text("1795310938.0"), m, "INBOX/msg0002.txt") }, "1795310938.0-1"},
		{"it has a smaller number and another took its own", func(t *testing.T, m string) {
			put(t, text("1795310938.0"), m, "INBOX/msg0002.txt")
			put(t, text("1795310999.5"), m, "INBOX/msg0003.txt")
		}, "1795310938.0-1"},
		{"it was listened to", func(t *testing.T, m string) { put(t, text("1795310938.0"), m, "Old/msg0000.txt") }, "1795310938.0-1"},
		{"it is gone and another took its number", func(t *testing.T, m string) { put(t, text("1795310999.5"), m, "INBOX/msg0003.txt") }, ""},
		{"the same, with the name of the system", func(t *testing.T, m string) { put(t, text("pbx1-1795310999.5"), m, "INBOX/msg0003.txt") }, ""},
		{"the dialplan says nothing", func(t *testing.T, m string) { put(t, text(""), m, "INBOX/msg0003.txt") }, "-1"},
		{"the dialplan says something else", func(t *testing.T, m string) { put(t, text("support"), m, "INBOX/msg0003.txt") }, "support-1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			folder, inbox := inbox(t)
			mailbox := filepath.Dir(inbox)
			require.NoError(t, os.Mkdir(filepath.Join(mailbox, "Old"), 0o700))
			for _, name := range []string{"INBOX/msg0002.wav", "INBOX/msg0003.wav", "Old/msg0000.wav"} {
				put(t, captured(t, "msg0000.wav"), mailbox, name)
			}
			tc.make(t, mailbox)
			info, _, err := read(t, openSpool(t, folder, 0), "default/1001/INBOX/msg0003", "1795310938.0")
			if tc.want == "" {
				require.ErrorIs(t, err, voicemail.ErrNotFinal)
				require.ErrorContains(t, err, "1795310999.5")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, info.MessageID)
		})
	}
}

func TestMessageChanged(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	message, err := openSpool(t, folder, 0).Open(wire, native)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, message.Close()) })
	require.NoError(t, message.Unchanged())
	put(t, text("1795310999.5"), inbox, "msg0000.txt")
	require.ErrorIs(t, message.Unchanged(), voicemail.ErrChanged)
	require.NoError(t, os.Remove(filepath.Join(inbox, "msg0000.txt")))
	require.ErrorIs(t, message.Unchanged(), voicemail.ErrChanged)
}

func TestMessageThatGrows(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	message, err := openSpool(t, folder, 0).Open(wire, native)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, message.Close()) })
	put(t, append(captured(t, "msg0000.wav"), 1, 2, 3), inbox, "msg0000.wav")
	_, err = io.Copy(io.Discard, message)
	var refused *voicemail.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, voicemail.TooLarge, refused.Reason)
}

func TestSpoolMaxSize(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	_, _, err := read(t, openSpool(t, folder, 90604), wire, native)
	require.NoError(t, err)
	_, _, err = read(t, openSpool(t, folder, 90603), wire, native)
	var refused *voicemail.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, voicemail.TooLarge, refused.Reason)
}

func TestSpoolWithoutFolder(t *testing.T) {
	t.Parallel()
	_, err := voicemail.OpenSpool(filepath.Join(t.TempDir(), "nowhere"), 0)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "open voicemail folder")
}

// A file that the daemon's user may not read: the error says what to do. Root
// may read everything, so that the thread asks as nobody.
func TestSpoolPermission(t *testing.T) {
	t.Parallel()
	folder, inbox := inbox(t)
	leave(t, inbox)
	require.NoError(t, os.Chmod(filepath.Join(inbox, "msg0000.wav"), 0))
	spool := openSpool(t, folder, 0)
	asNobody := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			_ = unix.Setfsuid(nobody)
		}
		_, err := spool.Open(wire, native)
		asNobody <- err
	}()
	require.ErrorContains(t, <-asNobody, "must be allowed to read it")
}

// nobody is a user who owns nothing.
const nobody = 65534
