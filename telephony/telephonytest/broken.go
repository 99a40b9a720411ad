package telephonytest

import (
	"context"
	"errors"

	"github.com/talkbridge/talkbridge/telephony"
)

// errBroken is what a broken sink says.
var errBroken = errors.New("the journal is closed")

// broken is a sink that keeps nothing.
type broken struct{ *Sink }

func (broken) Append(context.Context, []telephony.Event) error { return errBroken }
