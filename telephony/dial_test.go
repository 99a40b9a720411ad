package telephony_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func TestNational(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ e164, country, want string }{
		{"+493055512345", "DE", "03055512345"},
		{"+493055512345", "de", "03055512345"},
		{"+493055512345", "AT", ""},
		{"+15550100101", "US", "5550100101"},
		{"+390612345678", "IT", "0612345678"},
		{"+493055512345", "", ""},
		{"03055512345", "DE", ""},
		{"", "DE", ""},
	} {
		require.Equal(t, tt.want, telephony.National(tt.e164, tt.country), "%s in %s", tt.e164, tt.country)
	}
}

func TestIsPremium(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]bool{
		"+499001234567": true, "+19005550123": true, "+979123456789": true, "+493055512345": false, "+15550100101": false, "112": false, "": false,
	} {
		require.Equal(t, want, telephony.IsPremium(number), number)
	}
}

// The same key gives the same id, in every process; another key another one.
func TestDialledID(t *testing.T) {
	t.Parallel()
	id := telephony.DialledID("a key")
	require.Equal(t, "tb-dial-8fa3aab2", id[:16])
	require.Len(t, id, 40)
	require.NotEqual(t, id, telephony.DialledID("another key"))
	call, err := telephony.NewCallID("hq", "pbx1", id)
	require.NoError(t, err)
	require.True(t, call.Dialled())
	require.False(t, telephony.CallID("hq/pbx1/pbx1-1795309909.16").Dialled())
	require.False(t, telephony.CallID("").Dialled())
}
