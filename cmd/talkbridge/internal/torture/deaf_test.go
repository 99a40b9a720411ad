package torture

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDeafness: what is noted twice is counted once, and what lies elsewhere not
// at all.
func TestDeafness(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Date(2026, 1, 1, 0, 0, seconds, 0, time.UTC) }
	s := &site{deaf: map[Source][]span{Asterisk: {{at(10), at(14)}, {at(0), at(2)}, {at(11), at(13)}, {at(12), at(16)}, {at(30), at(40)}}}}
	require.Equal(t, 6*time.Second, s.deafness(Asterisk, at(11), at(20)))
	require.Zero(t, s.deafness(Asterisk, at(20), at(25)))
	require.Equal(t, 18*time.Second, s.deafness(Asterisk, at(0), at(50)))
	// Who is deaf again at once has heard nothing in between.
	s = &site{deaf: map[Source][]span{Asterisk: {{at(14), at(30)}, {at(10), at(15)}, {at(40), at(50)}}}}
	require.Equal(t, 20*time.Second, s.deafness(Asterisk, at(9), at(12)))
}
