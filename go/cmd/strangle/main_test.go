package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The smallest host that the component task_logger fits.
var small = map[string]string{
	"go.mod":     "module example.org/host\n\ngo 1.24\n",
	"pro/go.mod": "module example.org/host/pro\n\ngo 1.24\n\nrequire example.org/host v0.0.0\n\nreplace example.org/host => ../\n",
	"pro/pro.go": "// Package pro is a module inside.\npackage pro\n\nimport \"example.org/host/services/tasks\"\n\n// New makes one.\nfunc New() *tasks.TaskRunner { return &tasks.TaskRunner{} }\n",
	// A module that has nothing to do with the host.
	"other/go.mod": "module example.org/other\n\ngo 1.24\n",
	"pkg/task_logger/task_logger.go": `package task_logger

// TaskStatus is a status.
type TaskStatus string

// TaskStoppedStatus ends a task.
const TaskStoppedStatus TaskStatus = "stopped"
`,
	"pkg/task_logger/task_logger_test.go": `package task_logger

import "testing"

func TestStopped(t *testing.T) {
	if TaskStoppedStatus != "stopped" {
		t.Error(TaskStoppedStatus)
	}
}
`,
	"services/tasks/TaskRunner.go": `package tasks

import (
	"sync"
	"time"

	"example.org/host/pkg/task_logger"
)

// TaskRunner runs a task.
type TaskRunner struct {
	Task  struct{ Status task_logger.TaskStatus }
	lines []string
	logWG sync.WaitGroup
}

// LogWithTime writes a line.
func (t *TaskRunner) LogWithTime(_ time.Time, msg string) { t.lines = append(t.lines, msg) }
`,
	"services/tasks/TaskRunner_logging.go": logging("TaskRunner", "t.Task.Status", "tasks"),
	"services/tasks/TaskRunner_test.go": `package tasks

import "testing"

func TestStoppedStays(t *testing.T) {
	var runner TaskRunner
	runner.SetStatus("stopped")
	runner.SetStatus("running")
	if runner.Task.Status != "stopped" {
		t.Error(runner.Task.Status)
	}
}
`,
	"services/runners/running_job.go": strings.Replace(logging("runningJob", "p.status", "runners"), "// SetStatus", `type runningJob struct {
	status task_logger.TaskStatus
	lines  []string
	logWG  sync.WaitGroup
}

// LogWithTime writes a line.
func (p *runningJob) LogWithTime(_ time.Time, msg string) { p.lines = append(p.lines, msg) }

// SetStatus`, 1),
}

// logging is a logger with the methods that move.
func logging(structure, status, name string) string {
	receiver, _, _ := strings.Cut(status, ".")
	text := `package tasks

import (
	"bufio"
	"io"
	"os/exec"
	"sync"
	"time"

	"example.org/host/pkg/task_logger"
)

// LogCmd reads pipes.
func (t *TaskRunner) LogCmd(cmd *exec.Cmd) {
	output, _ := cmd.StdoutPipe()
	t.logWG.Add(1)
	go t.logPipe(output)
}

// WaitLog waits.
func (t *TaskRunner) WaitLog() { t.logWG.Wait() }

// SetStatus sets the status.
func (t *TaskRunner) SetStatus(status task_logger.TaskStatus) {
	if t.Task.Status == status || t.Task.Status == task_logger.TaskStoppedStatus {
		return
	}
	t.Task.Status = status
}

func (t *TaskRunner) logPipe(reader io.Reader) {
	defer t.logWG.Done()
	lines := bufio.NewScanner(reader)
	for lines.Scan() {
		t.LogWithTime(time.Now(), lines.Text())
	}
}
`
	if name == "tasks" {
		text = strings.Replace(text, "\t\"sync\"\n", "", 1)
	}
	return strings.NewReplacer("package tasks", "package "+name, "t.Task.Status", status, "(t *TaskRunner)", "("+receiver+" *"+structure+")",
		"t.logWG", receiver+".logWG", "t.logPipe", receiver+".logPipe", "t.LogWithTime", receiver+".LogWithTime").Replace(text)
}

// world is a host in a git repository.
type world struct {
	*testing.T
	directory string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	for _, tool := range []string{"git", "go"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed: %v", tool, err)
		}
	}
	w := &world{t, t.TempDir()}
	for path, text := range small {
		w.write(path, text)
	}
	w.git("init", "--quiet")
	w.commit()
	return w
}

func (w *world) write(path, text string) {
	w.Helper()
	target := filepath.Join(w.directory, path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		w.Fatal(err)
	}
	if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
		w.Fatal(err)
	}
}

func (w *world) read(path string) string {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.directory, path))
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}

func (w *world) has(path string) bool {
	_, err := os.Stat(filepath.Join(w.directory, path))
	return err == nil
}

func (w *world) do(program string, arguments ...string) string {
	w.Helper()
	command := exec.Command(program, arguments...)
	command.Dir = w.directory
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	output, err := command.CombinedOutput()
	if err != nil {
		w.Fatalf("%s %v: %v\n%s", program, arguments, err, output)
	}
	return string(output)
}

func (w *world) git(arguments ...string) string { return w.do("git", arguments...) }

func (w *world) commit() {
	w.git("add", "-A")
	w.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "a commit")
}

// strangle runs the tool and gives what it printed.
func (w *world) strangle(arguments ...string) (string, error) {
	var out, progress bytes.Buffer
	err := run(append(arguments, "--quick", "--dir", w.directory), &out, &progress)
	w.Log(progress.String())
	return out.String(), err
}

func (w *world) must(arguments ...string) string {
	w.Helper()
	out, err := w.strangle(arguments...)
	if err != nil {
		w.Fatalf("strangle %v: %v", arguments, err)
	}
	return out
}

// refused says that the tool must refuse, say why, and change nothing.
func (w *world) refused(says string, arguments ...string) {
	w.Helper()
	before := w.git("rev-parse", "HEAD") + w.git("status", "--porcelain")
	_, err := w.strangle(arguments...)
	if err == nil || !strings.Contains(err.Error(), says) {
		w.Errorf("strangle %v: %v, but wanted: %s", arguments, err, says)
	}
	if after := w.git("rev-parse", "HEAD") + w.git("status", "--porcelain"); after != before {
		w.Errorf("strangle %v was refused and changed something: %s", arguments, after)
	}
}

func TestAComponentIsAppliedUndoneAndDeleted(t *testing.T) {
	w := newWorld(t)
	base := strings.TrimSpace(w.git("rev-parse", "HEAD"))
	if diff := w.must("apply", "task_logger", "--dry-run"); !strings.Contains(diff, "+//go:build !rust") || !strings.Contains(diff, "-	\"example.org/host/pkg/task_logger\"") {
		t.Errorf("the diff is\n%s", diff)
	}
	if w.git("status", "--porcelain") != "" || strings.TrimSpace(w.git("rev-parse", "HEAD")) != base {
		t.Fatal("--dry-run changed something")
	}
	w.must("apply")
	if w.git("rev-list", "--count", base+"..HEAD") != "1\n" || w.git("status", "--porcelain") != "" {
		t.Error("it is not one commit")
	}
	for path, wanted := range map[string]string{
		"services/tasks/TaskRunner_logging_go.go":   "type commandOutput = sync.WaitGroup",
		"services/tasks/TaskRunner_logging_rust.go": "//go:build rust\n",
		"services/tasks/TaskRunner.go":              "logWG commandOutput",
		"services/runners/running_job.go":           "task_logger \"github.com/",
		"go.mod":                                    "replace github.com/",
		"pro/go.mod":                                "replace github.com/",
	} {
		if !strings.Contains(w.read(path), wanted) {
			t.Errorf("%s has no %q:\n%s", path, wanted, w.read(path))
		}
	}
	if strings.Contains(w.read("other/go.mod"), "replace") {
		t.Error("a module was changed that does not need the host")
	}
	// Without the tag, as before; with it, everything compiles too.
	w.do("go", "vet", "./...")
	w.do("go", "test", "./...")
	w.do("go", "vet", "-tags", "rust", "./...")
	if status := w.must("status"); !strings.Contains(status, "Rust with -tags rust, Go without") || !strings.Contains(status, "modules inside: pro") {
		t.Errorf("status says\n%s", status)
	}

	w.must("undo", "task_logger")
	if diff := w.git("diff", base); diff != "" {
		t.Errorf("undo left\n%s", diff)
	}
	w.refused("no commit of this tool", "undo")

	w.must("apply", "task_logger")
	w.must("delete", "task_logger")
	for _, gone := range []string{"pkg/task_logger", "services/tasks/TaskRunner_logging_go.go", "services/runners/running_job_go.go"} {
		if w.has(gone) {
			t.Errorf("%s is still there", gone)
		}
	}
	if strings.Contains(w.read("services/tasks/TaskRunner_logging_rust.go"), "go:build") {
		t.Error("the glue is not always on")
	}
	w.do("go", "vet", "./...")
	if said := w.do("go", "test", "-v", "./pkg/..."); !strings.Contains(said, "--- PASS: TestStopped ") {
		t.Errorf("the test of the package that went does not run:\n%s", said)
	}
	w.must("undo")
	w.must("undo")
	if diff := w.git("diff", base); diff != "" {
		t.Errorf("undo left\n%s", diff)
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	w := newWorld(t)
	w.refused("ssh needs task_logger first", "apply", "ssh")
	w.refused("there is no component \"database\"", "apply", "database")
	w.refused("task_logger is not applied", "delete", "task_logger")
	w.refused("there is no command \"remove\"", "remove")

	w.write("services/tasks/new.go", "package tasks\n")
	w.refused("the working tree has changes", "apply")
	w.refused("the working tree has changes", "undo")
	if err := os.Remove(filepath.Join(w.directory, "services/tasks/new.go")); err != nil {
		t.Fatal(err)
	}

	// A host of another version.
	for path, change := range map[string][2]string{
		"services/tasks/TaskRunner_logging.go": {"logPipe", "readPipe"},
		"services/tasks/TaskRunner.go":         {"logWG sync.WaitGroup", "logWG *sync.WaitGroup"},
		"services/runners/running_job.go":      {"{\n\tif p.status", "{\n\tp.LogWithTime(time.Now(), \"\")\n\tif p.status"},
	} {
		before := w.read(path)
		w.write(path, strings.ReplaceAll(before, change[0], change[1]))
		w.commit()
		w.refused("another version than the tool knows", "apply")
		w.write(path, before)
		w.commit()
	}
	w.write("services/tasks/TaskRunner_logging_rust.go", "package tasks\n")
	w.commit()
	w.refused("is there already", "apply")
}

func TestVerifyOfAnUntouchedTreeRecordsTheBaseLine(t *testing.T) {
	w := newWorld(t)
	t.Setenv("CGO_ENABLED", "0")
	said := w.must("verify")
	if !strings.Contains(said, "untouched, module .: 2 packages with tests, 2 tests passed") {
		t.Errorf("the base line is\n%s", said)
	}
	recorded, err := filepath.Glob(filepath.Join(w.directory, ".git/strangle/base-*.json"))
	if err != nil || len(recorded) != 1 || w.git("status", "--porcelain") != "" {
		t.Errorf("the base line is not kept beside the tree: %v, %v", recorded, err)
	}
}
