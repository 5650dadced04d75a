//go:build rust && cgo

package taskpool_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskpool"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// world is a machine with a pool, whose jobs are scripts by their numbers.
type world struct {
	testkit.Machine
	t       *testing.T
	runtime *semaphore.Runtime
	pool    *taskpool.Pool

	mu       sync.Mutex
	scripts  map[int]string
	logs     map[int]*testkit.Recorder
	prepared []int
	statuses map[int][]tasklogger.TaskStatus
	// refuse makes Prepare fail, once.
	refuse map[int]error
}

func newWorld(t *testing.T, limits taskpool.Limits) *world {
	t.Helper()
	w := &world{
		Machine: testkit.NewMachine(t), t: t, runtime: testkit.Open(t), scripts: map[int]string{}, logs: map[int]*testkit.Recorder{},
		statuses: map[int][]tasklogger.TaskStatus{}, refuse: map[int]error{},
	}
	pool, err := taskpool.Open(w.runtime, taskpool.Options{Limits: limits, Prepare: w.prepare, OnStatus: func(job *taskpool.Job, status tasklogger.TaskStatus) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.statuses[job.ID] = append(w.statuses[job.ID], status)
	}})
	if err != nil {
		t.Fatal(err)
	}
	w.pool = pool
	t.Cleanup(func() {
		if err := pool.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return w
}

func (w *world) prepare(_ context.Context, job *taskpool.Job) (*tasklogger.Logger, taskrunner.Options, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.prepared = append(w.prepared, job.ID)
	if err := w.refuse[job.ID]; err != nil {
		delete(w.refuse, job.ID)
		return nil, taskrunner.Options{}, err
	}
	name := fmt.Sprintf("%d.sh", job.ID)
	w.Write("repository/"+name, w.scripts[job.ID])
	log, err := tasklogger.New(w.runtime, tasklogger.Options{Flavour: tasklogger.FlavourStrict})
	if err != nil {
		return nil, taskrunner.Options{}, err
	}
	w.logs[job.ID] = testkit.Record(log)
	go func() {
		<-job.Done()
		_ = log.Close()
	}()
	return log, taskrunner.Options{Config: w.Config(), Secrets: taskrunner.Secrets{"token": []byte("hunter2")}, Spec: taskrunner.Spec{
		TaskID: job.ID, ProjectID: job.ProjectID, TemplateID: job.TemplateID, App: "bash", Playbook: name,
		Repository:  taskrunner.Repository{ID: 4, Name: "files", URL: w.Path("repository"), Key: taskrunner.Key{ID: 1, Kind: taskrunner.NoKey()}},
		Environment: taskrunner.Environment{Secrets: []taskrunner.SecretVariable{{Name: "TOKEN", Kind: "env", Value: taskrunner.Secret{Name: "token"}}}},
	}}, nil
}

func (w *world) submit(ctx context.Context, requests ...taskpool.Request) []*taskpool.Job {
	w.t.Helper()
	jobs, err := w.pool.Submit(ctx, requests...)
	if err != nil {
		w.t.Fatal(err)
	}
	return jobs
}

// has says whether a job has written a line.
func (w *world) has(id int, line string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.logs[id]
	return log != nil && log.Has(line)
}

func (w *world) told(id int) []tasklogger.TaskStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statuses[id])
}

// noted is a script that notes when it begins and ends.
func (w *world) noted(rest string) string {
	return fmt.Sprintf("echo + >> %[1]s\n%[2]s\necho - >> %[1]s\n", w.Path("notes"), rest)
}

// mostAtOnce is the largest number of noted jobs that ran at a time.
func (w *world) mostAtOnce() int {
	notes, err := os.ReadFile(w.Path("notes"))
	if err != nil {
		w.t.Fatal(err)
	}
	now, most := 0, 0
	for line := range strings.Lines(string(notes)) {
		if line == "+\n" {
			now++
		} else {
			now--
		}
		most = max(most, now)
	}
	if now != 0 {
		w.t.Errorf("%d jobs have not ended", now)
	}
	return most
}

func ids(entries []taskpool.Entry) []int {
	var ids []int
	for _, entry := range entries {
		ids = append(ids, entry.ID)
	}
	return ids
}

func TestTwoHundredJobsKeepTheLimitsAndTheOrder(t *testing.T) {
	w := newWorld(t, taskpool.Limits{MaxParallel: 6, Projects: map[int]int{2: 1}})
	var requests []taskpool.Request
	for id := 1; id <= 200; id++ {
		w.scripts[id] = w.noted("test \"$TOKEN\" = hunter2 && sleep 0.03")
		project := 1
		if id%10 == 0 {
			project, w.scripts[id] = 2, fmt.Sprintf("mkdir %[1]s && sleep 0.02 && rmdir %[1]s", w.Path("alone"))
		}
		requests = append(requests, taskpool.Request{ID: id, ProjectID: project, TemplateID: 1, AllowParallel: true})
	}
	jobs := w.submit(context.Background(), requests...)
	if err := w.pool.Drain(context.Background(), taskpool.DrainAll); err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		select {
		case <-job.Done():
		default:
			t.Errorf("the pool is drained, and job %d is not done", job.ID)
		}
		if outcome, err := job.Wait(); err != nil || outcome.Kind != "success" || job.Status() != tasklogger.TaskSuccessStatus {
			t.Errorf("%d: %+v %v", job.ID, outcome, err)
		}
	}
	if most := w.mostAtOnce(); most > 6 || most < 2 {
		t.Errorf("%d jobs ran at once", most)
	}
	if s, err := w.runtime.Statistics(); err != nil || s.Performed.Jobs != 200 {
		t.Errorf("%+v %v", s, err)
	}
	if _, err := w.pool.Submit(context.Background(), taskpool.Request{ID: 1}); !errors.Is(err, semaphore.CodeState) {
		t.Error(err)
	}
	want := []tasklogger.TaskStatus{tasklogger.TaskStartingStatus, tasklogger.TaskRunningStatus, tasklogger.TaskSuccessStatus}
	testkit.Eventually(t, "the statuses", func() bool { return slices.Equal(w.told(200), want) })
}

func TestSnapshotTemplateLimitAndCancel(t *testing.T) {
	w := newWorld(t, taskpool.Limits{})
	w.scripts[1] = "trap 'echo caught; exit 0' TERM; echo here; while :; do sleep 0.01; done"
	w.scripts[3] = "true"
	jobs := w.submit(context.Background(), taskpool.Request{ID: 1, ProjectID: 7, TemplateID: 5}, taskpool.Request{ID: 2, ProjectID: 7, TemplateID: 5},
		taskpool.Request{ID: 3, ProjectID: 7, TemplateID: 6}, taskpool.Request{ID: 4, ProjectID: 7, TemplateID: 5})
	testkit.Eventually(t, "the first job", func() bool { return w.has(1, "here") })
	if _, err := jobs[2].Wait(); err != nil {
		t.Error(err)
	}
	snapshot, err := w.pool.Snapshot()
	if err != nil || !slices.Equal(ids(snapshot.Queue), []int{2, 4}) || !slices.Equal(ids(snapshot.Running), []int{1}) {
		t.Fatalf("%+v %v", snapshot, err)
	}
	first, queued := snapshot.Running[0], snapshot.Queue[0]
	if first.Status != tasklogger.TaskRunningStatus || first.TemplateID != 5 || first.Began.Before(first.Queued) || !queued.Began.IsZero() || queued.Status != tasklogger.TaskWaitingStatus {
		t.Errorf("%+v", snapshot)
	}

	if err := w.pool.Cancel(2, false); err != nil {
		t.Fatal(err)
	}
	if outcome, err := jobs[1].Wait(); !errors.Is(err, context.Canceled) || outcome.Status != tasklogger.TaskStoppedStatus {
		t.Errorf("%+v %v", outcome, err)
	}
	if err := w.pool.Cancel(2, false); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := jobs[0].Confirm(true); !errors.Is(err, semaphore.CodeState) {
		t.Error(err)
	}
	if err := jobs[0].Stop(false); err != nil {
		t.Fatal(err)
	}
	if outcome, err := jobs[0].Wait(); !errors.Is(err, context.Canceled) || outcome.Kind != "stopped" {
		t.Errorf("%+v %v", outcome, err)
	}
	testkit.Eventually(t, "the stop plan's effect", func() bool { return w.has(1, "caught") })
	if _, err := jobs[3].Wait(); err != nil {
		t.Error(err)
	}
	if slices.Contains(w.prepared, 2) {
		t.Error("a job that was cancelled in the queue was prepared")
	}
}

func TestTheContextOfSubmitCancels(t *testing.T) {
	w := newWorld(t, taskpool.Limits{MaxParallel: 1})
	w.scripts[1] = "echo here; exec sleep 60"
	cause := errors.New("nobody wants it")
	ctx, cancel := context.WithCancelCause(context.Background())
	jobs := w.submit(ctx, taskpool.Request{ID: 1}, taskpool.Request{ID: 2})
	testkit.Eventually(t, "the first job", func() bool { return w.has(1, "here") })
	cancel(cause)
	for _, job := range jobs {
		if outcome, err := job.Wait(); !errors.Is(err, cause) || outcome.Status != tasklogger.TaskStoppedStatus {
			t.Errorf("%+v %v", outcome, err)
		}
	}
	if _, err := w.pool.Submit(ctx, taskpool.Request{ID: 3}); !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestAJobThatCannotBePreparedEndsWithTheReasonOrWaits(t *testing.T) {
	w := newWorld(t, taskpool.Limits{MaxParallel: 1})
	reason := errors.New("the key is locked")
	w.refuse[1], w.refuse[2] = reason, taskpool.Later(200*time.Millisecond)
	w.scripts[3] = "true"
	before := time.Now()
	jobs := w.submit(context.Background(), taskpool.Request{ID: 1, AllowParallel: true}, taskpool.Request{ID: 2, AllowParallel: true}, taskpool.Request{ID: 3, AllowParallel: true})
	if _, err := jobs[0].Wait(); !errors.Is(err, reason) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, job := range jobs[1:] {
		if _, err := job.Wait(); err != nil {
			t.Error(err)
		}
	}
	if waited := time.Since(before); waited < 200*time.Millisecond || !slices.Equal(w.prepared, []int{1, 2, 3, 2}) {
		t.Error(waited, w.prepared)
	}
}

func TestARunningJobGoesBackAndRunsAgain(t *testing.T) {
	w := newWorld(t, taskpool.Limits{MaxParallel: 1})
	w.scripts[1] = fmt.Sprintf("if [ -e %[1]s ]; then echo again; else touch %[1]s; echo first; exec sleep 60; fi", w.Path("once"))
	job := w.submit(context.Background(), taskpool.Request{ID: 1})[0]
	testkit.Eventually(t, "its first run", func() bool { return w.has(1, "first") })
	if err := w.pool.Requeue(1, 0); err != nil {
		t.Fatal(err)
	}
	if outcome, err := job.Wait(); err != nil || outcome.Kind != "success" {
		t.Errorf("%+v %v", outcome, err)
	}
	testkit.Eventually(t, "its second run", func() bool { return w.has(1, "again") })
	if want := []int{1, 1}; !slices.Equal(w.prepared, want) {
		t.Error(w.prepared)
	}
	if err := w.pool.Requeue(1, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestADrainLosesNothing(t *testing.T) {
	w := newWorld(t, taskpool.Limits{MaxParallel: 1})
	w.scripts[1] = fmt.Sprintf("echo here; while [ ! -e %s ]; do sleep 0.01; done", w.Path("go"))
	jobs := w.submit(context.Background(), taskpool.Request{ID: 1}, taskpool.Request{ID: 2}, taskpool.Request{ID: 3})
	testkit.Eventually(t, "the first job", func() bool { return w.has(1, "here") })
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := w.pool.Drain(ctx, taskpool.DrainRunning); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	for _, job := range jobs[1:] {
		if outcome, err := job.Wait(); !errors.Is(err, context.Canceled) || outcome.Status != tasklogger.TaskWaitingStatus {
			t.Errorf("given back: %+v %v", outcome, err)
		}
	}
	w.Write("go", "")
	if err := w.pool.Drain(context.Background(), taskpool.DrainRunning); err != nil {
		t.Error(err)
	}
	if outcome, err := jobs[0].Wait(); err != nil || outcome.Kind != "success" {
		t.Errorf("%+v %v", outcome, err)
	}
	if err := w.pool.Close(); err != nil {
		t.Error(err)
	}
	if err := w.pool.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := w.pool.Snapshot(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestRaisedLimitsAndWrongRequests(t *testing.T) {
	w := newWorld(t, taskpool.Limits{MaxParallel: 1})
	w.scripts[1], w.scripts[2] = "exec sleep 60", "true"
	jobs := w.submit(context.Background(), taskpool.Request{ID: 1}, taskpool.Request{ID: 2, AllowParallel: true})
	if _, err := w.pool.Submit(context.Background(), taskpool.Request{ID: 3}, taskpool.Request{ID: 2}); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := w.pool.SetLimits(taskpool.Limits{MaxParallel: -1}); !errors.Is(err, semaphore.CodeParse) {
		t.Error(err)
	}
	if err := w.pool.SetLimits(taskpool.Limits{MaxParallel: 2}); err != nil {
		t.Error(err)
	}
	if _, err := jobs[1].Wait(); err != nil {
		t.Error(err)
	}
	if _, err := taskpool.Open(w.runtime, taskpool.Options{}); err == nil {
		t.Error("a pool without Prepare was opened")
	}
	if err := w.pool.Close(); err != nil {
		t.Error(err)
	}
	if _, err := jobs[0].Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestClosingTheRuntimeEndsEveryJob(t *testing.T) {
	runtime, err := semaphore.Open(semaphore.Options{Grace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := taskpool.Open(runtime, taskpool.Options{Prepare: func(context.Context, *taskpool.Job) (*tasklogger.Logger, taskrunner.Options, error) {
		select {}
	}})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := pool.Submit(context.Background(), taskpool.Request{ID: 1}, taskpool.Request{ID: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.Close(); err != nil {
		t.Error(err)
	}
	for _, job := range jobs {
		if outcome, err := job.Wait(); !errors.Is(err, context.Canceled) || outcome.Status != tasklogger.TaskWaitingStatus {
			t.Errorf("%+v %v", outcome, err)
		}
	}
	testkit.Within(t, "Close", testkit.Patience, func() { _ = pool.Close() })
}
