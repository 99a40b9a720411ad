package voicemail

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The bounds of connections outwards.
const (
	dialTimeout     = 10 * time.Second
	firstByteWithin = 15 * time.Second
	keepConnection  = time.Minute
)

// newOutward makes the transport for what comes from other hosts: names may resolve
// to what they like (DNS rebinding), no private address is called. Only where a
// configured host is one of this machine itself, by its address or as localhost, it is.
func newOutward(accounts map[string]Account) *http.Transport {
	local := make(map[string]bool)
	for _, account := range accounts {
		for _, host := range account.Hosts {
			for _, scheme := range []string{"http", "https"} {
				if at := hostOf(scheme, host); isLoopback((&url.URL{Host: at}).Hostname()) {
					local[at] = true
				}
			}
		}
	}
	var proxies sync.Map // by host:port: where they are is no wire data
	guarded := &net.Dialer{Timeout: dialTimeout, Control: onlyPublic}
	open := &net.Dialer{Timeout: dialTimeout}
	return &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			proxy, err := http.ProxyFromEnvironment(r)
			if proxy != nil {
				proxies.Store(hostOf(proxy.Scheme, proxy.Host), true)
			}
			return proxy, err
		},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if _, proxy := proxies.Load(address); proxy || local[strings.ToLower(address)] {
				return open.DialContext(ctx, network, address)
			}
			return guarded.DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: firstByteWithin, IdleConnTimeout: keepConnection, MaxIdleConnsPerHost: 2,
		ForceAttemptHTTP2: true,
	}
}

// reserved are ranges that are no private ones and no hosts of the public network
// either (RFC 6890).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"),
}

// onlyPublic is called with the address that a name has resolved to, before it is
// connected to.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	ip := at.Addr().Unmap()
	public := ip.IsGlobalUnicast() && !ip.IsPrivate()
	for _, prefix := range reserved {
		public = public && !prefix.Contains(ip)
	}
	if !public {
		return fmt.Errorf("%s is an address of a private network: recordings are not fetched from there", ip)
	}
	return nil
}

// isLoopback reports whether a host means this machine.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
