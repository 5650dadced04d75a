//go:build rust && cgo

package sshagent_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/sshagent"
)

// What ssh-add and ssh-keygen of the machine can do with the agent: list its key, and sign something that is then verified.
func TestTheAgentSignsForTheToolsOfTheMachine(t *testing.T) {
	testkit.Need(t, "ssh-add")
	m := testkit.NewMachine(t)
	runtime := testkit.Open(t)
	kinds := map[string]string{"ed25519": "-t ed25519", "ecdsa": "-t ecdsa", "rsa": "-t rsa -b 2048", "pem": "-t rsa -b 2048 -m PEM", "pkcs8": "-t ecdsa -m PKCS8"}
	for kind, options := range kinds {
		for _, passphrase := range []string{"", "let me in"} {
			name := kind + strings.ReplaceAll(passphrase, " ", "")
			m.Sh("", "ssh-keygen -q "+options+" -N '"+passphrase+"' -C comment -f "+name)
			private, err := os.ReadFile(m.Path(name))
			if err != nil {
				t.Fatal(err)
			}
			agent, err := sshagent.Start(context.Background(), runtime, m.Config(), 5, 1, private, []byte(passphrase))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			m.Sh("", "rm "+name)
			socket := "SSH_AUTH_SOCK=" + agent.Socket() + " "
			listed, public := strings.Fields(m.Sh("", socket+"ssh-add -L")), strings.Fields(m.Sh("", "cat "+name+".pub"))
			if listed[0] != public[0] || listed[1] != public[1] {
				t.Errorf("%s: %v", name, listed)
			}
			m.Write("text", "signed by "+name)
			m.Sh("", "rm -f text.sig; "+socket+"ssh-keygen -q -Y sign -n file -f "+name+".pub text && printf 'me ' > allowed && cat "+name+
				".pub >> allowed && ssh-keygen -q -Y verify -n file -f allowed -I me -s text.sig < text")
			if err := agent.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(agent.Socket()); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the socket is there after Close: %v", err)
			}
			if err := agent.Close(); !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		}
	}
	if left, _ := filepath.Glob(m.Path("tmp", "project_1", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	statistics, err := runtime.Statistics()
	if err != nil || statistics.Performed.Keys != 2*len(kinds) {
		t.Errorf("%+v %v", statistics, err)
	}
}

func TestKeysThatCannotBeUsedSayWhy(t *testing.T) {
	testkit.Need(t, "ssh-keygen")
	m := testkit.NewMachine(t)
	runtime := testkit.Open(t)
	m.Sh("", "ssh-keygen -q -t ed25519 -N secret -f key")
	private, err := os.ReadFile(m.Path("key"))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		key, passphrase, says string
	}{
		{string(private), "", "passphrase"},
		{string(private), "wrong", "passphrase of the private key is wrong"},
		{"hello", "", "not a private key"},
		{string(private[:len(private)/2]), "secret", "private key"},
		{"", "", "private key"},
	}
	for _, c := range cases {
		_, err := sshagent.Start(context.Background(), runtime, m.Config(), 5, 1, []byte(c.key), []byte(c.passphrase))
		var failure *semaphore.Error
		if !errors.As(err, &failure) || failure.Code != semaphore.CodeAuth || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v", c.says, err)
		}
	}
}

func TestAgentsGoWithTheRuntime(t *testing.T) {
	testkit.Need(t, "ssh-keygen")
	m := testkit.NewMachine(t)
	m.Sh("", "ssh-keygen -q -t ed25519 -N '' -f key")
	private, err := os.ReadFile(m.Path("key"))
	if err != nil {
		t.Fatal(err)
	}
	runtime, err := semaphore.Open(semaphore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	agent, err := sshagent.Start(context.Background(), runtime, m.Config(), 5, 1, private, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(agent.Socket()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket outlives the runtime: %v", err)
	}
	if _, err := sshagent.Start(context.Background(), runtime, m.Config(), 5, 1, private, nil); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	_ = agent.Close()
}
