package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/talkbridge/talkbridge/bridge"
)

// lookupQuery asks whose number it is.
type lookupQuery struct {
	Number string `json:"number"`
	Line   string `json:"line,omitzero"`
}

var lookupQuestion = question[lookupQuery, bridge.Lookup]{"/v1/lookup", answerLookup}

func newLookup() *cobra.Command {
	var path string
	var q lookupQuery
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lookup [--config FILE] NUMBER [--line LINE] [--json]",
		Short: "Say whose number it is, and why",
		Long: `Say whom a caller with this number would be taken for, and why: how the number
is read, what Zendesk's search is asked and finds, and which of the hits counts.
Nobody is made. "anonymous" stands for a caller who does not show his number.

A number without a country code is read as on the line that it calls.`,
		Example: `  talkbridge lookup +12125550123
  talkbridge lookup 030123456 --line +4930555000
  talkbridge lookup anonymous`,
		Args: oneArgument("a number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.Number = args[0]
			return operate(cmd, path, asJSON, lookupQuestion, q, func(out page, l bridge.Lookup, _ bool) error {
				printLookup(out, l)
				return nil
			})
		},
	}
	operatorFlags(cmd, &path, &asJSON)
	cmd.Flags().StringVar(&q.Line, "line", "", "the `LINE` of ours that is called: number or name")
	return cmd
}

func answerLookup(ctx context.Context, d *desk, q lookupQuery) (bridge.Lookup, error) {
	if strings.TrimSpace(q.Number) == "" {
		return bridge.Lookup{}, errors.New("lookup needs a number")
	}
	line := q.Line
	for number, l := range d.policy.Lines {
		if l.Name != "" && strings.EqualFold(l.Name, q.Line) {
			line = number
		}
	}
	var l bridge.Lookup
	var err error
	if b := d.bridge(); b != nil {
		l, err = b.LookUp(ctx, q.Number, line)
	} else {
		l, err = bridge.LookUp(ctx, d.client, d.policy, q.Number, line)
	}
	if err != nil {
		err, _ = explainZendesk(d.cfg.Zendesk, err)
	}
	return l, err
}

func printLookup(out page, l bridge.Lookup) {
	line := "any line"
	if l.Line != "" {
		line = "line " + l.Line
		if l.LineName != "" {
			line += " (" + l.LineName + ")"
		}
	}
	country := "not without their country code"
	if l.Country != "" {
		country = "as in " + l.Country
	}
	out.say("called   %s, where numbers are read %s", line, country)
	switch {
	case l.Withheld:
		out.say("number   %s: withheld", l.Asked)
	case l.E164 == "":
		out.say("number   %s: cannot be understood", l.Asked)
	default:
		out.say("number   %s means %s%s", l.Asked, l.E164, bracketed(l.Location))
	}
	if l.Remembered != 0 {
		out.say("memory   user %d, remembered since %s: for an hour nobody is asked", l.Remembered, l.RememberedAt.Local().Format(time.TimeOnly))
	}
	if l.Query != "" {
		printHits(out, l)
	}
	if len(l.Candidates) > 0 {
		names := make([]string, 0, len(l.Candidates))
		for _, c := range l.Candidates {
			names = append(names, fmt.Sprintf("%s (user %d)", c.Name, c.ID))
		}
		out.say("ticket   gets the tag caller_ambiguous, and names %s", strings.Join(names, ", "))
	}
	if l.Create != nil {
		out.raw(out.ink(amberInk, "nobody"), "   ", out.ink(plainInk, l.Reason))
		out.say("         name %q, external_id %q%s", l.Create.Name, l.Create.ExternalID, labelled(", phone ", l.Create.Phone))
		return
	}
	out.raw(out.ink(greenInk, "chosen"), "   ", out.ink(plainInk, fmt.Sprintf("user %d (%s): %s", l.Chosen, l.How, l.Reason)))
}

// printHits says what was searched for, and how each that was found stands to the
// number.
func printHits(out page, l bridge.Lookup) {
	hits := plural(len(l.Hits), "hit")
	if l.FieldQuery == "" {
		out.say("search   %s: %s", l.Query, hits)
	} else {
		out.say("search   %s", l.Query)
		out.say("then     %s: %s", l.FieldQuery, hits)
	}
	for _, h := range l.Hits {
		out.say("         user %d %s%s: %s", h.ID, h.Name, labelled(", ", h.Phone), strings.Join(hitWords(h), ", "))
	}
}

func hitWords(h bridge.Hit) []string {
	words := []string{"same ending only"}
	switch {
	case h.Exact && h.Place == "identity":
		words[0] = "exactly this number, a further one of his own"
	case h.Exact && h.Place == "field":
		words[0] = "exactly this number, in tickets.number_field"
	case h.Exact:
		words[0] = "exactly this number"
	case h.Place == "field":
		words[0] = "another number in tickets.number_field"
	}
	if h.Shared {
		words = append(words, "shared")
	}
	if h.Made {
		words = append(words, "made by talkbridge")
	}
	if h.Excluded != "" {
		words = append(words, h.Excluded)
	}
	return words
}

func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// labelled is a text behind its label, "" for none.
func labelled(label, s string) string {
	if s == "" {
		return ""
	}
	return label + s
}
