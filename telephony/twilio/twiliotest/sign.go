package twiliotest

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's algorithm, not ours
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Sign is the X-Twilio-Signature of a request: base64 of HMAC-SHA1 with the auth token over the URL and each key and
// value of the form, by key. It signs the URL as it is given, but for its fragment, user and password, which Twilio
// drops. A request without a form, by GET or with JSON, has a nil form.
//
// Twilio docs: usage/webhooks/webhooks-security.
func Sign(token, target string, form url.Values) string {
	h := hmac.New(sha1.New, []byte(token))
	h.Write([]byte(signedURL(target)))
	for _, key := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[key] {
			h.Write([]byte(key + value))
		}
	}
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// signedURL cuts what is never signed out of the text, which is otherwise left as it is: parsing and printing a URL may
// change it.
func signedURL(target string) string {
	target, _, _ = strings.Cut(target, "#")
	scheme, rest, found := strings.Cut(target, "://")
	if !found {
		return target
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	return scheme + "://" + host[strings.LastIndex(host, "@")+1:] + rest[end:]
}

// VoiceURL is the URL that a voice callback is signed for: over HTTPS without its port. Messaging keeps it, and both do
// over HTTP.
func VoiceURL(target string) string {
	rest, secure := strings.CutPrefix(target, "https://")
	if !secure {
		return target
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	if colon := strings.LastIndex(host, ":"); colon > strings.LastIndex(host, "]") && colon > strings.LastIndex(host, "@") {
		host = host[:colon]
	}
	return "https://" + host + rest[end:]
}

// BodyURL adds what a JSON callback is sent to and signed with: the hash of its body, as bodySHA256.
func BodyURL(target string, body []byte) string {
	sum := sha256.Sum256(body)
	target, fragment, cut := strings.Cut(target, "#")
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	target += separator + "bodySHA256=" + hex.EncodeToString(sum[:])
	if cut {
		target += "#" + fragment
	}
	return target
}
