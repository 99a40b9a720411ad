package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
	"time"
)

//go:embed config/*.conf
var configFiles embed.FS

var configTemplates = template.Must(template.ParseFS(configFiles, "config/*.conf"))

// Queue is a queue of the PBX: +1 555 030 and +1 555 040 with its number ring it.
type Queue struct {
	// Name is its number: four digits.
	Name string
	// Members are the extensions of its agents, who are tried in this order.
	Members []string
}

// phone is what pjsip.conf says of a telephone.
type phone struct{ Extension, Address string }

// configuration is what the templates see.
type configuration struct {
	*network
	Dir, Root, Modules string
	Phones             []phone
	Queues             []Queue
	Mailboxes          []string
}

// writeConfig writes all of etc and makes the folders.
func (p *PBX) writeConfig(o Options) error {
	modules, err := p.installed.modules()
	if err != nil {
		return err
	}
	c := configuration{network: p.network, Dir: p.dir, Root: p.installed.Root, Modules: modules, Queues: o.Queues}
	for i := range o.Phones {
		extension := fmt.Sprint(firstExtension + i)
		c.Phones = append(c.Phones, phone{extension, p.network.Host(firstPhone + i)})
		c.Mailboxes = append(c.Mailboxes, extension)
	}
	for _, q := range o.Queues {
		c.Mailboxes = append(c.Mailboxes, q.Name)
	}
	for _, folder := range []string{"etc", "lib", "data/sounds", "data/moh", "spool/monitor", "spool/voicemail", "spool/tmp", "run", "log/cdr-csv", "phones"} {
		if err := os.MkdirAll(filepath.Join(p.dir, folder), 0o700); err != nil {
			return err
		}
	}
	for _, t := range configTemplates.Templates() {
		var text strings.Builder
		if err := t.Execute(&text, c); err != nil {
			return err
		}
		if err := p.write("etc/"+t.Name(), text.String()); err != nil {
			return err
		}
	}
	manager, err := p.managerConf(o.Manager)
	if err != nil {
		return err
	}
	rest, err := p.ariConf(o.ARI)
	if err != nil {
		return err
	}
	if err := errors.Join(p.write("etc/manager.conf", manager), p.write("etc/ari.conf", rest), p.writeCertificate(), p.writeTones()); err != nil {
		return err
	}
	return p.linkData()
}

func (p *PBX) write(name, text string) error {
	return os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600)
}

// linkData makes the sounds and the documentation of the packages be Asterisk's.
func (p *PBX) linkData() error {
	share := filepath.Join(p.installed.Root, "usr/share/asterisk")
	english, err := filepath.Glob(filepath.Join(share, "sounds/en*"))
	if err != nil || len(english) == 0 {
		return fmt.Errorf("find Asterisk's sounds: none under %s", share)
	}
	return errors.Join(
		os.Symlink(filepath.Join(share, "documentation"), filepath.Join(p.dir, "data/documentation")),
		os.Symlink(english[0], filepath.Join(p.dir, "data/sounds/en")),
		os.Symlink(filepath.Join(english[0], "demo-congrats.gsm"), filepath.Join(p.dir, "data/moh/music.gsm")),
	)
}

// labUser sees everything and places the calls that no telephone can place.
const labUser = "lab"

var (
	secretLine  = regexp.MustCompile(`(?m)^secret\s*=.*$`)
	addressLine = regexp.MustCompile(`(?m)^bindaddr\s*=.*$`)
	generalLine = regexp.MustCompile(`(?m)^\[general\].*$`)
)

// managerConf makes an administrator's manager.conf work here, and changes
// nothing else in it: the address, the secret, TLS beside it, a user of the lab's own.
func (p *PBX) managerConf(text string) (string, error) {
	for name, line := range map[string]*regexp.Regexp{"[general]": generalLine, "bindaddr": addressLine, "secret": secretLine} {
		if len(line.FindAllString(text, -1)) != 1 {
			return "", fmt.Errorf("manager.conf: want exactly one line %s", name)
		}
	}
	text = secretLine.ReplaceAllLiteralString(text, "secret = "+p.Secret)
	text = addressLine.ReplaceAllLiteralString(text, "bindaddr = "+p.network.Host(pbxHost))
	text = generalLine.ReplaceAllLiteralString(text, fmt.Sprintf(`[general]
port = %d
tlsenable = yes
tlsbindaddr = %s
tlscertfile = %s
tlsprivatekey = %s`, amiPort, p.TLSAddress(), p.CAFile(), p.keyFile()))
	return text + fmt.Sprintf(`
[%s]
secret = %s
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.0/255.0.0.0
read = call,system
write = call,system,command,originate,agent
writetimeout = 30000
`, labUser, p.Secret), nil
}

var passwordLine = regexp.MustCompile(`(?m)^password\s*=.*$`)

// ariConf makes an administrator's ari.conf work here, and changes nothing else in
// it: the password. Without one the interface is off.
func (p *PBX) ariConf(text string) (string, error) {
	if text == "" {
		return "[general]\nenabled = no\n", nil
	}
	if n := len(passwordLine.FindAllString(text, -1)); n != 1 {
		return "", fmt.Errorf("ari.conf: want exactly one line password, not %d", n)
	}
	return passwordLine.ReplaceAllLiteralString(text, "password = "+p.Secret), nil
}

// writeCertificate makes a certificate for the address of this PBX, good for a day.
func (p *PBX) writeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	certificate := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "talkbridge lab"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IPAddresses: []net.IP{net.ParseIP(p.network.Host(pbxHost))}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, certificate, certificate, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(p.CAFile(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(p.keyFile(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
	)
}
