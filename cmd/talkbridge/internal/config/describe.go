package config

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"strings"
	"sync"
)

// The comments of types.go and of the files types_*.go are the descriptions of the keys: one source for the documentation of the package, for the
// JSON Schema and for messages.
//
//go:embed types*.go
var typesSource embed.FS

// descriptions returns the comments of all fields, by type and field: "HTTP.Listen".
var descriptions = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	names, err := fs.Glob(typesSource, "*.go")
	if err != nil { // the pattern is one
		return found
	}
	for _, name := range names {
		source, err := typesSource.ReadFile(name)
		if err != nil { // it was embedded: it is there
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
		if err != nil { // it was compiled: it parses
			continue
		}
		describeTypes(file, found)
	}
	return found
})

// describeTypes adds the comments of the fields in one file.
func describeTypes(file *ast.File, found map[string]string) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		structure, ok := spec.Type.(*ast.StructType)
		if !ok {
			return false
		}
		for _, f := range structure.Fields.List {
			for _, name := range f.Names {
				found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
		return false
	})
}

// describe returns what a key of a section is for: the first sentence of its comment, without the full stop.
func describe(section reflect.Type, f field) string {
	text := descriptions()[section.Name()+"."+section.Field(f.index).Name]
	sentence, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(lowerFirst(sentence), ".")
}

func lowerFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToLower(s[:1]) + s[1:]
}
