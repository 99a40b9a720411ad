package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// noEnv is an environment without variables.
func noEnv(string) (string, bool) { return "", false }

// What each bad file in testdata is told, to the letter.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.bad.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			cfg, err := parse(filepath.Base(file), data, 0, noEnv)
			require.Nil(t, cfg)
			all, ok := errors.AsType[*Errors](err)
			require.True(t, ok, "%T", err)
			require.NotEmpty(t, all.Problems)
			for _, p := range all.Problems {
				require.Positive(t, p.Line, p)
				require.Positive(t, p.Column, p)
				require.NotEmpty(t, p.Message)
				require.NotContains(t, p.String(), "hunter2")
				require.NotContains(t, p.String(), "topsecret")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			got := withoutHere(t, err.Error()) + "\n"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), got), "-want +got; `make golden` if it is right")
		})
	}
}

// withoutHere takes the folder of the checkout out of a message.
func withoutHere(t *testing.T, text string) string {
	t.Helper()
	here, err := os.Getwd()
	require.NoError(t, err)
	return strings.ReplaceAll(text, here, "HERE")
}
