package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// near is how many letters may be wrong for a name to be taken for another.
const near = 2

// noArguments refuses what is no flag, and guesses what was meant.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasParent() {
		text := fmt.Sprintf("%s takes no argument: %q", cmd.Name(), args[0])
		if cmd.Flags().Lookup("config") != nil {
			text += "; is it the configuration? then write --config " + args[0]
		}
		return errors.New(text)
	}
	cmd.SuggestionsMinimumDistance = near
	text := fmt.Sprintf("%q is no command of talkbridge", args[0])
	if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
		text += "; did you mean " + strings.Join(meant, " or ") + "?"
	}
	return errors.New(text)
}

// flagError says what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, found := errors.AsType[*pflag.NotExistError](err); found {
		text := fmt.Sprintf("--%s is no flag of %s", unknown.GetSpecifiedName(), cmd.CommandPath())
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if distance(f.Name, unknown.GetSpecifiedName()) <= near {
				text += "; did you mean --" + f.Name + "?"
			}
		})
		return errors.New(text)
	}
	if wrong, found := errors.AsType[*pflag.InvalidValueError](err); found {
		want := map[string]string{"int": "a whole number", "float64": "a number", "bool": "true or false"}[wrong.GetFlag().Value.Type()]
		return fmt.Errorf("--%s %q: want %s", wrong.GetFlag().Name, wrong.GetValue(), want)
	}
	if bare, found := errors.AsType[*pflag.ValueRequiredError](err); found {
		return fmt.Errorf("--%s: a value is missing", bare.GetFlag().Name)
	}
	return err
}

// distance is how many letters differ between two short names: inserted,
// removed or replaced (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
