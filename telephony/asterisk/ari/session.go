package ari

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

const (
	// maxTurn is how many messages are looked at before what is due is delivered.
	maxTurn = 512
	// maxMessage bounds a message; Asterisk's have some 800 bytes. One that is larger
	// is passed over, one of maxFrame ends the session.
	maxMessage = 256 << 10
	maxFrame   = 16 << 20
	// writeTimeout bounds how long a ping may take to be written.
	writeTimeout = 5 * time.Second
)

// session is what lives from the connection to its end.
type session struct {
	source *Source
	conn   *websocket.Conn
	sink   telephony.Sink
	begun  time.Time
	heard  atomic.Int64 // when something last came, since begun

	queue     *pbx.Queue[*message]
	translate translator
	roster    *roster
	pack      *pbx.Packer
	inquiries chan struct{} // a token for each that is under way
	running   sync.WaitGroup
}

func newSession(s *Source, conn *websocket.Conn, sink telephony.Sink) *session {
	return &session{
		source: s, conn: conn, sink: sink, begun: time.Now(),
		queue:     pbx.NewQueue[*message](pbx.MaxBacklog),
		translate: translator{site: s.config.Site, source: s.config.Name, trunks: s.config.Trunks},
		roster:    newRoster(func() { s.count.derived.Add(1) }),
		pack:      pbx.NewPacker(sink, s.count.delivered),
		inquiries: make(chan struct{}, maxInquiries),
	}
}

// run owns the goroutines of the session: one reads, one keeps the connection
// alive, some ask whether a number may be shown, and this one delivers.
func (s *session) run(ctx context.Context) error {
	alive, cancel := context.WithCancel(ctx)
	s.running.Go(func() { s.receive(alive) })
	s.running.Go(func() { s.keepAlive(alive) })

	deliver, stop := pbx.Lingering(ctx)
	err := s.work(alive, deliver)
	stop()

	cancel()
	_ = s.conn.Close() // ends receive
	s.running.Wait()
	return err
}

// receive reads until the connection ends. It never waits for anything else, so that
// Asterisk can go on writing.
func (s *session) receive(ctx context.Context) {
	s.conn.SetReadLimit(maxFrame)
	s.conn.SetPongHandler(func(string) error {
		s.heard.Store(int64(time.Since(s.begun)))
		return nil
	})
	for {
		raw, err := s.read()
		if errors.Is(err, ErrMalformed) {
			s.note(err)
			continue
		}
		if err != nil {
			s.queue.Close(fmt.Errorf("read events: Asterisk closed the connection: %w", err))
			return
		}
		s.heard.Store(int64(time.Since(s.begun)))
		if err := s.take(ctx, raw); err != nil {
			s.queue.Close(err)
			return
		}
	}
}

// read reads a message. One that is too large is passed over.
func (s *session) read() ([]byte, error) {
	kind, body, err := s.conn.NextReader()
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxMessage+1))
	if err != nil {
		return nil, err
	}
	s.source.count.bytes.Add(uint64(len(raw)))
	s.source.count.messages.Add(1)
	switch {
	case len(raw) > maxMessage:
		return nil, fmt.Errorf("%w: larger than %d KiB", ErrMalformed, maxMessage>>10)
	case kind != websocket.TextMessage:
		return nil, fmt.Errorf("%w: it is no text", ErrMalformed)
	}
	return raw, nil
}

// take puts a message into the queue, if it is used.
func (s *session) take(ctx context.Context, raw []byte) error {
	m, err := decode(raw, time.Now())
	switch {
	case err != nil:
		s.note(err)
		return nil
	case m.Type == "ApplicationReplaced":
		return fmt.Errorf("%w %q: give each client an app of its own", ErrReplaced, s.source.config.App)
	case !m.wanted():
		s.source.count.skipped.Add(1)
		return nil
	}
	s.source.ahead.Store(int64(m.at.Sub(m.received)))
	s.inquire(ctx, m)
	return s.queue.Push(m)
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
		var err error
		if pinged >= 0 && time.Duration(s.heard.Load()) < pinged {
			err = fmt.Errorf("%w: nothing within %s", ErrDeadPeer, s.source.config.Keepalive)
		} else if failed := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); failed != nil {
			err = fmt.Errorf("%w: %w", ErrDeadPeer, failed)
		}
		if err != nil {
			s.queue.Close(err)
			_ = s.conn.Close() // wakes receive
			return
		}
		pinged = time.Since(s.begun)
	}
}

// work takes the snapshot and then delivers until nothing more comes. What came
// meanwhile waits in the queue.
func (s *session) work(alive, deliver context.Context) error {
	if err := s.takeSnapshot(alive, deliver); err != nil {
		return err
	}
	s.sink.Ready()
	return s.deliver(deliver)
}

func (s *session) deliver(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		messages, ended := s.queue.Take(maxTurn)
		for _, m := range messages {
			s.hear(m)
		}
		if ended != nil {
			return errors.Join(ended, s.pack.FlushAll(ctx))
		}
		if err := s.pack.Flush(ctx, time.Now()); err != nil {
			return err
		}
		if len(messages) > 0 {
			continue
		}
		wait := time.Hour
		if next := s.pack.Next(); !next.IsZero() {
			wait = max(0, time.Until(next))
		}
		timer.Reset(wait)
		select {
		case <-s.queue.Ready():
		case <-timer.C:
		}
	}
}

// hear makes events of a message, and of those that waited for it, and lets them
// wait for company.
func (s *session) hear(m *message) {
	m.await()
	told := s.roster.place(m)
	if len(told) == 0 && s.roster.members[m.subject().ID] == nil {
		s.source.count.ignored.Add(1)
	}
	for _, p := range told {
		if left, ok := s.translate.unqueued(p); ok {
			s.pack.Add(left, time.Now())
		}
		e, ok, err := s.translate.translate(p.message, p.linked)
		switch {
		case err != nil:
			s.note(fmt.Errorf("%w: %w", ErrMalformed, err))
			continue
		case !ok:
			s.source.count.ignored.Add(1)
			continue
		}
		now := time.Now()
		for _, link := range s.roster.follow(p, e) {
			s.pack.Add(link, now)
		}
		s.pack.Add(e, now)
	}
}

// note logs the first bad message; the rest is counted.
func (s *session) note(err error) {
	s.source.count.malformed.Add(1)
	s.source.once("malformed", logrus.Fields{"err": err.Error()}, "message not understood and passed over; further ones are only counted")
}
