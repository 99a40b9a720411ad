package bridge

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/zendesk"
)

func TestSpares(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		left    int
		reserve float64
		want    lane
		waits   bool
	}{
		{name: "plenty", left: 300},
		{name: "the last tenth", left: 69, want: laneUpdates, waits: true},
		{name: "the last twentieth", left: 34, want: laneCreates, waits: true},
		{name: "none", left: 0, want: laneCreates, waits: true},
		{name: "more than the reserve", left: 300, reserve: 0.3},
		{name: "a tenth above the reserve", left: 279, reserve: 0.3, want: laneUpdates, waits: true},
		{name: "the reserve", left: 200, reserve: 0.3, want: laneCreates, waits: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in, waits := spares(zendesk.Budget{Known: true, Limit: 700, Remaining: tt.left}, tt.reserve)
			require.Equal(t, tt.waits, waits)
			require.Equal(t, tt.want, in)
		})
	}
	_, waits := spares(zendesk.Budget{Limit: 700}, 0)
	require.False(t, waits, "nothing was said of what is left")
}

// A little more than before is an older word that came late, or a new minute of
// which little was spent: which one, is known when nothing less has come for long.
func TestBudgetIsNotHeldDownForEver(t *testing.T) {
	t.Parallel()
	var u budget
	told := func(left int, at float64) {
		u.note(zendesk.RateLimit{Account: zendesk.Budget{Known: true, Limit: 700, Remaining: left}}, 0.9, second(at))
	}
	told(665, 0)
	told(690, 1)
	require.Equal(t, 665, u.left, "overtaken")
	told(664, 2)
	require.Equal(t, 664, u.left)
	for at := 3.0; at <= 8; at++ { // answers go on coming
		told(698, at)
	}
	require.Equal(t, 698, u.left, "a new minute")
	told(10, 9)
	told(699, 9.1)
	require.Equal(t, 699, u.left, "so much more is a new minute")
}

func TestFailed(t *testing.T) {
	t.Parallel()
	some := errors.New("some")
	for status, want := range map[int]bool{
		0: true, http.StatusInternalServerError: true, http.StatusServiceUnavailable: true, http.StatusTooManyRequests: false,
		http.StatusUnauthorized: false, http.StatusNotFound: false, http.StatusUnprocessableEntity: false,
	} {
		require.Equal(t, want, failed(zendesk.Exchange{Status: status, Err: some}), status)
	}
	require.False(t, failed(zendesk.Exchange{Status: http.StatusOK}))
}
