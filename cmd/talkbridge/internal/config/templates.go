package config

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/talkbridge/talkbridge/bridge/wording"
)

// Template is the source of a text with fields of the call in it, such as {{.line}}. One that Load returned parses.
type Template string

// TagTemplate is a tag in the form that Zendesk keeps, or a template that writes one.
type TagTemplate string

// IDTemplate is a positive number in digits, or a template that writes one.
type IDTemplate string

// PriorityTemplate is low, normal, high or urgent, or a template that writes one.
type PriorityTemplate string

// priorities are those that Zendesk knows.
var priorities = []string{"low", "normal", "high", "urgent"}

// FieldValue is what a ticket field gets.
type FieldValue struct {
	// Value is a Template, an int64 or a bool.
	Value any
}

// isTemplate reports whether a text has fields in it.
func isTemplate(text string) bool { return strings.Contains(text, "{{") }

// template reports what is wrong with a template, at its place in the file.
func (d *decoder) template(node ast.Node, path, text string) {
	_, err := wording.Parse(text)
	wrong, found := errors.AsType[*wording.Error](err)
	if !found {
		return
	}
	at, hint := placeOf(node), wrong.Hint
	if raw, ok := asText(node); ok && raw == text { // no variables in it
		at = d.placeWithin(node, position{wrong.Line, wrong.Column})
	}
	if meant := nearest(wrong.Field, wrong.Known); wrong.Field != "" && meant != "" {
		hint = "did you mean `" + meant + "`? " + hint
	}
	d.problem(at, path, wrong.Message, hint)
}

// tag reads a tag or a template of one.
func (d *decoder) tag(node ast.Node, target *TagTemplate, f field, path, text string) {
	if isTemplate(text) {
		d.template(node, path, text)
		*target = TagTemplate(text)
		return
	}
	kept, wrong, hint := checks[f.check](text)
	if wrong != "" {
		d.wrong(node, path, wrong, hint)
		return
	}
	*target = TagTemplate(kept)
}

// id reads an id or a template of one.
func (d *decoder) id(node ast.Node, target *IDTemplate, path, text string) {
	if isTemplate(text) {
		d.template(node, path, text)
	} else if id, err := strconv.ParseInt(text, 10, 64); err != nil || id <= 0 {
		d.wrong(node, path, "is no id", "write the number that Zendesk shows in the address of its page, or a template")
		return
	}
	*target = IDTemplate(text)
}

// number reads a whole number, true or false that is written without quotes into a field that also takes a template. It
// reports whether it was one.
func (d *decoder) number(node ast.Node, into reflect.Value, path string) bool {
	switch target := into.Addr().Interface().(type) {
	case *IDTemplate:
		if n, ok := node.(*ast.IntegerNode); ok {
			d.id(node, target, path, n.Token.Value)
			return true
		}
	case *FieldValue:
		switch n := node.(type) {
		case *ast.BoolNode:
			target.Value = n.Value
			return true
		case *ast.IntegerNode:
			value, err := strconv.ParseInt(n.Token.Value, 10, 64)
			if err != nil {
				d.wrong(node, path, "is no whole number", "write it in digits, or in quotes as a text")
			}
			target.Value = value
			return true
		}
	}
	return false
}

// priority reads a priority or a template of one.
func (d *decoder) priority(node ast.Node, target *PriorityTemplate, path, text string) {
	if isTemplate(text) {
		d.template(node, path, text)
	} else if !slices.Contains(priorities, text) {
		d.wrong(node, path, "is no priority", "use "+oneOf(priorities)+", or a template that writes one of them")
		return
	}
	*target = PriorityTemplate(text)
}

// placeWithin returns the place in the file of a place in a text. Of a text that YAML folds it is where the text begins.
func (d *decoder) placeWithin(node ast.Node, in position) position {
	at, tk := placeOf(node), node.GetToken()
	if literal, ok := node.(*ast.LiteralNode); ok {
		if literal.Start.Type != token.LiteralType {
			return at
		}
		return position{at.line + in.line, d.indent(at.line+1) + in.column}
	}
	if in.line > 1 || tk == nil {
		return at
	}
	if tk.Type == token.DoubleQuoteType {
		return position{at.line, at.column + 1 + d.quotedLength(at, in.column-1)}
	}
	if tk.Type == token.SingleQuoteType {
		at.column++
	}
	return position{at.line, at.column + in.column - 1}
}

// sourceLine is a line of the file, from 1.
func (d *decoder) sourceLine(n int) string {
	lines := strings.Split(d.source, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// indent is that of the first line with text in it, from line n.
func (d *decoder) indent(n int) int {
	for ; n <= 1+strings.Count(d.source, "\n"); n++ {
		if line := d.sourceLine(n); strings.TrimSpace(line) != "" {
			return len(line) - len(strings.TrimLeft(line, " "))
		}
	}
	return 0
}

// quotedLength is how many characters of the text in double quotes that begins at a place stand for its first n.
func (d *decoder) quotedLength(at position, n int) int {
	runes := []rune(d.sourceLine(at.line))
	runes = runes[min(at.column, len(runes)):]
	i := 0
	for ; n > 0 && i < len(runes); n-- {
		if runes[i] != '\\' || i+1 >= len(runes) {
			i++
			continue
		}
		i += 2 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[runes[i+1]]
	}
	return min(i, len(runes))
}

// customFields judges what belongs together in the values of ticket fields below a key.
func (v *validator) customFields(parent string, fields []CustomField) {
	first := map[string]string{}
	for i, f := range fields {
		path := fmt.Sprintf("%s.custom_fields[%d]", parent, i)
		if f.ID != 0 {
			v.once(first, strconv.Itoa(f.ID), path+".id", "give each field once")
		}
		source, isText := f.Value.Value.(Template)
		switch {
		case f.Type == "" || f.Value.Value == nil:
		case !isText:
			v.problem(v.place(path+".type"), path+".type", "stands beside a value that has its type already", "take it out")
		case !isTemplate(string(source)) && !fits(f.Type, string(source)):
			v.problem(v.place(path+".value"), path+".value", quote(string(source))+" is nothing for a field of type "+string(f.Type), "write it without quotes, and without type")
		}
	}
}

// fits reports whether a text can be sent as a value of a type.
func fits(t FieldType, text string) bool {
	var err error
	switch t {
	case FieldTypeInteger:
		_, err = strconv.ParseInt(text, 10, 64)
	case FieldTypeCheckbox:
		_, err = strconv.ParseBool(text)
	case FieldTypeText:
	}
	return err == nil
}

// RulesFor returns the rules for calls on a line: what Tickets says, with what the line says otherwise.
func (c *Config) RulesFor(line Line) (shortestRing, shortestTalk time.Duration, callers NumberFilter) {
	callers = c.Tickets.Callers
	if own := line.Tickets.Callers; len(own.Allow)+len(own.Deny) > 0 {
		callers = own
	}
	return cmp.Or(line.Tickets.ShortestRing, c.Tickets.ShortestRing), cmp.Or(line.Tickets.ShortestTalk, c.Tickets.ShortestTalk), callers
}

// MatchFor returns onto which tickets calls on a line go.
func (c *Config) MatchFor(line Line) Match {
	if line.Tickets.Match != nil {
		return *line.Tickets.Match
	}
	return c.Tickets.Match
}

// TicketsFor returns what tickets of calls on a line look like: what Tickets says, with what the line says otherwise. For
// the zero Line it is what holds for numbers that are not listed.
func (c *Config) TicketsFor(line Line) LineTickets {
	site, own := c.Tickets, line.Tickets
	merged := LineTickets{
		Subject: cmp.Or(own.Subject, site.Subject), Comment: cmp.Or(own.Comment, site.Comment),
		Tags:  slices.Concat(site.Tags, own.Tags),
		Group: cmp.Or(own.Group, site.Group), Brand: cmp.Or(own.Brand, site.Brand), Priority: cmp.Or(own.Priority, site.Priority),
		Hours: cmp.Or(own.Hours, site.Hours),
	}
	for _, f := range site.CustomFields {
		if !slices.ContainsFunc(own.CustomFields, func(o CustomField) bool { return o.ID == f.ID }) {
			merged.CustomFields = append(merged.CustomFields, f)
		}
	}
	merged.CustomFields = append(merged.CustomFields, own.CustomFields...)
	return merged
}
