package asterisk

import (
	"errors"
	"fmt"

	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// The ways in which a session ends that a caller may want to tell apart.
var (
	// ErrAuthentication: Asterisk refused the login.
	ErrAuthentication = errors.New("authentication refused")
	// ErrNoGreeting: what listens there did not greet as Asterisk does.
	ErrNoGreeting = errors.New("no greeting")
	// ErrDeadPeer: nothing came for two keepalives, not even answers to pings.
	ErrDeadPeer = errors.New("peer does not answer")
	// ErrBacklog: the journal was slow for so long that what came meanwhile did
	// not fit into memory. The snapshot of the next session makes up for it.
	ErrBacklog = pbx.ErrBacklog
	// ErrSnapshot: the list of live channels did not come.
	ErrSnapshot = errors.New("no snapshot of live channels")
)

// The ways in which one message is no good. The messages after it are not
// harmed: a reader goes on.
var (
	// ErrMalformed is wrapped by all of them.
	ErrMalformed = errors.New("malformed message")
	// ErrMessageTooLarge: no end within 64 KiB.
	ErrMessageTooLarge = fmt.Errorf("%w: larger than 64 KiB", ErrMalformed)
	// ErrTooManyHeaders: more than 512 lines.
	ErrTooManyHeaders = fmt.Errorf("%w: more than 512 headers", ErrMalformed)
	// ErrNotAMessage: it begins neither with Event nor with Response.
	ErrNotAMessage = fmt.Errorf("%w: neither event nor response", ErrMalformed)
	// ErrForged: an event without the headers that Asterisk gives its kind, in
	// Asterisk's order. Somebody may have written it into his caller id.
	ErrForged = fmt.Errorf("%w: event is not as Asterisk writes it", ErrMalformed)
)
