package twilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
)

// sign signs as Twilio's documents describe it, in the plainest way.
func sign(token, address string, form url.Values) string {
	text := address
	keys := make([]string, 0, len(form))
	for key := range form {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		text += key + form.Get(key)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func signaturesOf(t testing.TB, public string, tokens ...string) *signatures {
	t.Helper()
	u, err := url.Parse(public)
	require.NoError(t, err)
	return newSignatures(u, tokens)
}

// The example in Twilio's documents.
var documented = url.Values{
	"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+14158675310"}, "Digits": {"1234"}, "From": {"+14158675310"}, "To": {"+18005551212"},
}

func TestSignatures_form(t *testing.T) {
	t.Parallel()
	const vector = "L/OH5YylLD5NRKLltdqwSvS0BnU="
	with := func(key, value string) url.Values {
		changed := url.Values{key: {value}}
		for k, v := range documented {
			if k != key {
				changed[k] = v
			}
		}
		return changed
	}
	for _, tt := range []struct {
		name              string
		public, target    string
		tokens            []string
		form              url.Values
		signature         string
		want, notByOracle bool
	}{
		{name: "the documented vector", form: documented, signature: vector, want: true},
		{name: "another value", form: with("Digits", "1235"), signature: vector},
		{name: "a parameter more", form: with("New", "1"), signature: vector},
		{name: "a parameter that is new, signed", form: with("New", "1"), signature: sign("12345", "https://example.com/myapp.php?foo=1&bar=2", with("New", "1")), want: true},
		{name: "another path", target: "/myapp.php?foo=1&bar=3", form: documented, signature: vector},
		{name: "another token", tokens: []string{"54321"}, form: documented, signature: vector},
		{name: "the old token while it is changed", tokens: []string{"54321", "12345"}, form: documented, signature: vector, want: true, notByOracle: true},
		{name: "no signature", form: documented},
		{name: "no base64", form: documented, signature: "???"},
		{name: "a signature that is cut", form: documented, signature: vector[:20]},
		{name: "signed without the port that is configured", public: "https://example.com:8443", form: documented, signature: vector, want: true},
		{
			name: "signed with the port that is configured", public: "https://example.com:8443", form: documented, want: true,
			signature: sign("12345", "https://example.com:8443/myapp.php?foo=1&bar=2", documented),
		},
		{name: "signed with the usual port", form: documented, signature: sign("12345", "https://example.com:443/myapp.php?foo=1&bar=2", documented), want: true},
		{
			name: "plain http with its port", public: "http://127.0.0.1:8081", form: documented, want: true,
			signature: sign("12345", "http://127.0.0.1:8081/myapp.php?foo=1&bar=2", documented),
		},
		{name: "without parameters", form: nil, signature: sign("12345", "https://example.com/myapp.php?foo=1&bar=2", nil), want: true},
		{
			name: "a key that is repeated, its first value signed", form: url.Values{"A": {"2", "1"}}, want: true,
			signature: sign("12345", "https://example.com/myapp.php?foo=1&bar=2", url.Values{"A": {"2"}}),
		},
		{
			name: "a key that is repeated, each value signed", form: url.Values{"A": {"2", "1", "2"}}, want: true, notByOracle: true,
			signature: sign("12345", "https://example.com/myapp.php?foo=1&bar=2", url.Values{"A1A": {"2"}}),
		},
		{
			name: "no form of the address is any other host", form: documented,
			signature: sign("12345", "https://example.org/myapp.php?foo=1&bar=2", documented),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			public, target, tokens := tt.public, tt.target, tt.tokens
			if public == "" {
				public = "https://example.com"
			}
			if target == "" {
				target = "/myapp.php?foo=1&bar=2"
			}
			if tokens == nil {
				tokens = []string{"12345"}
			}
			require.Equal(t, tt.want, signaturesOf(t, public, tokens...).form(target, tt.form, tt.signature))
			if !tt.notByOracle {
				require.Equal(t, tt.want, oracle(tokens[0], public+target, tt.form, tt.signature), "twilio-go says otherwise")
			}
		})
	}
}

// oracle asks Twilio's own library.
func oracle(token, address string, form url.Values, signature string) bool {
	first := make(map[string]string, len(form))
	for key := range form {
		first[key] = form.Get(key)
	}
	validator := client.NewRequestValidator(token)
	return validator.Validate(address, first, signature)
}

func TestSignatures_publicURLWithAPath(t *testing.T) {
	t.Parallel()
	s := signaturesOf(t, "https://calls.example.com/talkbridge/", "token")
	require.True(t, s.form("/v1/twilio/tw/status", documented, sign("token", "https://calls.example.com/talkbridge/v1/twilio/tw/status", documented)))
}

func TestSignatures_ipv6(t *testing.T) {
	t.Parallel()
	s := signaturesOf(t, "http://[::1]:8081", "token")
	for _, host := range []string{"[::1]:8081", "[::1]"} {
		require.True(t, s.form("/x", documented, sign("token", "http://"+host+"/x", documented)), host)
	}
}

func TestSignatures_body(t *testing.T) {
	t.Parallel()
	body := []byte(`{"CallSid":"CA1"}`)
	hash := sha256.Sum256(body)
	digest := hex.EncodeToString(hash[:])
	target := "/v1/twilio/tw/status?bodySHA256=" + digest
	signature := sign("token", "https://calls.example.com"+target, nil)
	s := signaturesOf(t, "https://calls.example.com", "token")
	validator := client.NewRequestValidator("token")
	for _, tt := range []struct {
		name, hash, signature string
		body                  []byte
		want                  bool
	}{
		{name: "as it was signed", hash: digest, signature: signature, body: body, want: true},
		{name: "another body", hash: digest, signature: signature, body: []byte(`{"CallSid":"CA2"}`)},
		{name: "another signature", hash: digest, signature: sign("other", "https://calls.example.com"+target, nil), body: body},
		{name: "no hash", hash: "", signature: signature, body: body},
		{name: "a hash that is none", hash: "zz", signature: signature, body: body},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, s.body(target, tt.hash, tt.body, tt.signature))
			if tt.hash == digest {
				require.Equal(t, tt.want, validator.ValidateBody("https://calls.example.com"+target, tt.body, tt.signature))
			}
		})
	}
}

// FuzzSignature holds that we and Twilio's library agree about any form and any
// signature.
func FuzzSignature(f *testing.F) {
	f.Add("token", "CallSid=CA1&From=%2B15550100001", "", true)
	f.Add("token", "A=1&A=2&=3&B", "L/OH5YylLD5NRKLltdqwSvS0BnU=", false)
	f.Add("", "", "", true)
	f.Fuzz(func(t *testing.T, token, body, signature string, genuine bool) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		const public, target = "https://calls.example.com", "/v1/twilio/tw/status?a=1"
		if genuine {
			signature = sign(token, public+target, form)
		}
		ours := signaturesOf(t, public, token).form(target, form, signature)
		if strings.ContainsAny(signature, "\r\n") {
			require.False(t, oracle(token, public+target, form, signature))
			return // base64 may have line breaks; a header has none
		}
		require.Equal(t, oracle(token, public+target, form, signature), ours)
	})
}

// callback28 is a status callback with 28 parameters.
func callback28() url.Values {
	form := url.Values{}
	for i := range 20 {
		form.Set(fmt.Sprintf("Parameter%02d", i), "NEW YORK, a value of usual length")
	}
	maps.Copy(form, documented)
	form.Set("AccountSid", "AC0123456789abcdef0123456789abcdef")
	form.Set("CallStatus", "in-progress")
	form.Set("Timestamp", time.Unix(0, 0).UTC().Format(time.RFC1123Z))
	return form
}

func BenchmarkSignature(b *testing.B) {
	form := callback28()
	require.Len(b, form, 28)
	const target = "/v1/twilio/tw/status"
	signature := sign("token", "https://calls.example.com"+target, form)
	b.Run("ours", func(b *testing.B) {
		s := signaturesOf(b, "https://calls.example.com", "token")
		b.ReportAllocs()
		for b.Loop() {
			if !s.form(target, form, signature) {
				b.Fatal("not accepted")
			}
		}
	})
	b.Run("twilio-go", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !oracle("token", "https://calls.example.com"+target, form, signature) {
				b.Fatal("not accepted")
			}
		}
	})
}
