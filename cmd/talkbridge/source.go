package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk"
)

// newSource makes the driver of one phone system, which is configured at key.
func newSource(site, key string, s config.Source, reg prometheus.Registerer, log logrus.FieldLogger) (telephony.Source, error) {
	a := s.Asterisk
	if a == nil {
		return nil, errors.New("no phone system is given: add asterisk")
	}
	settings, err := asteriskConfig(site, s)
	if err != nil {
		return nil, err
	}
	source, err := asterisk.New(settings, log.WithField("source", s.Name))
	if err != nil {
		return nil, err
	}
	registerSource(reg, s.Name, source)
	return explainedSource{source, key, a.Address}, nil
}

// asteriskConfig translates the configuration of an Asterisk for its driver.
func asteriskConfig(site string, s config.Source) (asterisk.Config, error) {
	a := s.Asterisk
	tlsConfig, err := newTLS(a)
	return asterisk.Config{
		Site: site, Name: s.Name, Address: a.Address, Username: a.Username, Secret: a.Secret.Reveal(),
		TLS: tlsConfig, Trunks: a.Trunks, VoicemailDir: a.Voicemail, Keepalive: a.Keepalive, Node: nodeName(),
	}, err
}

func newTLS(a *config.Asterisk) (*tls.Config, error) {
	if a.TLS == nil {
		return nil, nil //nolint:nilnil // no TLS is a configuration like any other
	}
	host, _, err := net.SplitHostPort(a.Address)
	if err != nil {
		return nil, fmt.Errorf("asterisk.address: %w", err)
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if a.TLS.ServerName != "" {
		c.ServerName = a.TLS.ServerName
	}
	if a.TLS.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(a.TLS.CAFile)
	if err != nil {
		return nil, fmt.Errorf("asterisk.tls.ca_file: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("asterisk.tls.ca_file: %s holds no certificate in PEM form", a.TLS.CAFile)
	}
	return c, nil
}
