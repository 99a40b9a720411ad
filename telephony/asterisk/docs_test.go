package asterisk

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The users of manager.conf in the documents ask for what the driver uses, and
// for nothing else.
func TestDocumentedManagerUser(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"asterisk.md", "freepbx.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile("../../docs/" + name)
			require.NoError(t, err)
			text := string(data)
			require.Equal(t, eventFilters, settings(text, "eventfilter"))
			require.Equal(t, []string{eventMask}, settings(text, "read"))
			require.Equal(t, []string{"reporting"}, settings(text, "write"), "what Status and Getvar need, and no more")
			for _, variable := range regexp.MustCompile(`\bTB_[A-Z]+`).FindAllString(text, -1) {
				require.True(t, wantedVariable([]byte(variable)), "%s is not read", variable)
			}
			for _, variable := range []string{"TB_DID", "TB_DIR", "TB_AGENT"} {
				require.Contains(t, text, "| `"+variable+"` |")
			}
		})
	}
}

// settings are the values of a key in the examples of a document.
func settings(text, key string) []string {
	var values []string
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, key+" = "); found {
			values = append(values, strings.TrimSpace(value))
		}
	}
	return values
}
