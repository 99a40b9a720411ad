package twiliotest

import (
	"net/http"
	"strings"
)

// numbers are the operations on IncomingPhoneNumbers: what is no number, such as an application, is not listed.
func (c *call) numbers(rest []string) reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	var found []*Number
	for _, n := range c.s.numbers {
		wanted := c.query.Get("PhoneNumber")
		if strings.HasPrefix(n.Number, "+") && (wanted == "" || wanted == n.Number) {
			found = append(found, n)
		}
	}
	if len(rest) == 0 && c.method == http.MethodGet {
		return listing(c, "incoming_phone_numbers", found, func(n *Number) any { return c.s.numberWire(n) })
	}
	for _, n := range found {
		if len(rest) != 1 || numberSID(n.Number) != rest[0] {
			continue
		}
		if c.method == http.MethodPost {
			c.updateNumber(n)
		}
		return reply{status: http.StatusOK, value: c.s.numberWire(n)}
	}
	return notFound(c)
}

// updateNumber sets what the form names.
func (c *call) updateNumber(n *Number) {
	for key, field := range map[string]*string{
		"VoiceUrl": &n.VoiceURL, "VoiceMethod": &n.VoiceMethod, "VoiceFallbackUrl": &n.FallbackURL, "StatusCallback": &n.StatusCallback,
		"StatusCallbackMethod": &n.StatusMethod, "FriendlyName": &n.Name,
	} {
		if values, ok := c.form[key]; ok && len(values) > 0 {
			*field = values[0]
		}
	}
}

// numberWire is a number as a resource. Twilio docs: phone-numbers/api/incomingphonenumber-resource.
func (s *Server) numberWire(n *Number) map[string]any {
	method := func(m string) string {
		if m == "" {
			return http.MethodPost
		}
		return m
	}
	name := n.Name
	if name == "" {
		name = n.Number
	}
	return map[string]any{
		"sid": numberSID(n.Number), "account_sid": s.config.AccountSID, "phone_number": n.Number, "friendly_name": name, "origin": "twilio",
		"capabilities": map[string]bool{"voice": true, "sms": false, "mms": false, "fax": false}, "voice_url": n.VoiceURL,
		"voice_method": method(n.VoiceMethod), "voice_fallback_url": n.FallbackURL, "voice_fallback_method": http.MethodPost,
		"status_callback": n.StatusCallback, "status_callback_method": method(n.StatusMethod), "voice_application_sid": nil,
		"voice_caller_id_lookup": false, "trunk_sid": nil, "api_version": apiVersion, "beta": false, "status": "in-use",
		"uri": accountPath(s.config.AccountSID) + "/IncomingPhoneNumbers/" + numberSID(n.Number) + ".json",
	}
}
