package bridge

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/journal"
)

func TestPurgeTo(t *testing.T) {
	t.Parallel()
	full := journal.State{First: 1001, Last: 2000, Messages: 1000, Bytes: 1000, MaxBytes: 1000}
	for _, tt := range []struct {
		name    string
		state   journal.State
		settled uint64
		want    uint64
	}{
		{"there is room", journal.State{First: 1, Last: 1000, Messages: 1000, Bytes: 700, MaxBytes: 1000}, 1000, 0},
		{"half is kept", full, 2000, 1501},
		{"an open call keeps its story", full, 1200, 1201},
		{"an open call at the very beginning keeps all", full, 1000, 0},
		{"at three quarters a third goes", journal.State{First: 1, Last: 750, Messages: 750, Bytes: 750, MaxBytes: 1000}, 750, 251},
		{"no limit is known", journal.State{First: 1, Last: 9, Messages: 9, Bytes: 9}, 9, 0},
		{"it is empty", journal.State{First: 1, MaxBytes: 10, Bytes: 9}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, purgeTo(tt.state, tt.settled))
		})
	}
}
