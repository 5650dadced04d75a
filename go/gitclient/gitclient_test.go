//go:build rust && cgo

package gitclient_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/gitclient"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

type world struct {
	testkit.Machine
	t       *testing.T
	client  gitclient.Client
	runtime *semaphore.Runtime
	log     *testkit.Recorder
	repo    gitclient.Repository
}

func newWorld(t *testing.T) *world {
	t.Helper()
	testkit.Need(t, "git")
	runtime := testkit.Open(t)
	w := &world{Machine: testkit.NewMachine(t), t: t, client: gitclient.New(runtime), runtime: runtime, log: testkit.NewLogger(t, runtime, tasklogger.Options{})}
	w.repo = gitclient.Repository{
		Config: w.Config(), URL: w.Git("origin", nil), Branch: "main", Parent: w.Path("tmp"), Directory: "clone", Logger: w.log.Logger,
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.log.WaitLog()
		w.t.Fatalf("%v\n%s", err, strings.Join(w.log.Lines(), "\n"))
	}
}

func value[T any](w *world, ask func(context.Context, gitclient.Repository) (T, error)) T {
	w.t.Helper()
	answer, err := ask(context.Background(), w.repo)
	w.must(err)
	return answer
}

func TestACloneFollowsItsOrigin(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	first, second := w.Sh("origin", "git rev-parse v1"), w.Sh("origin", "git rev-parse main")
	if branches := value(w, w.client.RemoteBranches); !slices.Equal(branches, []string{"feature/y", "main"}) {
		t.Error(branches)
	}
	if hash := value(w, w.client.LastRemoteCommitHash); hash != second {
		t.Error(hash)
	}
	w.must(w.client.Clone(ctx, w.repo))
	if hash, message := value(w, w.client.LastCommitHash), value(w, w.client.LastCommitMessage); hash != second || message != "the second" {
		t.Error(hash, message)
	}
	for _, target := range []string{"v1", first, "feature/y"} {
		w.must(w.client.Checkout(ctx, w.repo, target))
		if hash := value(w, w.client.LastCommitHash); hash != first {
			t.Errorf("%s is %s", target, hash)
		}
		w.must(w.client.Checkout(ctx, w.repo, "main"))
	}
	third := w.Sh("origin", "git commit -q --allow-empty -m 'the third' && git rev-parse HEAD")
	if !value(w, w.client.CanBePulled) {
		t.Error("a branch that went forward can be pulled")
	}
	w.must(w.client.Pull(ctx, w.repo))
	if hash := value(w, w.client.LastCommitHash); hash != third {
		t.Error(hash)
	}
	w.Sh("origin", "git reset -q --hard v1 && git commit -q --allow-empty -m 'another history'")
	if value(w, w.client.CanBePulled) {
		t.Error("a branch whose history was replaced cannot be pulled")
	}
	w.log.WaitLog()
	for _, line := range []string{"Cloning Repository " + w.repo.URL, "Updating Repository " + w.repo.URL, "Get current commit hash"} {
		if !slices.Contains(w.log.Lines(), line) {
			t.Errorf("%q is not in the log: %q", line, w.log.Lines())
		}
	}
}

func TestSubmodulesComeWithTheClone(t *testing.T) {
	w := newWorld(t)
	w.Git("library", map[string]string{"code.txt": "code"})
	w.Write("home/.gitconfig", "[protocol \"file\"]\n\tallow = always\n")
	w.Sh("origin", "git submodule --quiet add "+w.Path("library")+" lib && git commit -qm 'with a library'")
	w.repo.Config.HomeDirMode = "user_home"
	w.must(w.client.Clone(context.Background(), w.repo))
	if text, err := os.ReadFile(w.Path("tmp", "clone", "lib", "code.txt")); err != nil || string(text) != "code" {
		t.Errorf("%q %v", text, err)
	}
}

func TestFailuresOfGitAreErrorsWithItsWords(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	var exit *semaphore.ExitError
	missing := w.repo
	missing.URL, missing.Logger = "file://"+w.Path("nowhere"), nil
	if err := w.client.Clone(ctx, missing); !errors.As(err, &exit) || exit.ExitCode != 128 || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("%#v", err)
	}
	other := w.repo
	other.Branch = "missing"
	if _, err := w.client.LastRemoteCommitHash(ctx, other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%#v", err)
	}
	w.must(w.client.Clone(ctx, w.repo))
	if err := w.client.Checkout(ctx, w.repo, "nothing"); !errors.As(err, &exit) || !strings.Contains(exit.Stderr, "nothing") {
		t.Errorf("%#v", err)
	}
	var refused *semaphore.Error
	for _, target := range []string{"", "--orphan", "HEAD~1"} {
		if err := w.client.Checkout(ctx, w.repo, target); !errors.As(err, &refused) || refused.Code != semaphore.CodeArg {
			t.Errorf("%q: %v", target, err)
		}
	}
	for _, url := range []string{"ext::sh -c id", "--upload-pack=id", "git://\nx"} {
		bad := w.repo
		bad.URL, bad.Directory = url, "bad"
		if err := w.client.Clone(ctx, bad); !errors.As(err, &refused) || refused.Code != semaphore.CodeArg {
			t.Errorf("%q: %v", url, err)
		}
	}
	closed := w.repo
	closed.Key = staleKey{}
	if err := w.client.Clone(ctx, closed); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	// git waits for this program for ever.
	w.Write("home/.gitconfig", "[core]\n\tsshCommand = sleep 60 #\n")
	w.Write("bin/ssh", "#!/bin/sh\nsleep 60\n")
	w.repo.Config.Path = w.Path("bin") + ":" + w.repo.Config.Path
	w.repo.URL = "ssh://git@localhost/x.git"
	cause := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(200*time.Millisecond, func() { cancel(cause) })
	testkit.Within(t, "the stop", 10*time.Second, func() {
		if err := w.client.Clone(ctx, w.repo); !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	if _, err := w.client.RemoteBranches(ctx, w.repo); !errors.Is(err, cause) {
		t.Error(err)
	}
	w.repo.Deadline = 200 * time.Millisecond
	testkit.Within(t, "the deadline", 10*time.Second, func() {
		if err := w.client.Clone(context.Background(), w.repo); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
