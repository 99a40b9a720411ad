package lab

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// manual is a manager.conf as an administrator would write it.
const manual = `[general]
enabled = yes
bindaddr = 127.0.0.1         ; or another

[talkbridge]
secret = CHANGE-ME           ; openssl rand -hex 24
read = call
`

func TestManagerConf(t *testing.T) {
	t.Parallel()
	p := newTestPBX(t)
	got, err := p.managerConf(manual)
	require.NoError(t, err)
	require.Contains(t, got, "\nbindaddr = "+p.network.Host(pbxHost)+"\n")
	require.Contains(t, got, "\nsecret = s3cret\nread = call\n", "the user keeps the rights that were written")
	require.NotContains(t, got, "CHANGE-ME")
	require.Contains(t, got, "\ntlsbindaddr = "+p.TLSAddress()+"\n")

	for _, missing := range []string{"[general]", "bindaddr", "secret"} {
		_, err := p.managerConf(strings.ReplaceAll(manual, missing, "other"))
		require.ErrorContains(t, err, missing)
	}
	_, err = p.managerConf(manual + "[second]\nsecret = x\n")
	require.ErrorContains(t, err, "exactly one line secret")
}

func TestARIConf(t *testing.T) {
	t.Parallel()
	p := newTestPBX(t)
	got, err := p.ariConf("[general]\nenabled = yes\n[tb]\npassword = CHANGE-ME ; long\nread_only = yes\n")
	require.NoError(t, err)
	require.Equal(t, "[general]\nenabled = yes\n[tb]\npassword = s3cret\nread_only = yes\n", got)
	_, err = p.ariConf("[general]\n")
	require.ErrorContains(t, err, "exactly one line password, not 0")
	got, err = p.ariConf("")
	require.NoError(t, err)
	require.Contains(t, got, "enabled = no")
}

// newTestPBX is a PBX that was never started.
func newTestPBX(t *testing.T) *PBX {
	t.Helper()
	n, err := claimNetwork()
	require.NoError(t, err)
	p := &PBX{Secret: "s3cret", network: n, dir: t.TempDir(), witness: newWitness()}
	t.Cleanup(func() { require.NoError(t, n.release()) })
	return p
}

func TestWriteConfig(t *testing.T) {
	t.Parallel()
	p := newTestPBX(t)
	p.installed.Root = t.TempDir()
	for _, folder := range []string{"usr/lib/x/asterisk/modules", "usr/share/asterisk/sounds/en_US"} {
		require.NoError(t, os.MkdirAll(filepath.Join(p.installed.Root, folder), 0o700))
	}
	require.NoError(t, p.writeConfig(Options{Manager: manual, Phones: 2, Queues: []Queue{{Name: "3001", Members: []string{"1000", "1001"}}}}))
	for name, want := range map[string]string{
		"pjsip.conf":     "\ncontact = sip:1001@" + p.network.Host(firstPhone+1) + ":5060\n",
		"queues.conf":    "\nmember => PJSIP/1001,0,Agent 1001,PJSIP/1001\n",
		"voicemail.conf": "\n3001 => 4242,Mailbox 3001\n",
		"asterisk.conf":  "\nastmoddir => " + p.installed.Root + "/usr/lib/x/asterisk/modules\n",
	} {
		text, err := os.ReadFile(filepath.Join(p.dir, "etc", name))
		require.NoError(t, err)
		require.Contains(t, string(text), want)
	}
	require.FileExists(t, p.CAFile())
}

func TestNetworksAreApart(t *testing.T) {
	t.Parallel()
	a, b := newTestPBX(t), newTestPBX(t)
	require.NotEqual(t, a.Address(), b.Address())
	_, err := net.Listen("tcp", net.JoinHostPort(a.network.Host(claimHost), "4573"))
	require.Error(t, err, "the network is claimed")
}

// Every script is well-formed, whatever a caller calls himself.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := phoneFiles.ReadDir("phones")
	require.NoError(t, err)
	require.Greater(t, len(files), 10)
	for _, file := range files {
		if file.Name() == "parts.xml" {
			continue
		}
		var text strings.Builder
		require.NoError(t, phoneTemplates.ExecuteTemplate(&text, file.Name(), Script{
			Phone: "1001", Number: "+15550101001", Transfer: "1002", Ring: time.Second, Talk: 1500 * time.Millisecond,
			From: `"<b>&amp;" <sip:+33123456789@127.0.0.2>`,
		}))
		decoder := xml.NewDecoder(strings.NewReader(text.String()))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, "%s:\n%s", file.Name(), text.String())
		}
		require.True(t, strings.HasPrefix(text.String(), "<?xml"), file.Name())
	}
}

func TestWitness(t *testing.T) {
	t.Parallel()
	w := newWitness()
	hear := func(text string) {
		r := bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n\r\n"))
		m, err := readMessage(r)
		require.NoError(t, err)
		w.hear(m)
	}
	p := &PBX{witness: w}
	hear("Event: Newchannel\nChannel: PJSIP/trunk-00000001\nExten: +15550101001\nUniqueid: lab-1.1\nLinkedid: lab-1.1")
	hear("Event: Newchannel\nChannel: PJSIP/my-phone-00000002\nExten: s\nUniqueid: lab-1.2\nLinkedid: lab-1.1")
	require.Equal(t, "PJSIP/my-phone-00000002", w.channel("my-phone"))
	hear("Event: BridgeEnter\nBridgeUniqueid: b\nChannel: PJSIP/my-phone-00000002\nUniqueid: lab-1.2\nLinkedid: lab-1.1\nTimestamp: 10.500000")
	require.Empty(t, p.Talks("my-phone"), "alone in the bridge")
	hear("Event: BridgeEnter\nBridgeUniqueid: b\nChannel: PJSIP/trunk-00000001\nUniqueid: lab-1.1\nLinkedid: lab-1.1\nTimestamp: 10.750000")
	require.Equal(t, []time.Time{time.Unix(10, 750_000_000)}, p.Talks("my-phone"))
	hear("Event: Hangup\nChannel: PJSIP/my-phone-00000002\nUniqueid: lab-1.2\nLinkedid: lab-1.1")
	require.Empty(t, w.channel("my-phone"))

	// Two bridges that a pair of Local channels ties together.
	for _, enter := range []string{
		"c\nChannel: PJSIP/1005-00000009", "c\nChannel: Local/1005@in-00000000;2", "d\nChannel: PJSIP/trunk-00000008", "d\nChannel: Local/1005@in-00000000;1",
	} {
		require.Empty(t, p.Talks("1005"))
		hear("Event: BridgeEnter\nBridgeUniqueid: " + enter + "\nUniqueid: lab-1.8\nLinkedid: lab-1.1\nTimestamp: 11.000000")
	}
	require.Equal(t, []time.Time{time.Unix(11, 0)}, p.Talks("1005"))

	// What is left of a genuine event after a caller wrote into it.
	hear("Event: Hangup\nPrivilege: call,all\nCause: 16\nExten: +15550101002\nUniqueid: lab-1.3\nLinkedid: lab-1.3")
	require.Equal(t, []Call{
		{Linkedid: "lab-1.1", Endpoint: "trunk", Dialled: "+15550101001"},
		{Linkedid: "lab-1.3", Dialled: "+15550101002"},
	}, p.Calls())
}

// The values of ITU-T G.711, table 2a.
func TestMuLaw(t *testing.T) {
	t.Parallel()
	for sample, want := range map[int]byte{0: 0xff, 32767: 0x80, -32768: 0x00, 4: 0xfe, 8000: 0xa0} {
		require.Equal(t, want, muLaw(sample), "%d", sample)
	}
	require.Len(t, tone(CallerTone), sampleRate)
}

func TestInstallSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Install(t.Context(), t.TempDir())
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "sipp is missing")
}
