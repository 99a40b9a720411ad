package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// lookForRenewal is how often, at most, it is looked whether a certificate was
// renewed.
const lookForRenewal = 10 * time.Second

// certificate is what a listener with TLS shows. Whoever renews it replaces the
// files; the new one is used soon after. It is safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	log               logrus.FieldLogger

	mu     sync.Mutex
	shown  *tls.Certificate
	stamp  [2]time.Time // when the files changed last
	looked time.Time
}

// openTLS reads the certificate of the listeners, if there is one.
func (d *daemon) openTLS(context.Context) error {
	t := d.cfg.HTTP.TLS
	if t == nil {
		return nil
	}
	c := &certificate{certFile: t.CertFile, keyFile: t.KeyFile, log: d.log}
	if err := c.read(); err != nil {
		return &exitError{exitConfig, fmt.Errorf("http.tls: %w", err)}
	}
	d.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "talkbridge_tls_not_after_seconds", Help: "When the certificate of the listeners runs out, as Unix time.",
	}, c.runsOut))
	settings := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
	d.tls = map[string]*tls.Config{"http.public_listen": settings}
	if !onLoopback(d.listener.Addr()) {
		d.tls["http.listen"] = settings
	}
	return nil
}

// secure puts TLS onto a listener that has it.
func (d *daemon) secure(name string, l net.Listener) net.Listener {
	if settings := d.tls[name]; settings != nil {
		return tls.NewListener(l, settings)
	}
	return l
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.looked) < lookForRenewal {
		return c.shown, nil
	}
	c.looked = now
	if stamp, err := c.changed(); err == nil && stamp == c.stamp {
		return c.shown, nil
	}
	if err := c.read(); err != nil {
		c.log.WithError(err).Error("new certificate not used, the one before is shown")
		return c.shown, nil
	}
	c.log.WithField("until", c.shown.Leaf.NotAfter.Format(time.RFC3339)).Info("new certificate is shown")
	return c.shown, nil
}

// runsOut is when the certificate that is shown ends.
func (c *certificate) runsOut() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return float64(c.shown.Leaf.NotAfter.Unix())
}

// read reads the files. What it cannot use leaves the certificate as it was.
func (c *certificate) read() error {
	stamp, err := c.changed()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read certificate %s and key %s: %w", c.certFile, c.keyFile, err)
	}
	c.shown, c.stamp = &pair, stamp
	return nil
}

// changed is when the files changed last.
func (c *certificate) changed() (stamp [2]time.Time, err error) {
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return stamp, err
		}
		stamp[i] = info.ModTime()
	}
	return stamp, nil
}

// publicURL is how browsers reach the public listener, which is at an address.
func publicURL(cfg config.HTTP, address string) string {
	scheme := "http://"
	if cfg.TLS != nil {
		scheme = "https://"
	}
	return cmp.Or(cfg.PublicURL, scheme+address)
}
