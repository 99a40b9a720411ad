package bridge_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
	"github.com/talkbridge/talkbridge/zendesk"
	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

// parked is a call whose create Zendesk refused for good.
func parked(r *rig, name string) (*phone, *zendesktest.Injected) {
	r.t.Helper()
	fault := r.desk.Inject(zendesktest.Fault{Method: http.MethodPost, Path: voicePath, Effect: zendesktest.Status(http.StatusForbidden, 0)})
	p := r.call(name)
	p.ordinary("1001")
	r.eventually("parked", func() bool { return len(r.view(p).Record.Parked) > 0 })
	return p, fault
}

func TestRetry(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, fault := parked(r, "1")
	require.Empty(t, r.desk.TicketsByExternalID(string(p.id)))
	fault.Remove()

	steps, err := r.bridge.Retry(t.Context(), p.id)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Contains(t, steps[bridge.StepCreate], "403")
	r.settled(p)
	require.Len(t, r.desk.TicketsByExternalID(string(p.id)), 1)
	require.Contains(t, kinds(r.outcomes(p)), "retried ")

	_, err = r.bridge.Retry(t.Context(), p.id)
	require.ErrorIs(t, err, bridge.ErrNotParked)
	_, err = r.bridge.Retry(t.Context(), "hq/pbx1/none")
	require.ErrorIs(t, err, bridge.ErrNoCall)
	require.Len(t, r.desk.TicketsByExternalID(string(p.id)), 1)
}

func TestRetryParked_isDoneByTheNextBridge(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p, fault := parked(r, "1")
	require.NoError(t, r.stop())
	fault.Remove()

	pending, err := bridge.Pending(t.Context(), r.journal)
	require.NoError(t, err)
	require.Len(t, pending, 1)
	require.Equal(t, p.id, pending[0].State.ID)
	step := bridge.Next(pending[0], r.policy, bridge.Moment{Now: time.Now()})
	require.Equal(t, "waits for a person", step.Reason)

	steps, err := bridge.RetryParked(t.Context(), r.journal, p.id, time.Now())
	require.NoError(t, err)
	require.Contains(t, steps, bridge.StepCreate)
	view, _, err := bridge.ReadCall(t.Context(), r.journal, p.id)
	require.NoError(t, err)
	require.Equal(t, bridge.StepCreate, bridge.Next(view, r.policy, bridge.Moment{Now: time.Now()}).Kind)
	_, err = bridge.RetryParked(t.Context(), r.journal, "hq/pbx1/none", time.Now())
	require.ErrorIs(t, err, bridge.ErrNoCall)

	r.start(setup{})
	r.settled(p)
	require.Len(t, r.desk.TicketsByExternalID(string(p.id)), 1)
}

func TestPending_isEmptyWhereAllIsSettled(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	pending, err := bridge.Pending(t.Context(), r.journal)
	require.NoError(t, err)
	require.Empty(t, pending)
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	require.NoError(t, r.stop())
	pending, err = bridge.Pending(t.Context(), r.journal)
	require.NoError(t, err)
	require.Empty(t, pending, "the checkpoint is behind it")
}

func TestReadEntries(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	entries, err := bridge.ReadEntries(t.Context(), r.journal, p.id)
	require.NoError(t, err)
	require.Equal(t, telephony.LegStarted, entries[0].Events[0].Kind)
	outcomes := 0
	for _, e := range entries {
		require.NotZero(t, e.Seq)
		require.NotZero(t, e.Stored)
		require.NotEqual(t, len(e.Events) > 0, e.Outcome != nil, "either events or an outcome")
		if e.Outcome != nil {
			outcomes++
		}
	}
	require.Equal(t, len(r.outcomes(p)), outcomes)
	entries, err = bridge.ReadEntries(t.Context(), r.journal, "hq/pbx1/none")
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestLookUp(t *testing.T) {
	t.Parallel()
	user := func(name, phone string, shared bool) zendesktest.User {
		return zendesktest.User{Name: name, Phone: phone, SharedPhone: shared}
	}
	tests := []struct {
		name   string
		users  []zendesktest.User
		policy func(*bridge.Policy)
		number string
		line   string
		chosen string // by name
		want   bridge.Lookup
	}{
		{
			name: "nobody", number: "(212) 555-0123", line: support,
			want: bridge.Lookup{
				Line: support, LineName: "Support", Country: "US", E164: caller, Location: "New York, NY",
				Query: "type:user role:end-user phone:*2125550123", How: "created", Reason: "nobody has exactly this number: a user would be made",
				Create: &zendesk.NewUser{
					Name: "Caller " + caller, Phone: caller, ExternalID: "talkbridge:" + caller, Role: "end-user", SkipVerifyEmail: true,
				},
			},
		},
		{
			name: "direct before shared", number: caller, chosen: "Direct",
			users: []zendesktest.User{user("Shared", caller, true), user("Direct", "+1 212 555 0123", false)},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				Hits: []bridge.Hit{
					{Name: "Shared", Phone: caller, Shared: true, Exact: true},
					{Name: "Direct", Phone: "+1 212 555 0123", Exact: true},
				},
				How: "direct", Reason: "it is this user's own number",
			},
		},
		{
			name: "same ending elsewhere, suspended", number: caller,
			users: []zendesktest.User{
				user("Abroad", "+442125550123", false),
				{Name: "Bad", Phone: caller, Suspended: true},
			},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				Hits: []bridge.Hit{
					{Name: "Abroad", Phone: "+442125550123"},
					{Name: "Bad", Phone: caller, Exact: true, Excluded: "suspended"},
				},
				How: "created", Reason: "nobody has exactly this number: a user would be made",
				Create: &zendesk.NewUser{
					Name: "Caller " + caller, Phone: caller, ExternalID: "talkbridge:" + caller, Role: "end-user", SkipVerifyEmail: true,
				},
			},
		},
		{
			name: "several share, none", number: caller,
			users: []zendesktest.User{user("One", caller, true), user("Two", caller, true)},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				Hits: []bridge.Hit{
					{Name: "One", Phone: caller, Shared: true, Exact: true}, {Name: "Two", Phone: caller, Shared: true, Exact: true},
				},
				How: "created", Reason: "2 users share the number, and tickets.shared_number_policy is none: a user would be made",
				Create: &zendesk.NewUser{
					Name: "Caller " + caller, Phone: caller, ExternalID: "talkbridge:" + caller, Role: "end-user", SkipVerifyEmail: true,
				},
			},
		},
		{
			name: "several share, oldest", number: caller, chosen: "One",
			policy: func(p *bridge.Policy) { p.Shared = bridge.SharedOldest },
			users:  []zendesktest.User{user("One", caller, true), user("Two", caller, true)},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123", Policy: "oldest",
				Hits: []bridge.Hit{
					{Name: "One", Phone: caller, Shared: true, Exact: true}, {Name: "Two", Phone: caller, Shared: true, Exact: true},
				},
				How: "shared", Reason: "2 users share the number, and tickets.shared_number_policy is oldest",
			},
		},
		{
			name: "made before", number: caller, chosen: "Caller",
			users: []zendesktest.User{{Name: "Caller", ExternalID: "talkbridge:" + caller}},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123", How: "external_id",
				Reason: "nobody has exactly this number; talkbridge made a user for it before, by external_id talkbridge:" + caller,
			},
		},
		{
			name: "several share, tag", number: caller,
			policy: func(p *bridge.Policy) { p.Shared = bridge.SharedTag },
			users:  []zendesktest.User{user("One", caller, true), user("Two", caller, true)},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123", Policy: "tag",
				Hits: []bridge.Hit{
					{Name: "One", Phone: caller, Shared: true, Exact: true}, {Name: "Two", Phone: caller, Shared: true, Exact: true},
				},
				Candidates: []bridge.Candidate{{Name: "One"}, {Name: "Two"}},
				How:        "created", Reason: "2 users share the number, and tickets.shared_number_policy is tag: a user would be made",
				Create: &zendesk.NewUser{
					Name: "Caller " + caller, Phone: caller, ExternalID: "talkbridge:" + caller, Role: "end-user", SkipVerifyEmail: true,
				},
			},
		},
		{
			name: "a further line, and a stand-in", number: caller, chosen: "Customer",
			users: []zendesktest.User{
				{Name: "Caller " + caller, Phone: caller, SharedPhone: true, ExternalID: "talkbridge:" + caller},
				{Name: "Customer", Phone: "+12125550199", PhoneIdentities: []string{"+12125550199", caller}},
			},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				Hits: []bridge.Hit{
					{Name: "Caller " + caller, Phone: caller, Shared: true, Exact: true, Made: true},
					{Name: "Customer", Phone: "+12125550199", Exact: true, Place: "identity"},
				},
				How: "direct", Reason: "it is this user's own number",
			},
		},
		{
			name: "only a stand-in", number: caller, chosen: "Caller " + caller,
			users: []zendesktest.User{{Name: "Caller " + caller, Phone: caller, ExternalID: "talkbridge:" + caller}},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				Hits: []bridge.Hit{{Name: "Caller " + caller, Phone: caller, Exact: true, Made: true}},
				How:  "direct", Reason: "nobody else has this number: talkbridge made this user for it",
			},
		},
		{
			name: "by the field", number: caller, chosen: "Customer",
			policy: func(p *bridge.Policy) { p.NumberField = numberField },
			users:  []zendesktest.User{{Name: "Customer", Fields: inField("+12125550199, " + caller)}},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				FieldQuery: `type:user role:end-user more_numbers:"12125550123" more_numbers:"+12125550123"`,
				Hits:       []bridge.Hit{{Name: "Customer", Exact: true, Place: "field"}},
				How:        "field", Reason: "it is the only user with this number, by tickets.number_field",
			},
		},
		{
			name: "whom talkbridge made is suspended", number: caller, chosen: "Nobody",
			policy: func(p *bridge.Policy) { p.AnonymousEmail = "nobody@example.com" },
			users: []zendesktest.User{
				{ID: 777, Name: "Spammer", ExternalID: "talkbridge:" + caller, Suspended: true}, {Name: "Nobody", Email: "nobody@example.com"},
			},
			want: bridge.Lookup{
				Country: "US", E164: caller, Location: "New York, NY", Query: "type:user role:end-user phone:*2125550123",
				How: "placeholder", Reason: "nobody has exactly this number; user 777, whom talkbridge made for it, is suspended: " +
					"tickets.anonymous_user stands for such callers",
			},
		},
		{
			name: "withheld", number: "anonymous",
			want: bridge.Lookup{
				Country: "US", Withheld: true, How: "placeholder", Reason: "the caller does not show his number: a user would be made",
				Create: &zendesk.NewUser{
					Name: "Anonymous caller", ExternalID: "talkbridge-anonymous", Role: "end-user", SkipVerifyEmail: true,
				},
			},
		},
		{
			name: "withheld, configured", number: "anonymous", chosen: "Nobody",
			policy: func(p *bridge.Policy) { p.AnonymousEmail = "nobody@example.com" },
			users:  []zendesktest.User{{Name: "Nobody", Email: "nobody@example.com"}},
			want: bridge.Lookup{
				Country: "US", Withheld: true, How: "placeholder",
				Reason: "the caller does not show his number: tickets.anonymous_user stands for such callers",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{policy: tt.policy, idle: true})
			ids := make(map[string]int64)
			for _, u := range tt.users {
				stored, err := r.desk.AddUser(u)
				require.NoError(t, err)
				ids[u.Name] = stored.ID
			}
			users := len(r.desk.Users())
			got, err := bridge.LookUp(t.Context(), r.client, r.policy, tt.number, tt.line)
			require.NoError(t, err)
			tt.want.Asked, tt.want.Chosen = tt.number, ids[tt.chosen]
			if tt.want.Policy == "" {
				tt.want.Policy = bridge.SharedNone
			}
			for i := range tt.want.Hits {
				tt.want.Hits[i].ID = ids[tt.want.Hits[i].Name]
			}
			for i := range tt.want.Candidates {
				tt.want.Candidates[i].ID = ids[tt.want.Candidates[i].Name]
			}
			require.ElementsMatch(t, tt.want.Hits, got.Hits)
			got.Hits = tt.want.Hits
			require.Equal(t, tt.want, got)
			require.Len(t, r.desk.Users(), users, "nobody is made")
		})
	}
}

func TestBridge_LookUp_remembers(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	p := r.call("1")
	p.ordinary("1001")
	r.settled(p)
	got, err := r.bridge.LookUp(t.Context(), caller, support)
	require.NoError(t, err)
	require.Equal(t, r.view(p).Record.Caller, got.Remembered)
	require.NotZero(t, got.RememberedAt)
	require.Equal(t, got.Remembered, got.Chosen, "search does not find him yet, his external_id does")
	require.Equal(t, "external_id", got.How)
}
