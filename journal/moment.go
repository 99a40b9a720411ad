package journal

import (
	"context"
	"sort"
	"time"
)

// Since returns the sequence of the first record that was stored at or after a time, by this machine's clock; that of the
// record to come if there is none. Where the clock was set back meanwhile it is one of several.
func (j *Journal) Since(ctx context.Context, at time.Time) (uint64, error) {
	ctx, leave, err := j.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	e, err := j.engine()
	if err != nil {
		return 0, err
	}
	s, err := e.state(ctx)
	if err != nil {
		return 0, j.explain(ctx, "read journal state", err)
	}
	var failed error
	n := sort.Search(int(s.Last+1-s.First), func(i int) bool { //nolint:gosec // Far below 1<<63.
		msg, err := e.stream.GetMsg(ctx, s.First+uint64(i)) //nolint:gosec // Not negative.
		if err != nil {
			failed = err
			return true // An earlier one, then: the search comes to an end.
		}
		return !msg.Time.Before(at)
	})
	if failed != nil {
		return 0, j.explain(ctx, "find a time in the journal", failed)
	}
	return s.First + uint64(n), nil //nolint:gosec // Not negative.
}
