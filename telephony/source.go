package telephony

import (
	"context"
	"time"
)

// Sink is where a driver delivers what it heard.
type Sink interface {
	// Append makes the events durable, in order, and returns when they are.
	// All events of one slice belong to one call and are kept as one entry of
	// the journal. It waits while the journal cannot take them, and returns
	// an error only when ctx is over: nothing is dropped.
	Append(ctx context.Context, events []Event) error
	// Live returns the legs of this source that are alive as far as is known.
	// A driver compares them with what its phone system has, after each
	// (re)connect, and reports those that are gone as ended, estimated.
	Live(ctx context.Context) ([]LiveLeg, error)
	// Told returns what is known of the legs of this source that were told of
	// since a time, and of some before. A driver compares them with the call
	// records of its phone system, and reports what they do not tell.
	Told(ctx context.Context, since time.Time) (Told, error)
	// Ready says that the session is up and its snapshot has been appended.
	Ready()
}

// LiveLeg is a leg that was alive when its call was last heard of.
type LiveLeg struct {
	Call     CallID
	Leg      string
	Endpoint string
	Side     Side
	// Since is when it began.
	Since time.Time
}

// Told is what was told of legs, by their ids. The zero value is nothing.
type Told map[string]ToldLeg

// ToldLeg is one leg that was told of.
type ToldLeg struct {
	Call     CallID
	Endpoint string
	// Gone says that nobody reported its end: it was found gone.
	Gone bool
}

// Source is one phone system. Run is one session with it: it connects, takes
// a snapshot of the live calls, then delivers events in order, from one
// goroutine, until the session is over or ctx is. It always returns an error
// that says why; the caller (Supervise) decides whether to run it again. A
// Source holds no retry loop of its own.
type Source interface {
	// Name is the configured name of the phone system.
	Name() string
	// Run returns within a second after ctx is over.
	Run(ctx context.Context, sink Sink) error
}
