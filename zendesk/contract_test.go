package zendesk_test

import (
	"bufio"
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const contractFile = "../../shared/contract/zendesk-support-openapi.yaml"

// documented is one function with an api:operation line, and the operations that its body names.
type documented struct {
	function   string
	operations []string
	used       []string
	linked     bool
}

// documentedOperations reads them from the package's own source.
func documentedOperations(t *testing.T) []documented {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var all []documented
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Doc != nil {
				if d := readOperations(f); len(d.operations) > 0 {
					all = append(all, d)
				}
			}
		}
	}
	return all
}

func readOperations(f *ast.FuncDecl) documented {
	d := documented{function: f.Name.Name, linked: strings.Contains(f.Doc.Text(), "Zendesk docs: https://developer.zendesk.com/")}
	for _, line := range f.Doc.List {
		if op, ok := strings.CutPrefix(line.Text, "//api:operation "); ok {
			d.operations = append(d.operations, op)
		}
	}
	methods := map[string]string{
		"MethodGet": "GET", "MethodPost": "POST", "MethodPut": "PUT", "MethodPatch": "PATCH", "MethodDelete": "DELETE",
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 3 {
			return true
		}
		if name, ok := lit.Type.(*ast.Ident); !ok || name.Name != "operation" {
			return true
		}
		method, isMethod := lit.Elts[1].(*ast.SelectorExpr)
		path, isPath := lit.Elts[2].(*ast.BasicLit)
		if isMethod && isPath {
			text, _ := strconv.Unquote(path.Value)
			d.used = append(d.used, methods[method.Sel.Name]+" "+text)
		}
		return true
	})
	return d
}

// TestOperationLines holds that each endpoint names its documentation, and that what its comment says is what it sends.
func TestOperationLines(t *testing.T) {
	t.Parallel()
	all := documentedOperations(t)
	for _, d := range all {
		require.True(t, d.linked, "%s links no documentation", d.function)
		require.Len(t, d.operations, 1, d.function)
		if len(d.used) > 0 {
			require.Equal(t, d.operations, d.used, d.function)
		}
	}
}

// TestOperationsExist compares the operations with Zendesk's own description of the API.
func TestOperationsExist(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(contractFile)
	if os.IsNotExist(err) {
		t.Skipf("%s is not there: the operations are not compared with Zendesk's description", contractFile)
	}
	require.NoError(t, err)
	known := contractOperations(data)
	require.Greater(t, len(known), 400)
	for _, d := range documentedOperations(t) {
		for _, op := range d.operations {
			if undescribed(op) {
				continue
			}
			require.True(t, known[op], "%s: %s is not in Zendesk's description", d.function, op)
		}
	}
}

// undescribed reports whether an operation belongs to a part of the API that the description leaves out.
func undescribed(op string) bool {
	_, path, _ := strings.Cut(op, " ")
	return slices.ContainsFunc([]string{"/api/v2/calls", "/api/v2/agent_availabilities", "/api/v2/apps"}, func(part string) bool {
		return path == part || strings.HasPrefix(path, part+"/")
	})
}

// contractOperations reads "METHOD /path" from the paths of an OpenAPI file by its indentation.
func contractOperations(data []byte) map[string]bool {
	path := regexp.MustCompile(`^  (/\S*):$`)
	method := regexp.MustCompile(`^    (get|put|post|patch|delete):$`)
	known := map[string]bool{}
	current := ""
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if m := path.FindStringSubmatch(lines.Text()); m != nil {
			current = m[1]
		} else if m := method.FindStringSubmatch(lines.Text()); m != nil && current != "" {
			known[strings.ToUpper(m[1])+" "+current] = true
		}
	}
	return known
}
