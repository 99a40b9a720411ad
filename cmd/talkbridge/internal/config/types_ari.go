package config

import "time"

// defaultApp names the application of ARI, where none is given.
const defaultApp = "talkbridge"

// ARI is a connection to a REST interface (ARI). Voicemail and Recordings are "" where there are none.
type ARI struct {
	// Where Asterisk's HTTP server is, with the prefix of http.conf if it has one. The usual port is 8088, and 8089 with https.
	URL string `yaml:"url,required" check:"pbxurl"`
	// Name of the user in ari.conf; read_only = yes suffices.
	Username string `yaml:"username,required"`
	// Its password; better in a file of its own.
	Password Secret `yaml:"password"`
	// File that holds the password.
	PasswordFile string `yaml:"password_file" check:"path"`
	// Name of the application that events are sent to; it needs not exist. No other program may use the same, and no other node.
	App string `yaml:"app" check:"app"`
	// Which certificate to expect, where url is https and it is not one that this machine trusts anyway.
	TLS *TLS `yaml:"tls"`
	// The channels on which calls come in from and go out to the public network, as technology/endpoint: PJSIP/trunk.
	Trunks []string `yaml:"trunks,required" check:"channel"`
	// Folder of the voicemail spool as this machine sees it, usually /var/spool/asterisk/voicemail. Without it voicemails are tickets without audio.
	Voicemail string `yaml:"voicemail" check:"path"`
	// Folder of the call recordings (MixMonitor) as this machine sees it, usually /var/spool/asterisk/monitor. Without it tickets of answered calls play nothing.
	Recordings string `yaml:"recordings" check:"path"`
	// How often the connection is tried; one that is dead is noticed after two tries.
	Keepalive time.Duration `yaml:"keepalive" check:"1s..5m"`
}

// setDefaults is called by the decoder on each new ARI, before the file's values.
func (a *ARI) setDefaults() { a.App, a.Keepalive = defaultApp, defaultKeepalive }

// Folders are where the phone system leaves voicemails and recordings, as this machine sees them; "" where there is none.
func (s Source) Folders() (voicemail, recordings string) {
	switch {
	case s.Asterisk != nil:
		return s.Asterisk.Voicemail, s.Asterisk.Recordings
	case s.ARI != nil:
		return s.ARI.Voicemail, s.ARI.Recordings
	}
	return "", ""
}

// Trunks are the channels to and from the public network, for phone systems that have channels.
func (s Source) Trunks() []string {
	switch {
	case s.Asterisk != nil:
		return s.Asterisk.Trunks
	case s.ARI != nil:
		return s.ARI.Trunks
	}
	return nil
}
