// Package verify runs the host's own builds, checks and tests, without and with the tag, and compares them with those of the
// untouched tree: what passed there must pass, and a test that ran there must run.
//
// It changes nothing in the tree; the base line is kept inside git's directory.
package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/checkout"
)

// Record makes the base line of an untouched tree, if it is not there yet; quick as in Run.
func Record(c *checkout.Checkout, quick bool, say func(format string, a ...any)) error {
	head, err := c.Head()
	if err != nil {
		return err
	}
	_, err = base(c, head, c.Directory, quick, say)
	return err
}

// base reads the base line of a commit, or makes it in the tree top.
func base(c *checkout.Checkout, commit, top string, quick bool, say say) (*Snapshot, error) {
	private, err := c.Private()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(private, "base-"+commit+".json")
	snapshot, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return snapshot, err
	}
	say("recording the base line: the untouched tree of %.12s is built and tested once", commit)
	if top == "" {
		if top, err = os.MkdirTemp("", "strangle-base-"); err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(top) }()
		if err := c.AddTree(top, commit); err != nil {
			return nil, err
		}
		defer func() { _ = c.RemoveTree(top) }()
		prefix, err := c.Prefix()
		if err != nil {
			return nil, err
		}
		top = filepath.Join(top, prefix)
	}
	snapshot, err = take(top, c.Modules, kind{name: "untouched", elsewhere: !quick}, say)
	if err != nil {
		return nil, err
	}
	return snapshot, snapshot.write(path)
}

// Run verifies a tree and shows the result; an error says that something got worse. Quick leaves out other systems and builds without cgo.
func Run(c *checkout.Checkout, note checkout.Note, quick bool, out io.Writer, say func(format string, a ...any)) error {
	if note.Base == "" {
		head, err := c.Head()
		if err != nil {
			return err
		}
		if err := c.RequireClean(); err != nil {
			return fmt.Errorf("the base line is that of a commit: %w", err)
		}
		snapshot, err := base(c, head, c.Directory, quick, say)
		if err != nil {
			return err
		}
		show(out, "untouched", nil, snapshot)
		return nil
	}
	before, err := base(c, note.Base, "", quick, say)
	if err != nil {
		return err
	}
	library, err := FindLibrary()
	if err != nil {
		return err
	}
	without := kind{name: "without the tag", elsewhere: !quick}
	if len(note.Deleted) > 0 {
		// What has no Go implementation needs the library in every build.
		without.environment = library.environment()
	}
	with := kind{name: "with -tags rust", tags: "rust", environment: library.environment(), compared: len(note.Deleted) < len(note.Applied)}
	show(out, "untouched", nil, before)
	var problems []string
	for _, k := range []kind{without, with} {
		after, err := take(c.Directory, c.Modules, k, say)
		if err != nil {
			return err
		}
		show(out, k.name, before, after)
		problems = append(problems, compare(k.name, before, after, note.MovedTests)...)
	}
	if len(problems) == 0 {
		fmt.Fprintln(out, "everything that passed in the untouched tree passes without and with the tag")
		return nil
	}
	return fmt.Errorf("%d things got worse:\n%s", len(problems), strings.Join(problems, "\n"))
}

// show prints the steps and counts of a snapshot, beside the one before it.
func show(out io.Writer, name string, before, snapshot *Snapshot) {
	for _, directory := range slices.Sorted(maps.Keys(snapshot.Modules)) {
		module := snapshot.Modules[directory]
		packages := map[string]bool{}
		for test := range module.Tests {
			if test.Name != "" {
				packages[test.Package] = true
			}
		}
		fmt.Fprintf(out, "%s, module %s: %d packages with tests, %d tests passed, %d failed, %d skipped\n", name, directory,
			len(packages), count(module.Tests, passed), count(module.Tests, failed), count(module.Tests, skipped))
		for _, step := range module.Steps {
			fmt.Fprintf(out, "  %-24s %-24s %4d s\n", step.Name, ending(before, directory, step), step.Seconds)
		}
	}
}

// ending says how a step ended.
func ending(before *Snapshot, directory string, step Step) string {
	if step.Passed {
		return "ok"
	}
	if before != nil && before.Modules[directory] != nil {
		for _, earlier := range before.Modules[directory].Steps {
			if earlier.Name == step.Name && !earlier.Passed && len(newLines(earlier.Output, step.Output)) == 0 {
				return "fails as untouched"
			}
		}
	}
	return "FAILED"
}

// compare lists what got worse.
func compare(name string, before, after *Snapshot, moved map[string]string) []string {
	var problems []string
	for directory, old := range before.Modules {
		module := after.Modules[directory]
		if module == nil {
			problems = append(problems, fmt.Sprintf("%s: module %s is gone", name, directory))
			continue
		}
		earlier := map[string]Step{}
		for _, step := range old.Steps {
			earlier[step.Name] = step
		}
		worse := compareTests(old.Tests, module.Tests, moved)
		for _, step := range module.Steps {
			said := newLines(earlier[step.Name].Output, step.Output)
			if step.Name == testStep {
				// Tests that failed before fail in words of their own; what counts is which.
				said = nil
				if len(worse) > 0 || earlier[testStep].Passed {
					said = []string{step.Output}
				}
			}
			if !step.Passed && len(said) > 0 {
				problems = append(problems, fmt.Sprintf("%s, module %s: %s fails:\n%s", name, directory, step.Name, strings.Join(said, "\n")))
			}
		}
		for _, problem := range worse {
			problems = append(problems, fmt.Sprintf("%s, module %s: %s", name, directory, problem))
		}
	}
	return problems
}

// newLines are the lines of a failure that were not there before, wherever in a file they point to.
func newLines(before, after string) []string {
	known := map[string]bool{}
	for _, line := range strings.Split(before, "\n") {
		known[withoutPlace(line)] = true
	}
	var lines []string
	for _, line := range strings.Split(after, "\n") {
		if !known[withoutPlace(line)] && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "go: downloading ") {
			lines = append(lines, line)
		}
	}
	return lines
}

var place = regexp.MustCompile(`:[0-9]+(:[0-9]+)?`)

func withoutPlace(line string) string { return place.ReplaceAllString(line, "") }
