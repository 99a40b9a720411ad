package cti

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/talkbridge/talkbridge/telephony"
)

const schemaPage = "../../docs/events.schema.json"

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(schemaPage)
	require.NoError(t, err)
	return schema
}

// fits reports whether the schema takes an event.
func fits(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err)
	return schema.Validate(value)
}

// keys are the names that a type has in JSON.
func keys(of reflect.Type) []string {
	var names []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// The published schema has the keys, types and reasons that are read, and no others.
func TestSchemaIsOfTheTypes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(schemaPage)
	require.NoError(t, err)
	type object struct {
		Properties map[string]json.RawMessage
	}
	var page struct {
		Properties struct {
			Type struct{ Enum []string }
			Data object
		}
	}
	var top object
	require.NoError(t, json.Unmarshal(text, &page))
	require.NoError(t, json.Unmarshal(text, &top))
	names := func(properties map[string]json.RawMessage) []string {
		var all []string
		for name := range properties {
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}
	require.Equal(t, keys(reflect.TypeFor[CloudEvent]()), names(top.Properties))
	require.Equal(t, keys(reflect.TypeFor[Data]()), names(page.Properties.Data.Properties))
	var types []string
	for _, name := range Types {
		types = append(types, TypePrefix+string(name))
	}
	require.Equal(t, types, page.Properties.Type.Enum)
	var reasons struct{ Enum []Reason }
	require.NoError(t, json.Unmarshal(page.Properties.Data.Properties["reason"], &reasons))
	require.Equal(t, Reasons, reasons.Enum)
}

// What the schema refuses is refused, and what it takes is taken.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	event := func(kind, data string) string {
		return `{"specversion":"1.0","id":"1","source":"/pbx","type":"` + TypePrefix + kind + `","data":` + data + `}`
	}
	cases := []string{
		event("started", `{"call":"1"}`), event("started", `{"call":""}`), event("started", `{}`), event("ended", `{"call":"1","reason":"busy"}`),
		event("ended", `{"call":"1","reason":"tired"}`), event("started", `{"call":"1","direction":"up"}`), event("started", `{"call":"1","direction":"internal"}`),
		event("started", `{"call":1}`), event("answered", `{"call":"1","agents":["a"]}`), event("answered", `{"call":"1","agents":[""]}`),
		event("answered", `{"call":"1","agents":"a"}`), event("queued", `{"call":"1"}`), event("queued", `{"call":"1","queue":"q","position":1}`),
		event("queued", `{"call":"1","queue":"q","position":-1}`), event("linked", `{"call":"1"}`), event("linked", `{"call":"1","with":"2"}`),
		event("held", `{"call":"1"}`), event("held", `{"call":"1","agents":[]}`), event("left", `{"call":"1","agents":["a"]}`),
		event("started", `{"call":"`+strings.Repeat("x", maxID)+`"}`), event("started", `{"call":"`+strings.Repeat("x", maxID+1)+`"}`),
		event("started", `{"call":"1","agents":["a"`+strings.Repeat(`,"a"`, maxAgents)+`]}`),
		`{"specversion":"0.3","id":"1","source":"/pbx","type":"com.talkbridge.phone.ended","data":{"call":"1"}}`,
		`{"specversion":"1.0","id":"","source":"/pbx","type":"com.talkbridge.phone.ended","data":{"call":"1"}}`,
		`{"specversion":"1.0","id":"1","type":"com.talkbridge.phone.ended","data":{"call":"1"}}`,
		`{"specversion":"1.0","id":"1","source":"/pbx","type":"com.talkbridge.phone.ended"}`,
		`{"specversion":"1.0","id":"1","source":"/pbx","type":"com.talkbridge.phone.ended","time":"noon","data":{"call":"1"}}`,
		`{"specversion":"1.0","id":"1","source":"/pbx","type":"com.talkbridge.phone.ended","time":"2026-11-22T09:00:00Z","more":1,"data":{"call":"1","more":1}}`,
	}
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	taken := 0
	for _, text := range cases {
		var c CloudEvent
		err := decode([]byte(text), &c)
		if err == nil {
			_, err = lab.telephonyEvents(c, now)
		}
		if said := fits(t, schema, text); err == nil {
			taken++
			require.NoError(t, said, text)
		} else {
			require.Error(t, said, "%s: %v", text, err)
		}
	}
	require.Greater(t, taken, 8)
	require.Less(t, taken, len(cases)-8)
}

func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	files, err := filepath.Glob("testdata/events/*.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(file)
			require.NoError(t, err)
			defer func() { _ = f.Close() }()
			var entries [][]telephony.Event
			for lines := bufio.NewScanner(f); lines.Scan(); {
				require.NoError(t, fits(t, schema, lines.Text()))
				var c CloudEvent
				require.NoError(t, decode(lines.Bytes(), &c))
				events, err := lab.telephonyEvents(c, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))
				require.NoError(t, err)
				entries = append(entries, events)
			}
			compareGolden(t, strings.TrimSuffix(file, ".jsonl")+".golden.json", foldEntries(entries))
		})
	}
}
