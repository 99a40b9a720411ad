package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// userHint says how to name a user of Zendesk.
const userHint = "write an e-mail address, or the number at the end of the user's page in Zendesk"

// scalar reads one value into a field that is no section and no list.
func (d *decoder) scalar(node ast.Node, into reflect.Value, f field, path string) {
	if b, ok := node.(*ast.BoolNode); ok && into.Kind() == reflect.Bool {
		into.SetBool(b.Value)
		return
	}
	if d.number(node, into, path) {
		return
	}
	if into.Kind() == reflect.Bool {
		d.wrong(node, path, "is neither true nor false", "write true or false, without quotes")
		return
	}
	if id, ok := node.(*ast.IntegerNode); ok && into.Type() == reflect.TypeFor[AgentRef]() {
		d.agentID(node, into, path, id.Token.Value)
		return
	}
	if n, ok := node.(*ast.IntegerNode); ok && into.Kind() == reflect.Int {
		d.count(node, into, f, path, n.Token.Value)
		return
	}
	raw, ok := asText(node)
	if !ok {
		d.notText(node, into.Type(), path)
		return
	}
	text, wrong, hint := expand(raw, d.env)
	if text != raw {
		at := d.at[path]
		at.variable = true
		d.at[path] = at
	}
	switch {
	case wrong != "":
		d.problem(placeOf(node), path, wrong, hint)
	case text == "":
		d.problem(placeOf(node), path, "is empty", "give a value, or take the key out")
	default:
		d.text(node, into, f, path, text)
	}
}

// text reads a text, its variables expanded, into a field. Messages show it as it stands in the file: a variable may
// hold what nobody should see.
func (d *decoder) text(node ast.Node, into reflect.Value, f field, path, text string) {
	switch target := into.Addr().Interface().(type) {
	case *Secret:
		*target = NewSecret(text)
	case *AgentRef:
		if isDigits(text) {
			d.agentID(node, into, path, text)
			return
		}
		kept, wrong, _ := checkEmail(text)
		if wrong != "" {
			d.wrong(node, path, "is neither an e-mail address nor an id", userHint)
			return
		}
		target.Email = kept
	case *time.Duration:
		d.duration(node, target, f, path, text)
	case *time.Time:
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			d.wrong(node, path, "is no time", "write it as 2026-03-02T09:00:00Z, or as 2026-03-02T10:00:00+01:00")
			return
		}
		*target = at.UTC()
	case *int:
		d.count(node, into, f, path, text)
	case *Template:
		d.template(node, path, text)
		*target = Template(text)
	case *TagTemplate:
		d.tag(node, target, f, path, text)
	case *IDTemplate:
		d.id(node, target, path, text)
	case *PriorityTemplate:
		d.priority(node, target, path, text)
	case *FieldValue:
		d.template(node, path, text)
		target.Value = Template(text)
	case *Size:
		size, ok := parseSize(text)
		if !ok {
			d.wrong(node, path, "is no size", "write a whole number with its unit: 512MiB, 8GiB")
			return
		}
		*target = size
	default:
		d.plain(node, into, f, path, text)
	}
}

// plain reads a text into a field whose kind is string: one of the enumerations, or free.
func (d *decoder) plain(node ast.Node, into reflect.Value, f field, path, text string) {
	if values, ok := enums[into.Type()]; ok {
		if slices.Contains(values, text) {
			into.SetString(text)
			return
		}
		hint := "use " + oneOf(values)
		if meant := nearest(text, values); meant != "" {
			hint = "did you mean `" + meant + "`? " + hint
		}
		d.wrong(node, path, "is not known here", hint)
		return
	}
	if check, ok := checks[f.check]; ok {
		kept, wrong, hint := check(text)
		if wrong != "" {
			d.wrong(node, path, wrong, hint)
			return
		}
		text = kept
	}
	into.SetString(text)
}

func (d *decoder) duration(node ast.Node, target *time.Duration, f field, path, text string) {
	value, ok := parseDuration(text)
	shortest, longest := durationRange(f.check)
	switch {
	case !ok:
		d.wrong(node, path, "is no duration", "write a number with its unit: 90s, 10m, 12h, 30d")
	case value < shortest || value > longest:
		d.wrong(node, path, "is out of range", "use "+formatDuration(shortest)+" to "+formatDuration(longest))
	default:
		*target = value
	}
}

// count reads a whole number within the range of its tag.
func (d *decoder) count(node ast.Node, into reflect.Value, f field, path, digits string) {
	least, most := countRange(f.check)
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil && !isDigits(digits):
		d.wrong(node, path, "is no whole number", fmt.Sprintf("use %d to %d", least, most))
	case err != nil || n < least || n > most:
		d.wrong(node, path, "is out of range", fmt.Sprintf("use %d to %d", least, most))
	default:
		into.SetInt(int64(n))
	}
}

func (d *decoder) agentID(node ast.Node, into reflect.Value, path, digits string) {
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 {
		d.wrong(node, path, "is no id of a user", userHint)
		return
	}
	into.Set(reflect.ValueOf(AgentRef{ID: id}))
}

// notText reports a value that is a number, a list or the like where a text belongs.
func (d *decoder) notText(node ast.Node, t reflect.Type, path string) {
	message, hint, text := "is "+kindOf(node)+", and not a text", "write one text", written(node)
	switch {
	case text == "":
	case t == reflect.TypeFor[Secret]():
		hint = "put it in quotes"
	case t == reflect.TypeFor[AgentRef]():
		message, hint = quote(text)+" is no id of a user", userHint
	case t == reflect.TypeFor[time.Duration]():
		message, hint = text+" has no unit", "write "+text+"s if seconds are meant, or another of s, m, h and d"
	case t.Kind() == reflect.Int:
		message, hint = quote(text)+" is no whole number", "write it in digits alone"
	case t == reflect.TypeFor[Size]():
		message, hint = text+" has no unit", "write "+text+"B if bytes are meant, or another of KiB, MiB, GiB and TiB"
	default:
		hint = "put it in quotes: " + quote(text)
	}
	d.problem(placeOf(node), path, message, hint)
}

// wrong reports a value, and shows it as it stands in the file.
func (d *decoder) wrong(node ast.Node, path, message, hint string) {
	shown := quote(written(node))
	if written(node) == "" {
		shown = "it"
	}
	d.problem(placeOf(node), path, shown+" "+message, hint)
}

func isDigits(text string) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}
