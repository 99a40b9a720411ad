package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// receiver is a source that is told of calls over HTTP, on the public listener.
type receiver interface {
	telephony.Source
	// Register adds the paths that it answers.
	Register(mux *http.ServeMux)
}

// phone is a phone system as it is configured.
type phone struct {
	source telephony.Source
	// recorded says that its own records of calls are read for what nobody heard.
	recorded bool
	// dialler places calls through it, nil if none are.
	dialler telephony.Dialler
}

// newPhone makes the driver of the phone system that is configured at key, such as
// sources[0].
func (d *daemon) newPhone(key string, s config.Source) (phone, error) {
	switch {
	case s.Asterisk != nil:
		source, dialler, err := d.newAsterisk(key+".asterisk", s)
		return phone{source, s.Asterisk.CDR != "", dialler}, err
	case s.ARI != nil:
		source, err := d.newARI(key+".ari", s)
		return phone{source: source}, err
	case s.Twilio != nil:
		source, dialler, err := d.newTwilio(key+".twilio", s)
		return phone{source, true, dialler}, err
	case s.CTI != nil:
		source, err := d.newCTI(key+".cti", s)
		return phone{source: source}, err
	case s.Events != nil:
		source, err := d.newEvents(key+".events", s)
		return phone{source: source}, err
	default:
		return phone{}, fmt.Errorf("%s: no phone system is given: see config.example.yaml", key)
	}
}

// newAsterisk makes the driver of an Asterisk, which places calls too if it is to.
func (d *daemon) newAsterisk(key string, s config.Source) (telephony.Source, telephony.Dialler, error) {
	settings, err := asteriskConfig(d.cfg.Site, s)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", key, err)
	}
	settings.Dial = dialplan(d.cfg.Country, s.Asterisk.Dial)
	settings.RecordsSince, settings.RecordsWithin = d.since(), d.cfg.Backfill.MaxAge
	source, err := asterisk.New(settings, d.log.WithField("source", s.Name))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", key, err)
	}
	registerSource(d.registry, s.Name, source)
	explained := explainedSource{source, key, s.Asterisk.Address}
	if settings.Dial == nil {
		return explained, nil, nil
	}
	return explained, source, nil
}

// asteriskConfig translates the configuration of an Asterisk for its driver.
func asteriskConfig(site string, s config.Source) (asterisk.Config, error) {
	a := s.Asterisk
	tlsConfig, err := newTLS(a.TLS, a.Address)
	return asterisk.Config{
		Site: site, Name: s.Name, Address: a.Address, Username: a.Username, Secret: a.Secret.Reveal(),
		TLS: tlsConfig, Trunks: a.Trunks, VoicemailDir: a.Voicemail, RecordingsDir: a.Recordings, Records: a.CDR,
		Keepalive: a.Keepalive, Node: nodeName(),
	}, err
}

func newTLS(settings *config.TLS, address string) (*tls.Config, error) {
	if settings == nil {
		return nil, nil //nolint:nilnil // no TLS is a configuration like any other
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if settings.ServerName != "" {
		c.ServerName = settings.ServerName
	}
	if settings.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(settings.CAFile)
	if err != nil {
		return nil, fmt.Errorf("tls.ca_file: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls.ca_file: %s holds no certificate in PEM form", settings.CAFile)
	}
	return c, nil
}
