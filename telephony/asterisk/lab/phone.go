package lab

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed phones/*.xml
var phoneFiles embed.FS

// The scripts are scenarios of sipp; what stands in brackets is sipp's.
var phoneTemplates = template.Must(template.New("phones").Funcs(template.FuncMap{
	"ms":      func(d time.Duration) int64 { return d.Milliseconds() },
	"add":     func(a, b int) int { return a + b },
	"split":   func(digits string) []string { return strings.Split(digits, "") },
	"sdp":     func(version int, direction string) sdp { return sdp{version, direction} },
	"request": func(method string, cseq int) request { return request{method, cseq} },
}).ParseFS(phoneFiles, "phones/*.xml"))

// sdp and request are parameters of the templates' parts.
type (
	sdp struct {
		Version   int
		Direction string
	}
	request struct {
		Method string
		CSeq   int
	}
)

// phoneTimeout bounds a telephone, in seconds, should its script not come to an end.
const phoneTimeout = 120

// Script is what a telephone, or a caller of the carrier's, does in one call.
type Script struct {
	// Name is a file of the folder phones, without .xml.
	Name string
	// Phone is the extension whose telephone does it. Empty: a caller from outside.
	Phone string
	// Number is what is dialled, in the scripts that begin a call; Transfer is whom the call is given to, in those that
	// transfer.
	Number, Transfer string
	// From is the header of that name, for example `"Ann" <sip:+493012345678@example.com>`. Empty: what fits.
	From string
	// Header is another header, such as Privacy: id.
	Header string
	// Ring is how long it rings before the telephone answers, or the caller gives up; Talk how long they talk then.
	Ring, Talk time.Duration

	host int // the carrier's own
}

// Voice is what is heard of who follows the script: "agent" from telephones, of
// AgentTone, and "caller" from outside, of CallerTone.
func (s Script) Voice() string {
	if s.Phone != "" {
		return "agent"
	}
	return "caller"
}

// Running is a script that is being followed.
type Running struct {
	process *process
	name    string
	errors  string
}

// Place lets a telephone or a caller follow a script, and returns as soon as it
// can be reached.
func (p *PBX) Place(ctx context.Context, s Script) (*Running, error) {
	host, err := p.hostOf(s)
	if err != nil {
		return nil, fmt.Errorf("place %s: %w", s.Name, err)
	}
	address := p.network.Host(host)
	s.From = cmp.Or(s.From, fmt.Sprintf("<sip:%s@%s>", cmp.Or(s.Phone, "+4930123450"+fmt.Sprint(host)), address))
	p.mu.Lock()
	p.scripts++
	base := filepath.Join(p.dir, "phones", fmt.Sprintf("%03d-%s", p.scripts, s.Name))
	p.mu.Unlock()
	var text strings.Builder
	if err := phoneTemplates.ExecuteTemplate(&text, s.Name+".xml", s); err != nil {
		return nil, fmt.Errorf("place %s: %w", s.Name, err)
	}
	if err := os.WriteFile(base+".xml", []byte(text.String()), 0o600); err != nil {
		return nil, fmt.Errorf("place %s: %w", s.Name, err)
	}
	args := []string{
		"-sf", base + ".xml", "-i", address, "-p", "5060", "-ci", address, "-nostdin", "-aa", "-skip_rlimit",
		"-timeout", strconv.Itoa(phoneTimeout), "-trace_err", "-error_file", base + ".err",
	}
	if s.Name != "carrier" && s.Name != "phone-busy" {
		args = append(args, "-m", "1")
	}
	process, err := startProcess(filepath.Join(p.dir, "phones"), base+".out", "sipp", append(args, p.network.Host(pbxHost)+":5060")...)
	if err != nil {
		return nil, fmt.Errorf("place %s: %w", s.Name, err)
	}
	r := &Running{process: process, name: s.Name, errors: base + ".err"}
	p.mu.Lock()
	p.running = append(p.running, r)
	p.mu.Unlock()
	if err := process.until(ctx, func() bool { return listensUDP(address, 5060) }); err != nil {
		return nil, fmt.Errorf("place %s: %w: %s", s.Name, err, r.said())
	}
	return r, nil
}

// hostOf is the address that a script is followed at; each caller has his own.
func (p *PBX) hostOf(s Script) (int, error) {
	if s.host != 0 {
		return s.host, nil
	}
	if s.Phone == "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.callers++
		if p.callers > maxCallers {
			return 0, errors.New("too many callers")
		}
		return firstCaller + p.callers - 1, nil
	}
	extension, err := strconv.Atoi(s.Phone)
	if err != nil || extension < firstExtension || extension >= firstExtension+maxPhones {
		return 0, fmt.Errorf("there is no phone %s", s.Phone)
	}
	return firstPhone + extension - firstExtension, nil
}

// Wait waits until the script has come to its end. It is an error if the other
// side did not do what the script expects.
func (r *Running) Wait(ctx context.Context) error {
	if err := r.process.wait(ctx); err != nil {
		return fmt.Errorf("follow %s: %w: %s", r.name, err, r.said())
	}
	return nil
}

// said is the beginning of what sipp complains of.
func (r *Running) said() string {
	text, err := os.ReadFile(r.errors)
	if err != nil {
		return ""
	}
	return string(text[:min(len(text), 2000)])
}

// listensUDP says whether somebody listens there, as /proc/net/udp shows it.
func listensUDP(address string, port int) bool {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		return false
	}
	var a, b, c, d int
	if _, err := fmt.Sscanf(address, "%d.%d.%d.%d", &a, &b, &c, &d); err != nil {
		return false
	}
	return strings.Contains(string(table), fmt.Sprintf(" %02X%02X%02X%02X:%04X ", d, c, b, a, port))
}
