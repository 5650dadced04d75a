//go:build rust && cgo

package gitclient_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
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

// The real ssh server, on a port of its own, that takes one key.
func TestAnSSHRepositoryIsUnlockedByAnAgent(t *testing.T) {
	w := newWorld(t)
	testkit.Need(t, "ssh")
	sshd := testkit.Need(t, "/usr/sbin/sshd")
	account, err := user.Current()
	w.must(err)
	w.Sh("", "ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ed25519 -N 'let me in' -f key && cp key.pub authorized && chmod 600 authorized")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	w.Write("sshd_config", fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s\nAuthorizedKeysFile %s\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"+
		"UsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPidFile none\n", port, w.Path("host"), w.Path("authorized")))
	if os.Geteuid() == 0 {
		// Its separation of privileges needs this directory, which start scripts make.
		w.must(os.MkdirAll("/run/sshd", 0o755))
	}
	server := exec.Command(sshd, "-D", "-e", "-f", w.Path("sshd_config"))
	var said strings.Builder
	server.Stderr = &said
	w.must(server.Start())
	defer func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}()
	testkit.Eventually(t, "the ssh server", func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
	private, err := os.ReadFile(w.Path("key"))
	w.must(err)
	w.Sh("", "rm key")
	w.repo.URL = fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", account.Username, port, w.Path("origin"))
	var exit *semaphore.ExitError
	if _, err := w.client.RemoteBranches(context.Background(), w.repo); !errors.As(err, &exit) {
		t.Errorf("without a key: %v", err)
	}
	key := w.install(keyinstaller.Key{Type: keyinstaller.TypeSSH, Login: account.Username, Secret: private, Passphrase: []byte("let me in")})
	w.repo.Key = key
	w.must(w.client.Clone(context.Background(), w.repo))
	if hash := value(w, w.client.LastRemoteCommitHash); hash != value(w, w.client.LastCommitHash) {
		t.Error(hash)
	}
	// Strict: an unknown host is refused, a known one is not.
	w.Write("known", "")
	w.repo.HostKeys, w.repo.KnownHostsFile = "strict", w.Path("known")
	if _, err := w.client.RemoteBranches(context.Background(), w.repo); !errors.As(err, &exit) || !strings.Contains(err.Error(), "host") {
		t.Errorf("an unknown host: %v", err)
	}
	w.Write("known", fmt.Sprintf("[127.0.0.1]:%d %s\n", port, w.Sh("", "cut -d' ' -f1,2 host.pub")))
	if branches := value(w, w.client.RemoteBranches); len(branches) != 2 {
		t.Error(branches)
	}
	w.must(key.Close())
	if _, err := w.client.RemoteBranches(context.Background(), w.repo); !errors.Is(err, os.ErrClosed) {
		t.Errorf("with a closed key: %v", err)
	}
}
