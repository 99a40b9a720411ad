package cti

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
)

// dialTimeout bounds the way to a phone system's WebSocket.
const dialTimeout = 10 * time.Second

// FeedConfig says how the WebSocket of a phone system is read.
type FeedConfig struct {
	Translator

	// URL begins with wss:// or ws://.
	URL string
	// Header is sent with the handshake.
	Header http.Header
	// Send are the messages that are sent at the beginning: what to tell of.
	Send []string
	// Mapping says how to read messages; nil if they are CloudEvents.
	Mapping *Mapping
	// Timeout is when a call ends that nobody ended; 0 is DefaultTimeout.
	Timeout time.Duration
}

// Feed is a source that dials out to the WebSocket of a phone system. See NewFeed.
type Feed struct {
	*door

	config FeedConfig
}

var _ telephony.Source = (*Feed)(nil)

// NewFeed returns an error that says what the configuration lacks.
func NewFeed(config FeedConfig, log logrus.FieldLogger) (*Feed, error) {
	if _, err := telephony.NewCallID(config.Site, config.Source, "1"); err != nil {
		return nil, err
	}
	if config.URL == "" {
		return nil, errors.New("url is missing")
	}
	if m := config.Mapping; m != nil && (m.Kind == "" || m.Call == "" || len(m.Kinds) == 0) {
		return nil, errors.New("mapping: kind, call and kinds are needed")
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	return &Feed{door: newDoor(0, log), config: config}, nil
}

// Name implements telephony.Source.
func (f *Feed) Name() string { return f.config.Source }

// Run implements telephony.Source.
func (f *Feed) Run(ctx context.Context, sink telephony.Sink) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx, stop := context.WithCancelCause(ctx)
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	defer stop(nil)
	conn, err := f.dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := sweep(ctx, sink, f.config.Timeout, time.Now()); err != nil {
		return err
	}
	sweeping.Go(func() {
		if err := sweepOften(ctx, sink, f.config.Timeout); err != nil {
			stop(err)
		}
	})
	sweeping.Go(func() { ping(conn, ctx.Done()) })
	sink.Ready()
	err = f.read(ctx, conn, sink)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// dial connects, and asks for what is to be told.
func (f *Feed) dial(ctx context.Context) (*websocket.Conn, error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: dialTimeout}
	if f.config.Mapping == nil {
		dialer.Subprotocols = []string{subprotocol}
	}
	conn, response, err := dialer.DialContext(ctx, f.config.URL, f.config.Header)
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
			return nil, fmt.Errorf("connect to the WebSocket: %w: it answers %s", err, response.Status)
		}
		return nil, fmt.Errorf("connect to the WebSocket: %w", err)
	}
	for _, message := range f.config.Send {
		_ = conn.SetWriteDeadline(time.Now().Add(writeWait))
		if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("ask for events: %w", err)
		}
	}
	_ = conn.SetWriteDeadline(time.Time{})
	return conn, nil
}

// read delivers what comes until the connection ends. What cannot be read is counted,
// and the session goes on.
func (f *Feed) read(ctx context.Context, conn *websocket.Conn, sink telephony.Sink) error {
	alive(conn, maxBody)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(pongWithin))
		_, body, err := conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("read the WebSocket: %w", err)
		}
		events, err := f.events(body, time.Now())
		switch {
		case errors.Is(err, errUnknown):
			f.counts[errUnknown.reason].Add(1)
		case err != nil:
			_ = f.note(err) // there is nobody to tell
		case len(events) > 0:
			if err := sink.Append(ctx, events); err != nil {
				return fmt.Errorf("deliver events: %w", err)
			}
			f.counts["accepted"].Add(1)
		}
	}
}

// events are what a message tells.
func (f *Feed) events(body []byte, now time.Time) ([]telephony.Event, error) {
	if f.config.Mapping == nil {
		var c CloudEvent
		if err := decode(body, &c); err != nil {
			return nil, err
		}
		return f.config.telephonyEvents(c, now)
	}
	e, err := f.config.Mapping.read(body, now)
	if err != nil {
		return nil, err
	}
	events, err := f.config.Translate(e)
	if err != nil {
		return nil, malformed(err.Error())
	}
	return events, nil
}
