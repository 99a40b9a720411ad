package config

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The configuration that the README shows is one, and its two mistakes are answered as it says.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../README.md")
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(text), "```yaml\n")
	example, _, found := strings.Cut(after, "```")
	require.True(t, found)

	decode := func(yaml string) *report {
		r := &report{file: "talkbridge.yaml"}
		d := &decoder{report: r, env: noEnv, at: map[string]place{}}
		cfg := d.config(readTree(r, []byte(yaml)))
		(&validator{report: r, at: d.at, cfg: cfg}).lines()
		return r
	}
	require.NoError(t, decode(example).err())

	wrong := strings.NewReplacer("address:", "adr"+"ess:", "+15550100001", "+1555abc").Replace(example)
	require.NotEqual(t, example, wrong)
	require.Len(t, decode(wrong).problems, 2)
	for _, p := range decode(wrong).problems {
		require.Contains(t, string(text), p.String())
	}
}
