package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxMessage bounds what a Reader takes as one message: a snapshot of some
	// ten thousand calls.
	maxMessage = 64 << 20
	// maxAnswer bounds what is read of an answer that refuses.
	maxAnswer = 4 << 10
	// firstWait and lastWait are the waits between two attempts to connect.
	firstWait = 250 * time.Millisecond
	lastWait  = 30 * time.Second
	// silence is after how long without a word, pings included, a connection is
	// taken for dead.
	silence = 90 * time.Second
)

// Reader follows a feed, and resumes by itself after a cut. It is not safe for
// concurrent use.
type Reader struct {
	// URL is that of the feed, with the filters in its query:
	// "ws://127.0.0.1:8080/v1/feed?agent=Ana".
	URL string
	// Token is sent as bearer token; "" sends none.
	Token string
	// Since is where to begin; the zero value begins with a snapshot. It moves on
	// with each message that was dealt with.
	Since Cursor
	// Dial makes connections where they are not made as the URL says.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Cut hears of each cut that is followed by another attempt, and after which
	// wait. Nil: nobody does.
	Cut func(err error, wait time.Duration)
}

// RefusedError says that the feed does not let this reader in, and that trying
// again is useless.
type RefusedError struct {
	// Status is that of HTTP, or the number that the connection was closed with.
	Status int
	// Text is what the feed said.
	Text string
}

// Error gives the number and what the feed said.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the feed refused (%d): %s", e.Status, e.Text)
}

// Run gives fn every message, in order, none twice and none left out, until ctx
// is over or fn returns an error, which Run returns as it is. What was lost for
// good is said by a message of TypeGap, with a snapshot behind it. A feed that
// refuses ends it too, with a *RefusedError. The first attempt to connect is not
// repeated: its error is returned.
func (r *Reader) Run(ctx context.Context, fn func(Message) error) error {
	wait := firstWait
	for first := true; ; first = false {
		told, err := r.session(ctx, fn)
		if mine, ok := errors.AsType[*ownError](err); ok {
			return mine.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, refused := errors.AsType[*RefusedError](err); refused || (first && !told) {
			return err
		}
		if told {
			wait = firstWait
		}
		pause := wait/2 + rand.N(wait/2) //nolint:gosec // spreads readers, hides nothing
		wait = min(2*wait, lastWait)
		if r.Cut != nil {
			r.Cut(err, pause)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// ownError marks an error of the reader's function.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// session is one connection. told says that it brought at least one message.
func (r *Reader) session(ctx context.Context, fn func(Message) error) (told bool, err error) {
	conn, err := r.connect(ctx)
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })
	defer func() {
		stop()
		_ = conn.Close() // nothing is lost: it is resumed
	}()
	conn.SetReadLimit(maxMessage)
	answerPing := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		return errors.Join(conn.SetReadDeadline(time.Now().Add(silence)), answerPing(data))
	})
	for {
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return told, fmt.Errorf("read the feed: %w", err)
		}
		_, data, err := conn.ReadMessage()
		if err != nil {
			return told, closedBy(err)
		}
		var m Message
		if err := json.Unmarshal(data, &m); err != nil {
			return told, fmt.Errorf("read the feed: decode message: %w", err)
		}
		if err := fn(m); err != nil {
			return told, &ownError{err}
		}
		r.Since, told = m.Cursor, true
	}
}

// closedBy makes a refusal of a connection that was closed for good.
func closedBy(err error) error {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok && closed.Code == CloseToken {
		return &RefusedError{closed.Code, "the token is no longer valid"}
	}
	return fmt.Errorf("read the feed: %w", err)
}

func (r *Reader) connect(ctx context.Context) (*websocket.Conn, error) {
	target, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("connect to the feed: %w", err)
	}
	query := target.Query()
	if r.Since != (Cursor{}) {
		query.Set("since", r.Since.String())
	}
	target.RawQuery = query.Encode()
	header := http.Header{}
	if r.Token != "" {
		header.Set("Authorization", "Bearer "+r.Token)
	}
	dialer := websocket.Dialer{NetDialContext: r.Dial, HandshakeTimeout: handshakeTimeout, Subprotocols: []string{Protocol}}
	if r.Dial == nil {
		dialer.Proxy = http.ProxyFromEnvironment
	}
	conn, response, err := dialer.DialContext(ctx, target.String(), header)
	if response == nil || err == nil {
		return conn, wrapConnect(err)
	}
	defer func() { _ = response.Body.Close() }() // its text is read, or not to be had
	if response.StatusCode < 500 && response.StatusCode != http.StatusTooManyRequests && response.StatusCode >= 400 {
		return nil, &RefusedError{response.StatusCode, refusalText(response)}
	}
	return nil, fmt.Errorf("connect to the feed: %s: %s", response.Status, refusalText(response))
}

func wrapConnect(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("connect to the feed: %w", err)
}

// refusalText is what an answer says in its body.
func refusalText(response *http.Response) string {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return response.Status
	}
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		return said.Error
	}
	return strings.TrimSpace(string(body))
}
