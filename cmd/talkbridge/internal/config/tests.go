package config

import (
	"slices"
	"strings"
)

// testPlaces is where the keys below tests stand.
func (d *decoder) testPlaces() map[string]position {
	places := make(map[string]position)
	for path, at := range d.at {
		if strings.HasPrefix(path, "tests[") {
			places[path] = at.value
		}
	}
	return places
}

// TestGiven reports whether a key below tests stands in the file, such as tests[0].pops.
func (c *Config) TestGiven(path string) bool {
	_, given := c.tests[path]
	return given
}

// TestProblem says what is wrong with the value of a key below tests; where the key is not given, its place is that of the
// nearest one above it.
func (c *Config) TestProblem(path, message, hint string) Problem {
	var at position
	for above := path; above != "" && at == (position{}); above = above[:max(0, strings.LastIndexAny(above, ".["))] {
		at = c.tests[above]
	}
	return Problem{c.file, at.line, at.column, path, message, hint}
}

// Wrong returns problems as the error that Load would return, nil if there are none.
func Wrong(problems []Problem) error {
	r := &report{}
	for _, p := range problems {
		r.add(p)
	}
	return r.err()
}

// Hint says which of the names that there are was meant by one that is not among them.
func Hint(text string, known []string) string {
	lower := make([]string, 0, len(known))
	for _, name := range known {
		lower = append(lower, strings.ToLower(name))
	}
	if i := slices.Index(lower, nearest(text, lower)); i >= 0 {
		return "did you mean `" + known[i] + "`?"
	}
	if len(known) == 0 {
		return "there are none"
	}
	return "use " + oneOf(known)
}
