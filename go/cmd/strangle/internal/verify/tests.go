package verify

import (
	"bufio"
	"encoding/json"
	"io"
	"sort"
	"strings"
)

// Outcomes of tests.
const (
	passed  = "pass"
	failed  = "fail"
	skipped = "skip"
)

// Test is a test by its package and name.
type Test struct{ Package, Name string }

func (t Test) String() string { return t.Package + " " + t.Name }

// MarshalText writes it as a key of a document.
func (t Test) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads such a key.
func (t *Test) UnmarshalText(text []byte) error {
	t.Package, t.Name, _ = strings.Cut(string(text), " ")
	return nil
}

// event is a line of `go test -json`.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// readTests reads the output of `go test -json`: the outcome of each test, and what those that failed said.
func readTests(output io.Reader, progress func(format string, a ...any)) (map[Test]string, string) {
	outcomes := map[Test]string{}
	said := map[Test]*strings.Builder{}
	var problems strings.Builder
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			problems.WriteString(line)
		} else {
			readEvent(e, outcomes, said, &problems, progress)
		}
		if err != nil {
			return outcomes, problems.String()
		}
	}
}

func readEvent(e event, outcomes map[Test]string, said map[Test]*strings.Builder, problems *strings.Builder, progress func(string, ...any)) {
	test := Test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		problems.WriteString(e.Output)
	case "output":
		if said[test] == nil {
			said[test] = &strings.Builder{}
		}
		said[test].WriteString(e.Output)
	case passed, failed, skipped:
		if e.Test == "" {
			if e.Action != skipped {
				progress("  %s %s (%.1f s)", e.Action, e.Package, e.Elapsed)
			}
			if e.Action == failed {
				outcomes[test] = failed
			}
		} else {
			outcomes[test] = e.Action
		}
		if e.Action == failed && said[test] != nil {
			problems.WriteString(said[test].String())
		}
		delete(said, test)
	}
}

// compareTests says which tests that passed before did not run or pass.
func compareTests(before, after map[Test]string, moved map[string]string) []string {
	var problems []string
	for test, outcome := range before {
		if outcome != passed {
			continue
		}
		now := test
		if to, isMoved := moved[test.Package]; isMoved {
			now.Package = to
		}
		switch after[now] {
		case passed:
		case "":
			problems = append(problems, now.String()+" did not run")
		case skipped:
			problems = append(problems, now.String()+" was skipped")
		default:
			problems = append(problems, now.String()+" failed")
		}
	}
	sort.Strings(problems)
	return problems
}

func count(tests map[Test]string, outcome string) int {
	n := 0
	for test, is := range tests {
		if is == outcome && test.Name != "" {
			n++
		}
	}
	return n
}
