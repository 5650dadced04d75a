// Runmany runs the scripts of a directory as jobs of a pool: at most so many at once, first come, first served.
//
//	go run -tags rust ./examples/runmany -parallel 4 DIRECTORY
//
// Every line is printed with the name of its script. Ctrl-C drains the pool: scripts that have not begun are named as waiting, those
// that run are stopped by their plan. The program exits with 1 unless all succeeded.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskpool"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, output io.Writer) error {
	flags := flag.NewFlagSet("runmany", flag.ContinueOnError)
	parallel := flags.Int("parallel", 2, "scripts that run at once; 0 means all")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	directory, err := filepath.Abs(flags.Arg(0))
	if err != nil || flags.NArg() != 1 {
		return errors.Join(errors.New("name one directory with scripts (*.sh)"), err)
	}
	scripts, err := filepath.Glob(filepath.Join(directory, "*.sh"))
	if err != nil || len(scripts) == 0 {
		return errors.Join(fmt.Errorf("%s holds no script (*.sh)", directory), err)
	}
	tmp, err := os.MkdirTemp("", "runmany-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	runtime, err := semaphore.Open(semaphore.Options{})
	if err != nil {
		return err
	}
	defer runtime.Close()
	work := &work{runtime: runtime, directory: directory, scripts: scripts, tmp: tmp, output: output}
	pool, err := taskpool.Open(runtime, taskpool.Options{Limits: taskpool.Limits{MaxParallel: *parallel}, Prepare: work.prepare})
	if err != nil {
		return err
	}
	defer pool.Close()
	return work.all(ctx, pool)
}

// work is what the jobs have in common.
type work struct {
	runtime        *semaphore.Runtime
	directory, tmp string
	scripts        []string

	mu     sync.Mutex
	output io.Writer
}

func (w *work) printf(format string, values ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.output, format, values...)
}

func (w *work) name(id int) string { return filepath.Base(w.scripts[id]) }

// all submits every script, and waits for all of them or for the end of the context.
func (w *work) all(ctx context.Context, pool *taskpool.Pool) error {
	requests := make([]taskpool.Request, len(w.scripts))
	for id := range w.scripts {
		requests[id] = taskpool.Request{ID: id, ProjectID: 1, TemplateID: id, AllowParallel: true}
	}
	jobs, err := pool.Submit(context.Background(), requests...)
	if err != nil {
		return err
	}
	if err := pool.Drain(ctx, taskpool.DrainAll); err != nil {
		// Asked to stop; with the same way out for what has begun.
		if err := pool.Drain(context.Background(), taskpool.DrainStop); err != nil {
			return err
		}
	}
	var failed []error
	for _, job := range jobs {
		outcome, err := job.Wait()
		w.printf("%s: %s %s\n", w.name(job.ID), outcome.Status, outcome.Text)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", w.name(job.ID), err))
		}
	}
	return errors.Join(failed...)
}

// prepare is asked when it is a script's turn.
func (w *work) prepare(_ context.Context, job *taskpool.Job) (*tasklogger.Logger, taskrunner.Options, error) {
	log, err := tasklogger.New(w.runtime, tasklogger.Options{Flavour: tasklogger.FlavourStrict})
	if err != nil {
		return nil, taskrunner.Options{}, err
	}
	name := w.name(job.ID)
	log.AddLogListener(func(_ time.Time, line string) { w.printf("%s | %s\n", name, line) })
	go func() {
		<-job.Done()
		log.Close()
	}()
	return log, taskrunner.Options{
		Config: semaphore.Config{TmpPath: w.tmp, Path: os.Getenv("PATH"), Home: os.Getenv("HOME"), HomeDirMode: "user_home"},
		Spec: taskrunner.Spec{
			TaskID: job.ID, ProjectID: job.ProjectID, TemplateID: job.TemplateID, App: "bash", Playbook: name,
			Repository: taskrunner.Repository{ID: 1, Name: "directory", URL: w.directory, Key: taskrunner.Key{ID: 1, Kind: taskrunner.NoKey()}},
		},
	}, nil
}
