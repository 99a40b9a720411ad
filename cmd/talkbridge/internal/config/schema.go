package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"
)

// schema is the part of JSON Schema (2020-12) that the configuration needs, in the order in which it is written.
type schema struct {
	Schema      string      `json:"$schema,omitempty"`
	ID          string      `json:"$id,omitempty"`
	Title       string      `json:"title,omitempty"`
	Description string      `json:"description,omitempty"`
	Type        any         `json:"type,omitempty"`
	Pattern     string      `json:"pattern,omitempty"`
	Enum        []string    `json:"enum,omitempty"`
	AnyOf       []*schema   `json:"anyOf,omitempty"`
	Default     any         `json:"default,omitempty"`
	Minimum     int         `json:"minimum,omitempty"`
	Maximum     int         `json:"maximum,omitempty"`
	MinItems    int         `json:"minItems,omitempty"`
	WriteOnly   bool        `json:"writeOnly,omitempty"`
	Items       *schema     `json:"items,omitempty"`
	Required    []string    `json:"required,omitempty"`
	Properties  *properties `json:"properties,omitempty"`
	Closed      *bool       `json:"additionalProperties,omitempty"`
}

// properties is a JSON object that keeps the order of its keys: that of the types.
type properties struct {
	names  []string
	values []*schema
}

// MarshalJSON writes the keys in order.
func (p *properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, name := range p.names {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := plainJSON(p.values[i])
		if err != nil {
			return nil, err
		}
		b.WriteByte("{,"[min(i, 1)])
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plainJSON is json.Marshal without the escapes for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// variable is the pattern of a text with an environment variable in it, which stands for any value.
const variable = `\$\{[A-Za-z_][A-Za-z0-9_]*\}`

// patterns has what each check demands of a text, as far as a pattern can say it.
var patterns = map[string]string{
	"name":     `^[a-z0-9-]{1,32}$`,
	"country":  `^[A-Za-z]{2}$`,
	"url":      `^https?://[^?#]+$`,
	"nats":     `^(nats|tls)://[^?#]+$`,
	"email":    `^[^@\s]+@[^@\s]+$`,
	"fieldkey": `^[A-Za-z0-9_]{1,255}$`,
	"hostport": `:[0-9]+$`,
	"tag":      `^\S{1,100}$|\{\{`,
	"numbers":  `^(withheld|\+[0-9 ()-]*\*?)$`,
	"hours":    `^\S+ [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$`,
	"date":     `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`,
	"channel":  `^[A-Za-z][A-Za-z0-9_]*/[^\s/;,]+$`,
	"origin":   `^https?://[^/?#@\s]+/?$`,
}

// Schema returns the JSON Schema (2020-12) of the configuration, indented, for editors that complete and check YAML. It
// is made from the types of this package: descriptions are their comments, defaults those of Default. It is a little more
// lenient than Load, which also judges what belongs together.
func Schema() ([]byte, error) {
	top := sectionSchema(reflect.ValueOf(Default()))
	top.Schema = "https://json-schema.org/draft/2020-12/schema"
	top.ID = "https://github.com/talkbridge/talkbridge/blob/main/docs/config.schema.json"
	top.Title = "talkbridge configuration"
	raw, err := plainJSON(top)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sectionSchema describes a mapping whose defaults are in v.
func sectionSchema(v reflect.Value) *schema {
	closed := false
	s := &schema{Type: "object", Properties: &properties{}, Closed: &closed}
	for _, f := range fieldsOf(v.Type()) {
		key := fieldSchema(v.Field(f.index), f)
		key.Description = descriptions()[v.Type().Name()+"."+v.Type().Field(f.index).Name]
		s.Properties.names = append(s.Properties.names, f.name)
		s.Properties.values = append(s.Properties.values, key)
		if f.required {
			s.Required = append(s.Required, f.name)
		}
	}
	if len(s.Required) == 0 {
		s.Type = []string{"object", "null"} // a section with all its keys commented out
	}
	return s
}

// fieldSchema describes one value whose default is v.
func fieldSchema(v reflect.Value, f field) *schema {
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		v = reflect.New(t.Elem())
		if with, ok := reflect.TypeAssert[interface{ setDefaults() }](v); ok {
			with.setDefaults()
		}
		if _, takesWords := reflect.TypeAssert[interface{ setWord(text string) bool }](v); takesWords {
			return &schema{AnyOf: []*schema{{Enum: []string{"none"}}, sectionSchema(v.Elem())}}
		}
		return sectionSchema(v.Elem())
	case isSection(t):
		return sectionSchema(v)
	case t.Kind() == reflect.Slice:
		items := fieldSchema(reflect.New(t.Elem()).Elem(), field{check: f.check})
		s := &schema{Type: "array", Items: items}
		if f.required {
			s.MinItems = 1
		}
		return s
	}
	return scalarSchema(v, f)
}

// scalarSchema describes one value that is no section and no list.
func scalarSchema(v reflect.Value, f field) *schema {
	switch value := v.Interface().(type) {
	case bool:
		return &schema{Type: "boolean", Default: value}
	case Secret:
		return &schema{Type: "string", WriteOnly: true}
	case IDTemplate:
		return &schema{AnyOf: []*schema{text(`^[0-9]+$|\{\{`, ""), {Type: "integer", Minimum: 1}}}
	case PriorityTemplate:
		return text(`^(low|normal|high|urgent)$|\{\{`, "")
	case time.Time:
		usual := ""
		if !value.IsZero() {
			usual = value.Format(time.RFC3339)
		}
		return text(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}`, usual)
	case FieldValue:
		return &schema{Type: []string{"string", "integer", "boolean"}}
	case int:
		least, most := countRange(f.check)
		s := &schema{AnyOf: []*schema{{Type: "integer", Minimum: least, Maximum: most}, {Type: "string", Pattern: variable}}}
		if value != 0 {
			s.Default = value
		}
		return s
	case AgentRef:
		return &schema{AnyOf: []*schema{text("^([^@\\s]+@[^@\\s]+|[0-9]+)$", ""), {Type: "integer", Minimum: 1}}}
	case time.Duration:
		usual := ""
		if value != 0 {
			usual = formatDuration(value)
		}
		return text(`^([0-9]+d|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`, usual)
	case Size:
		usual := ""
		if value != 0 {
			usual = value.String()
		}
		return text(`^[0-9]+ ?([KMGT]iB|[kMGT]?B)$`, usual)
	}
	if values, ok := enums[v.Type()]; ok {
		s := &schema{AnyOf: []*schema{{Enum: values}, {Type: "string", Pattern: variable}}}
		if v.String() != "" {
			s.Default = v.String()
		}
		return s
	}
	return text(patterns[f.check], v.String())
}

// text describes a text that has a pattern, or a variable in it.
func text(pattern, usual string) *schema {
	s := &schema{Type: "string"}
	if pattern != "" {
		s.Pattern = pattern + "|" + variable
	}
	if usual != "" {
		s.Default = usual
	}
	return s
}
