package main

import (
	_ "time/tzdata" // time zones where the machine has none

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/bridge/hours"
	"github.com/talkbridge/talkbridge/bridge/wording"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// newForm translates what tickets look like for the bridge.
func newForm(t config.LineTickets) bridge.Form {
	form := bridge.Form{
		Subject: parsed(t.Subject), Comment: parsed(t.Comment),
		Group: parsed(t.Group), Brand: parsed(t.Brand), Priority: parsed(t.Priority),
	}
	if h := t.Hours; h != nil {
		// Loading has judged it; without hours there is no tag.
		form.Hours, _ = hours.New(h.Zone, h.Open, h.Holidays)
	}
	for _, tag := range t.Tags {
		form.Tags = append(form.Tags, parsed(tag))
	}
	for _, f := range t.CustomFields {
		field := bridge.Field{ID: int64(f.ID), Type: bridge.FieldType(f.Type)}
		if source, isText := f.Value.Value.(config.Template); isText {
			field.Template = parsed(source)
		} else {
			field.Value = f.Value.Value
		}
		form.Fields = append(form.Fields, field)
	}
	return form
}

// newRules translates which calls get no ticket, for calls on a line.
func newRules(cfg *config.Config, line config.Line) bridge.Rules {
	ring, talk, callers := cfg.RulesFor(line)
	return bridge.Rules{
		ShortestRing: ring, ShortestTalk: talk,
		Callers: bridge.Filter(callers), Lines: bridge.Filter(cfg.Tickets.Lines),
	}
}

// parsed is a template of a configuration that was loaded, nil for none. Loading
// has parsed it before.
func parsed[T ~string](source T) *wording.Template {
	if source == "" {
		return nil
	}
	t, err := wording.Parse(string(source))
	if err != nil {
		return nil
	}
	return t
}
