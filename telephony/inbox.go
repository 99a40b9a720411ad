package telephony

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// ErrNotListening says that nobody takes events just now: the program starts or
// stops. Whoever has one should come again.
var ErrNotListening = errors.New("not listening yet")

// Inbox is the part of a Source that is told of calls by others, who call it,
// instead of asking for them: Run of such a source is Listen, and whoever is
// called delivers by Append. The zero value listens to nobody yet. It is safe for
// concurrent use.
type Inbox struct {
	mu   sync.RWMutex // read while something is delivered
	sink Sink         // nil while nobody listens
}

// Listen is a session: it takes what Append delivers until ctx is over, and
// returns why that is, when what was under way is done. prepare runs first, and may be
// nil: it appends what happened while nobody listened. One session may run at a time.
func (i *Inbox) Listen(ctx context.Context, sink Sink, prepare func(context.Context, Sink) error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	listening, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	i.open(watched{sink, listening, stop})
	defer i.open(nil)
	if prepare != nil {
		if err := prepare(listening, sink); err != nil {
			return err
		}
	}
	sink.Ready()
	<-listening.Done()
	return context.Cause(listening)
}

// open waits until nothing is under way, and changes who takes what comes.
func (i *Inbox) open(sink Sink) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sink = sink
}

// Append makes events of one call durable, as Sink.Append does. ctx bounds how long
// that may take: whoever told of them waits. It returns ErrNotListening if no
// session is up.
func (i *Inbox) Append(ctx context.Context, events []Event) error {
	i.mu.RLock()
	defer i.mu.RUnlock()
	if i.sink == nil {
		return ErrNotListening
	}
	return i.sink.Append(ctx, events)
}

// watched is a sink whose failure ends the session, and which takes nothing any more
// when that is over.
type watched struct {
	Sink

	session context.Context
	stop    context.CancelCauseFunc
}

// Append implements Sink.
func (w watched) Append(ctx context.Context, events []Event) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(w.session, func() { cancel(context.Cause(w.session)) })() //nolint:contextcheck // its end is what is waited for
	err := w.Sink.Append(ctx, events)
	if err != nil && ctx.Err() == nil {
		w.stop(fmt.Errorf("deliver events: %w", err))
	}
	return err
}
