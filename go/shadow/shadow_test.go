package shadow

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fresh gives the package an empty report in a file.
func fresh(t *testing.T) string {
	t.Helper()
	before := all
	t.Cleanup(func() { all = before })
	all = &report{file: filepath.Join(t.TempDir(), "report"), logger: slog.Default(), counts: map[string]Count{}}
	return all.file
}

func TestTheReportCountsAndTellsDifferencesWithoutSecrets(t *testing.T) {
	file := fresh(t)
	Equal("git", "GetLastCommitHash", "abc", "abc")
	Equal("git", "GetLastCommitHash", "abc", "def")
	Secret("keys", "password", "hush-hush", "hush")
	if Errors("git", "Clone", errors.New("no https://ann:hush@example.org/x"), nil) {
		t.Error("one side failed, and there are results of both")
	}
	Errors("git", "Clone", errors.New("exit status 128"), errors.New("in other words"))
	LeaveOut("git", "Pull", errors.New("no room"))
	Programs("apps", "starts x", Program{Argv: []string{"x", "--var=hush", "same"}, Dir: "/a", Env: []string{"A=hush", "B=1", "B=2"}},
		Program{Argv: []string{"x", "--var=hush-hush", "same"}, Dir: "/a", Env: []string{"B=2", "C=3"}})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"compared 6, different 4, left out 1", "git: compared 4, different 2, left out 1",
		`git: GetLastCommitHash: Go "abc", library "def"`, "git: Clone: Go failed: no https://***@example.org/x, library succeeded", "git: Pull: was not compared: no room",
		"apps: starts x: argument 1: Go --var=..., library --var=...; only Go sets A; only the library sets C",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no line with %q in\n%s", line, text)
		}
	}
	if strings.Contains(string(text), "hush") {
		t.Errorf("a secret is told:\n%s", text)
	}
	if Counts()["git"] != (Count{Compared: 4, Different: 2, LeftOut: 1}) {
		t.Error(Counts())
	}
}

func TestTheReportKeepsTheLastDifferences(t *testing.T) {
	file := fresh(t)
	for number := range keptDifferences + 3 {
		Equal("git", "number", -1, number)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "library 2\n") || !strings.Contains(string(text), "library 3\n") || !strings.Contains(string(text), "different 203") {
		t.Error(string(text))
	}
}

func TestACopyIsTheSameTreeUntilSomethingInItChanges(t *testing.T) {
	from := t.TempDir()
	for path, text := range map[string]string{"a/b.sh": "echo", ".git/HEAD": "ref"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(from, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(from, path), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a/b.sh", filepath.Join(from, "link")); err != nil {
		t.Fatal(err)
	}
	to, remove, err := Scratch(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := Copy(from, to); err != nil {
		t.Fatal(err)
	}
	digest := func(directory string) string {
		t.Helper()
		text, err := Tree(directory)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if head, err := os.ReadFile(filepath.Join(to, ".git/HEAD")); err != nil || string(head) != "ref" {
		t.Errorf("git's own files were not copied: %v", err)
	}
	same := digest(to)
	if same != digest(from) {
		t.Error("the copy is another tree")
	}
	for what, change := range map[string]func() error{
		"a text":     func() error { return os.WriteFile(filepath.Join(to, "a/b.sh"), []byte("echo 2"), 0o755) },
		"a mode":     func() error { return os.Chmod(filepath.Join(to, "a/b.sh"), 0o644) },
		"a new file": func() error { return os.WriteFile(filepath.Join(to, "new"), nil, 0o644) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		now := digest(to)
		if now == same {
			t.Errorf("%s is not seen", what)
		}
		same = now
	}
	remove()
	if err := Copy(filepath.Join(from, "nowhere"), to); err != nil {
		t.Error(err)
	}
}
