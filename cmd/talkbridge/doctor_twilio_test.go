package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// twilioNumbers is as much of Twilio's API as doctor asks: the account, and its
// numbers on two pages.
func twilioNumbers(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		user, password, _ := r.BasicAuth()
		list := "/2010-04-01/Accounts/" + twilioAccount + "/IncomingPhoneNumbers.json"
		switch {
		case user != twilioAccount || password != twilioToken:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"code": 20003, "message": "Authenticate", "status": 401}`)
		case r.URL.Path == "/2010-04-01/Accounts/"+twilioAccount+".json":
			_, _ = fmt.Fprint(w, `{"friendly_name": "Acme", "status": "active"}`)
		case r.URL.Path == list && r.URL.Query().Get("PageToken") == "":
			_, _ = fmt.Fprintf(w, `{"incoming_phone_numbers": [{"phone_number": "+15550100001",
				"status_callback": "https://calls.example.com/v1/twilio/tw/status#rc=5"}], "next_page_uri": %q}`, list+"?Page=1&PageToken=PA1")
		case r.URL.Path == list:
			_, _ = fmt.Fprint(w, `{"incoming_phone_numbers": [{"phone_number": "+15550100003", "status_callback": "https://elsewhere.example.com"}]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestDoctorLooksAtTwilio(t *testing.T) {
	t.Parallel()
	s := newSite(t, twilioOptions(", public_url: https://calls.example.com, api_url: "+twilioNumbers(t)))
	_, out, errs := runCLI(t.Context(), "doctor", "--config", s.config, "--json", "--watch", "100ms")
	require.Contains(t, out, "Acme ("+twilioAccount+"), 2 numbers", errs)
	require.Contains(t, out, `"check": "line +15550100001"`)
	require.Contains(t, out, "call status changes: points here")
	require.Contains(t, out, "call status changes: does not point here")
	require.Contains(t, out, "call status changes: https://calls.example.com/v1/twilio/tw/status#rc=5")
	require.NotContains(t, out, twilioToken)
}

func TestDoctorLooksAtTwilio_wrongToken(t *testing.T) {
	t.Parallel()
	o := twilioOptions(", public_url: https://calls.example.com, api_url: " + twilioNumbers(t))
	o.edit[1] = strings.Replace(o.edit[1], twilioToken, "wrong", 1)
	s := newSite(t, o)
	_, out, _ := runCLI(t.Context(), "doctor", "--config", s.config, "--json", "--watch", "100ms")
	require.Contains(t, out, "Twilio's API answers 401: Authenticate (20003)")
	require.Contains(t, out, "correct account_sid and auth_token")
}

// The number that calls are placed with must be one that Twilio lets us show.
func TestDoctorLooksAtTwilio_dialling(t *testing.T) {
	t.Parallel()
	for number, v := range map[string]severity{"+15550100001": fine, "+15550100009": warning} {
		o := twilioOptions(`, dial: {caller_id: "` + number + `"}, public_url: https://calls.example.com, api_url: ` + twilioNumbers(t))
		o.extra = "dial: {allow: [\"+49*\"]}\n"
		_, out, errs := runCLI(t.Context(), "doctor", "--config", newSite(t, o).config, "--json", "--watch", "100ms")
		require.Regexp(t, `"check": "dialling",\s+"verdict": "`+string(v)+`"`, out, errs)
	}
}
