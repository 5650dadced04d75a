//go:build rust && cgo

package taskrunner_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// world is a machine with a runtime and a log.
type world struct {
	testkit.Machine
	t        *testing.T
	runtime  *semaphore.Runtime
	log      *testkit.Recorder
	mu       sync.Mutex
	statuses []tasklogger.TaskStatus
	problems []tasklogger.Problem
	commit   string
	stages   []string
	begun    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Machine: testkit.NewMachine(t), t: t, runtime: testkit.Open(t)}
	w.log = testkit.NewLogger(t, w.runtime, tasklogger.Options{
		Flavour: tasklogger.FlavourStrict, Status: tasklogger.TaskStartingStatus,
		OnCommit: func(hash, message string) { w.locked(func() { w.commit = hash + " " + message }) },
		OnStage: func(stage string, begin time.Time) {
			w.locked(func() { w.stages, w.begun = append(w.stages, stage), begin })
		},
		OnProblem: func(problem tasklogger.Problem) { w.locked(func() { w.problems = append(w.problems, problem) }) },
	})
	w.log.AddStatusListener(func(status tasklogger.TaskStatus) { w.locked(func() { w.statuses = append(w.statuses, status) }) })
	return w
}

func (w *world) locked(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// local is a job on a file of the local directory "repository".
func (w *world) local(app, name, text string) taskrunner.Options {
	w.Write("repository/"+name, text)
	return taskrunner.Options{Config: w.Config(), Spec: taskrunner.Spec{
		TaskID: 1, ProjectID: 2, TemplateID: 3, App: app, Playbook: name,
		Repository: taskrunner.Repository{ID: 4, Name: "files", URL: w.Path("repository"), Key: taskrunner.Key{ID: 1, Kind: taskrunner.NoKey()}},
	}}
}

func (w *world) run(options taskrunner.Options) (taskrunner.Outcome, error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	outcome, err := taskrunner.Run(ctx, w.runtime, w.log.Logger, options)
	w.log.WaitLog()
	return outcome, err
}

func (w *world) succeeds(options taskrunner.Options) taskrunner.Outcome {
	w.t.Helper()
	outcome, err := w.run(options)
	if err != nil || outcome.Kind != "success" || outcome.Status != tasklogger.TaskSuccessStatus {
		w.t.Fatalf("%+v %v\n%s", outcome, err, strings.Join(w.log.Lines(), "\n"))
	}
	return outcome
}

func (w *world) hasLine(parts ...string) {
	w.t.Helper()
	for _, part := range parts {
		if !w.log.Has(part) {
			w.t.Errorf("%q is not in the log:\n%s", part, strings.Join(w.log.Lines(), "\n"))
		}
	}
}

func TestBashWithArgumentsVariablesAndSecrets(t *testing.T) {
	w := newWorld(t)
	options := w.local("bash", "x.sh", `echo "arguments $*"; echo "$GREETING" >&2; echo "token $TOKEN"; echo "by $SEMAPHORE_TASK_DETAILS_USERNAME"`)
	options.Spec.TemplateArguments, options.Spec.TaskArguments = []string{"one two"}, []string{"three"}
	options.Spec.Environment = taskrunner.Environment{
		Env:     [][2]string{{"GREETING", "hello"}},
		Secrets: []taskrunner.SecretVariable{{Name: "TOKEN", Kind: "env", Value: taskrunner.Secret{Name: "token"}}},
	}
	options.Spec.Details.Username = "ann"
	options.Secrets = taskrunner.Secrets{"token": []byte("hunter2\x00")}
	options.Secrets["token"] = []byte("hunter2")
	w.succeeds(options)
	w.hasLine("arguments one two three", "hello", "by ann", "token ")
	if w.log.Has("hunter2") {
		t.Error("a secret is in the log")
	}
	if !slices.Equal(w.statuses, []tasklogger.TaskStatus{tasklogger.TaskRunningStatus}) || w.log.Status() != tasklogger.TaskRunningStatus {
		t.Error(w.statuses, w.log.Status())
	}
}

func TestPython(t *testing.T) {
	testkit.Need(t, "python3")
	w := newWorld(t)
	w.succeeds(w.local("python", "x.py", "import sys\nprint('python', sys.version_info.major)\nprint('why', file=sys.stderr)\n"))
	w.hasLine("python 3", "why")
}

func TestACustomApp(t *testing.T) {
	testkit.Need(t, "python3")
	w := newWorld(t)
	options := w.local("snake", "x.py", "import sys\nprint('custom', sys.flags.isolated)\n")
	options.Config.Apps = map[string]semaphore.App{"snake": {Path: "python3", Args: []string{"-I"}}}
	w.succeeds(options)
	w.hasLine("custom 1")
}

const playbook = `- hosts: all
  gather_facts: false
  tasks:
    - name: tell
      debug:
        msg: "{{ inventory_hostname }} says {{ greeting }}"
      tags: [talk]
    - name: be silent
      debug:
        msg: never
      tags: [silent]
`

func TestAnsibleWithAStaticInventory(t *testing.T) {
	testkit.Need(t, "ansible-playbook")
	w := newWorld(t)
	options := w.local("ansible", "site.yml", playbook)
	options.Spec.Inventory = &taskrunner.Inventory{
		ID: 7, Name: "hosts", Kind: taskrunner.InventoryStatic, Content: "[web]\nalpha ansible_connection=local\nbeta ansible_connection=local\n",
	}
	options.Spec.Environment.ExtraVars = map[string]any{"greeting": "hello", "number": 5}
	options.Spec.Ansible = taskrunner.Ansible{Limit: []string{"beta"}, Tags: []string{"talk"}}
	w.succeeds(options)
	w.hasLine("beta says hello")
	if w.log.Has("alpha says") || w.log.Has("never") {
		t.Error("the limit or the tags were not followed")
	}
}

func TestAnsibleFailsWithItsExitCode(t *testing.T) {
	testkit.Need(t, "ansible-playbook")
	w := newWorld(t)
	options := w.local("ansible", "site.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - fail: {msg: on purpose}\n")
	options.Spec.Inventory = &taskrunner.Inventory{ID: 7, Name: "hosts", Kind: taskrunner.InventoryStaticYAML, Content: "all: {hosts: {alpha: {ansible_connection: local}}}"}
	outcome, err := w.run(options)
	var exit *semaphore.ExitError
	if !errors.As(err, &exit) || exit.ExitCode != 2 || outcome.Kind != "failed" || outcome.Text != "exit status 2" || outcome.Status != tasklogger.TaskFailStatus {
		t.Errorf("%+v %v", outcome, err)
	}
	w.hasLine("on purpose")
}

func TestAGitRepositoryTellsItsCommit(t *testing.T) {
	testkit.Need(t, "git")
	w := newWorld(t)
	options := w.local("bash", "x.sh", "")
	options.Spec.Repository.URL = w.Git("origin", map[string]string{"x.sh": "echo from $(cat second.txt)"})
	options.Spec.Repository.Branch = "main"
	outcome := w.succeeds(options)
	head := w.Sh("origin", "git rev-parse HEAD")
	if outcome.Commit.Hash != head || outcome.Commit.Message != "the second" || w.commit != head+" the second" {
		t.Errorf("%+v %q", outcome.Commit, w.commit)
	}
	w.hasLine("from 2")
	// The clone is used again.
	w.succeeds(options)
	w.hasLine("Updating Repository")
}

func TestWhatCannotRunSaysWhy(t *testing.T) {
	w := newWorld(t)
	options := w.local("bash", "x.sh", "true")
	options.Spec.Repository.URL, options.Spec.Repository.Branch = "file://"+w.Path("nowhere"), "main"
	outcome, err := w.run(options)
	var exit *semaphore.ExitError
	if !errors.As(err, &exit) && !errors.Is(err, fs.ErrNotExist) && err == nil {
		t.Errorf("%#v", err)
	}
	if outcome.Kind != "broken" || outcome.Stage != "checkout" || outcome.Status != tasklogger.TaskFailStatus || !strings.Contains(outcome.Error, "nowhere") {
		t.Errorf("%+v", outcome)
	}
	options = w.local("bash", "x.sh", "true")
	options.Spec.Environment.Env = [][2]string{{"A", "\xff"}}
	if _, err := w.run(options); err == nil {
		t.Error("a text that is not UTF-8 was replaced by another")
	}
	options = w.local("bash", "x.sh", "true")
	options.Config.TmpPath = "relative"
	var refused *semaphore.Error
	if _, err := w.run(options); !errors.As(err, &refused) || refused.Code != semaphore.CodeArg {
		t.Errorf("%#v", err)
	}
}

func TestStopsEndEverythingOfAJob(t *testing.T) {
	w := newWorld(t)
	options := w.local("bash", "x.sh", "(trap '' TERM; exec sleep 60) & echo $!; sleep 60")
	cause := errors.New("the user left")
	stops := map[string]func(*taskrunner.Job, context.CancelCauseFunc){
		"requested": func(_ *taskrunner.Job, cancel context.CancelCauseFunc) { cancel(cause) },
		"forced":    func(job *taskrunner.Job, _ context.CancelCauseFunc) { _ = job.Stop(true) },
	}
	for reason, stop := range stops {
		ctx, cancel := context.WithCancelCause(context.Background())
		before := len(w.log.Lines())
		job, err := taskrunner.Start(ctx, w.runtime, w.log.Logger, options)
		if err != nil {
			t.Fatal(err)
		}
		pid := 0
		testkit.Eventually(t, "the script", func() bool {
			for _, line := range w.log.Lines()[before:] {
				if n, err := fmt.Sscanf(line, "%d", &pid); n == 1 && err == nil {
					return true
				}
			}
			return false
		})
		stop(job, cancel)
		var outcome taskrunner.Outcome
		testkit.Within(t, "the stop", 10*time.Second, func() { outcome, err = job.Wait() })
		if !errors.Is(err, context.Canceled) || outcome.Kind != "stopped" || outcome.Reason != reason || outcome.Status != tasklogger.TaskStoppedStatus {
			t.Errorf("%+v %v", outcome, err)
		}
		if errors.Is(err, cause) != (reason == "requested") {
			t.Error(err)
		}
		testkit.Eventually(t, "the background process to be dead", func() bool {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(status), ") Z") || syscall.Kill(pid, 0) != nil
		})
		cancel(nil)
	}
	options = w.local("bash", "x.sh", "sleep 60")
	options.Deadline = 100 * time.Millisecond
	outcome, err := w.run(options)
	if !errors.Is(err, context.DeadlineExceeded) || outcome.Reason != "deadline" {
		t.Errorf("%+v %v", outcome, err)
	}
}

func TestNothingWaitsForAConfirmationInBash(t *testing.T) {
	w := newWorld(t)
	job, err := taskrunner.Start(context.Background(), w.runtime, w.log.Logger, w.local("bash", "x.sh", "sleep 0.2"))
	if err != nil {
		t.Fatal(err)
	}
	var failure *semaphore.Error
	if err := job.Confirm(true); !errors.As(err, &failure) || failure.Code != semaphore.CodeState {
		t.Error(err)
	}
	if _, err := job.Wait(); err != nil {
		t.Error(err)
	}
	if err := job.Confirm(true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a job that is over takes a confirmation: %v", err)
	}
}

// Two hundred jobs at once: bounded threads, nothing lost, nothing left.
func TestTwoHundredJobsInParallel(t *testing.T) {
	w := newWorld(t)
	w.Write("repository/x.sh", "echo one; echo two >&2; printf three")
	base := w.local("bash", "x.sh", "echo one; echo two >&2; printf three")
	// What a first job brings stays: threads of Go, ...
	w.succeeds(base)
	descriptors, threads, most := testkit.CountEntries(t, "/proc/self/fd"), testkit.CountEntries(t, "/proc/self/task"), 0
	var group sync.WaitGroup
	logs := make([]*testkit.Recorder, 200)
	for number := range logs {
		logs[number] = testkit.NewLogger(t, w.runtime, tasklogger.Options{})
		group.Add(1)
		go func() {
			defer group.Done()
			options := base
			options.Spec.TaskID = 100 + number
			outcome, err := taskrunner.Run(context.Background(), w.runtime, logs[number].Logger, options)
			if err != nil {
				t.Errorf("job %d: %+v %v", number, outcome, err)
			}
			logs[number].WaitLog()
			lines := logs[number].Lines()
			for _, line := range []string{"one", "two", "three"} {
				if !slices.Contains(lines, line) {
					t.Errorf("job %d lost %q: %q", number, line, lines)
				}
			}
			if err := logs[number].Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	over := make(chan struct{})
	go func() { group.Wait(); close(over) }()
	for running := true; running; {
		select {
		case <-over:
			running = false
		case <-time.After(5 * time.Millisecond):
		}
		most = max(most, testkit.CountEntries(t, "/proc/self/task"))
	}
	statistics, err := w.runtime.Statistics()
	if err != nil || statistics.Threads > 5 || statistics.Performed.Jobs != 201 {
		t.Errorf("%+v %v", statistics, err)
	}
	t.Logf("threads: %d before, at most %d", threads, most)
	if most > threads+20 {
		t.Errorf("%d threads before, %d in between", threads, most)
	}
	testkit.Eventually(t, "the descriptors to come back", func() bool { return testkit.CountEntries(t, "/proc/self/fd") <= descriptors })
}
