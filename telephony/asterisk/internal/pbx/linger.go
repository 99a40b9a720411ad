package pbx

import (
	"context"
	"time"
)

// lastWords is how long delivery may go on after the end of the context.
const lastWords = 500 * time.Millisecond

// Lingering returns a context that is over some time after ctx is: what was
// received by then shall still become durable.
func Lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	after, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(lastWords)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-after.Done():
		}
	})
	return after, func() { stop(); cancel() }
}
