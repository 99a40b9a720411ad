package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Write the manual pages of all commands into a folder, which must be there: one
talkbridge.1, and one for each command. 'man -l DIR/talkbridge.1' shows one.`,
		Example: `  talkbridge man /usr/local/share/man/man1`,
		Args:    oneArgument("a folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := writeManual(cmd.Root(), args[0]); err != nil {
				return asExit(err)
			}
			return nil
		},
	}
}

// writeManual writes a page for the program and one for each command.
func writeManual(root *cobra.Command, dir string) error {
	for _, cmd := range append([]*cobra.Command{root}, documented(root)...) {
		var b strings.Builder
		manualPage(&b, cmd)
		name := filepath.Join(dir, pageName(cmd)+".1")
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil { //nolint:gosec // everybody may read a manual
			return fmt.Errorf("write manual page: %w", err)
		}
	}
	return nil
}

// documented are the commands that have a page, and those below them.
func documented(root *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() || c.Name() == "help" {
			continue
		}
		if all = append(all, c); c.Name() != "completion" {
			all = append(all, documented(c)...)
		}
	}
	return all
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manualPage writes one page, in the macros of man(7).
func manualPage(out io.Writer, cmd *cobra.Command) {
	line := func(parts ...string) { _, _ = fmt.Fprintln(out, strings.Join(parts, "")) }
	line(`.TH "`, roff(strings.ToUpper(pageName(cmd))), `" "1" "" "talkbridge" "talkbridge manual"`)
	line(".SH NAME")
	line(roff(pageName(cmd)), ` \- `, roff(cmd.Short))
	line(".SH SYNOPSIS")
	line(`.B `, roff(cmd.UseLine()))
	line(".SH DESCRIPTION")
	paragraphs(line, cmd.Long, cmd.Short)
	if cmd.HasAvailableLocalFlags() {
		line(".SH OPTIONS")
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { flagParagraph(line, f) })
	}
	if cmd.Example != "" {
		line(".SH EXAMPLES")
		line(".nf")
		for example := range strings.Lines(cmd.Example) {
			line(roff(strings.TrimSpace(example)))
		}
		line(".fi")
	}
	line(".SH EXIT STATUS")
	line("0: it worked; 1: it did not; 2: wrong usage; 78: the configuration cannot be used.")
	line(".SH SEE ALSO")
	var others []string
	for _, c := range append([]*cobra.Command{cmd.Root()}, documented(cmd.Root())...) {
		if c != cmd {
			others = append(others, `\fB`+roff(pageName(c))+`\fP(1)`)
		}
	}
	line(strings.Join(others, ", "))
}

// paragraphs writes a text whose paragraphs are parted by empty lines.
func paragraphs(line func(...string), long, short string) {
	if long == "" {
		long = short + "."
	}
	for i, paragraph := range strings.Split(long, "\n\n") {
		if i > 0 {
			line(".PP")
		}
		line(roff(strings.Join(strings.Fields(paragraph), " ")))
	}
}

func flagParagraph(line func(...string), f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	name := `\fB\-\-` + roff(f.Name) + `\fP`
	if f.Shorthand != "" {
		name = `\fB\-` + f.Shorthand + `\fP, ` + name
	}
	if value != "" {
		name += ` \fI` + roff(value) + `\fP`
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
		usage += " (default " + f.DefValue + ")"
	}
	line(".TP")
	line(name)
	line(roff(usage))
}

// roff is a text as man(7) wants it: a dash is a minus, a line must not begin
// as a macro does.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
