package feed_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/feed"
)

func TestParseCursor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text string
		want       feed.Cursor
		bad        bool
	}{
		{name: "ordinary", text: "0123456789abcdef-42", want: feed.Cursor{Epoch: "0123456789abcdef", Seq: 42}},
		{name: "from the start", text: "e-0", want: feed.Cursor{Epoch: "e"}},
		{name: "epoch with dashes", text: "a-b-c-7", want: feed.Cursor{Epoch: "a-b-c", Seq: 7}},
		{name: "largest", text: "e-18446744073709551615", want: feed.Cursor{Epoch: "e", Seq: math.MaxUint64}},
		{name: "empty", text: "", bad: true},
		{name: "no epoch", text: "-1", bad: true},
		{name: "no sequence", text: "e-", bad: true},
		{name: "no dash", text: "e1", bad: true},
		{name: "too large", text: "e-18446744073709551616", bad: true},
		{name: "leading zero", text: "e-01", bad: true},
		{name: "sign", text: "e-+1", bad: true},
		{name: "blank", text: "e -1", bad: true},
		{name: "line break", text: "e\n-1", bad: true},
		{name: "control character", text: "e\x00-1", bad: true},
		{name: "long epoch", text: strings.Repeat("e", 65) + "-1", bad: true},
		{name: "hexadecimal", text: "e-0x10", bad: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := feed.ParseCursor(tc.text)
			if tc.bad {
				require.ErrorContains(t, err, "is no cursor")
				require.Zero(t, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.text, got.String())
		})
	}
}

func TestCursorInJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(feed.Cursor{Epoch: "e", Seq: 3})
	require.NoError(t, err)
	require.JSONEq(t, `"e-3"`, string(text))
	var c feed.Cursor
	require.NoError(t, json.Unmarshal(text, &c))
	require.Equal(t, feed.Cursor{Epoch: "e", Seq: 3}, c)
	require.Error(t, json.Unmarshal([]byte(`"3"`), &c))
	require.Empty(t, feed.Cursor{}.String())
}

// What is accepted is written back letter by letter, and fits into a header.
func FuzzParseCursor(f *testing.F) {
	for _, seed := range []string{"", "0123456789abcdef-42", "e-0", "a-b-7", "e-18446744073709551616", "e-01", "é-1", "e-1\n", "-", "e--1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := feed.ParseCursor(text)
		if err != nil {
			require.Zero(t, c)
			require.Less(t, len(err.Error()), 1000)
			return
		}
		require.Equal(t, text, c.String())
		require.LessOrEqual(t, len(text), 64+1+20)
		require.False(t, strings.ContainsAny(text, " \r\n\"<>"))
	})
}
