package journal_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/journal/journaltest"
)

// TestMain runs the tests, or, when the crash tests start this binary again, the part that is to be killed.
func TestMain(m *testing.M) {
	journaltest.Main()
	if role := os.Getenv(roleVariable); role != "" {
		if err := runRole(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
