package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
)

// explainQuery asks for the story of one call.
type explainQuery struct {
	Call string `json:"call"`
}

// explanation is the story of one call: what the phone system reported, what
// talkbridge decided and did, and what is owed.
type explanation struct {
	Call callRow `json:"call"`
	// Parties says who called whom.
	Parties string `json:"parties"`
	// ClockBehindS is how far the phone system's clock is behind ours.
	ClockBehindS float64     `json:"clock_behind_seconds,omitzero"`
	Lines        []storyLine `json:"lines"`
	// Next is what is owed next, and NextAt when; zero is now.
	Next    string       `json:"next"`
	NextAt  time.Time    `json:"next_at,omitzero"`
	Settled bool         `json:"settled"`
	Parked  []parkedStep `json:"parked,omitempty"`
	Advice  []string     `json:"advice,omitempty"`
}

// storyLine is one thing that happened.
type storyLine struct {
	At time.Time `json:"at"`
	// Who is phone, decision, sent, answer or person.
	Who  string `json:"who"`
	Text string `json:"text"`
	// Tone is good, bad or "".
	Tone string `json:"tone,omitzero"`
	// Request is the frozen body of what was sent.
	Request json.RawMessage `json:"request,omitempty"`
	Seq     uint64          `json:"seq"`
}

// Who did something.
const (
	byPhone    = "phone"
	byDecision = "decided"
	bySent     = "sent"
	byAnswer   = "answer"
	byPerson   = "person"
)

// Tones.
const (
	good = "good"
	bad  = "bad"
)

var explainQuestion = question[explainQuery, explanation]{"/v1/explain", answerExplain}

func newExplain() *cobra.Command {
	var path string
	var asJSON, requests bool
	cmd := &cobra.Command{
		Use:   "explain [--config FILE] CALL [--requests] [--json]",
		Short: "Tell the story of one call",
		Long: `Tell the story of one call: what the phone system reported, what was decided and
why, what was sent to Zendesk and how long the answer took, what is owed next, and,
where something is parked, why and what to do.

CALL is its id, the phone system's own id of it, the end of its id where only one
of the newest calls ends so, or '#12' for the call of ticket 12.`,
		Example: `  talkbridge explain hq/pbx1/1795346706.0
  talkbridge explain 706.0
  talkbridge explain '#12' --requests`,
		Args: oneArgument("a call"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return operate(cmd, path, asJSON, explainQuestion, explainQuery{args[0]}, func(out page, e explanation, running bool) error {
				printExplanation(out, e, requests, running)
				return nil
			})
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	cmd.Flags().BoolVar(&requests, "requests", false, "also print what was sent")
	return cmd
}

func answerExplain(ctx context.Context, d *desk, q explainQuery) (explanation, error) {
	id, err := d.findCall(ctx, q.Call)
	if err != nil {
		return explanation{}, err
	}
	now := time.Now()
	v, err := d.view(ctx, id, bridge.Moment{Now: now})
	if err != nil {
		return explanation{}, err
	}
	entries, err := d.entries(ctx, v)
	if err != nil {
		return explanation{}, err
	}
	n := newNarrator(d, v)
	e := explanation{
		Call: d.row(v), Parties: n.parties(), Lines: n.tell(entries), Settled: v.Next.Settled, Next: nextWords(v.Next),
		Parked: parkedSteps(parkedOf(v)), Advice: advice(v),
	}
	e.ClockBehindS = n.behind.Seconds()
	if v.Next.At.After(now) {
		e.NextAt = v.Next.At.UTC()
	}
	return e, nil
}

// entries are those of all calls that became this one, in the order of the
// journal.
func (d *desk) entries(ctx context.Context, v bridge.View) ([]bridge.Entry, error) {
	var all []bridge.Entry
	for _, part := range v.Parts {
		entries, err := bridge.ReadEntries(ctx, d.journal, part.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b bridge.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return all, nil
}

func nextWords(next bridge.Step) string {
	if next.Kind == "" {
		return next.Reason
	}
	return stepWords(next.Kind) + ": " + next.Reason
}

// stepWords is a step for people.
func stepWords(step bridge.StepKind) string {
	words := map[bridge.StepKind]string{
		bridge.StepCaller: "find the caller", bridge.StepAudio: "collect the voicemail", bridge.StepRecording: "collect the recording",
		bridge.StepMatch: "look for an open ticket of the caller", bridge.StepAttach: "attach the call to it", bridge.StepCreate: "make the ticket",
		bridge.StepLookup: "look the ticket up", bridge.StepPop: "show a page", bridge.StepComplete: "complete the ticket",
		bridge.StepVerify: "look whether the update happened", bridge.StepLink: "link the second ticket",
		bridge.StepTell: "tell of all agents on the ticket", bridge.StepGiveUp: "give it up",
		bridge.StepTranscribe: "put the audio into words", bridge.StepTranscript: "add what was said to the ticket",
		bridge.StepJoin: "note on the ticket which others the joined call has",
	}
	if w, known := words[step]; known {
		return w
	}
	return string(step)
}

// advice is what a person should know of a call, and do.
func advice(v bridge.View) []string {
	var texts []string
	r := v.Record
	if len(v.Parts) > 1 {
		texts = append(texts, fmt.Sprintf("%d calls became one here: %s", len(v.Parts), partList(v.Parts)))
	}
	if len(r.Duplicates) > 0 {
		texts = append(texts, fmt.Sprintf("this call has more than one ticket: #%d is kept up to date, %s not; merge them in Zendesk", r.Ticket, ticketList(r.Duplicates)))
	}
	if r.Gone {
		texts = append(texts, fmt.Sprintf("somebody deleted ticket #%d: it is not made again; undelete it in Zendesk if that was a mistake", r.Ticket))
	}
	if r.Attached && r.Match != nil {
		texts = append(texts, fmt.Sprintf("the call has no ticket of its own: #%d was there before, and %s", r.Ticket, r.Match.Reason))
	}
	switch {
	case r.Ticket == 0:
	case r.Detached:
		texts = append(texts, fmt.Sprintf("ticket #%d, to which the call was attached, took no more when it was over: #%d is its own", r.Predecessor, r.Ticket))
	case r.Predecessor != 0:
		texts = append(texts, fmt.Sprintf("ticket #%d was closed before the call was complete: #%d continues it", r.Predecessor, r.Ticket))
	}
	if r.Transcript != nil && r.Transcript.Refused != "" {
		texts = append(texts, "what was said is not in the ticket: "+r.Transcript.Refused+"; put that right, then 'talkbridge retry "+string(v.State.ID)+"'")
	}
	if r.Audio != nil && r.Audio.Refused != "" {
		texts = append(texts, "the voicemail is not in the ticket: "+r.Audio.Refused)
	}
	return texts
}

// partList names calls that became one, with their tickets.
func partList(parts []bridge.Part) string {
	texts := make([]string, 0, len(parts))
	for _, p := range parts {
		text := string(p.ID)
		if p.Record.Ticket != 0 {
			text += fmt.Sprintf(" (ticket #%d)", p.Record.Ticket)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func ticketList(ids []int64) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, fmt.Sprintf("#%d", id))
	}
	return strings.Join(texts, ", ")
}

// remedyFor says what a person can do about a step that Zendesk refused.
func remedyFor(reason string) string {
	for _, r := range []struct{ has, remedy string }{
		{"403", "Zendesk forbids it: is Talk Partner Edition on, may the user of the credentials do it? see 'talkbridge doctor'"},
		{"404", "Zendesk does not know what was named: is Talk Partner Edition on, is the ticket or user still there? see 'talkbridge doctor'"},
		{"422", "Zendesk does not take what is in it, see its words: a field that the account requires, or a user it refuses; correct that there"},
		{"400", "Zendesk does not understand it: 'talkbridge explain CALL --requests' shows what was sent"},
		{"413", "it is too large for Zendesk"},
	} {
		if strings.Contains(reason, r.has) {
			return r.remedy + "; then 'talkbridge retry CALL'"
		}
	}
	return "put right what the reason says, then 'talkbridge retry CALL'"
}

// storyIndent is where the texts of a story begin.
const storyIndent = 24

func printExplanation(out page, e explanation, requests, running bool) {
	out.raw(out.ink(boldInk, string(e.Call.ID)))
	out.say("%s", e.Parties)
	out.say("%s", e.summary())
	if e.ClockBehindS != 0 {
		out.say("The phone system's clock is %.1f s behind ours; its times are as it tells them.", e.ClockBehindS)
	}
	out.raw()
	var last time.Time
	for _, l := range e.Lines {
		stamp := l.At.Local().Format("15:04:05.000")
		if day := l.At.Local().Format(time.DateOnly); day != last.Local().Format(time.DateOnly) {
			out.raw(out.ink(dimInk, day))
		}
		last = l.At
		how := map[string]ink{good: greenInk, bad: redInk}[l.Tone]
		for i, text := range out.lines(l.Text, storyIndent) {
			head := fmt.Sprintf("%-12s  %-8s", stamp, l.Who)
			if i > 0 {
				head = strings.Repeat(" ", storyIndent-2)
			}
			out.raw(out.ink(dimInk, head), "  ", out.ink(how, text))
		}
		if requests && len(l.Request) > 0 {
			printRequest(out, l.Request)
		}
	}
	out.raw()
	printOwed(out, e, running)
}

// printRequest prints a body, indented.
func printRequest(out page, body json.RawMessage) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		out.raw(strings.Repeat(" ", storyIndent), out.ink(dimInk, strings.TrimRight(line, "\n")))
	}
}

func (e explanation) summary() string {
	words := []string{"an " + string(e.Call.Direction) + " call"}
	if e.Call.Direction == "" {
		words = []string{"a call"}
	}
	words = append(words, e.Call.State)
	if e.Call.DurationS > 0 {
		words = append(words, time.Duration(e.Call.DurationS*float64(time.Second)).Round(time.Second).String())
	}
	ticket := "no ticket"
	if e.Call.Ticket != 0 {
		ticket = fmt.Sprintf("ticket #%d", e.Call.Ticket)
	}
	if e.Call.Attached {
		ticket = "attached to " + ticket
	}
	words = append(words, ticket)
	if e.Call.Ticket != 0 && !e.Call.Completed {
		words = append(words, "not complete")
	}
	text := strings.Join(words, ", ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func printOwed(out page, e explanation, running bool) {
	word, how := "Owed next", amberInk
	if e.Settled {
		word, how = "Settled", greenInk
	}
	text := e.Next
	if !e.NextAt.IsZero() {
		text += ", at " + e.NextAt.Local().Format(time.TimeOnly)
	}
	if !running && !e.Settled {
		text += " (no daemon runs: when it starts)"
	}
	out.raw(out.ink(how, word), ": ", out.ink(plainInk, text))
	for _, p := range e.Parked {
		out.raw(out.ink(redInk, "Parked"), ": ", out.ink(plainInk, stepWords(p.Step)+": "+p.Reason))
		for _, line := range out.lines("What to do: "+strings.ReplaceAll(p.Remedy, "CALL", string(e.Call.ID)), 2) {
			out.say("  %s", line)
		}
	}
	for _, a := range e.Advice {
		for i, line := range out.lines(a, 6) {
			if i == 0 {
				out.raw(out.ink(amberInk, "Note"), ": ", out.ink(plainInk, line))
			} else {
				out.say("  %s", line)
			}
		}
	}
}

// newNarrator learns the names of those in a call.
func newNarrator(d *desk, v bridge.View) *narrator {
	n := &narrator{desk: d, view: v, legs: make(map[string]telephony.Leg), agents: make(map[int64]string), joined: make(map[telephony.CallID]bool), bridges: make(map[string][]string), holding: make(map[string]bool)}
	for _, l := range v.State.Legs {
		n.legs[l.ID] = l
	}
	return n
}

// parties says who called whom.
func (n *narrator) parties() string {
	s := n.view.State
	if s.From.Number == "" && s.From.Name == "" && s.To.Number == "" {
		return "Nothing is known of who called whom."
	}
	return n.party(s.From) + " called " + n.party(s.To) + "."
}

// party is one side for people: name, number, line.
func (n *narrator) party(p telephony.Party) string {
	number := shown(p)
	if line := n.desk.lineName(p); line != "" {
		return line + " (" + number + ")"
	}
	name := telephony.StripControls(p.Name)
	if number == "anonymous" || name == "" || name == number {
		if number == "" {
			return "an unknown number"
		}
		return number
	}
	return name + " (" + number + ")"
}

// tell turns the entries into lines, in the order in which they became durable.
func (n *narrator) tell(entries []bridge.Entry) []storyLine {
	n.measure(entries)
	n.meet(entries)
	var lines []storyLine
	for _, e := range entries {
		if e.Outcome != nil {
			lines = append(lines, n.outcome(e))
			continue
		}
		events := slices.Clone(e.Events)
		slices.SortStableFunc(events, func(a, b telephony.Event) int { return a.Time.Compare(b.Time) })
		for _, event := range events {
			text, tone := n.event(event)
			if text == "" {
				continue
			}
			if late := e.Stored.Sub(event.Time) - n.behind; event.Late {
				text += fmt.Sprintf(" (from the call records, read %s later)", late.Round(time.Second))
			} else if late > lateFact && !event.Estimated {
				text += fmt.Sprintf(" (heard %s later)", late.Round(time.Second))
			}
			lines = append(lines, storyLine{At: event.Time, Who: byPhone, Text: text, Tone: tone, Seq: e.Seq})
		}
	}
	return lines
}

// lateFact is from when on a line says that its fact came late.
const lateFact = 3 * time.Second

// minSkew is the least difference of clocks that is worth a word.
const minSkew = time.Second

// measure finds out how far the phone system's clock is behind ours: by the
// least time that an event took to become durable.
func (n *narrator) measure(entries []bridge.Entry) {
	least, known := time.Duration(0), false
	for _, e := range entries {
		for _, event := range e.Events {
			if took := e.Stored.Sub(event.Time); !event.Estimated && !event.Late && (!known || took < least) {
				least, known = took, true
			}
		}
	}
	if known && least.Abs() >= minSkew {
		n.behind = least
	}
}
