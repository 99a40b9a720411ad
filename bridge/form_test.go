package bridge

import (
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/bridge/hours"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/telephony"
)

// noLog is a log that nobody reads.
func noLog() logrus.FieldLogger {
	log, _ := logtest.NewNullLogger()
	return log
}

// words parses one template, which must be right.
func words(source string) *wording.Template {
	t, err := wording.Parse(source)
	if err != nil {
		panic(err)
	}
	return t
}

func templates(sources ...string) []*wording.Template {
	var all []*wording.Template
	for _, source := range sources {
		all = append(all, words(source))
	}
	return all
}

// dressedUp gives every ticket a form of each kind.
func dressedUp(p *Policy) {
	p.Form = Form{
		Subject: words("[{{.line}}] {{.subject}}"),
		Comment: words("{{.name | default \"Somebody\"}} on {{.did}}\n  waited {{.wait}}, talked {{.talk}}\t{{join \", \" .agents}}"),
		Tags:    templates("Line {{.line}}", "{{.queue}}", "{{.name}}"),
		Group:   words("{{if .is_answered}}71{{end}}"), Brand: words("72"), Priority: words("{{if eq .line \"Support\"}}High{{end}}"),
		Fields: []Field{
			{ID: 1, Template: words("{{.number}} {{.name}}")},
			{ID: 2, Template: words("{{seconds .wait}}"), Type: FieldInteger},
			{ID: 3, Template: words("{{seconds .talk}}"), Type: FieldInteger},
			{ID: 4, Value: true},
			{ID: 5, Value: int64(7)},
			{ID: 6, Template: words("{{.is_answered}}"), Type: FieldCheckbox},
			{ID: 7, Template: words("{{.queue}}")},
		},
	}
}

// dressedLine gives the line a form of its own; the site's does not hold for it.
func dressedLine(p *Policy) {
	dressedUp(p)
	line := p.Lines[testLine]
	line.Form = &Form{Subject: words("{{.disposition}} on {{.line}} after {{.duration}}"), Tags: templates("of-the-line")}
	p.Lines[testLine] = line
}

// openOn opens the site at some time of the week in UTC. The calls of the tests begin on a Monday at nine.
func openOn(span string) func(*Policy) {
	return func(p *Policy) {
		week, err := hours.New("UTC", []string{span}, nil)
		if err != nil {
			panic(err)
		}
		p.Form.Hours = week
	}
}

// undressed has a form whose templates write nothing that Zendesk takes.
func undressed(p *Policy) {
	p.Form = Form{
		Subject: words(" {{.queue}} "), Comment: words("{{.queue}}"), Tags: templates("{{.queue}}", " ?! "),
		Group: words("support"), Brand: words("-3"), Priority: words("highest"),
		Fields: []Field{
			{ID: 2, Template: words("five"), Type: FieldInteger}, {ID: 6, Template: words("perhaps"), Type: FieldCheckbox},
		},
	}
}

func TestTagsAreWhatZendeskKeeps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"as it is", "vip", "vip"},
		{"small letters", "VIP Ünal", "vip_ünal"},
		{"blanks", "  a \n b ", "a_b"},
		{"others are left out", "a,b\"c'<d>(e)\x00\u202e", "abcde"},
		{"marks that are kept", "a_b-c/d:e.f", "a_b-c/d:e.f"},
		{"nothing", "!?", ""},
		{"long", strings.Repeat("ä", 80), strings.Repeat("ä", 50)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, asTag(test.in))
		})
	}
}

// A value that is no value costs the field, not the ticket, and is logged without a whole number.
func TestTemplatesThatWriteNoSuchValueAreLogged(t *testing.T) {
	t.Parallel()
	log, hook := logtest.NewNullLogger()
	policy := testPolicy(t)
	policy.Form = Form{Group: words("{{.number}}x")}
	w := &work{id: testCall, call: answered().state(), policy: policy, log: log, step: Step{Kind: StepCreate, Via: 45}}
	require.Zero(t, w.voiceTicket("i").Ticket.GroupID)
	require.Len(t, hook.AllEntries(), 1)
	require.Equal(t, "group", hook.LastEntry().Data["template"])
	require.NotContains(t, hook.LastEntry().Data["wrote"], customerA)
}

// A recording may be there while the call goes on, or seems to: the ticket that is made
// then says so in words, and its one player comes with the rest.
func TestTicketOfALiveCallHasNoPlayer(t *testing.T) {
	t.Parallel()
	record := Record{Recording: &Audio{URL: "https://calls.example.com/recordings/abc.wav"}}
	w := &work{id: testCall, call: answered().state(), record: record, policy: testPolicy(t), log: noLog(), step: Step{Kind: StepCreate, Via: 45}}
	require.Nil(t, w.voiceTicket("i").Ticket.VoiceComment)
	require.NotNil(t, w.voiceTicket("i").Ticket.Comment)
	w.call, w.step.Final = ended().state(), true
	require.NotNil(t, w.voiceTicket("i").Ticket.VoiceComment)
}

// Ten thousand bytes in every place of the form are bounded.
func TestFormIsBounded(t *testing.T) {
	t.Parallel()
	policy := testPolicy(t)
	long := strings.Repeat("{{.name}}", 1000)
	policy.Form = Form{Subject: words(long), Comment: words(long), Tags: templates(long), Fields: []Field{{ID: 1, Template: words(long)}}}
	call := newStage().event(0, telephony.Event{
		Kind: telephony.LegStarted, Leg: "t", Side: telephony.SideTrunk, Endpoint: "PJSIP/trunk", First: true,
		Party: telephony.Party{Number: customerA, Name: strings.Repeat("N", 10_000)}, Dialled: testLine,
	}).rings(1, "1001").talks("1001")
	w := &work{id: testCall, call: call.state(), policy: policy, log: noLog(), step: Step{Kind: StepCreate, Via: 45}}
	ticket := w.voiceTicket("i").Ticket
	require.LessOrEqual(t, len(ticket.Subject), maxSubject)
	require.LessOrEqual(t, len(ticket.Comment.Body), maxComment+maxLine)
	require.LessOrEqual(t, len(ticket.CustomFields[0].Value.(string)), maxField)
	for _, tag := range ticket.Tags {
		require.LessOrEqual(t, len(tag), maxTag)
	}
}

// What templates say is looked up once a request.
func TestWordsAreOfTheCall(t *testing.T) {
	t.Parallel()
	w := &work{id: testCall, call: ended().state(), policy: testPolicy(t), log: noLog(), step: Step{Via: 45}}
	got := w.words()
	require.Equal(t, "hq", got.Site)
	require.Equal(t, customerA, got.Number)
	require.Equal(t, "Support", got.Line)
	require.Equal(t, []string{"Ana"}, got.Agents)
	require.Equal(t, time.Minute, got.Talk)
	require.Equal(t, 65*time.Second, got.Duration)
	require.Equal(t, got, w.words())
}
