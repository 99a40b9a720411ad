package torture

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/telephony/asterisk/asterisktest"
)

// installPhones sets up the phone systems that calls come from.
func (s *site) installPhones(seed uint64, calls int) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	s.token, s.secret = hex.EncodeToString(key[:16]), hex.EncodeToString(key[16:])
	s.sender = newSender(s.log.publicListen, seed, s.options.Calm)
	s.socket, s.batches = newSocket(s.sender, s.token), newBatches(s.sender, s.token)
	if s.options.has(Twilio) {
		s.twilio = newTwilio(seed, s.token, calls, s.options.Calm, s.log.publicListen)
		if err := s.twilio.Start(""); err != nil {
			return fmt.Errorf("start Twilio: %w", err)
		}
	}
	if !s.options.has(Asterisk) {
		return nil
	}
	var err error
	// That a call was taken in, the journal says: told at all is enough to be seen.
	if s.pbx, err = asterisktest.Start(asterisktest.Config{SeenAfter: time.Nanosecond}); err != nil {
		return fmt.Errorf("start the phone system: %w", err)
	}
	s.player = &asterisktest.Player{
		Server: s.pbx, Speed: speed, Seed: seed, Concurrency: 1000, Marked: markedBytes,
		Voicemail: filepath.Join(s.dir, "voicemail"), Recordings: filepath.Join(s.dir, "monitor"),
	}
	if !s.options.Calm {
		s.player.Disorder = asterisktest.Disorder{Duplicate: 0.03}
	}
	return nil
}

// sources is that section of the configuration.
func (s *site) sources() string {
	var b strings.Builder
	for _, share := range s.options.shares() {
		_, _ = fmt.Fprintf(&b, "  - name: %s\n", share.Source.name())
		switch share.Source {
		case Asterisk:
			user := asterisktest.LeastPrivilegeUser()
			_, _ = fmt.Fprintf(&b, "    asterisk: {address: %q, username: %s, secret: %s, trunks: [PJSIP/trunk], voicemail: %q, recordings: %q}\n",
				s.pbx.Addr(), user.Name, user.Secret, s.player.Voicemail, s.player.Recordings)
		case Twilio:
			_, _ = fmt.Fprintf(&b, "    twilio: {account_sid: %s, auth_token: %s, mode: observe, public_url: %q, api_url: %q, recording_hosts: [%q]}\n",
				s.twilio.AccountSID(), s.token, twilioPublic, s.twilio.URL(), strings.TrimPrefix(s.twilio.MediaURL(), "http://"))
		case CTI:
			_, _ = fmt.Fprintf(&b, "    cti: {token: %s}\n", s.token)
		case Events:
			_, _ = fmt.Fprintf(&b, "    events: {token: %s, hmac_secret: %s}\n", s.token, s.secret)
		}
	}
	return b.String()
}

// secrets are those that no log may tell.
func (s *site) secrets() []string {
	return []string{clientSecret, asterisktest.LeastPrivilegeUser().Secret, s.token, s.secret}
}
