package hours_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge/hours"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	week, err := hours.New("Europe/Berlin", []string{"mon-thu 09:00-17:30", "Fri 22:00-06:00", "sun,wed 20:00-24:00"}, []string{"2026-03-05", "2026-03-07"})
	require.NoError(t, err)
	for _, test := range []struct {
		name, utc string // Berlin is one hour ahead, from 29 March two
		want      bool
	}{
		{"monday before", "2026-03-02T07:59:59Z", false},
		{"monday at the opening", "2026-03-02T08:00:00Z", true},
		{"monday at the end", "2026-03-02T16:29:59Z", true},
		{"monday after", "2026-03-02T16:30:00Z", false},
		{"summer time", "2026-03-30T07:00:00Z", true},
		{"thursday is a holiday", "2026-03-05T10:00:00Z", false},
		{"friday by day", "2026-03-06T10:00:00Z", false},
		{"friday night", "2026-03-06T21:30:00Z", true},
		{"friday night goes on, but saturday is a holiday", "2026-03-07T01:00:00Z", false},
		{"friday night goes on", "2026-03-14T04:59:00Z", true},
		{"and is over", "2026-03-14T05:00:00Z", false},
		{"sunday until midnight", "2026-03-08T22:59:59Z", true},
		{"midnight is monday", "2026-03-08T23:00:00Z", false},
		{"wednesday evening, in another zone's thursday", "2026-03-04T22:30:00Z", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, test.utc)
			require.NoError(t, err)
			require.Equal(t, test.want, week.Open(at))
		})
	}
	require.False(t, (*hours.Week)(nil).Open(time.Now()))
}

func TestWrongWeeks(t *testing.T) {
	t.Parallel()
	for _, span := range []string{
		"", "mon", "09:00-17:00", "mon 9-17", "mon 9:00-17:00", "mon 09:00-17:60", "mon 09:00-24:01", "mon 09:00-09:00",
		"mon 24:00-06:00", "foo 09:00-17:00", "mon- 09:00-17:00", "mon, 09:00-17:00", "mon 09:00-17:00 x",
	} {
		require.Error(t, hours.CheckSpan(span), span)
	}
	require.NoError(t, hours.CheckSpan("sat-mon 00:00-24:00"))
	for _, date := range []string{"", "25.12.2026", "2026-02-30", "12-25"} {
		require.Error(t, hours.CheckDate(date), date)
	}
	for _, zone := range []string{"", "Local", "Mars/Dune", "../../etc/passwd"} {
		_, err := hours.ParseZone(zone)
		require.Error(t, err, zone)
	}
	_, err := hours.New("x", []string{"y"}, []string{"z"})
	require.EqualError(t, err, "\"x\" is no time zone: use a name such as Europe/Berlin\n\"y\" is no opening time: write it as mon-fri 09:00-17:30\n\"z\" is no date: write it as 2026-12-25")
}

func ExampleWeek_Open() {
	week, err := hours.New("America/New_York", []string{"mon-fri 09:00-17:00"}, []string{"2026-12-25"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(week.Open(time.Date(2026, 12, 24, 15, 0, 0, 0, time.UTC)), week.Open(time.Date(2026, 12, 25, 15, 0, 0, 0, time.UTC)))
	// Output: true false
}
