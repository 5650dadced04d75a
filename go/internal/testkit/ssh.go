package testkit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// SSHServer is a real OpenSSH server on loopback with a user who logs in by key or password and becomes another one with sudo.
// It is a program of this repository (tests/machine), which ends when its input does.
type SSHServer struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	// User may log in, with Password or with PrivateKey, and become everybody with SudoPassword.
	User         string `json:"user"`
	Password     string `json:"password"`
	SudoPassword string `json:"sudo_password"`
	// KnownHosts is the line of a known_hosts file that names the server's key.
	KnownHosts string `json:"known_hosts"`
	PrivateKey string `json:"private_key"`
	Passphrase string `json:"passphrase"`

	t       testing.TB
	input   io.WriteCloser
	answers *bufio.Reader
}

// NewSSHServer starts one that ends with the test. Where it cannot run the test is left out, unless CI says that all must run.
func NewSSHServer(t testing.TB) *SSHServer {
	t.Helper()
	path := os.Getenv("SEMAPHORE_TEST_SSH")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("SEMAPHORE_TEST_SSH must name the program semaphore-test-ssh (scripts/test-go builds it): %v", err)
	}
	command := exec.Command(path)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("the ssh server of the tests: %v", err)
		}
	})
	s := &SSHServer{t: t, input: input, answers: bufio.NewReader(output)}
	s.read(s)
	if s.Port == 0 {
		t.Skip("left out: this machine cannot have the ssh server of the tests (see above)")
	}
	return s
}

// Serve serves a git repository as it is; the result is its address.
func (s *SSHServer) Serve(path string) string {
	s.t.Helper()
	var url string
	s.ask("repository "+path, &url)
	return url
}

// Logins are those so far: "publickey for deploy".
func (s *SSHServer) Logins() []string {
	s.t.Helper()
	var logins []string
	s.ask("logins", &logins)
	return logins
}

func (s *SSHServer) ask(request string, answer any) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.input, request); err != nil {
		s.t.Fatal(err)
	}
	s.read(answer)
}

func (s *SSHServer) read(answer any) {
	s.t.Helper()
	line, err := s.answers.ReadBytes('\n')
	if err != nil {
		s.t.Fatalf("the ssh server of the tests: %v", err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		s.t.Fatal(err)
	}
}
