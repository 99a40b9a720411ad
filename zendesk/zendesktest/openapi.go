package zendesktest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/goccy/go-yaml" //nolint:depguard // It reads Zendesk's description, not configuration.
)

// Spec is Zendesk's published OpenAPI description of the Support API (developer.zendesk.com, oas.yaml), read by
// [ParseSpec]. It is immutable and safe for concurrent use: read it once and share it.
//
// The description has gaps: bodies of several operations are missing, and pagination parameters are documented in
// prose only. What it does not say is not checked.
type Spec struct {
	root       map[string]any
	operations []specOperation
}

type specOperation struct {
	method   string
	path     string
	segments []string
	query    map[string]map[string]any // schema by parameter name
	pathType map[int]string            // type by index of the segment
	body     map[string]any            // schema of the JSON body, nil if none is documented
	answers  map[string]any            // responses by status
}

// ParseSpec reads an OpenAPI 3.0 description in YAML or JSON. Errors: it is not YAML, or it has no paths.
func ParseSpec(doc []byte) (*Spec, error) {
	s := &Spec{}
	if err := yaml.Unmarshal(doc, &s.root); err != nil {
		return nil, fmt.Errorf("parse OpenAPI description: %w", err)
	}
	paths, _ := s.root["paths"].(map[string]any)
	if len(paths) == 0 {
		return nil, fmt.Errorf("parse OpenAPI description: it has no paths")
	}
	for path, v := range paths {
		item := s.resolve(v)
		for _, method := range []string{"get", "put", "post", "delete", "patch"} {
			if op := s.resolve(item[method]); op != nil {
				s.operations = append(s.operations, s.operation(method, path, item, op))
			}
		}
	}
	// Of two that match, the one with more literal segments is meant.
	slices.SortFunc(s.operations, func(x, y specOperation) int {
		return cmp.Or(strings.Count(x.path, "{")-strings.Count(y.path, "{"), strings.Compare(x.path, y.path))
	})
	return s, nil
}

func (s *Spec) operation(method, path string, item, op map[string]any) specOperation {
	out := specOperation{
		method: strings.ToUpper(method), path: path, segments: splitPath(path),
		query: map[string]map[string]any{}, pathType: map[int]string{},
	}
	shared, _ := item["parameters"].([]any)
	own, _ := op["parameters"].([]any)
	for _, v := range slices.Concat(shared, own) {
		p := s.resolve(v)
		name, _ := p["name"].(string)
		schema := s.resolve(p["schema"])
		switch p["in"] {
		case "query":
			out.query[name] = schema
		case "path":
			if i := slices.Index(out.segments, "{"+name+"}"); i >= 0 {
				out.pathType[i], _ = schema["type"].(string)
			}
		}
	}
	out.body = s.jsonSchema(s.resolve(op["requestBody"]))
	out.answers, _ = op["responses"].(map[string]any)
	return out
}

// jsonSchema is the schema of the application/json content of a body or response.
func (s *Spec) jsonSchema(holder map[string]any) map[string]any {
	content, _ := holder["content"].(map[string]any)
	media, _ := content["application/json"].(map[string]any)
	return s.resolve(media["schema"])
}

// resolve follows $ref; what is no object becomes nil.
func (s *Spec) resolve(v any) map[string]any {
	for range 16 { // References to references end; a longer chain is a broken description.
		m, _ := v.(map[string]any)
		ref, isRef := m["$ref"].(string)
		if !isRef {
			return m
		}
		var at any = s.root
		for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			next, _ := at.(map[string]any)
			at = next[part]
		}
		v = at
	}
	return nil
}

func splitPath(p string) []string { return strings.Split(strings.Trim(p, "/"), "/") }

func (s *Spec) find(method, path string) *specOperation {
	segs := splitPath(normalPath(path))
	for i := range s.operations {
		op := &s.operations[i]
		if op.method == method && op.matches(segs) {
			return op
		}
	}
	return nil
}

func (op *specOperation) matches(segs []string) bool {
	if len(segs) != len(op.segments) {
		return false
	}
	for i, want := range op.segments {
		if !strings.HasPrefix(want, "{") && want != segs[i] {
			return false
		}
	}
	return true
}

// CheckRequest says what is wrong with a request by the description: the operation is unknown, a parameter is, or
// has the wrong type, or a property of the JSON body is or has. target is path and query. Nil means nothing found.
func (s *Spec) CheckRequest(method, target string, body []byte) []string {
	path, rawQuery, _ := strings.Cut(target, "?")
	op := s.find(method, path)
	if op == nil {
		return []string{"no such operation"}
	}
	v := validation{spec: s, strict: true}
	segs := splitPath(normalPath(path))
	for i, kind := range op.pathType {
		if _, err := strconv.ParseInt(segs[i], 10, 64); kind == "integer" && err != nil {
			v.report("path", "%q is not an integer", segs[i])
		}
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		v.report("query", "%v", err)
	}
	for name, values := range query {
		v.parameter(op, name, values)
	}
	if op.body != nil && len(body) > 0 {
		if o, err := parseObject(body); err != nil {
			v.report("body", "%v", err)
		} else {
			v.value(op.body, o, "body")
		}
	}
	slices.Sort(v.found)
	return v.found
}

// CheckResponse says where a JSON answer differs in type from the description. Statuses, properties and nulls that
// the description does not know are no violations: it is far from complete there.
func (s *Spec) CheckResponse(method, path string, status int, body []byte) []string {
	op := s.find(method, path)
	if op == nil {
		return []string{"no such operation"}
	}
	schema := s.jsonSchema(s.resolve(op.answers[strconv.Itoa(status)]))
	if schema == nil || len(body) == 0 {
		return nil
	}
	o, err := parseObject(body)
	if err != nil {
		return []string{"body: " + err.Error()}
	}
	v := validation{spec: s}
	v.value(schema, o, "body")
	slices.Sort(v.found)
	return v.found
}

func (v *validation) parameter(op *specOperation, name string, values []string) {
	base, _, _ := strings.Cut(name, "[")
	schema, known := op.query[name]
	if !known {
		if _, known = op.query[base]; known || op.method == http.MethodGet && slices.Contains([]string{"page", "per_page", "sort"}, base) {
			return
		}
		v.report("query", "unknown parameter %q", name)
		return
	}
	for _, value := range values {
		if _, err := strconv.ParseInt(value, 10, 64); schema["type"] == "integer" && err != nil {
			v.report("query", "%s: %q is not an integer", name, value)
		}
		if enum, _ := schema["enum"].([]any); len(enum) > 0 && !inEnum(enum, value) {
			v.report("query", "%s: %q is not one of %v", name, value, enum)
		}
	}
}

// Violation is one way in which requests differed from the OpenAPI description.
type Violation struct {
	// Method and Path are those of the first such request.
	Method, Path string
	Problem      string
	// Count is how many requests had it.
	Count int
}

// maxViolations bounds the different violations that are kept.
const maxViolations = 1000

// checker collects violations. Without a spec it does nothing. Safe for concurrent use.
type checker struct {
	spec *Spec

	mu    sync.Mutex
	found map[string]*Violation
	order []*Violation
}

func newChecker(spec *Spec) *checker { return &checker{spec: spec, found: map[string]*Violation{}} }

func (ch *checker) request(c *call) {
	if ch.spec == nil {
		return
	}
	target := c.path
	if c.rawQuery != "" {
		target += "?" + c.rawQuery
	}
	for _, problem := range ch.spec.CheckRequest(c.method, target, c.body) {
		ch.add(c, problem)
	}
}

func (ch *checker) add(c *call, problem string) {
	path := c.path
	if op := ch.spec.find(c.method, c.path); op != nil {
		path = op.path
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	key := c.method + " " + path + " " + problem
	if v := ch.found[key]; v != nil {
		v.Count++
		return
	}
	if len(ch.order) >= maxViolations {
		return
	}
	v := &Violation{Method: c.method, Path: c.path, Problem: problem, Count: 1}
	ch.found[key] = v
	ch.order = append(ch.order, v)
}

// Violations returns in which ways the requests so far differed from the description given by [WithSpec], each once,
// at most 1,000. Nil if there were none or no description was given.
func (s *Server) Violations() []Violation {
	s.check.mu.Lock()
	defer s.check.mu.Unlock()
	var out []Violation
	for _, v := range s.check.order {
		out = append(out, *v)
	}
	return out
}
