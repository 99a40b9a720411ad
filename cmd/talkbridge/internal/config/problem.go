package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is how many problems one file may have before the rest is only counted.
const maxProblems = 100

// Problem is one thing that is wrong with a configuration, or unwise in it.
type Problem struct {
	// File is the name of the configuration file.
	File string
	// Line and Column are where it stands, both from 1; the column counts characters. Both are 0 where the whole file is meant.
	Line, Column int
	// Path is the key, such as sources[0].asterisk.address; "" for the file as a whole.
	Path string
	// Message is what is wrong.
	Message string
	// Hint is what to do about it, "" where the message says it all.
	Hint string
}

// String returns file:line:column: path: message; hint.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Message)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Errors is everything that is wrong with a configuration, in the order of the file. It is the type of each error that
// Load and Parse return; errors.As finds it.
type Errors struct { //nolint:errname // it is a list of them
	// Problems has at least one entry, and at most 100.
	Problems []Problem
	// More is how many further problems there are.
	More int
}

// Error returns one line for each problem.
func (e *Errors) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// position is a place in the file; the zero value is the file as a whole.
type position struct{ line, column int }

// report collects problems and warnings while a file is read.
type report struct {
	file     string
	problems []Problem
	warnings []Problem
	more     int
}

func (r *report) problem(at position, path, message, hint string) {
	r.add(Problem{r.file, at.line, at.column, path, message, hint})
}

// add notes a problem; beyond the bound it only counts.
func (r *report) add(p Problem) {
	if len(r.problems) >= maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, p)
}

func (r *report) warning(at position, path, message, hint string) {
	if len(r.warnings) < maxProblems {
		r.warnings = append(r.warnings, Problem{r.file, at.line, at.column, path, message, hint})
	}
}

// err returns what was collected as *Errors, nil if there is no problem.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	inOrder(r.problems)
	return &Errors{Problems: r.problems, More: r.more}
}

// inOrder sorts problems as they stand in the file.
func inOrder(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
}
