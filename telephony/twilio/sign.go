package twilio

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Twilio signs with
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// signatures says whether Twilio signed a request: base64 of the HMAC-SHA1, under
// an auth token, of the URL that Twilio asked for and then of each parameter of the form,
// key and value, in the order of the keys. (Twilio: docs/usage/webhooks/webhooks-security.)
//
// twilio-go's client.RequestValidator says the same of the same requests, which a
// test holds; it takes four times as long.
type signatures struct {
	// tokens are those that may have signed: while a token is changed, the old one
	// signs until the new one is promoted.
	tokens [][]byte
	// bases are the public URL without its path as it may have been signed: as
	// configured, without the port and with it. Twilio drops it for voice over
	// https, and keeps it elsewhere.
	bases []string
}

// newSignatures returns the check for requests to the public URL, which has a
// scheme, a host and perhaps a path.
func newSignatures(public *url.URL, tokens []string) *signatures {
	s := &signatures{}
	for _, token := range tokens {
		s.tokens = append(s.tokens, []byte(token))
	}
	path := strings.TrimRight(public.EscapedPath(), "/")
	for _, host := range hosts(public) {
		if base := public.Scheme + "://" + host + path; !slices.Contains(s.bases, base) {
			s.bases = append(s.bases, base)
		}
	}
	return s
}

// hosts are the ways to write the host of a URL, the likeliest to be signed first.
func hosts(u *url.URL) []string {
	name := u.Hostname()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	if u.Scheme == "https" {
		return []string{name, name + ":" + port}
	}
	return []string{u.Host, name + ":" + port, name}
}

// form reports whether a request was signed: target is its path and query as
// they came, form what its body says, nil if that is none of its parameters.
func (s *signatures) form(target string, form url.Values, signature string) bool {
	want, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(want) != sha1.Size {
		return false
	}
	keys := make([]string, 0, len(form))
	size, repeated := 0, false
	for key, values := range form {
		keys = append(keys, key)
		repeated = repeated || len(values) > 1
		for _, value := range values {
			size += len(key) + len(value)
		}
	}
	slices.Sort(keys)
	parameters := make([]byte, 0, size)
	for _, key := range keys {
		parameters = append(append(parameters, key...), form.Get(key)...)
	}
	if s.any(target, parameters, want) {
		return true
	}
	// Of a key that is repeated Twilio's libraries sign the first value, or each
	// that is different, in order.
	return repeated && s.any(target, allValues(parameters[:0], keys, form), want)
}

func allValues(to []byte, keys []string, form url.Values) []byte {
	for _, key := range keys {
		values := slices.Clone(form[key])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			to = append(append(to, key...), value...)
		}
	}
	return to
}

// body reports whether a request with a body that is no form was signed: its URL
// is, and carries the hash of the body as bodySHA256.
func (s *signatures) body(target, bodySHA256 string, body []byte, signature string) bool {
	want, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || len(want) != sha1.Size {
		return false
	}
	sum := sha256.Sum256(body)
	hash, err := hex.DecodeString(bodySHA256)
	return err == nil && hmac.Equal(hash, sum[:]) && s.any(target, nil, want)
}

// any reports whether one of the tokens signs one of the URLs so.
func (s *signatures) any(target string, parameters, want []byte) bool {
	var sum [sha1.Size]byte
	for _, token := range s.tokens {
		mac := hmac.New(sha1.New, token)
		for _, base := range s.bases {
			mac.Reset()
			_, _ = mac.Write([]byte(base))
			_, _ = mac.Write([]byte(target))
			_, _ = mac.Write(parameters)
			if hmac.Equal(mac.Sum(sum[:0]), want) {
				return true
			}
		}
	}
	return false
}
