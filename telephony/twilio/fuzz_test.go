package twilio

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzCallback demands that whatever comes is refused, or says what can be
// folded and kept, and says the same when it comes again.
func FuzzCallback(f *testing.F) {
	for _, c := range goldenCases() {
		for _, cb := range c.flow.callbacks {
			f.Add(cb.form.Encode(), slices.Index(hooks, cb.hook), c.whispers, c.answers)
		}
	}
	f.Fuzz(func(t *testing.T, body string, which int, whispers, answers bool) {
		form, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		c := callback{hook: hooks[((which%len(hooks))+len(hooks))%len(hooks)], form: form, query: url.Values{}, received: begun.Add(time.Minute)}
		tr := &translator{site: "hq", source: "tw", whispers: whispers, answers: answers}
		n, err := tr.translate(c)
		if err != nil {
			require.ErrorAs(t, err, new(*RefusedError))
			return
		}
		again, err := tr.translate(c)
		require.NoError(t, err)
		require.Equal(t, idsOf(t, n), idsOf(t, again))
	})
}

func idsOf(t *testing.T, n news) []string {
	t.Helper()
	var ids []string
	for _, e := range slices.Concat(n.begins, n.events) {
		require.NoError(t, e.Validate())
		require.LessOrEqual(t, len(e.Path), maxPath)
		require.LessOrEqual(t, len(e.Raw), len(rawKeys)+maxHeaders+1)
		ids = append(ids, e.ID)
	}
	return ids
}
