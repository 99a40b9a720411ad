package bridge

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// The waits between tries to append, while the journal cannot take more.
const (
	firstAppendWait = 50 * time.Millisecond
	lastAppendWait  = 2 * time.Second
)

// whileFull tries until it succeeds or ctx is over. A journal that has no room
// makes it wait; what another try cannot mend is returned at once.
func (b *Bridge) whileFull(ctx context.Context, log logrus.FieldLogger, try func() error) error {
	for wait := firstAppendWait; ; wait = min(2*wait, lastAppendWait) {
		err := try()
		if err == nil {
			b.full.over(log)
			return nil
		}
		if ctx.Err() != nil || !worthRetrying(err) {
			return err
		}
		b.full.waits(log, err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("append to the journal: %w", context.Cause(ctx))
		case <-time.After(wait):
		}
	}
}

// fullness tells of a journal that takes no entries: once, however many calls wait,
// and when it takes some again. The zero value is one that does. It is safe for
// concurrent use.
type fullness struct {
	mu   sync.Mutex
	told string // why it takes none, as it was told; "" while it does
}

// waits tells that a call waits, unless that was told of another.
func (f *fullness) waits(log logrus.FieldLogger, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told != err.Error() {
		f.told = err.Error()
		log.WithError(err).Error("journal takes no entries, waiting")
	}
}

// over tells that the journal takes entries again, if it was told that it takes none.
func (f *fullness) over(log logrus.FieldLogger) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told != "" {
		f.told = ""
		log.Info("journal takes entries again")
	}
}
