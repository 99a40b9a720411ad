package voicemail

import (
	"errors"
	"net/url"
	"strings"

	"github.com/talkbridge/talkbridge/telephony"
)

// messageKey and recordingKey are what the audio of a call is kept under.
func messageKey(call telephony.CallID) string   { return "voicemail " + string(call) }
func recordingKey(call telephony.CallID) string { return "recording " + string(call) }

// RevokeCall takes back what was kept of a call, its voicemail and its recording, and sees to it that nothing of it is
// kept later. It returns what had been kept; taking back twice returns nothing and is no error. See Revoke.
func (s *Store) RevokeCall(call telephony.CallID) ([]Audio, error) {
	var kept []Audio
	for _, key := range []string{messageKey(call), recordingKey(call)} {
		audio, err := s.Lookup(key)
		switch {
		case err == nil:
			kept = append(kept, audio)
		case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrRevoked):
			return kept, err
		}
		if err := s.Revoke(s.ring.id(key)); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// Identify reads the ID of the audio out of a link that this ring made, below whatever public URL. It returns
// ErrNotFound for anything else, one that was made with a key that is gone included.
func (k *Keyring) Identify(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", ErrNotFound
	}
	i := strings.LastIndex(u.Path, linkPath)
	if i < 0 {
		return "", ErrNotFound
	}
	l, ok := parseLink(u.Path[i:], u.RawQuery)
	if !ok || !k.verify(l) {
		return "", ErrNotFound
	}
	return l.id, nil
}
