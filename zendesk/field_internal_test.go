package zendesk

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestField(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ object, want string }{
		{`{}`, ""},
		{"{ \n}", ""},
		{`{"a":1}`, ""},
		{`{"k":1}`, "1"},
		{`{"k":null}`, "null"},
		{"{ \"k\" :\t true\n}", "true"},
		{`{"a":"}\"k\":2","k":"x\\"}`, `"x\\"`},
		{`{"a":{"k":1,"b":["]",{"k":2}]},"k":[1,{"k":"]}"}],"z":0}`, `[1,{"k":"]}"}]`},
		{`{"a":[],"b":{},"c":-1.5e3 ,"k":{"x":[]} }`, `{"x":[]}`},
		{`{"a":{"k":1}}`, ""},
	} {
		require.Equal(t, tt.want, string(field([]byte(tt.object), "k")), tt.object)
	}
}

// FuzzField compares with what encoding/json finds.
func FuzzField(f *testing.F) {
	for _, seed := range []string{`{"k":1}`, `{"a":"\\\"","k":{"k":[1,2]}}`, `{"k":"x","b":[{}]}`, `{ "a" : null , "k" : 1.5 }`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || len(data) == 0 || data[0] != '{' {
			return
		}
		var all map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &all))
		got := field(data, "k")
		if got == nil {
			return // Absent, or spelt with escapes.
		}
		require.True(t, json.Valid(got), "%q of %q", got, data)
		require.Contains(t, all, "k")
	})
}
