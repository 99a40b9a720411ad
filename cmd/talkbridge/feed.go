package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// openFeed makes the live feed and the gate before it.
func (d *daemon) openFeed(context.Context) error {
	if err := guarded(d.listener.Addr(), d.cfg.HTTP.Readers()); err != nil {
		return &exitError{exitConfig, err}
	}
	d.feedNames = newFeedNames(d.cfg, d.directory)
	var err error
	d.feed, err = feed.New(feed.Options{
		Journal: d.journal, Site: d.cfg.Site, Names: d.feedNames, MaxClients: d.cfg.Feed.MaxClients,
		Log: d.log, Metrics: d.registry,
	})
	if err != nil {
		return err
	}
	if d.gate, err = feed.NewGate(feedTokens(d.cfg.HTTP.Tokens), d.cfg.HTTP.Origins); err != nil {
		return &exitError{exitConfig, fmt.Errorf("http: %w", err)}
	}
	return nil
}

// reloadFeed takes tokens, origins and names from a new configuration. Readers
// whose token is gone go too.
func (d *daemon) reloadFeed(cfg *config.Config) error {
	if err := d.gate.Set(feedTokens(cfg.HTTP.Tokens), cfg.HTTP.Origins); err != nil {
		return fmt.Errorf("http: %w", err)
	}
	d.feedNames.set(cfg)
	d.feed.Review()
	return nil
}

// guarded makes sure that the feed is not open to other machines. The
// configuration was checked for it; this looks at where we really listen.
func guarded(at net.Addr, tokens []config.Token) error {
	if len(tokens) > 0 || onLoopback(at) {
		return nil
	}
	return errors.New("http.listen: " + at.String() + " can be reached from other machines, and no token guards the live feed: give http.tokens, or listen on 127.0.0.1")
}

// onLoopback reports whether only this machine reaches an address.
func onLoopback(at net.Addr) bool {
	address, isTCP := at.(*net.TCPAddr)
	return isTCP && address.IP.IsLoopback()
}

// feedTokens translates the tokens that show the feed. One without a name goes by its
// place.
func feedTokens(tokens []config.Token) []feed.Token {
	list := make([]feed.Token, 0, len(tokens))
	for i, t := range tokens {
		if t.Scope == config.ScopeDial {
			continue
		}
		list = append(list, feed.Token{Name: tokenName(i, t), Secret: t.Token.Reveal(), Agent: t.Agent})
	}
	return list
}

func tokenName(i int, t config.Token) string {
	return cmp.Or(t.Name, fmt.Sprintf("http.tokens[%d]", i))
}

// feedNames says what phones and numbers are called. It implements feed.Names.
type feedNames struct {
	directory *screenpop.Directory
	lines     atomic.Pointer[feedLines]
}

// feedLines are our numbers. They are never changed.
type feedLines struct {
	country string
	names   map[string]string
}

func newFeedNames(cfg *config.Config, directory *screenpop.Directory) *feedNames {
	n := &feedNames{directory: directory}
	n.set(cfg)
	return n
}

func (n *feedNames) set(cfg *config.Config) {
	lines := &feedLines{country: cfg.Country, names: make(map[string]string, len(cfg.Lines))}
	for _, line := range cfg.Lines {
		lines.names[line.Number] = line.Name
	}
	n.lines.Store(lines)
}

// Agent implements feed.Names.
func (n *feedNames) Agent(endpoint string) string {
	agent, _ := n.directory.Lookup(endpoint)
	return agent.Name
}

// Line implements feed.Names.
func (n *feedNames) Line(number string) (e164, name string) {
	lines := n.lines.Load()
	e164 = telephony.ParseNumber(number, lines.country).String()
	return e164, lines.names[e164]
}
