package screenpop_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/screenpop"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	d, err := screenpop.NewDirectory([]screenpop.Agent{
		{Name: "Ana", ZendeskID: 11, Numbers: []string{"1001", "+1 (555) 010-0101", "client:ana"}},
		{Name: "Ben", ZendeskID: 12, Numbers: []string{"PJSIP/1002", "sip:ben@pbx.example.com"}},
		{Name: "Cleo", ZendeskID: 13, Numbers: []string{"PJSIP/2000", "(555) 010-0103"}},
		{Name: "Dan", ZendeskID: 14, Numbers: []string{"SIP/2000", "PJSIP/" + "15550100104", "dan"}},
	}, "US")
	require.NoError(t, err)
	for _, tc := range []struct {
		name, endpoint, want string
	}{
		{"extension", "1001", "Ana"},
		{"extension in a channel", "PJSIP/1001", "Ana"},
		{"extension in another technology", "SIP/1001", "Ana"},
		{"extension in a local channel", "Local/1001@from-queue", "Ana"},
		{"blanks around", " 1001 ", "Ana"},
		{"longer extension", "PJSIP/10011", ""},
		{"shorter extension", "PJSIP/100", ""},
		{"E.164", "+15550100101", "Ana"},
		{"without plus", "15550100101", "Ana"},
		{"national", "555-010-0101", "Ana"},
		{"national with brackets", "(555) 010 0101", "Ana"},
		{"E.164 in a channel", "PJSIP/+15550100101", "Ana"},
		{"E.164 in a SIP address", "sip:+15550100101@carrier.example.com", "Ana"},
		{"other number", "+15550100199", ""},
		{"client", "client:ana", "Ana"},
		{"client by its bare name", "ana", "Ana"},
		{"channel as configured", "PJSIP/1002", "Ben"},
		{"channel in other case", "pjsip/1002", "Ben"},
		{"channel configured, bare extension asked", "1002", "Ben"},
		{"channel configured, other technology asked", "SIP/1002", ""},
		{"SIP address", "SIP:Ben@pbx.example.com", "Ben"},
		{"national number configured", "+15550100103", "Cleo"},
		{"same extension, technology says who", "SIP/2000", "Dan"},
		{"same extension, nothing says who", "2000", ""},
		{"number without plus in a channel", "PJSIP/15550100104", "Dan"},
		{"name of a client", "client:dan", "Dan"},
		{"empty", "", ""},
		{"technology only", "PJSIP/", ""},
		{"control characters", "10\x0001", "Ana"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			agent, ok := d.Lookup(tc.endpoint)
			require.Equal(t, tc.want, agent.Name)
			require.Equal(t, tc.want != "", ok)
		})
	}
}

func TestNewDirectoryRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		entries []screenpop.Agent
		want    []string
	}{
		{"nothing given", []screenpop.Agent{{}}, []string{"agents[0]", "no name", "no zendesk user", "no numbers"}},
		{"both identities", []screenpop.Agent{{Name: "Ana", ZendeskID: 1, Email: "a@b.c", Numbers: []string{"1"}}}, []string{"both email", "give one"}},
		{"no email", []screenpop.Agent{{Name: "Ana", Email: "ana", Numbers: []string{"1"}}}, []string{`"ana" is no email address`}},
		{"wildcard email", []screenpop.Agent{{Name: "Ana", Email: "*@example.com", Numbers: []string{"1"}}}, []string{"is no email address"}},
		{"negative id", []screenpop.Agent{{Name: "Ana", ZendeskID: -1, Numbers: []string{"1"}}}, []string{"must be a positive number"}},
		{"empty number", []screenpop.Agent{{Name: "Ana", ZendeskID: 1, Numbers: []string{"1001", " "}}}, []string{"numbers[1] is empty"}},
		{"same extension", two("1001", "1001"), []string{"agents[0] (Ana)", "agents[1] (Ben)", `"1001"`, "leave it to one"}},
		{"same channel in other case", two("PJSIP/1001", "pjsip/1001"), []string{"Ana", "Ben", "both answer on"}},
		{"channel of another's extension", two("1001", "PJSIP/1001"), []string{"Ana", "Ben", `"PJSIP/1001"`}},
		{"extension of another's channel", two("PJSIP/1001", "1001"), []string{"Ana", "Ben", `"PJSIP/1001"`}},
		{"same number in other writing", two("+1 555 010 0101", "(555) 010-0101"), []string{"Ana", "Ben", `"(555) 010-0101"`}},
		{"all at once", append(two("1001", "1001"), screenpop.Agent{Name: "Cleo"}), []string{"both answer on", "agents[2] (Cleo)", "no numbers"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, err := screenpop.NewDirectory(tc.entries, "US")
			require.Nil(t, d)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func two(a, b string) []screenpop.Agent {
	return []screenpop.Agent{{Name: "Ana", ZendeskID: 11, Numbers: []string{a}}, {Name: "Ben", ZendeskID: 12, Numbers: []string{b}}}
}

// One agent may name a phone twice, in two writings.
func TestNewDirectoryTakesOwnDuplicates(t *testing.T) {
	t.Parallel()
	d, err := screenpop.NewDirectory([]screenpop.Agent{
		{Name: "Ana", ZendeskID: 11, Numbers: []string{"1001", "PJSIP/1001", "+15550100101", "1-555-010-0101"}},
	}, "US")
	require.NoError(t, err)
	agent, ok := d.Lookup("PJSIP/1001")
	require.True(t, ok)
	require.Equal(t, int64(11), agent.ZendeskID)
}

// The directory must not change with what it was made of.
func TestNewDirectoryCopies(t *testing.T) {
	t.Parallel()
	entries := two("1001", "1002")
	d, err := screenpop.NewDirectory(entries, "US")
	require.NoError(t, err)
	entries[0].Name, entries[0].Numbers[0] = "changed", "9"
	d.Agents()[1].Name = "changed"
	require.Equal(t, []string{"Ana", "Ben"}, []string{d.Agents()[0].Name, d.Agents()[1].Name})
	require.Equal(t, "1001", d.Agents()[0].Numbers[0])
}

func TestReload(t *testing.T) {
	t.Parallel()
	d := directory(t)
	require.NoError(t, d.Resolve(t.Context(), finder{"cleo@example.com": 13, "id 11": 11, "id 12": 12}))

	require.Error(t, d.Reload(two("1001", "1001"), "US"))
	_, ok := d.Lookup("1003")
	require.True(t, ok, "a bad file keeps the old agents")

	require.NoError(t, d.Reload([]screenpop.Agent{
		{Name: "Cleo C.", Email: "Cleo@example.com", Numbers: []string{"1003", "1004"}},
		{Name: "Dan", Email: "dan@example.com", Numbers: []string{"1001"}},
	}, "US"))
	cleo, ok := d.Lookup("1004")
	require.True(t, ok)
	require.Equal(t, int64(13), cleo.ZendeskID, "who was resolved stays so")
	require.True(t, cleo.Verified())
	dan, ok := d.Lookup("1001")
	require.True(t, ok)
	require.Equal(t, "Dan", dan.Name)
	require.Zero(t, dan.ZendeskID)
	require.False(t, dan.Verified())
	_, ok = d.Lookup("1002")
	require.False(t, ok)
}

// Readers, reloads and resolutions at the same time: the race detector looks,
// and a reader sees one directory or the other, never a mixture.
func TestDirectoryConcurrently(t *testing.T) {
	t.Parallel()
	d, err := screenpop.NewDirectory(two("1001", "1002"), "US")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 200 {
				if n%2 == 0 {
					_ = d.Reload(two("1002", "1001"), "US")
					_ = d.Resolve(t.Context(), finder{"id 11": 11, "id 12": 12})
					d.Unverify(11)
					_ = d.Reload(two("1001", "1002"), "US")
					continue
				}
				for _, endpoint := range []string{"1001", "1002"} {
					if a, ok := d.Lookup(endpoint); !ok || strings.Join(a.Numbers, ",") != endpoint {
						t.Errorf("Lookup(%s) = %v, %v", endpoint, a, ok)
					}
				}
			}
		})
	}
	wg.Wait()
}

func ExampleDirectory_Lookup() {
	directory, err := screenpop.NewDirectory([]screenpop.Agent{
		{Name: "Ana", Email: "ana@example.com", Numbers: []string{"1001", "+1 555 010 0101"}},
	}, "US")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, endpoint := range []string{"PJSIP/1001", "(555) 010-0101", "PJSIP/1002"} {
		agent, ok := directory.Lookup(endpoint)
		fmt.Printf("%s: %q %v\n", endpoint, agent.Name, ok)
	}
	// Output:
	// PJSIP/1001: "Ana" true
	// (555) 010-0101: "Ana" true
	// PJSIP/1002: "" false
}

// A phone system dials a mobile as its carrier wants it: in the writing of the
// site's country, of a line's, or without the plus.
func TestLookup_dialled(t *testing.T) {
	t.Parallel()
	entries := []screenpop.Agent{
		{Name: "Ana", ZendeskID: 11, Numbers: []string{"+15550100101"}},
		{Name: "Ben", ZendeskID: 12, Numbers: []string{"0171 55512341"}},
		{Name: "Cleo", ZendeskID: 13, Numbers: []string{"+436645551234"}},
	}
	d, err := screenpop.NewDirectory(entries, "DE", "AT", "DE")
	require.NoError(t, err)
	for number, want := range map[string]string{
		"+15550100101": "Ana", "15550100101": "Ana", "0015550100101": "Ana", "015550100101": "",
		"017155512341": "Ben", "4917155512341": "Ben", "+4917155512341": "Ben", "004917155512341": "Ben",
		"06645551234": "Cleo", "00436645551234": "Cleo", "6645551234": "Cleo", "436645551234": "Cleo",
		"5550100101": "", "+": "", "++15550100101": "Ana",
	} {
		agent, found := d.Lookup(number)
		require.Equal(t, want, agent.Name, number)
		require.Equal(t, want != "", found, number)
	}
	require.NoError(t, d.Reload(slices.Clone(entries), "DE"))
	agent, _ := d.Lookup("06645551234")
	require.Empty(t, agent.Name, "no line is in Austria any more")
	none, err := screenpop.NewDirectory(entries[:1])
	require.NoError(t, err)
	agent, _ = none.Lookup("15550100101")
	require.Equal(t, "Ana", agent.Name)
}
