package strangler

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository.
func root(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// program is the path of a real program; without it the scene is left out, unless CI says that all must run.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, directory := range []string{".deps/venv/bin", ".deps/bin"} {
		if path := filepath.Join(root(t), directory, name); exists(path) {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: run make deps", name)
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// temporary is a directory that goes with the test. Its name is short: sockets below it have names of at most 107 bytes.
func temporary(t *testing.T) string {
	t.Helper()
	directory, err := os.MkdirTemp("", "s")
	must(t, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(directory); err != nil {
			t.Error(err)
		}
	})
	return directory
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// run is a program that has to succeed; what it says is returned.
func run(t *testing.T, directory string, environment []string, words ...string) string {
	t.Helper()
	said, err := try(directory, environment, words...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, said)
	}
	return said
}

func try(directory string, environment []string, words ...string) (string, error) {
	command := exec.Command(words[0], words[1:]...)
	command.Dir = directory
	command.Env = append(os.Environ(), environment...)
	said, err := command.CombinedOutput()
	return strings.TrimSpace(string(said)), err
}

// gitAs are the variables with which git commits in the tests, whatever the machine's own configuration is.
func gitAs(home string) []string {
	return []string{
		"HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=n", "GIT_AUTHOR_EMAIL=n@example.org",
		"GIT_COMMITTER_NAME=n", "GIT_COMMITTER_EMAIL=n@example.org", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
	}
}

// sshServer is the real SSH server of the tests (tests/machine), which ends when its input does.
type sshServer struct {
	Host         string `json:"host"`
	Port         int    `json:"port"`
	User         string `json:"user"`
	Password     string `json:"password"`
	SudoPassword string `json:"sudo_password"`
	PrivateKey   string `json:"private_key"`
	Passphrase   string `json:"passphrase"`

	input   io.WriteCloser
	answers *bufio.Reader
}

// startSSHServer gives nil where the machine cannot have one.
func startSSHServer(t *testing.T) *sshServer {
	t.Helper()
	command := exec.Command(filepath.Join(library(t), "semaphore-test-ssh"))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		_ = input.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the SSH server of the tests: %v", err)
		}
	})
	s := &sshServer{input: input, answers: bufio.NewReader(output)}
	s.read(t, s)
	if s.Port == 0 {
		return nil
	}
	return s
}

// serve serves a git repository; the result is its address.
func (s *sshServer) serve(t *testing.T, path string) (address string) {
	t.Helper()
	_, err := fmt.Fprintln(s.input, "repository "+path)
	must(t, err)
	s.read(t, &address)
	return address
}

func (s *sshServer) read(t *testing.T, answer any) {
	t.Helper()
	line, err := s.answers.ReadBytes('\n')
	must(t, err)
	must(t, json.Unmarshal(line, answer))
}

// library is the directory with the library, xtask and the SSH server of the tests.
func library(t *testing.T) string {
	t.Helper()
	directory := os.Getenv("LIBRARY_DIR")
	if directory == "" {
		t.Fatal("LIBRARY_DIR must name the directory of libsemaphore_ffi.a and semaphore-test-ssh: run scripts/test-strangler")
	}
	absolute, err := filepath.Abs(directory)
	must(t, err)
	return absolute
}

// call is one program that a job started.
type call struct {
	Program, Directory string
	Arguments          []string
	Environment        []string
}

// recorded are the programs whose calls are written down before the real one takes over.
var recorded = []string{"bash", "git", "ansible-playbook", "ansible-galaxy", "tofu"}

// recorders makes a directory with a program for each of them; the file holds the calls.
func recorders(t *testing.T, directory string) (bin, file string) {
	t.Helper()
	bin, file = filepath.Join(directory, "bin"), filepath.Join(directory, "calls")
	for _, name := range recorded {
		if real := program(t, name); real != "" {
			path := filepath.Join(bin, name)
			write(t, path, fmt.Sprintf(`#!/bin/sh
{
	printf 'program %s\0directory %%s\0' "$(readlink /proc/$$/cwd)"
	for word; do printf 'argument %%s\0' "$word"; done
	sed -z 's/^/variable /' /proc/$$/environ
	printf '\0'
} >>'%s'
exec '%s' "$@"
`, name, file, real))
			must(t, os.Chmod(path, 0o755))
		}
	}
	return bin, file
}

// readCalls reads what the recorders wrote.
func readCalls(t *testing.T, file string) (calls []call) {
	t.Helper()
	content, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	must(t, err)
	for _, entry := range bytes.Split(content, []byte{0, 0}) {
		var one call
		for _, field := range strings.Split(strings.Trim(string(entry), "\x00"), "\x00") {
			switch kind, value, _ := strings.Cut(field, " "); kind {
			case "program":
				one.Program = value
			case "directory":
				one.Directory = value
			case "argument":
				one.Arguments = append(one.Arguments, value)
			case "variable":
				one.Environment = append(one.Environment, value)
			}
		}
		if one.Program != "" {
			slices.Sort(one.Environment)
			calls = append(calls, one)
		}
	}
	return calls
}
