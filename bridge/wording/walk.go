package wording

import (
	"slices"
	"strings"
	"text/template/parse"
)

// walker looks at every node of a template before it is ever run.
type walker struct {
	source string
	late   bool
	// ranging is set within a range: one in another would multiply.
	ranging bool
}

func (w *walker) fail(n parse.Node, message, hint string) *Error {
	line, column := place(w.source, int(n.Position()))
	return &Error{Line: line, Column: column, Message: message, Hint: hint}
}

// list judges nodes. Within range and with, the dot is no call any more.
func (w *walker) list(list *parse.ListNode, inside bool) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Nodes {
		if err := w.node(n, inside); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) node(n parse.Node, inside bool) error {
	switch n := n.(type) {
	case *parse.ActionNode:
		return w.pipe(n.Pipe, inside)
	case *parse.IfNode:
		return w.branch(&n.BranchNode, inside, inside)
	case *parse.WithNode:
		return w.branch(&n.BranchNode, inside, true)
	case *parse.RangeNode:
		if !ranges(n.Pipe) {
			return w.fail(n.Pipe, "goes over something that is no list", "write {{range .agents}}")
		}
		if w.ranging {
			return w.fail(n.Pipe, "goes over a list within another range", "take one of them out")
		}
		w.ranging = true
		defer func() { w.ranging = false }()
		return w.branch(&n.BranchNode, inside, true)
	case *parse.TemplateNode:
		return w.fail(n, "calls a template", "write the text out")
	}
	return nil // text, comments, break and continue
}

// ranges reports whether a pipe is the list of agents and nothing else: a number
// could be counted to for ever.
func ranges(p *parse.PipeNode) bool {
	if p == nil || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	switch p.Cmds[0].Args[0].String() {
	case ".agents", "$.agents":
		return true
	}
	return false
}

func (w *walker) branch(b *parse.BranchNode, inside, below bool) error {
	if err := w.pipe(b.Pipe, inside); err != nil {
		return err
	}
	if err := w.list(b.List, below); err != nil {
		return err
	}
	return w.list(b.ElseList, inside)
}

func (w *walker) pipe(p *parse.PipeNode, inside bool) error {
	if p == nil {
		return nil
	}
	for _, command := range p.Cmds {
		for _, argument := range command.Args {
			if err := w.argument(argument, inside); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) argument(n parse.Node, inside bool) error {
	switch n := n.(type) {
	case *parse.PipeNode:
		return w.pipe(n, inside)
	case *parse.ChainNode:
		return w.fail(n, "asks for a part of something that has none", "name a field alone, as in {{.name}}")
	case *parse.IdentifierNode:
		if known := Functions(); !slices.Contains(known, n.Ident) {
			e := w.fail(n, "calls "+n.Ident+", which is no function here", "functions: "+strings.Join(known, ", "))
			e.Field, e.Known = n.Ident, known
			return e
		}
	case *parse.VariableNode:
		if len(n.Ident) > 1 && n.Ident[0] != "$" {
			return w.fail(n, "asks for a part of something that has none", "name a field alone, as in {{.name}}")
		}
		if len(n.Ident) > 1 {
			return w.field(n, n.Ident[1:])
		}
	case *parse.FieldNode:
		if inside {
			return w.fail(n, "names a field inside range or with, where the dot is the value", "write {{$."+n.Ident[0]+"}}")
		}
		return w.field(n, n.Ident)
	case *parse.DotNode:
		if !inside {
			return w.fail(n, "writes the whole call", "name a field, as in {{.name}}")
		}
	}
	return nil
}

// field judges a field of the call.
func (w *walker) field(n parse.Node, path []string) error {
	known, found := find(path[0])
	if !found {
		e := w.fail(n, "names the field "+path[0]+", which there is not", "fields: "+strings.Join(Names(), ", "))
		e.Field, e.Known = path[0], Names()
		return e
	}
	if len(path) > 1 {
		return w.fail(n, "asks for a part of "+path[0]+", which has none", "write {{."+path[0]+"}}")
	}
	w.late = w.late || known.late
	return nil
}
