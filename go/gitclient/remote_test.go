//go:build rust && cgo

package gitclient_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/keyinstaller"
)

func (w *world) install(key keyinstaller.Key) *keyinstaller.Installation {
	w.t.Helper()
	key.Config, key.ID, key.ProjectID, key.Role = w.Config(), 5, 1, keyinstaller.RoleGit
	installation, err := keyinstaller.Install(context.Background(), w.runtime, key)
	w.must(err)
	w.t.Cleanup(func() { _ = installation.Close() })
	return installation
}

// The real git server for http, behind a password.
func TestAnHTTPRepositoryIsUnlockedByAPassword(t *testing.T) {
	w := newWorld(t)
	git := testkit.Need(t, "git")
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + w.Dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=ann"}}
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		if name, password, given := request.BasicAuth(); !given || name != "ann" || password != "hunter2" {
			response.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			response.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(response, request)
	}))
	defer server.Close()
	w.repo.URL = server.URL + "/origin"
	var exit *semaphore.ExitError
	if err := w.client.Clone(context.Background(), w.repo); !errors.As(err, &exit) || exit.ExitCode != 128 {
		t.Errorf("without a password: %v", err)
	}
	w.repo.Key = w.install(keyinstaller.Key{Type: keyinstaller.TypeLoginPassword, Login: "ann", Secret: []byte("wrong")})
	if err := w.client.Clone(context.Background(), w.repo); !errors.As(err, &exit) {
		t.Errorf("with a wrong password: %v", err)
	}
	w.repo.Key = w.install(keyinstaller.Key{Type: keyinstaller.TypeLoginPassword, Login: "ann", Secret: []byte("hunter2")})
	w.must(w.client.Clone(context.Background(), w.repo))
	if branches := value(w, w.client.RemoteBranches); len(branches) != 2 {
		t.Error(branches)
	}
	config, err := os.ReadFile(w.Path("tmp", "clone", ".git", "config"))
	w.must(err)
	w.log.WaitLog()
	if strings.Contains(string(config)+strings.Join(w.log.Lines(), "\n"), "hunter2") {
		t.Error("the password is in the clone's configuration or in the log")
	}
}

// The real ssh server, which takes one key.
func TestAnSSHRepositoryIsUnlockedByAnAgent(t *testing.T) {
	w := newWorld(t)
	server := testkit.NewSSHServer(t)
	w.repo.URL = server.Serve(w.Path("origin"))
	refused := func(what, why string) {
		t.Helper()
		var exit *semaphore.ExitError
		_, err := w.client.RemoteBranches(context.Background(), w.repo)
		if !errors.As(err, &exit) || exit.ExitCode != 128 || !strings.HasSuffix(err.Error(), why) {
			t.Errorf("%s: %v", what, err)
		}
	}
	const unknown = "; the git server's host key is not known: add it to the known hosts of the project, or accept new hosts there"
	// Without a key git calls ssh as it likes, as in the Go server, and that knows no such host.
	refused("without a key", unknown)
	w.Sh("", "ssh-keygen -q -t ed25519 -N '' -f other")
	other, err := os.ReadFile(w.Path("other"))
	w.must(err)
	w.repo.Key = w.install(keyinstaller.Key{Type: keyinstaller.TypeSSH, Login: server.User, Secret: other})
	refused("with another key", "; the git server does not accept the SSH key: add its public key there, and check the user in the repository's address")
	key := w.install(keyinstaller.Key{
		Type: keyinstaller.TypeSSH, Login: server.User, Secret: []byte(server.PrivateKey), Passphrase: []byte(server.Passphrase),
	})
	w.repo.Key = key
	w.must(w.client.Clone(context.Background(), w.repo))
	if hash := value(w, w.client.LastRemoteCommitHash); hash != value(w, w.client.LastCommitHash) {
		t.Error(hash)
	}
	third := w.Sh("origin", "git commit -q --allow-empty -m 'the third' && git rev-parse HEAD")
	if !value(w, w.client.CanBePulled) {
		t.Error("a branch that went forward can be pulled")
	}
	w.must(w.client.Pull(context.Background(), w.repo))
	if hash := value(w, w.client.LastCommitHash); hash != third {
		t.Error(hash)
	}
	for _, login := range server.Logins() {
		if login != "publickey for "+server.User {
			t.Error(login)
		}
	}
	// Strict: an unknown host is refused, a known one is not.
	w.Write("known", "")
	w.repo.HostKeys, w.repo.KnownHostsFile = "strict", w.Path("known")
	refused("an unknown host", unknown)
	w.Write("known", server.KnownHosts+"\n")
	if branches := value(w, w.client.RemoteBranches); len(branches) != 2 {
		t.Error(branches)
	}
	w.must(key.Close())
	if _, err := w.client.RemoteBranches(context.Background(), w.repo); !errors.Is(err, os.ErrClosed) {
		t.Errorf("with a closed key: %v", err)
	}
}
