package screenpop_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/talkbridge/talkbridge/screenpop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// finder is a Zendesk that knows these agents, by address or "id N".
type finder map[string]int64

var errNoAgent = fmt.Errorf("%w: no such agent", screenpop.ErrNoAgent)

func (f finder) AgentByEmail(ctx context.Context, email string) (int64, string, error) {
	id, ok := f[strings.ToLower(email)]
	if !ok {
		return 0, "", fmt.Errorf("%w: %s", errNoAgent, email)
	}
	return id, email, ctx.Err()
}

func (f finder) AgentByID(ctx context.Context, id int64) (string, error) {
	if _, ok := f[fmt.Sprintf("id %d", id)]; !ok {
		return "", fmt.Errorf("%w: %d", errNoAgent, id)
	}
	return "somebody", ctx.Err()
}

func TestResolve(t *testing.T) {
	t.Parallel()
	d := directory(t)
	for _, a := range d.Agents() {
		require.False(t, a.Verified())
	}
	require.NoError(t, d.Resolve(t.Context(), finder{"cleo@example.com": 13, "id 11": 11, "id 12": 12}))
	for i, a := range d.Agents() {
		require.True(t, a.Verified(), a.Name)
		require.Equal(t, int64(11+i), a.ZendeskID)
	}
	require.NoError(t, d.Resolve(t.Context(), finder{}), "who is verified is not asked for again")

	d.Unverify(12)
	err := d.Resolve(t.Context(), finder{})
	require.ErrorContains(t, err, "agent Ben (zendesk: id 12)")
	require.NoError(t, d.Resolve(t.Context(), finder{"id 12": 12}))
}

// failing is a Zendesk that does not answer.
type failing struct{}

var errNoAnswer = errors.New("no answer")

func (failing) AgentByEmail(context.Context, string) (int64, string, error) {
	return 0, "", errNoAnswer
}

func (failing) AgentByID(context.Context, int64) (string, error) { return "", errNoAnswer }

// Who was verified in an earlier run is, until Zendesk says otherwise; that it
// does not answer says nothing.
func TestRecall(t *testing.T) {
	t.Parallel()
	before := directory(t)
	require.NoError(t, before.Resolve(t.Context(), finder{"cleo@example.com": 13, "id 11": 11, "id 12": 12}))
	d := directory(t)
	d.Recall(before.Verified())
	require.Equal(t, before.Verified(), d.Verified())
	require.ErrorIs(t, d.Resolve(t.Context(), failing{}), errNoAnswer)
	require.Equal(t, before.Verified(), d.Verified(), "no answer says nothing")

	require.Error(t, d.Resolve(t.Context(), finder{"cleo@example.com": 14, "id 11": 11}))
	require.Equal(t, map[string]int64{"cleo@example.com": 14, "id 11": 11}, d.Verified(), "Ben has left, and Cleo is somebody else")
	require.Error(t, d.Resolve(t.Context(), finder{}), "Ben is asked for, nobody else")

	d = directory(t)
	d.Recall(map[string]int64{"cleo@example.com": 0, "somebody else": 7})
	require.Empty(t, d.Verified())
	d.Recall(before.Verified())
	d.Unverify(13)
	require.NotContains(t, d.Verified(), "cleo@example.com")
}

func TestResolveReportsAll(t *testing.T) {
	t.Parallel()
	d := directory(t)
	err := d.Resolve(t.Context(), finder{"id 11": 11})
	require.ErrorIs(t, err, errNoAgent)
	for _, want := range []string{"agent Ben (zendesk: id 12)", "agent Cleo (zendesk: cleo@example.com)", "no such agent", "check the entry under agents"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "Ana")
	var unresolved *screenpop.UnresolvedError
	require.ErrorAs(t, err, &unresolved)

	ana, _ := d.Lookup("1001")
	require.True(t, ana.Verified(), "one who is wrong costs no other")
	ben, _ := d.Lookup("1002")
	require.False(t, ben.Verified())
	require.Equal(t, int64(12), ben.ZendeskID)

	require.NoError(t, d.Resolve(t.Context(), finder{"cleo@example.com": 13, "id 12": 12}), "later it works")
}

func TestResolveTakesNoZero(t *testing.T) {
	t.Parallel()
	d := directory(t)
	err := d.Resolve(t.Context(), finder{"cleo@example.com": 0, "id 11": 11, "id 12": 12})
	require.ErrorContains(t, err, "Cleo")
}

func TestResolveStops(t *testing.T) {
	t.Parallel()
	d := directory(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Resolve(ctx, finder{"cleo@example.com": 13}), context.Canceled)
	for _, a := range d.Agents() {
		require.False(t, a.Verified())
	}
}

// reloading is a finder during whose answer the agents are replaced.
type reloading struct {
	finder

	d *screenpop.Directory
	t *testing.T
}

func (r reloading) AgentByEmail(ctx context.Context, email string) (int64, string, error) {
	require.NoError(r.t, r.d.Reload([]screenpop.Agent{{Name: "Cleo", Email: email, Numbers: []string{"2003"}}}, "US"))
	return r.finder.AgentByEmail(ctx, email)
}

func TestResolveDuringReload(t *testing.T) {
	t.Parallel()
	d := directory(t)
	require.NoError(t, d.Resolve(t.Context(), reloading{finder{"cleo@example.com": 13, "id 11": 11, "id 12": 12}, d, t}))
	require.Len(t, d.Agents(), 1, "the reload is not undone")
	cleo, ok := d.Lookup("2003")
	require.True(t, ok)
	require.True(t, cleo.Verified(), "the answer still counts")
}
