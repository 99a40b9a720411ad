package zendesktest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

// channelBodies are the files of Zendesk's JSON schemas of the Channel Framework that describe requests to Zendesk.
var channelBodies = map[string]string{
	"/api/v2/any_channel/push":                     "push_parameters.json",
	"/api/v2/any_channel/channelback/report_error": "report_channelback_error.json",
}

// WithChannelSchemas returns a copy of the description that also checks the bodies of the Any Channel API, which the
// OpenAPI description leaves out, against Zendesk's JSON schemas of the Channel Framework. Errors: a file is missing or
// no JSON, or the description lacks the operation.
func (s *Spec) WithChannelSchemas(dir fs.FS) (*Spec, error) {
	more := &Spec{root: s.root, operations: append([]specOperation(nil), s.operations...)}
	for path, file := range channelBodies {
		op := more.find("POST", path)
		if op == nil {
			return nil, fmt.Errorf("add channel schemas: the description has no POST %s", path)
		}
		root, err := readSchema(dir, file)
		if err != nil {
			return nil, fmt.Errorf("add channel schemas: %w", err)
		}
		flat, err := flatten(dir, root, root, 0)
		if err != nil {
			return nil, fmt.Errorf("add channel schemas: %s: %w", file, err)
		}
		op.body, _ = flat.(map[string]any)
	}
	return more, nil
}

func readSchema(dir fs.FS, file string) (map[string]any, error) {
	data, err := fs.ReadFile(dir, file)
	if err != nil {
		return nil, err
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return root, nil
}

// flatten puts in the place of each reference what it refers to: a definition of the same file, or another file.
func flatten(dir fs.FS, v any, root map[string]any, depth int) (any, error) {
	if depth > 32 {
		return nil, fmt.Errorf("references go round")
	}
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = flatten(dir, v[i], root, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		if ref, is := v["$ref"].(string); is {
			return follow(dir, ref, root, depth)
		}
		out := make(map[string]any, len(v))
		for key, value := range v {
			if key == "definitions" {
				continue
			}
			var err error
			if out[key], err = flatten(dir, value, root, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

func follow(dir fs.FS, ref string, root map[string]any, depth int) (any, error) {
	name, local := strings.CutPrefix(ref, "#/definitions/")
	if !local {
		other, err := readSchema(dir, ref)
		if err != nil {
			return nil, err
		}
		return flatten(dir, other, other, depth+1)
	}
	definitions, _ := root["definitions"].(map[string]any)
	if definitions[name] == nil {
		return nil, fmt.Errorf("%s is not defined", ref)
	}
	return flatten(dir, definitions[name], root, depth+1)
}
