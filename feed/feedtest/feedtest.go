// Package feedtest holds messages of the feed against its description
// (docs/asyncapi.yaml), for tests. It knows nothing of how they are made.
package feedtest

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// document is what the schemas of the description are resolved against.
const document = "file:///asyncapi.json"

// Checker holds messages against a description. It is safe for concurrent use.
type Checker struct {
	schemas map[string]*jsonschema.Schema // by the type of message
}

// NewChecker reads a description in AsyncAPI 3.0 (YAML). Schemas without a
// dialect of their own are JSON Schema draft 7, as AsyncAPI has it, with formats
// asserted.
func NewChecker(path string) (*Checker, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the test names it
	if err != nil {
		return nil, fmt.Errorf("read description of the feed: %w", err)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7)
	compiler.AssertFormat()
	if err := compiler.AddResource(document, tree); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	c := &Checker{schemas: make(map[string]*jsonschema.Schema)}
	for key, name := range messages(tree) {
		schema, err := compiler.Compile(document + "#/components/messages/" + key + "/payload")
		if err != nil {
			return nil, fmt.Errorf("compile message %s: %w", key, err)
		}
		c.schemas[name] = schema
	}
	return c, nil
}

// messages returns the types of the described messages, by their keys.
func messages(tree any) map[string]string {
	found := make(map[string]string)
	top, _ := tree.(map[string]any)
	components, _ := top["components"].(map[string]any)
	list, _ := components["messages"].(map[string]any)
	for key, value := range list {
		if message, ok := value.(map[string]any); ok {
			name, _ := message["name"].(string)
			found[key] = name
		}
	}
	return found
}

// Types returns how many types of messages are described.
func (c *Checker) Types() int { return len(c.schemas) }

// Check holds one message, as it came, against the description of its type.
func (c *Checker) Check(message []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	object, _ := value.(map[string]any)
	kind, _ := object["type"].(string)
	schema, known := c.schemas[kind]
	if !known {
		return fmt.Errorf("message of type %q is not described", kind)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("message %s: %s", kind, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return nil
}
