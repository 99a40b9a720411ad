// Command benchtable fills the table of docs/performance.md with what benchmarks
// printed: `go test -bench . ./... | go run ./internal/benchtable docs/performance.md`.
//
// The page says what belongs where: the last cell of a row names a package, a
// benchmark and one of its units, the second one the promise, if there is one. The
// cells between are the median of the measurements, and how it stands to the
// promise: at most 1.00 is kept. A row that nothing was printed for stays as it is.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args, os.Stdin, os.Stderr); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, notes io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: benchtable PAGE < OUTPUT")
	}
	measured, err := read(in)
	if err != nil {
		return err
	}
	page, err := os.ReadFile(args[1]) //nolint:gosec // the page that the caller names
	if err != nil {
		return err
	}
	machine := fmt.Sprintf("Measured with %s on %s/%s, %d processors.", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	return os.WriteFile(args[1], []byte(fill(string(page), measured, machine, notes)), 0o644) //nolint:gosec // a page for everybody
}

// processors is the ending that go test gives a benchmark's name.
var processors = regexp.MustCompile(`-\d+$`)

// read collects what was measured, by "package Benchmark unit".
func read(in io.Reader) (map[string][]float64, error) {
	measured, room := make(map[string][]float64), ""
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 2 && fields[0] == "pkg:" {
			room = path.Base(fields[1])
		}
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for pair := range slices.Chunk(fields[2:], 2) {
			value, err := strconv.ParseFloat(pair[0], 64)
			if err != nil || len(pair) < 2 {
				break // something that a benchmark logged
			}
			name := strings.Join([]string{room, processors.ReplaceAllString(fields[0], ""), pair[1]}, " ")
			measured[name] = append(measured[name], value)
		}
	}
	return measured, lines.Err()
}

// The cells of a row, between the bars.
const (
	cellPromise = 2 + iota
	cellMeasured
	cellShare
	cellSource
	cells
)

// fill puts what was measured into a page.
func fill(page string, measured map[string][]float64, machine string, notes io.Writer) string {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "Measured with ") {
			lines[i] = machine
		}
		row := strings.Split(line, "|")
		if len(row) != cells+1 || !strings.Contains(row[cellSource], " Benchmark") {
			continue
		}
		source := strings.Trim(row[cellSource], " `")
		values := measured[source]
		if len(values) == 0 {
			_, _ = fmt.Fprintln(notes, "not measured:", source)
			continue
		}
		slices.Sort(values)
		value := values[len(values)/2]
		row[cellMeasured] = " " + number(value) + " "
		if share, promised := against(strings.TrimSpace(row[cellPromise]), value); promised {
			row[cellShare] = fmt.Sprintf(" %.2f ", share)
			if share > 1 {
				row[cellShare] = fmt.Sprintf(" **%.2f** ", share)
				_, _ = fmt.Fprintf(notes, "not kept: %s, promised %s: %s\n", strings.TrimSpace(row[1]), strings.TrimSpace(row[cellPromise]), number(value))
			}
		}
		lines[i] = strings.Join(row, "|")
	}
	return strings.Join(lines, "\n")
}

// against is how a value stands to a promise such as "< 10" or "≥ 0.5": up to 1 it
// is kept.
func against(promise string, value float64) (float64, bool) {
	sign, text, _ := strings.Cut(promise, " ")
	limit, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	switch {
	case err != nil:
		return 0, false
	case sign == "<":
		return value / limit, true
	case sign == "≥":
		return limit / value, true
	}
	return 0, false
}

// number writes three digits that count.
func number(v float64) string {
	switch {
	case v >= 100:
		return grouped(int64(math.Round(v)))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
