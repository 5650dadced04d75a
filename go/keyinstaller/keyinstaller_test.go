//go:build rust && cgo

package keyinstaller_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/keyinstaller"
)

// Type and role, and what the key gives: the table of the Go server.
func TestWhatEachTypeGivesInEachRole(t *testing.T) {
	testkit.Need(t, "ssh-keygen")
	m := testkit.NewMachine(t)
	runtime := testkit.Open(t)
	m.Sh("", "ssh-keygen -q -t ed25519 -N '' -f key")
	private, err := os.ReadFile(m.Path("key"))
	if err != nil {
		t.Fatal(err)
	}
	roles := []string{keyinstaller.RoleGit, keyinstaller.RoleAnsibleUser, keyinstaller.RoleAnsibleBecomeUser, keyinstaller.RoleAnsiblePasswordVault}
	expected := map[string][]string{
		keyinstaller.TypeNone:          {"nothing", "nothing", "refused", "refused"},
		keyinstaller.TypeSSH:           {"agent", "agent", "refused", "refused"},
		keyinstaller.TypeLoginPassword: {"password", "password", "password", "password"},
		keyinstaller.TypeString:        {"nothing", "refused", "refused", "refused"},
	}
	secrets := map[string][]byte{keyinstaller.TypeSSH: private, keyinstaller.TypeLoginPassword: []byte("hunter2"), keyinstaller.TypeString: []byte("text")}
	for kind, gives := range expected {
		for number, role := range roles {
			key := keyinstaller.Key{Config: m.Config(), ID: 5, ProjectID: 1, Type: kind, Role: role, Login: "ann", Secret: secrets[kind]}
			got := "nothing"
			installation, err := keyinstaller.Install(context.Background(), runtime, key)
			var failure *semaphore.Error
			switch {
			case errors.As(err, &failure) && failure.Code == semaphore.CodeArg && strings.Contains(err.Error(), "access key type not supported"):
				got = "refused"
			case err != nil:
				t.Fatal(kind, role, err)
			default:
				password, err := installation.Password()
				switch {
				case err != nil:
					t.Error(err)
				case password != nil:
					got = string(map[bool]string{true: "password", false: "another password"}[string(password) == "hunter2"])
				case installation.Socket != "":
					got = "agent"
					if !slices.Contains(installation.Env, "SSH_AUTH_SOCK="+installation.Socket) {
						t.Error(installation.Env)
					}
				}
				if err := installation.Close(); err != nil {
					t.Error(err)
				}
				if _, err := installation.Password(); !errors.Is(err, os.ErrClosed) {
					t.Error(err)
				}
			}
			if got != gives[number] {
				t.Errorf("%s for %s: %s", kind, role, got)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := keyinstaller.Install(ctx, runtime, keyinstaller.Key{Config: m.Config()}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
