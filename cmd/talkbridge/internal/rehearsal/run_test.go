package rehearsal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/screenpop"
)

func words(t *testing.T, source string) *wording.Template {
	t.Helper()
	parsed, err := wording.Parse(source)
	require.NoError(t, err)
	return parsed
}

// policy is one with a form, for the agents of the base.
func policy(t *testing.T) *bridge.Policy {
	t.Helper()
	directory, err := screenpop.NewDirectory([]screenpop.Agent{
		{Name: "Ana", Email: "ana@example.com", Numbers: []string{"1001"}},
		{Name: "Ben", ZendeskID: 502, Numbers: []string{"PJSIP/1002", "1002"}},
	}, "US")
	require.NoError(t, err)
	return &bridge.Policy{
		Create: bridge.CreateOnAnswer, Missed: true, Country: "US", Directory: directory,
		Recorded: map[string]bool{"pbx1": true},
		Rules:    bridge.Rules{Callers: bridge.Filter{Deny: []string{"+1900*"}}},
		Form: bridge.Form{
			Tags: []*wording.Template{words(t, "{{.queue}}")}, Group: words(t, "71"), Priority: words(t, "{{.name}}"),
			Fields: []bridge.Field{{ID: 1, Template: words(t, "{{seconds .talk}}"), Type: bridge.FieldInteger}, {ID: 2, Value: true}},
		},
	}
}

// run runs tests, and returns what was wrong.
func run(t *testing.T, tests string, all bool) (Result, string) {
	t.Helper()
	result, err := Run(t.Context(), parse(t, tests), policy(t), all)
	if err == nil {
		return result, ""
	}
	require.ErrorAs(t, err, new(*config.Errors))
	return result, err.Error()
}

// Each thing that may be expected is compared: the right one passes, and the wrong
// one fails, at its place.
func TestExpectations(t *testing.T) {
	t.Parallel()
	const answered = `from: "+12125550123", name: Erika, to: "2", agent: Ana, transfer_to: Ben, talk: 30s, queue: vip`
	const recorded = answered + ", recorded: true"
	for _, tt := range []struct{ name, call, expect, wrong string }{
		{name: "via", call: answered, expect: "ticket: {via: inbound}"},
		{name: "via", call: answered, expect: "ticket: {via: outbound}", wrong: `ticket.via: is "inbound", expected "outbound"`},
		{name: "subject", call: answered, expect: `ticket: {subject: "Call from +12125550123 (Erika)"}`},
		{name: "subject", call: answered, expect: "ticket: {subject: Call}", wrong: `ticket.subject: is "Call from +12125550123 (Erika)", expected "Call"`},
		{name: "tags", call: answered, expect: "ticket: {tags: [vip, talkbridge, call_inbound]}"},
		{name: "tags", call: answered, expect: "ticket: {tags: [vip]}", wrong: "ticket.tags: are [call_inbound, talkbridge, vip], expected [vip]"},
		{name: "no tags", call: answered, expect: "ticket: {tags: []}", wrong: "ticket.tags: are [call_inbound, talkbridge, vip], expected []"},
		{name: "fields", call: answered, expect: "ticket: {custom_fields: [{id: 2, value: true}, {id: 1, value: 30}]}"},
		{name: "fields", call: answered, expect: "ticket: {custom_fields: [{id: 1, value: 31}]}", wrong: `ticket.custom_fields[0].value: is "30", expected "31"`},
		{name: "no such field", call: answered, expect: "ticket: {custom_fields: [{id: 3, value: x}]}", wrong: `ticket.custom_fields[0].value: is none, expected "x"`},
		{name: "group", call: answered, expect: "ticket: {group: 71}"},
		{name: "group", call: answered, expect: "ticket: {group: 72}", wrong: `ticket.group: is "71", expected "72"`},
		{name: "brand", call: answered, expect: "ticket: {brand: 72}", wrong: `ticket.brand: is none, expected "72"`},
		{name: "priority", call: answered, expect: "ticket: {priority: none}"},
		{name: "priority", call: strings.Replace(answered, "Erika", "High", 1), expect: "ticket: {priority: high}"},
		{name: "priority", call: strings.Replace(answered, "Erika", "High", 1), expect: "ticket: {priority: none}", wrong: `ticket.priority: is "high", expected none`},
		{name: "comment", call: answered, expect: `ticket: {comment_contains: ["Agents: Ana, Ben", "Queue: vip"]}`},
		{name: "comment besides a recording", call: recorded, expect: `ticket: {plays: recording, comment_contains: ["Agents: Ana, Ben", "Queue: vip"]}`},
		{name: "comment", call: recorded, expect: `ticket: {comment_contains: ["Queue: sales"]}`, wrong: `ticket.comment_contains[0]: "Queue: sales" stands in no comment; there is "Call: inbound\n`},
		{name: "requester", call: answered, expect: "ticket: {requester: Erika}"},
		{name: "requester by number", call: answered, expect: `ticket: {requester: "(212) 555-0123"}`},
		{name: "requester", call: answered, expect: "ticket: {requester: Ana}", wrong: `ticket.requester: is "Erika", "+12125550123", expected "Ana"`},
		{name: "assignee", call: answered, expect: "ticket: {assignee: Ben}"},
		{name: "assignee", call: answered, expect: "ticket: {assignee: Ana}", wrong: `ticket.assignee: is "Ben", expected "Ana"`},
		{name: "answered by", call: recorded, expect: "ticket: {answered_by: Ana, plays: recording}"},
		{name: "answered by", call: answered, expect: "ticket: {answered_by: Ana}", wrong: `ticket.answered_by: is none, expected "Ana"`},
		{name: "plays", call: answered, expect: "ticket: {plays: none}"},
		{name: "plays", call: recorded, expect: "ticket: {plays: voicemail}", wrong: `ticket.plays: is "recording", expected "voicemail"`},
		{name: "no ticket", call: `from: "+19005550100", to: "2", agent: Ana`, expect: "ticket: none"},
		{name: "no ticket", call: answered, expect: "ticket: none", wrong: `ticket: is there, "Call from +12125550123 (Erika)", expected none`},
		{
			name: "a ticket", call: `from: "+19005550100", to: "2"`, expect: "ticket: {via: inbound}",
			wrong: "ticket: is none, expected one: the call is inbound, missed, and no ticket: the caller is denied (+1900*)",
		},
		{name: "pops", call: answered, expect: "pops: [{agent: Ana, open: ticket, on: answer}, {agent: Ben}]"},
		{name: "no pops", call: `from: "+19005550100", to: "2", agent: Ana`, expect: "pops: []"},
		{
			name: "pops", call: answered, expect: "pops: [{agent: Ana}]",
			wrong: "pops: are [{agent: Ana, open: ticket, on: answer}, {agent: Ben, open: ticket, on: answer}], expected [{agent: Ana}]",
		},
		{name: "page", call: answered, expect: "pops: [{agent: Ana}, {agent: Ben, open: user}]", wrong: `pops[1].open: is "ticket", expected "user"`},
		{name: "moment", call: answered, expect: "pops: [{agent: Ana, on: ringing}, {agent: Ben}]", wrong: `pops[0].on: is "answer", expected "ringing"`},
		{name: "whose page", call: answered, expect: "pops: [{agent: Ben}, {agent: Ben}]", wrong: `pops[0].agent: is "Ana", expected "Ben"`},
		{name: "no spool", call: `from: "1", to: "2", disposition: voicemail`, expect: "ticket: {plays: voicemail}", wrong: `ticket.plays: is none, expected "voicemail"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			result, wrong := run(t, "  - name: some call\n    call: {"+tt.call+"}\n    "+tt.expect+"\n", false)
			if tt.wrong == "" {
				require.Empty(t, wrong)
				require.Equal(t, 1, result.Passed)
				return
			}
			require.Zero(t, result.Passed)
			require.Contains(t, wrong, "tests[0]."+tt.wrong)
			require.Contains(t, wrong, `; in "some call"`)
			require.Regexp(t, `^tb.yaml:14:\d+: `, wrong)
			require.NotContains(t, wrong, "\n")
		})
	}
}

// What cannot be run says so before anything is compared; the other tests run.
func TestCannotRun(t *testing.T) {
	t.Parallel()
	result, wrong := run(t, `
  - {name: good, call: {from: "1", to: "2"}, ticket: {via: inbound}}
  - {name: nobody, call: {from: "1", to: "2", agent: ana, rings: [Bem], transfer_to: Cleo}, ticket: none}
  - {name: nowhere, call: {from: "1", to: "2", source: pbx3}, ticket: none}
  - {name: who calls, call: {direction: outbound, to: "2"}}
  - {name: who answers, call: {from: "1", to: "2", disposition: answered}}
  - {name: ours, call: {direction: outbound, agent: Ana, to: "2", disposition: voicemail}}
  - {name: no talk, call: {from: "1", to: "2", agent: Ana, disposition: missed, transfer_to: Ben}}
  - {name: no hold, call: {from: "1", to: "2", hold: 1s}}
  - {name: long hold, call: {from: "1", to: "2", agent: Ana, transfer_to: Ben, hold: 31s}}
  - {name: whose, call: {from: "1", to: "2"}, ticket: {assignee: Bem, answered_by: an}, pops: [{agent: x}]}
`, false)
	require.Equal(t, 1, result.Passed)
	require.Empty(t, result.Became)
	require.Equal(t, []string{
		"tb.yaml:14:54: tests[1].call.agent: \"ana\" is no name of agents; did you mean `Ana`?",
		"tb.yaml:14:67: tests[1].call.rings[0]: \"Bem\" is no name of agents; did you mean `Ben`?",
		"tb.yaml:14:86: tests[1].call.transfer_to: \"Cleo\" is no name of agents; use Ana or Ben",
		"tb.yaml:15:56: tests[2].call.source: \"pbx3\" is no phone system of sources; did you mean `pbx1`?",
		"tb.yaml:16:29: tests[3].call.agent: is missing; say who calls: Ana, Ben",
		"tb.yaml:17:31: tests[4].call.agent: is missing; say who answers: Ana, Ben",
		"tb.yaml:18:80: tests[5].call.disposition: is of inbound calls alone; take it out, or make the call an inbound one",
		"tb.yaml:19:94: tests[6].call.transfer_to: is of answered calls alone; take it out, or say which agent answers",
		"tb.yaml:20:54: tests[7].call.hold: is of answered calls alone; take it out, or say which agent answers",
		"tb.yaml:21:86: tests[8].call.hold: is longer than the agent talks; use at most 30s",
		"tb.yaml:22:66: tests[9].ticket.assignee: \"Bem\" is no name of agents; did you mean `Ben`?",
		"tb.yaml:22:84: tests[9].ticket.answered_by: \"an\" is no name of agents; did you mean `Ana`?",
		"tb.yaml:22:104: tests[9].pops[0].agent: \"x\" is no name of agents; use Ana or Ben",
	}, strings.Split(wrong, "\n"))
}

// What a call became can be expected as it is shown: a test that expects that
// passes.
func TestBecame(t *testing.T) {
	t.Parallel()
	for _, call := range []string{
		`{from: "+12125550123", name: "E \"R\" Muster", to: "2", agent: Ana, transfer_to: Ben, recorded: true}`,
		`{from: "+12125550123", name: low, to: "2", queue: "a b"}`,
		`{from: "1", to: "2", disposition: voicemail, withheld: true}`,
		`{direction: internal, agent: Ana, to: "1002"}`,
		`{direction: outbound, agent: Ana, to: "+12125550123"}`,
		`{from: "+19005550100", to: "2"}`,
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			test := "  - name: x\n    call: " + call + "\n"
			result, wrong := run(t, test, false)
			require.Empty(t, wrong)
			require.Zero(t, result.Passed)
			require.Len(t, result.Became, 1)
			test += strings.ReplaceAll("  "+result.Became[0], "\n", "\n  ")
			result, wrong = run(t, test, true)
			require.Empty(t, wrong, test)
			require.Equal(t, 1, result.Passed)
			require.Len(t, result.Became, 1)
		})
	}
}

// The log of the bridge is part of the answer.
func TestWarnings(t *testing.T) {
	t.Parallel()
	_, wrong := run(t, `  - {name: x, call: {from: "1", name: hihg, to: "2"}, ticket: {priority: high}}`, false)
	require.Contains(t, wrong, "is none, expected \"high\"; in \"x\", where the log would warn: template wrote no such value, the ticket goes without (template: priority) (wrote: hihg)")
}
