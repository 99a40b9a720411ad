package config

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const schemaPath = "../../../../docs/config.schema.json"

var update = flag.Bool("update", false, "write the golden files anew")

// The committed schema is what the types say today; -update writes it.
func TestSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	schema, err := Schema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(schemaPath, schema, 0o644))
	}
	committed, err := os.ReadFile(schemaPath)
	require.NoError(t, err)
	require.Equal(t, string(committed), string(schema), "run `make golden`")
}
