package asterisk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

func TestParty(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, number, caller string
		want                 telephony.Party
	}{
		{name: "plain", number: "+4930", caller: "Ann", want: telephony.Party{Number: "+4930", Name: "Ann"}},
		{name: "unknown", number: "<unknown>", caller: "<unknown>", want: telephony.Party{Withheld: true}},
		{name: "anonymous", number: "anonymous", caller: "Anonymous", want: telephony.Party{Withheld: true}},
		{name: "a name only", number: "<unknown>", caller: "Front door", want: telephony.Party{Name: "Front door", Withheld: true}},
		{name: "a number only", number: "1001", caller: "", want: telephony.Party{Number: "1001"}},
		{name: "line breaks in the number", number: "1\n2", caller: "Ann", want: telephony.Party{Withheld: true}},
		{name: "escaped name", number: "1", caller: `Zoë \\\"Q\\\" O\'Brïen`, want: telephony.Party{Number: "1", Name: `Zoë \"Q\" O'Brïen`}},
		{name: "control characters in the name", number: "1", caller: `a\nb` + "\u202e", want: telephony.Party{Number: "1", Name: "ab"}},
		{name: "no UTF-8", number: "1", caller: "Zo\xeb", want: telephony.Party{Number: "1", Name: "Zo\uFFFD"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, party(tt.number, tt.caller))
		})
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for escaped, want := range map[string]string{
		``: ``, `plain`: `plain`, `O\'Brien`: `O'Brien`, `\\`: `\`, `\`: `\`, `a\`: `a\`, `\x`: `\x`, `\a\b\f\n\r\t\v\?\"`: "\a\b\f\n\r\t\v?\"",
	} {
		require.Equal(t, want, unescape(escaped), escaped)
	}
}
