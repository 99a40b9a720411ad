package voicemail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// A phone system in the network says that a recording is there some seconds
// before it is: Twilio's own advice is to ask again after one to three seconds, and less
// and less often (support article 44750147594523).
var remoteLooks = []time.Duration{0, time.Second, 3 * time.Second}

const (
	// remoteTimeout bounds one fetch, maxDescription what is read of what describes a
	// recording.
	remoteTimeout  = 5 * time.Minute
	maxDescription = 64 << 10
	maxRedirects   = 3
)

// Account is where a phone system in the network keeps its recordings, and how
// it lets us in.
type Account struct {
	// User and Password are the login, which goes to Hosts alone.
	User, Password string
	// Hosts are those that recordings may be fetched from, each as host or
	// host:port. Off loopback only https is spoken, and no address of a private
	// network is called, whatever a name resolves to.
	Hosts []string
	// Format is what is asked for; "" is MP3.
	Format Format
}

// Remote keeps recordings and messages that a phone system in the network has. It
// is safe for concurrent use. See NewRemote.
type Remote struct {
	accounts map[string]Account
	store    *Store
	client   *http.Client
	looks    []time.Duration
}

// NewRemote returns a collector for the phone systems by the names of their
// sources, which keeps in store. accounts must not be changed afterwards. The caller closes it.
func NewRemote(accounts map[string]Account, store *Store) *Remote {
	r := &Remote{accounts: accounts, store: store, looks: remoteLooks}
	r.client = &http.Client{
		Transport:     newOutward(accounts),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return r
}

// Has reports whether the recordings of a source are fetched so.
func (r *Remote) Has(source string) bool {
	_, has := r.accounts[source]
	return has
}

// Close lets the connections go.
func (r *Remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

// Message keeps the message at an address, as Collector.Collect does one of a
// spool.
func (r *Remote) Message(ctx context.Context, call telephony.CallID, address string) (Audio, error) {
	return r.collect(ctx, call, messageKey(call), address)
}

// Recording keeps the recording at an address, as Recorder.Collect does one of a
// folder.
func (r *Remote) Recording(ctx context.Context, call telephony.CallID, address string) (Audio, error) {
	return r.collect(ctx, call, recordingKey(call), address)
}

// collect tries a few times within some seconds. The error is ErrNotFinal while
// the recording is not there: another try later is worth it.
func (r *Remote) collect(ctx context.Context, call telephony.CallID, key, address string) (Audio, error) {
	audio, err := r.store.Lookup(key)
	if !errors.Is(err, ErrNotFound) {
		return audio, err
	}
	account := r.accounts[call.Source()]
	where, err := account.locate(address)
	if err != nil {
		return Audio{}, err
	}
	look := time.NewTimer(0)
	defer look.Stop()
	for _, wait := range r.looks {
		look.Reset(wait)
		select {
		case <-ctx.Done():
			return Audio{}, fmt.Errorf("fetch recording: %w", context.Cause(ctx))
		case <-look.C:
		}
		if audio, err = r.keep(ctx, account, key, where); !errors.Is(err, ErrNotFinal) {
			break
		}
	}
	return audio, err
}

// locate judges the address of a recording, which is wire data, and takes off what
// says its format.
func (a Account) locate(address string) (*url.URL, error) {
	where, err := url.Parse(address)
	switch {
	case err != nil || where.Host == "" || where.User != nil || where.RawQuery != "" || len(address) > maxWirePath:
		return nil, refuse(address[:min(len(address), maxWirePath)], BadPath, "it is no address of a recording")
	case !a.trusts(where):
		return nil, refuse(address, BadPath, "%s is none of the hosts that recordings may come from: set recording_hosts", where.Host)
	case where.Scheme != "https" && (where.Scheme != "http" || !isLoopback(where.Hostname())):
		return nil, refuse(address, BadPath, "it is not https")
	}
	bare := *where
	for _, ext := range []string{".wav", ".mp3", ".json"} {
		bare.Path = strings.TrimSuffix(bare.Path, ext)
	}
	bare.RawPath, bare.Fragment = "", ""
	return &bare, nil
}

// trusts reports whether an address is at one of the configured hosts.
func (a Account) trusts(u *url.URL) bool {
	return slices.ContainsFunc(a.Hosts, func(host string) bool { return hostOf(u.Scheme, host) == hostOf(u.Scheme, u.Host) })
}

// hostOf is a host with its port.
func hostOf(scheme, host string) string {
	u := url.URL{Scheme: scheme, Host: strings.ToLower(host)}
	port := cmp.Or(u.Port(), map[string]string{"https": "443", "http": "80"}[scheme])
	return net.JoinHostPort(u.Hostname(), port)
}

// keep tries once.
func (r *Remote) keep(ctx context.Context, account Account, key string, where *url.URL) (Audio, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, remoteTimeout, fmt.Errorf("not within %s", remoteTimeout))
	defer cancel()
	format := cmp.Or(account.Format, MP3)
	response, err := r.get(ctx, account, where, "."+string(format))
	if err != nil {
		return Audio{}, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return Audio{}, r.notThere(ctx, account, where)
	case http.StatusUnauthorized, http.StatusForbidden:
		return Audio{}, fmt.Errorf("fetch recording: %s answers %d: the login is refused", where.Host, response.StatusCode)
	default:
		return Audio{}, fmt.Errorf("fetch recording: %s answers %d", where.Host, response.StatusCode)
	}
	audio, err := r.store.Keep(ctx, key, response.Body)
	if err == nil && audio.Duration == 0 {
		audio.Duration = r.describe(ctx, account, where).length()
	}
	return audio, err
}

// description is what the phone system says of a recording.
type description struct {
	Status   string `json:"status"`
	Duration string `json:"duration"`
}

// length is 0 where it is not known.
func (d description) length() time.Duration {
	seconds, err := strconv.ParseUint(d.Duration, 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// notThere says why a recording is not there: it may come, or never.
func (r *Remote) notThere(ctx context.Context, account Account, where *url.URL) error {
	switch status := r.describe(ctx, account, where).Status; status {
	case "absent", "failed", "deleted":
		return refuse(where.String(), NoSound, "the phone system says that it is %s", status)
	}
	return fmt.Errorf("fetch recording: %w: %s is not there", ErrNotFinal, where)
}

// describe asks what the phone system says of a recording: the zero value if it
// says nothing.
func (r *Remote) describe(ctx context.Context, account Account, where *url.URL) description {
	var d description
	response, err := r.get(ctx, account, where, ".json")
	if err != nil {
		return d
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode == http.StatusOK {
		_ = json.NewDecoder(io.LimitReader(response.Body, maxDescription)).Decode(&d) // what is not readable says nothing
	}
	return d
}

// get asks for one form of a recording. The login goes to the host that was asked
// first, to no other that it leads to.
func (r *Remote) get(ctx context.Context, account Account, where *url.URL, ext string) (*http.Response, error) {
	at := *where
	at.Path += ext
	for range maxRedirects {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
		if err != nil {
			return nil, fmt.Errorf("fetch recording: %w", err)
		}
		if hostOf(at.Scheme, at.Host) == hostOf(where.Scheme, where.Host) && at.Scheme == where.Scheme {
			request.SetBasicAuth(account.User, account.Password)
		}
		response, err := r.client.Do(request)
		if err != nil {
			return nil, fmt.Errorf("fetch recording: %w", withoutQuery(err))
		}
		if response.StatusCode < 300 || response.StatusCode >= 400 {
			return response, nil
		}
		next, err := response.Location()
		_ = response.Body.Close() // it leads elsewhere
		if err != nil || next.User != nil || (next.Scheme != "https" && !account.trusts(next)) {
			return nil, refuse(where.String(), BadPath, "it leads to an address that is not https")
		}
		at = *next
	}
	return nil, refuse(where.String(), BadPath, "it leads on and on")
}

// withoutQuery takes the address out of an error: one that a recording leads to
// may be a link for everybody who has it.
func withoutQuery(err error) error {
	if wrapped, found := errors.AsType[*url.Error](err); found {
		return wrapped.Err
	}
	return err
}
