package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// asMapping returns the node as a mapping, nil if it is something else.
func asMapping(node ast.Node) *ast.MappingNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n
	case *ast.MappingValueNode:
		return &ast.MappingNode{BaseNode: n.BaseNode, Start: n.Start, Values: []*ast.MappingValueNode{n}}
	}
	return nil
}

// isNull reports whether a key has no value.
func isNull(node ast.Node) bool { return node == nil || node.Type() == ast.NullType }

// asText returns the text of a node that is one, quoted or not.
func asText(node ast.Node) (text string, ok bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// keyText returns a key as it stands in the file.
func keyText(key ast.MapKeyNode) string {
	if text, ok := asText(key); ok {
		return text
	}
	if tk := key.GetToken(); tk != nil {
		return tk.Value
	}
	return ""
}

// placeOf returns where a node begins.
func placeOf(node ast.Node) position {
	switch n := node.(type) {
	case nil:
		return position{1, 1}
	case *ast.LiteralNode:
		return tokenPosition(n.Start)
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return tokenPosition(n.Values[0].Key.GetToken())
		}
		return tokenPosition(n.Start)
	case *ast.MappingValueNode:
		return tokenPosition(n.Key.GetToken())
	}
	return tokenPosition(node.GetToken())
}

// kindOf says what a node is, for messages.
func kindOf(node ast.Node) string {
	if isNull(node) {
		return "empty"
	}
	if _, ok := asText(node); ok {
		return "a text"
	}
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping of keys"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	}
	return "a number"
}

// written returns a scalar as it stands in the file, "" for what is none.
func written(node ast.Node) string {
	if text, ok := asText(node); ok {
		return text
	}
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, nil:
		return ""
	}
	return node.GetToken().Value
}

// userinfo is where a name and a password stand in an address.
var userinfo = regexp.MustCompile(`://[^/?#\s]*@`)

// quote writes a text from the file for a message: on one line, and not too long.
func quote(text string) string {
	const most = 60
	text = userinfo.ReplaceAllString(text, "://…@")
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return strconv.Quote(text)
}

// expand puts environment variables in the place of ${NAME}, and $ in the place of $$. It returns what is wrong, with a
// remedy. Any other $ stays as it is.
func expand(text string, env func(string) (string, bool)) (expanded, wrong, hint string) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		switch {
		case !found:
			return out.String(), "", ""
		case strings.HasPrefix(after, "$"):
			out.WriteByte('$')
			text = after[1:]
		case strings.HasPrefix(after, "{"):
			name, rest, closed := strings.Cut(after[1:], "}")
			if !closed || !isVariable(name) {
				return "", "has ${ without the name of a variable and }", "write ${NAME}, or $${ for the characters themselves"
			}
			value, set := env(name)
			if !set {
				return "", fmt.Sprintf("takes the environment variable %s, which is not set", name), "set it, or write $${ for the characters themselves"
			}
			out.WriteString(value)
			text = rest
		default:
			out.WriteByte('$')
			text = after
		}
	}
}

// isVariable reports whether name can be the name of an environment variable.
func isVariable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
