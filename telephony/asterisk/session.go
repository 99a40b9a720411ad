package asterisk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// maxTurn is how many messages are looked at before what is due is
	// delivered. After a pause of the journal it lets a backlog be packed.
	maxTurn = 512
)

// session is what lives from login to the end of the connection.
type session struct {
	source *Source
	link   *link
	sink   telephony.Sink
	clock  clock

	queue     *pbx.Queue[Message]
	translate translator
	roster    *roster
	inquiries *inquiries
	orders    *orders
	pack      *pbx.Packer
	ordinal   uint64
	ready     chan struct{} // closed when the snapshot is delivered
}

func newSession(s *Source, l *link, sink telephony.Sink, c clock) *session {
	return &session{
		source: s, link: l, sink: sink, clock: c,
		queue: pbx.NewQueue[Message](pbx.MaxBacklog),
		translate: translator{
			site: s.config.Site, source: s.config.Name, trunks: s.config.Trunks,
			node: s.config.Node, conn: strings.TrimPrefix(l.id, "tb-"),
		},
		roster:    newRoster(),
		inquiries: newInquiries(l),
		orders:    newOrders(),
		pack:      pbx.NewPacker(sink, s.count.delivered),
		ready:     make(chan struct{}),
	}
}

// run owns the goroutines of the session: one reads, one keeps the connection
// alive, and this one delivers.
func (s *session) run(ctx context.Context) error {
	alive, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(s.receive)
	running.Go(func() { s.keepAlive(alive) })
	running.Go(func() { s.backfill(alive) })

	deliver, stop := pbx.Lingering(ctx)
	err := s.work(deliver)
	stop()

	cancel()
	s.source.session.Store(nil)
	_ = s.link.conn.Close() // ends receive
	running.Wait()
	close(s.orders.over)
	return err
}

// receive reads until the connection ends. It never waits for anything else:
// Asterisk throws out a client that does not read.
func (s *session) receive() {
	for {
		m, err := s.link.Read()
		switch {
		case errors.Is(err, ErrMalformed):
			s.note(err)
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
			s.queue.Close(fmt.Errorf("read events: Asterisk closed the connection: %w", err))
			return
		case err != nil:
			s.queue.Close(fmt.Errorf("read events: %w", err))
			return
		}
		if s.orders.take(m) {
			continue
		}
		if err := s.queue.Push(m); err != nil {
			s.queue.Close(err)
			return
		}
	}
}

// keepAlive pings, and ends the session if nothing came between two pings.
func (s *session) keepAlive(ctx context.Context) {
	ticker := time.NewTicker(s.source.config.Keepalive)
	defer ticker.Stop()
	pinged := time.Duration(-1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if pinged >= 0 && time.Duration(s.link.heard.Load()) < pinged {
			s.queue.Close(fmt.Errorf("%w: nothing within %s", ErrDeadPeer, s.source.config.Keepalive))
			_ = s.link.conn.Close() // wakes receive
			return
		}
		pinged = time.Since(s.link.begun)
		if _, err := s.link.act("Ping"); err != nil {
			s.queue.Close(fmt.Errorf("%w: %w", ErrDeadPeer, err))
			_ = s.link.conn.Close() // wakes receive
			return
		}
	}
}

// work takes the snapshot and then delivers until nothing more comes. The
// snapshot is delivered before the events that came meanwhile.
func (s *session) work(ctx context.Context) error {
	held, err := s.takeSnapshot(ctx)
	if err != nil {
		return err
	}
	if err := s.hearAll(held); err != nil {
		return err
	}
	if err := s.pack.FlushAll(ctx); err != nil {
		return err
	}
	s.source.session.Store(s)
	s.sink.Ready()
	close(s.ready)
	return s.deliver(ctx)
}

func (s *session) deliver(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		messages, ended := s.queue.Take(maxTurn)
		if err := s.hearAll(messages); err != nil {
			return err
		}
		if ended != nil {
			s.tellAll(s.inquiries.expired(time.Time{}))
			return errors.Join(ended, s.pack.FlushAll(ctx))
		}
		s.tellAll(s.inquiries.expired(time.Now()))
		if err := s.pack.Flush(ctx, time.Now()); err != nil {
			return err
		}
		if len(messages) > 0 {
			continue
		}
		timer.Reset(s.patience())
		select {
		case <-s.queue.Ready():
		case <-timer.C:
		}
	}
}

// patience is how long there is nothing to do.
func (s *session) patience() time.Duration {
	wait := time.Hour
	for _, next := range []time.Time{s.pack.Next(), s.inquiries.next()} {
		if !next.IsZero() {
			wait = min(wait, max(0, time.Until(next)))
		}
	}
	return wait
}

// hearAll tells what the messages say, but for those that wait until it is
// known whether a number may be shown.
func (s *session) hearAll(messages []Message) error {
	for _, m := range messages {
		if m.Kind() == "" {
			s.tellAll(s.inquiries.answer(m))
			continue
		}
		held, err := s.inquiries.holds(m, s.source.config.Trunks, time.Now())
		if err != nil {
			return err
		}
		if !held {
			s.tell(m)
		}
	}
	return nil
}

func (s *session) tellAll(messages []Message) {
	for _, m := range messages {
		s.tell(m)
	}
}

// tell makes events of a message and lets them wait for company.
func (s *session) tell(m Message) {
	s.ordinal++
	if !s.roster.trusts(m) {
		s.source.count.forged.Add(1)
		s.note(ErrForged)
		return
	}
	m.Secret = s.roster.hides(m)
	e, ok, err := s.translate.translate(m, s.ordinal)
	switch {
	case err != nil:
		s.source.count.malformed.Add(1)
		s.note(fmt.Errorf("%w: %w", ErrMalformed, err))
		return
	case !ok:
		s.source.count.ignored.Add(1)
		return
	}
	now := time.Now()
	for _, moved := range s.roster.follow(m, e) {
		s.pack.Add(moved, now)
	}
	s.pack.Add(e, now)
}

// note logs the first of each kind of bad message; the rest is counted.
func (s *session) note(err error) {
	kind, message := "malformed", "message not understood and passed over; further ones are only counted"
	if errors.Is(err, ErrForged) {
		kind = "forged"
		message = "event passed over that Asterisk did not write so: a caller may try to forge events through his caller id; further ones are only counted"
	}
	s.source.once(kind, logrus.Fields{"err": err.Error()}, message)
}
