package zendesktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// validation compares a JSON value with a schema of OpenAPI 3.0 and collects what differs.
type validation struct {
	spec *Spec
	// strict also reports undocumented properties, and nulls where null is not documented.
	strict bool
	found  []string
}

func (v *validation) report(where, format string, args ...any) {
	v.found = append(v.found, where+": "+fmt.Sprintf(format, args...))
}

// value reports where x does not fit the schema. Recursion ends with the value, whose depth the decoder bounds.
func (v *validation) value(schema map[string]any, x any, where string) {
	schema = v.spec.resolve(schema)
	if x == nil {
		if v.strict && schema != nil && schema["nullable"] != true && schema["type"] != nil {
			v.report(where, "null is not documented")
		}
		return
	}
	for _, part := range schemas(schema["allOf"]) {
		sub := validation{spec: v.spec} // Undocumented properties are judged over all parts, below.
		sub.value(part, x, where)
		v.found = append(v.found, sub.found...)
	}
	v.alternatives(schema, x, where)
	v.plain(schema, x, where)
	if o, isObject := x.(map[string]any); isObject {
		v.properties(schema, o, where)
	}
	if list, isList := x.([]any); isList {
		items := v.spec.resolve(schema["items"])
		for i, e := range list {
			if items != nil {
				v.value(items, e, fmt.Sprintf("%s[%d]", where, i))
			}
		}
	}
}

// alternatives wants at least one of oneOf or anyOf to fit; it reports what the best of them says.
func (v *validation) alternatives(schema map[string]any, x any, where string) {
	parts := append(schemas(schema["oneOf"]), schemas(schema["anyOf"])...)
	var best []string
	for i, part := range parts {
		sub := validation{spec: v.spec}
		sub.value(part, x, where)
		if len(sub.found) == 0 {
			return
		}
		if i == 0 || len(sub.found) < len(best) {
			best = sub.found
		}
	}
	v.found = append(v.found, best...)
}

func (v *validation) plain(schema map[string]any, x any, where string) {
	want, _ := schema["type"].(string)
	if !typeFits(want, x) {
		v.report(where, "%s is not of type %s", kindOf(x), want)
		return
	}
	if enum, _ := schema["enum"].([]any); len(enum) > 0 && !inEnum(enum, x) {
		v.report(where, "%v is not one of %v", x, enum)
	}
	switch x := x.(type) {
	case string:
		v.format(schema["format"], x, where)
		v.size(schema, utf8.RuneCountInString(x), "Length", "characters", where)
	case []any:
		v.size(schema, len(x), "Items", "items", where)
	}
}

// size holds minLength, maxLength, minItems and maxItems.
func (v *validation) size(schema map[string]any, n int, kind, of, where string) {
	if limit, is := wholeNumber(schema["min"+kind]); is && n < limit {
		v.report(where, "has %d %s, fewer than %d", n, of, limit)
	}
	if limit, is := wholeNumber(schema["max"+kind]); is && n > limit {
		v.report(where, "has %d %s, more than %d", n, of, limit)
	}
}

func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case float64:
		return int(v), true
	case uint64:
		return int(v), true //nolint:gosec // A limit of a schema, small.
	}
	return 0, false
}

// format holds the formats that matter here: that of OpenAPI, and two of the Channel Framework's.
func (v *validation) format(format any, text, where string) {
	switch format {
	case "date-time":
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			v.report(where, "%q is not a date-time", text)
		}
	case "external-id":
		if strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
			v.report(where, "is not ASCII without white space around it")
		}
	case "https-url":
		if !strings.HasPrefix(text, "https://") {
			v.report(where, "is no https address")
		}
	}
}

func (v *validation) properties(schema map[string]any, o map[string]any, where string) {
	own, _ := schema["properties"].(map[string]any)
	for _, name := range sortedKeys(o) {
		at := where + "." + name
		if p := v.spec.resolve(own[name]); p != nil {
			v.value(p, o[name], at)
			continue
		}
		if v.strict && !v.documents(schema, name) {
			v.report(at, "undocumented property")
		}
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, sent := o[fmt.Sprint(name)]; !sent {
			v.report(where, "%v is missing", name)
		}
	}
}

// documents says whether the schema or a part of it knows the property, or leaves its properties open.
func (v *validation) documents(schema map[string]any, name string) bool {
	own, _ := schema["properties"].(map[string]any)
	parts := slices.Concat(schemas(schema["allOf"]), schemas(schema["oneOf"]), schemas(schema["anyOf"]))
	if own[name] != nil || schema["additionalProperties"] != nil && schema["additionalProperties"] != false {
		return true
	}
	if len(own) == 0 && len(parts) == 0 {
		return true
	}
	return slices.ContainsFunc(parts, func(p map[string]any) bool {
		p = v.spec.resolve(p)
		return p != nil && p["properties"] != nil && v.documents(p, name) || p["allOf"] != nil && v.documents(p, name)
	})
}

func schemas(v any) []map[string]any {
	list, _ := v.([]any)
	out := make([]map[string]any, 0, len(list))
	for _, e := range list {
		if m, isMap := e.(map[string]any); isMap {
			out = append(out, m)
		}
	}
	return out
}

func typeFits(want string, x any) bool {
	switch want {
	case "string":
		_, fits := x.(string)
		return fits
	case "integer":
		n, fits := x.(json.Number)
		return fits && !strings.ContainsAny(n.String(), ".eE")
	case "number":
		_, fits := x.(json.Number)
		return fits
	case "boolean":
		_, fits := x.(bool)
		return fits
	case "array":
		_, fits := x.([]any)
		return fits
	case "object":
		_, fits := x.(map[string]any)
		return fits
	}
	return true
}

func kindOf(x any) string {
	switch x := x.(type) {
	case string:
		return "a string"
	case json.Number:
		return "number " + x.String()
	case bool:
		return "a boolean"
	case []any:
		return "an array"
	}
	return "an object"
}

func inEnum(enum []any, x any) bool {
	return slices.ContainsFunc(enum, func(e any) bool { return fmt.Sprint(e) == fmt.Sprint(x) })
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
