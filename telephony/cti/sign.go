package cti

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader carries the signature of a body: t=UNIX,v1=HEX, where HEX is the
// HMAC-SHA256 of the time as it is written there, a full stop and the body.
const SignatureHeader = "Talkbridge-Signature"

// signatureWindow is how far the time of a signature may be from ours.
const signatureWindow = 300 * time.Second

// Sign is the value of SignatureHeader for a body that is sent at a time.
func Sign(secret string, body []byte, at time.Time) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(digest(secret, stamp, body))
}

func digest(secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(stamp + "."))
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// verify judges a signature. There may be several v1, while secrets change.
func verify(header, secret string, body []byte, now time.Time) error {
	stamp, signed := "", false
	var signatures []string
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			stamp = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	want := digest(secret, stamp, body)
	for _, s := range signatures[:min(len(signatures), 4)] {
		given, err := hex.DecodeString(s)
		signed = signed || (err == nil && hmac.Equal(given, want))
	}
	unix, err := strconv.ParseInt(stamp, 10, 64)
	if secret == "" || !signed || err != nil {
		return refuse(http.StatusUnauthorized, "unauthorized", "wrong signature: "+SignatureHeader+" is t=UNIX,v1=HEX of the HMAC-SHA256 of UNIX.BODY")
	}
	if age := now.Sub(time.Unix(unix, 0)); age.Abs() > signatureWindow {
		return refuse(http.StatusUnauthorized, "stale", fmt.Sprintf("the signature is %s old, at most %s: sign anew, and look at the clock", age.Round(time.Second), signatureWindow))
	}
	return nil
}
