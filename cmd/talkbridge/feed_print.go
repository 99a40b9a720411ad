package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/talkbridge/talkbridge/feed"
	"github.com/talkbridge/talkbridge/telephony"
)

// The colours, as terminals know them.
const (
	colorNone   = ""
	colorDim    = "2"
	colorRed    = "31"
	colorGreen  = "32"
	colorYellow = "33"
	colorCyan   = "36"
)

// feedPrinter prints messages for people, one line each. What callers and phone
// systems made up cannot reach the terminal but as plain text.
type feedPrinter struct {
	out   io.Writer
	color bool
}

// printMessage prints a message as one line of JSON. Its escapes keep control
// characters from the terminal.
func printMessage(out io.Writer, m feed.Message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("print message: %w", err)
	}
	_, err = out.Write(append(line, '\n'))
	return err
}

func (p *feedPrinter) print(m feed.Message) error {
	switch m.Type {
	case feed.TypeSnapshot:
		return p.snapshot(m)
	case feed.TypeEvent:
		return p.event(m)
	case feed.TypeOutcome:
		return p.outcome(m)
	case feed.TypeGap:
		return p.gap(m)
	default: // a heartbeat, or what a newer daemon tells
		return nil
	}
}

func (p *feedPrinter) snapshot(m feed.Message) error {
	var data feed.SnapshotData
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	live := fmt.Sprintf("%d live calls", len(data.Calls))
	switch len(data.Calls) {
	case 0:
		live = "no live calls"
	case 1:
		live = "1 live call"
	}
	if err := p.line(m.Time, "now", colorDim, live, "cursor "+m.Cursor.String()); err != nil {
		return err
	}
	for _, c := range data.Calls {
		if err := p.call(c.StartedAt, c, "began"); err != nil {
			return err
		}
	}
	return nil
}

func (p *feedPrinter) event(m feed.Message) error {
	var data feed.EventData
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return fmt.Errorf("read event: %w", err)
	}
	var kinds []string
	for _, e := range data.Events {
		if kind := string(e.Kind); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	if data.Call == nil {
		return p.line(m.Time, "?", colorDim, strings.Join(kinds, ", "), m.Subject)
	}
	return p.call(m.Time, data.Call, strings.Join(kinds, ", "))
}

// call prints how a call stands.
func (p *feedPrinter) call(at time.Time, c *feed.Call, what string) error {
	text := []string{shownParty(c.From) + " → " + shownParty(c.To)}
	if c.Line.Name != "" {
		text = append(text, "["+c.Line.Name+"]")
	}
	for _, a := range c.Agents {
		if a.State != feed.AgentLeft {
			text = append(text, fmt.Sprintf("%s %s", orEndpoint(a), a.State))
		}
	}
	if c.Phase == feed.PhaseEnded {
		text = append(text, fmt.Sprintf("%s after %s", c.Disposition, c.Duration().Round(time.Second)))
	}
	return p.line(at, string(c.Phase), phaseColor(c.Phase), strings.Join(text, "  "), what+"  "+string(c.ID))
}

func phaseColor(phase feed.Phase) string {
	switch phase {
	case feed.PhaseRinging:
		return colorYellow
	case feed.PhaseTalking:
		return colorGreen
	case feed.PhaseWaiting, feed.PhaseEnded:
		return colorNone
	}
	return colorNone
}

func orEndpoint(a feed.Agent) string {
	if a.Name != "" {
		return a.Name
	}
	return a.Endpoint
}

func shownParty(p telephony.Party) string {
	number := shown(p)
	if p.Name == "" || p.Withheld {
		return number
	}
	return fmt.Sprintf("%s (%s)", number, p.Name)
}

// feedOutcome is what people want to see of an outcome.
type feedOutcome struct {
	Kind, Step, Reason string
	Ticket             int64
	Took               float64
	Pop                *struct {
		Result, Error string
		Latency       float64
	}
}

func (p *feedPrinter) outcome(m feed.Message) error {
	var o feedOutcome
	if err := json.Unmarshal(m.Data, &o); err != nil {
		return fmt.Errorf("read outcome: %w", err)
	}
	text := []string{strings.TrimSpace(o.Kind + " " + o.Step)}
	if o.Ticket != 0 {
		text = append(text, fmt.Sprintf("ticket #%d", o.Ticket))
	}
	if o.Pop != nil {
		text = append(text, fmt.Sprintf("%s in %.0f ms", o.Pop.Result, o.Pop.Latency*1000))
		if o.Pop.Error != "" {
			text = append(text, o.Pop.Error)
		}
	}
	if o.Took > 0 {
		text = append(text, fmt.Sprintf("took %.0f ms", o.Took*1000))
	}
	if o.Reason != "" {
		text = append(text, o.Reason)
	}
	color := colorCyan
	if slices.Contains([]string{"parked", "given_up", "unknown", "duplicate", "ticket.gone"}, o.Kind) {
		color = colorRed
	}
	return p.line(m.Time, "·", color, strings.Join(text, "  "), m.Subject)
}

func (p *feedPrinter) gap(m feed.Message) error {
	var data feed.GapData
	if err := json.Unmarshal(m.Data, &data); err != nil {
		return fmt.Errorf("read gap: %w", err)
	}
	why := map[feed.GapReason]string{
		feed.GapPurged:       "the journal has let go of what came next",
		feed.GapOtherJournal: "the journal is another one",
		feed.GapAhead:        "the journal has not come so far: it was put back",
	}[data.Reason]
	return p.line(m.Time, "gap", colorRed, "not resumed: "+why, "since "+m.Cursor.String())
}

// line prints one line: when, a word, what, and what is less important.
func (p *feedPrinter) line(at time.Time, word, color, text, rest string) error {
	_, err := fmt.Fprintf(p.out, "%s  %s  %s  %s\n", at.Local().Format("15:04:05.000"),
		p.paint(fmt.Sprintf("%-7s", telephony.StripControls(word)), color), telephony.StripControls(text),
		p.paint(telephony.StripControls(rest), colorDim))
	return err
}

func (p *feedPrinter) paint(text, color string) string {
	if !p.color || color == colorNone {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
