package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
)

// Machine is a directory of a test with what jobs need of a machine.
type Machine struct {
	t testing.TB
	// Dir goes with the test.
	Dir string
}

// NewMachine makes one.
func NewMachine(t testing.TB) Machine {
	t.Helper()
	m := Machine{t, t.TempDir()}
	for _, name := range []string{"tmp", "home", "repository"} {
		if err := os.Mkdir(m.Path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// Path is a path below the directory.
func (m Machine) Path(names ...string) string {
	return filepath.Join(append([]string{m.Dir}, names...)...)
}

// Write writes a file below the directory.
func (m Machine) Write(name, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.Path(name)), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(m.Path(name), []byte(text), 0o755); err != nil {
		m.t.Fatal(err)
	}
}

// Config is what the engine is told; the real parts of the tests come first in PATH.
func (m Machine) Config() semaphore.Config {
	return semaphore.Config{
		TmpPath: m.Path("tmp"), Home: m.Path("home"), HomeDirMode: "project_home",
		Path: strings.Join([]string{depsDir("venv", "bin"), depsDir("bin"), os.Getenv("PATH")}, ":"),
	}
}

// Git makes a repository with two commits (the first tagged v1, a branch feature/y on it) and returns its URL.
func (m Machine) Git(name string, files map[string]string) string {
	m.t.Helper()
	for path, text := range files {
		m.Write(filepath.Join(name, path), text)
	}
	m.Write(filepath.Join(name, "first.txt"), "1\n")
	m.Sh(name, `git init -q -b main . && git config user.email a@example.com && git config user.name n &&
		git add . && git commit -qm 'the first' && git tag v1 && git branch feature/y &&
		echo 2 > second.txt && git add . && git commit -qm 'the second'`)
	return "file://" + m.Path(name)
}

// Sh runs a script in a directory of the machine.
func (m Machine) Sh(dir, script string) string {
	m.t.Helper()
	command := exec.Command("sh", "-c", script)
	command.Dir = m.Path(dir)
	command.Env = append(os.Environ(), "HOME="+m.Path("home"), "GIT_CONFIG_NOSYSTEM=1")
	output, err := command.CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v: %s", script, err, output)
	}
	return strings.TrimSpace(string(output))
}

// Need is the path of a program that the tests need. Without it the test is left out, unless CI says that all must run.
func Need(t testing.TB, program string) string {
	t.Helper()
	for _, path := range []string{depsDir("venv", "bin", program), depsDir("bin", program)} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing: run make deps", program)
	default:
		t.Skipf("left out: %s is missing (make deps installs it)", program)
	}
	return path
}

// depsDir is a path below the directory that make deps fills.
func depsDir(names ...string) string {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	return filepath.Join(append([]string{root, ".deps"}, names...)...)
}
