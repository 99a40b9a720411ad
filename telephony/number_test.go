package telephony_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	tests := []struct {
		raw, country, e164 string
		withheld           bool
	}{
		{raw: "+1 (555) 010-0001", country: "US", e164: "+15550100001"},
		{raw: "212-555-0123", country: "US", e164: "+12125550123"},
		{raw: "1 212 555 0123", country: "us", e164: "+12125550123"},
		{raw: "011 49 30 12345678", country: "US", e164: "+493012345678"},
		{raw: "030 12345678", country: "DE", e164: "+493012345678"},
		{raw: "03012345678", country: "de", e164: "+493012345678"},
		{raw: "004930 12345678", country: "DE", e164: "+493012345678"},
		{raw: "+49 (0)30 12345678", country: "DE", e164: "+493012345678"},
		{raw: "0151 23456789", country: "DE", e164: "+4915123456789"},
		{raw: "020 7946 0000", country: "GB", e164: "+442079460000"},
		{raw: "07911 123456", country: "GB", e164: "+447911123456"},
		{raw: "+442079460000", e164: "+442079460000"},
		{raw: "02079460000"},
		{raw: "1001", country: "US"},
		{raw: "1001", country: "DE"},
		{raw: "*98", country: "US"},
		{raw: "911", country: "US"},
		{raw: "112", country: "DE"},
		{raw: "sales", country: "US"},
		{raw: "1-800-FLOWERS", country: "US"},
		{raw: "sip:alice@example.com", country: "US"},
		{raw: "anonymous", country: "US", withheld: true},
		{raw: "Anonymous", country: "US", withheld: true},
		{raw: " UNKNOWN ", country: "US", withheld: true},
		{raw: "<unknown>", withheld: true},
		{raw: "", country: "US", withheld: true},
		{raw: "+4930\r\n12345678", country: "DE", e164: "+493012345678"},
		{raw: "\u202e+493012345678\u202c", country: "DE", e164: "+493012345678"},
		{raw: "+", country: "US"},
		{raw: "+0000000000", country: "US"},
		{raw: "+999999999999999999999", country: "US"},
		{raw: strings.Repeat("9", 1000), country: "US"},
		{raw: "\xff\xfe", country: "US"},
		{raw: "'; DROP TABLE users; --", country: "US"},
		{raw: "+493012345678", country: "nowhere", e164: "+493012345678"},
	}
	for _, tt := range tests {
		t.Run(tt.country+" "+tt.raw[:min(len(tt.raw), 40)], func(t *testing.T) {
			t.Parallel()
			n := telephony.ParseNumber(tt.raw, tt.country)
			require.Equal(t, tt.e164, n.E164)
			require.Equal(t, tt.withheld, n.Withheld)
			require.Equal(t, telephony.StripControls(tt.raw), n.Raw)
			if tt.e164 != "" {
				require.Equal(t, tt.e164, n.String())
				require.Equal(t, tt.e164, telephony.ParseNumber(n.E164, "").E164, "E.164 stays what it is")
			} else {
				require.Equal(t, n.Raw, n.String())
			}
		})
	}
}

func TestNumber_LocationAndNational(t *testing.T) {
	t.Parallel()
	n := telephony.ParseNumber("030 12345678", "DE")
	require.Equal(t, "Berlin", n.Location())
	require.Equal(t, "3012345678", n.National())
	require.Empty(t, telephony.ParseNumber("1001", "DE").Location())
	require.Empty(t, telephony.ParseNumber("1001", "DE").National())
}

func TestStripControls(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a\r\nb\x00c\x7f": "abc", "\u202eabc\u2066": "abc", "\ufeffx": "x", "Zo\xeb": "Zo\uFFFD",
		"漢字 😀": "漢字 😀", "👩\u200d💻": "👩\u200d💻", "\u0085\u009f": "",
	} {
		require.Equal(t, want, telephony.StripControls(in), "%q", in)
	}
}

func TestMaskNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+493012345678": "+**********78", "1001": "**01", "12": "12", "1": "1", "": "", "anonymous": "anonymous", "+1 (555) 010-0001": "+* (***) ***-**01",
	} {
		require.Equal(t, want, telephony.MaskNumber(in))
	}
}
