package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// place is where a key and its value stand, and whether the value came out of the environment.
type place struct {
	key, value position
	variable   bool
}

// decoder puts a tree of YAML into the types of this package. It goes on after a problem, so that all come out at once;
// what it does not say about a value, the validator does.
type decoder struct {
	*report

	env func(string) (string, bool)
	at  map[string]place
	// source is the file, for places within a text.
	source string
}

// field is one key of a struct type.
type field struct {
	name     string
	index    int
	required bool
	check    string
}

// fieldsOf returns the keys of a struct type, in the order of the type.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("yaml")
		if !ok {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		fields = append(fields, field{name, i, options == "required", t.Field(i).Tag.Get("check")})
	}
	return fields
}

// isSection reports whether a type is a mapping of keys in the file, and not one value.
func isSection(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[Secret](), reflect.TypeFor[AgentRef](), reflect.TypeFor[FieldValue](), reflect.TypeFor[time.Time]():
		return false
	}
	return t.Kind() == reflect.Struct
}

// config returns the defaults overlaid with what root says.
func (d *decoder) config(root *ast.MappingNode) *Config {
	cfg := Default()
	d.section(root, reflect.ValueOf(&cfg).Elem(), "", position{1, 1})
	return &cfg
}

// section reads a mapping into a struct. An empty section is one without keys.
func (d *decoder) section(node ast.Node, into reflect.Value, path string, at position) {
	fields := fieldsOf(into.Type())
	mapping := asMapping(node)
	if mapping == nil && !isNull(node) {
		d.problem(placeOf(node), path, "is "+kindOf(node)+", and not a mapping of keys", "known keys: "+names(fields))
		return
	}
	seen := map[string]position{}
	if mapping != nil {
		for _, entry := range mapping.Values {
			d.entry(entry, into, fields, path, seen)
		}
	}
	for _, f := range fields {
		if _, given := seen[f.name]; f.required && !given {
			d.problem(at, join(path, f.name), "is missing", "it has no default: "+describe(into.Type(), f))
		}
	}
}

// entry reads one key with its value. A key that was probably meant counts as given, lest it be called missing as well.
func (d *decoder) entry(entry *ast.MappingValueNode, into reflect.Value, fields []field, parent string, seen map[string]position) {
	key := keyText(entry.Key)
	at := tokenPosition(entry.Key.GetToken())
	path := join(parent, printable(key))
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
	if i < 0 {
		meant, hint := suggestion(key, fields)
		d.problem(at, path, "is no key of the configuration", hint)
		if _, given := seen[meant]; meant != "" && !given {
			seen[meant] = at
			d.at[join(parent, meant)] = place{key: at, value: at}
		}
		return
	}
	if first, twice := seen[key]; twice {
		d.problem(at, path, fmt.Sprintf("is here for the second time; the first is in line %d", first.line), "keep one of them")
		return
	}
	seen[key] = at
	d.at[path] = place{key: at, value: placeOf(entry.Value)}
	if isNull(entry.Value) {
		d.at[path] = place{key: at, value: at}
	}
	d.value(entry.Value, into.Field(fields[i].index), fields[i], path)
}

// value reads what stands behind a key or in a list.
func (d *decoder) value(node ast.Node, into reflect.Value, f field, path string) {
	t := into.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		into.Set(reflect.New(t.Elem()))
		if with, ok := reflect.TypeAssert[interface{ setDefaults() }](into); ok {
			with.setDefaults()
		}
		if d.word(node, into, path) {
			return
		}
		d.section(node, into.Elem(), path, d.at[path].key)
	case isSection(t):
		d.section(node, into, path, d.at[path].key)
	case t.Kind() == reflect.Slice:
		d.list(node, into, f, path)
	case isNull(node):
		d.problem(d.at[path].key, path, "has no value", "give one, or take the key out")
	default:
		d.scalar(node, into, f, path)
	}
}

// word reads a text that stands where a section may, and reports whether it was one.
func (d *decoder) word(node ast.Node, into reflect.Value, path string) bool {
	text, isText := asText(node)
	with, takesWords := reflect.TypeAssert[interface{ setWord(text string) bool }](into)
	if !isText || !takesWords {
		return false
	}
	if !with.setWord(text) {
		d.wrong(node, path, "is not known here", "write none, or a mapping of keys: "+names(fieldsOf(into.Type().Elem())))
	}
	return true
}

// list reads a sequence into a slice.
func (d *decoder) list(node ast.Node, into reflect.Value, f field, path string) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok && !isNull(node) {
		hint := "put a dash before each entry"
		if text := written(node); text != "" && into.Type().Elem() != reflect.TypeFor[Secret]() {
			hint = "write [" + quote(text) + "]"
		}
		d.problem(placeOf(node), path, "is "+kindOf(node)+", and not a list", hint)
		return
	}
	if !ok || len(sequence.Values) == 0 {
		if f.required {
			d.problem(d.at[path].key, path, "is empty", "give at least one")
		}
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(sequence.Values), len(sequence.Values)))
	for i, element := range sequence.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.at[at] = place{key: placeOf(element), value: placeOf(element)}
		d.value(element, into.Index(i), f, at)
	}
}

// suggestion returns the key that was meant, if that is clear, and what to tell the reader.
func suggestion(key string, fields []field) (meant, hint string) {
	known := make([]string, 0, len(fields))
	for _, f := range fields {
		known = append(known, f.name)
	}
	if meant = nearest(key, known); meant != "" {
		return meant, "did you mean `" + meant + "`?"
	}
	if homes := homesOf(key); len(homes) > 0 {
		return "", "it belongs in " + oneOf(homes)
	}
	return "", "known keys: " + names(fields)
}

// homesOf returns the sections that have a key of this name, at most three.
func homesOf(key string) []string {
	var homes []string
	eachField(reflect.TypeFor[Config](), "", func(path string, _ reflect.StructField) {
		parent, name := "the top level", path
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			parent, name = path[:i], path[i+1:]
		}
		if name == key && len(homes) < 3 {
			homes = append(homes, parent)
		}
	})
	return homes
}

// eachField calls visit for each key that a configuration may have, with its general path: sources[].asterisk.address.
func eachField(t reflect.Type, parent string, visit func(path string, f reflect.StructField)) {
	for _, f := range fieldsOf(t) {
		path := join(parent, f.name)
		visit(path, t.Field(f.index))
		inner := t.Field(f.index).Type
		if inner.Kind() == reflect.Slice {
			inner, path = inner.Elem(), path+"[]"
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if isSection(inner) {
			eachField(inner, path, visit)
		}
	}
}

// join appends a key to a path.
func join(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// printable writes a key for a path: as it is where it is plain, quoted where it is not.
func printable(key string) string {
	if q := quote(key); q[1:len(q)-1] != key || key == "" {
		return q
	}
	return key
}

func names(fields []field) string {
	list := make([]string, 0, len(fields))
	for _, f := range fields {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}
