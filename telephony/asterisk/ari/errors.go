package ari

import (
	"errors"

	"github.com/talkbridge/talkbridge/telephony/asterisk/internal/pbx"
)

// The ways in which a session ends that a caller may want to tell apart.
var (
	// ErrAuthentication: Asterisk refused the login.
	ErrAuthentication = errors.New("authentication refused")
	// ErrNoARI: what listens there is no ARI, or it is switched off.
	ErrNoARI = errors.New("no ARI there")
	// ErrReplaced: another client came with the same app, and events go there now.
	ErrReplaced = errors.New("another client took over the app")
	// ErrDeadPeer: nothing came for two keepalives, not even answers to pings.
	ErrDeadPeer = errors.New("peer does not answer")
	// ErrBacklog: the journal was slow for so long that what came meanwhile did
	// not fit into memory. The snapshot of the next session makes up for it.
	ErrBacklog = pbx.ErrBacklog
	// ErrSnapshot: the list of live channels did not come.
	ErrSnapshot = errors.New("no snapshot of live channels")
)

// ErrMalformed says that a message is no good. Those after it are not harmed.
var ErrMalformed = errors.New("malformed message")
