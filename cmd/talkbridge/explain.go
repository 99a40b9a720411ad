package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"syscall"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
)

// Only this package knows the keys of the configuration: here errors of the
// rooms get the key that may be wrong, and what to do about it.

// explainedError is an error in words for the person who runs talkbridge.
type explainedError struct {
	text string
	err  error
}

func (e *explainedError) Error() string { return e.text }
func (e *explainedError) Unwrap() error { return e.err }

func explained(err error, format string, args ...any) error {
	return &explainedError{fmt.Sprintf(format, args...), err}
}

// reason is the innermost reason of an error of network or files, without the
// names of calls.
func reason(err error) string {
	if dns, found := errors.AsType[*net.DNSError](err); found {
		return fmt.Sprintf("the name %s: %s", dns.Name, dns.Err)
	}
	if errno, found := errors.AsType[syscall.Errno](err); found {
		return errno.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// explainListen explains why an address cannot be listened on.
func explainListen(key, address string, err error) error {
	remedy := "correct the address"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		remedy = "choose another address, or stop the program that holds it"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		remedy = "give an address of this machine"
	case errors.Is(err, syscall.EACCES):
		remedy = "choose a port above 1023, or give the program the right to use this one"
	}
	return explained(err, "%s: %s: %s; %s", key, address, reason(err), remedy)
}

// explainZendesk explains why the account does not answer as it should. The
// second result says that the configuration is to blame, nil errors and what
// concerns a single request apart.
func explainZendesk(cfg config.Zendesk, err error) (explanation error, blame bool) {
	host, signIn, check := cfg.URL, "zendesk.oauth", "client_id and client_secret, and that the client is a confidential one"
	if u, parseErr := url.Parse(cfg.URL); parseErr == nil {
		host = cmp.Or(u.Host, host)
	}
	if cfg.APIToken != nil {
		signIn, check = "zendesk.api_token", "email and token, and that token access is switched on in the account"
	}
	if format, found := errors.AsType[*zendesk.FormatError](err); found {
		return explained(err, "zendesk.url: %s answered with %s instead of JSON; is it the address of the account, and no proxy between?",
			host, cmp.Or(format.ContentType, "something")), true
	}
	if _, found := errors.AsType[*zendesk.AnonymousError](err); found {
		return explained(err, "%s: %s took no notice of the credentials; check %s", signIn, host, check), true
	}
	if refused, found := errors.AsType[*zendesk.Error](err); found {
		if refused.Status == http.StatusUnauthorized || refused.Operation == "CreateToken" && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests {
			return explained(err, "%s: %s refuses the credentials (%s); check %s",
				signIn, host, cmp.Or(refused.Code, http.StatusText(refused.Status)), check), true
		}
		return explained(err, "zendesk: %s answered %d %s", host, refused.Status, http.StatusText(refused.Status)), false
	}
	return explained(err, "zendesk.url: %s cannot be reached: %s; check the address, and this machine's way out to the network", host, reason(err)), false
}

// explainedSource is a source whose errors name the keys that may be wrong.
type explainedSource struct {
	telephony.Source
	key, address string
}

// Run implements telephony.Source.
func (s explainedSource) Run(ctx context.Context, sink telephony.Sink) error {
	return s.explain(s.Source.Run(ctx, sink))
}

// explain names the keys that may be to blame for an error of the connection.
func (s explainedSource) explain(err error) error {
	if _, found := errors.AsType[x509.UnknownAuthorityError](err); found {
		return fmt.Errorf("%w; name a file with that authority in %s.tls.ca_file", err, s.key)
	}
	if _, found := errors.AsType[x509.HostnameError](err); found {
		return fmt.Errorf("%w; put the name that is in it into %s.tls.server_name", err, s.key)
	}
	if why, dialled := dialFailure(err); dialled {
		return explained(err, "%s.address: no connection to %s: %s; does Asterisk run there, with enabled=yes in manager.conf?", s.key, s.address, why)
	}
	return err
}

// dialFailure is why no connection could be made, if that is what went wrong.
func dialFailure(err error) (why string, dialled bool) {
	dial, found := errors.AsType[*net.OpError](err)
	if !found || dial.Op != "dial" {
		return "", false
	}
	return reason(err), true
}
