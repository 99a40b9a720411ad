package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may be made of. The bounds are far above any real configuration (5,000 agents make 100,000 tokens), and keep
// the time of the parser, which is quadratic in the keys of one mapping and recursive in their depth.
const (
	maxFileBytes = 1 << 20
	maxTokens    = 200_000
	maxDepth     = 32
	maxKeys      = 1000
)

// Load reads the configuration in a file, with the files and the environment variables it names. Relative paths in it
// are taken from the folder of the file. The error is an *Errors with everything that is wrong.
func Load(path string) (*Config, error) {
	data, mode, err := readRegular(path, maxFileBytes)
	if err != nil {
		r := report{file: path}
		r.problem(position{}, "", err.Error(), fileHint(err))
		return nil, r.err()
	}
	return parse(path, data, mode, os.LookupEnv)
}

// Parse is Load for bytes at hand. The name stands in messages, and its folder is where relative paths start.
func Parse(name string, data []byte) (*Config, error) {
	return parse(name, data, 0, os.LookupEnv)
}

// parse is Parse with the mode of the file, 0 if there is none, and an environment.
func parse(name string, data []byte, mode os.FileMode, env func(string) (string, bool)) (*Config, error) {
	r := &report{file: name}
	root := readTree(r, data)
	if err := r.err(); err != nil {
		return nil, err
	}
	d := &decoder{report: r, env: env, at: map[string]place{}, source: string(data)}
	cfg := d.config(root)
	v := &validator{report: r, at: d.at, cfg: cfg, dir: filepath.Dir(name)}
	v.validate(mode)
	if err := r.err(); err != nil {
		return nil, err
	}
	inOrder(r.warnings)
	cfg.warnings, cfg.file, cfg.tests = r.warnings, name, d.testPlaces()
	return cfg, nil
}

// readTree returns the top mapping of the one document in data; nil, with a problem in the report, if there is none.
func readTree(r *report, data []byte) *ast.MappingNode {
	start := position{1, 1}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(data) > maxFileBytes {
		r.problem(start, "", fmt.Sprintf("is larger than %v", Size(maxFileBytes)), "is it the right file?")
		return nil
	}
	if at, ok := notText(data); ok {
		r.problem(at, "", "has bytes that are no UTF-8 text", "save the file as UTF-8; is it the right file?")
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if !checkShape(r, tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		syntaxProblem(r, err)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		r.problem(start, "", "is empty", "start from config.example.yaml")
	case len(bodies) > 1:
		r.problem(placeOf(bodies[1]), "", "a second document begins here", "keep one: remove the line ---")
	default:
		return topMapping(r, bodies[0])
	}
	return nil
}

func topMapping(r *report, body ast.Node) *ast.MappingNode {
	if mapping := asMapping(body); mapping != nil {
		return mapping
	}
	r.problem(placeOf(body), "", "is "+kindOf(body)+", and not a mapping of keys", "write key: value, as in config.example.yaml")
	return nil
}

// notText returns the place of the first byte that is not UTF-8 or is a control character other than tab and line end.
func notText(data []byte) (at position, found bool) {
	at = position{1, 1}
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && size == 1, c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0x7f:
			return at, true
		case c == '\n':
			at = position{at.line + 1, 1}
		default:
			at.column++
		}
		i += size
	}
	return position{}, false
}

// unsupported has the parts of YAML that a configuration does without, and why.
var unsupported = map[token.Type]string{
	token.AnchorType:     "anchors (&name) are not read here",
	token.AliasType:      "aliases (*name) are not read here",
	token.MergeKeyType:   "merge keys (<<) are not read here",
	token.TagType:        "tags (!name) are not read here",
	token.MappingKeyType: "complex keys (?) are not read here",
	token.DirectiveType:  "directives (%) are not read here",
}

// checkShape reports what the parser should not see: it runs before the parser, on the flat list of tokens.
func checkShape(r *report, tokens token.Tokens) bool {
	if len(tokens) > maxTokens {
		r.problem(position{1, 1}, "", "has too many keys, values and comments", "is it the right file?")
		return false
	}
	if bad := tokens.InvalidToken(); bad != nil {
		r.problem(tokenPosition(bad), "", bad.Error, syntaxHint(bad.Error))
		return false
	}
	shape, ok := shape{}, true
	for i, tk := range tokens {
		if message, found := unsupported[tk.Type]; found {
			r.problem(tokenPosition(tk), "", message, "write the value out, or put a text that begins like this in quotes")
			ok = false
		}
		if message := shape.add(tokens, i); message != "" {
			r.problem(tokenPosition(tk), "", message, "is it the right file?")
			return false
		}
	}
	return ok
}

// shape follows how deep the blocks and brackets are, and how many keys a block has.
type shape struct {
	flow   int
	blocks []block
}

type block struct{ column, keys int }

// add takes the next token; it returns what is too much, "" if nothing is.
func (s *shape) add(tokens token.Tokens, i int) string {
	switch tk := tokens[i]; {
	case tk.Type == token.SequenceStartType, tk.Type == token.MappingStartType:
		s.flow++
	case tk.Type == token.SequenceEndType, tk.Type == token.MappingEndType:
		s.flow = max(0, s.flow-1)
	case tk.Type == token.SequenceEntryType:
		s.enter(tk.Position.Column)
	case tk.Type == token.MappingValueType && s.flow == 0 && i > 0:
		s.enter(tokens[i-1].Position.Column)
		s.blocks[len(s.blocks)-1].keys++
	}
	switch {
	case s.flow > maxDepth || len(s.blocks) > maxDepth:
		return "is nested too deeply"
	case len(s.blocks) > 0 && s.blocks[len(s.blocks)-1].keys > maxKeys:
		return "has too many keys"
	}
	return ""
}

// enter leaves the blocks that are indented further than column, and opens one there.
func (s *shape) enter(column int) {
	for len(s.blocks) > 0 && s.blocks[len(s.blocks)-1].column > column {
		s.blocks = s.blocks[:len(s.blocks)-1]
	}
	if len(s.blocks) == 0 || s.blocks[len(s.blocks)-1].column < column {
		s.blocks = append(s.blocks, block{column: column})
	}
}

func tokenPosition(tk *token.Token) position {
	if tk == nil || tk.Position == nil {
		return position{1, 1}
	}
	return position{max(1, tk.Position.Line), max(1, tk.Position.Column)}
}

// syntaxProblem reports what the parser stumbled over. It stops at the first such place.
func syntaxProblem(r *report, err error) {
	if located, ok := errors.AsType[yaml.Error](err); ok {
		message := located.GetMessage()
		r.problem(tokenPosition(located.GetToken()), "", message, syntaxHint(message))
		return
	}
	r.problem(position{1, 1}, "", err.Error(), "")
}

// syntaxHint says what usually lies behind a message of the YAML parser.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "\t"):
		return "indent with blanks, not with tabs"
	case strings.Contains(message, "quoted text"):
		return "close the quote"
	case strings.Contains(message, "must be specified"):
		return "close the bracket"
	case strings.Contains(message, "non-map value"):
		return "write key: value, with a blank after the colon"
	case strings.Contains(message, "not allowed in this context"):
		return "align the key with the keys above it"
	}
	return ""
}

// errNotRegular is returned for what is no ordinary file: a folder, a pipe, a device.
var errNotRegular = errors.New("is no regular file")

// errTooLarge is returned for a file above its bound.
var errTooLarge = errors.New("is too large")

// readRegular reads at most limit bytes of a regular file. It never waits for a pipe or a device.
func readRegular(path string, limit int64) (data []byte, mode os.FileMode, err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, 0, plainError(err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, 0, plainError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errNotRegular
	}
	data, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, 0, plainError(err)
	}
	if int64(len(data)) > limit {
		return nil, 0, fmt.Errorf("%w: more than %v", errTooLarge, Size(limit))
	}
	return data, info.Mode(), nil
}

// plainError takes operation and path off an error of package os: the message names the file already.
func plainError(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("cannot be read: %w", path.Err)
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// fileHint is the remedy for an error of readRegular.
func fileHint(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "create it, or name another file"
	case errors.Is(err, os.ErrPermission):
		return "let the user that runs talkbridge read it"
	case errors.Is(err, errNotRegular), errors.Is(err, errTooLarge):
		return "name a file with the text in it"
	}
	return ""
}
