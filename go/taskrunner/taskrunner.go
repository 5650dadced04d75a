// Package taskrunner runs whole jobs: a repository is checked out, keys and inventories are installed, the app runs, and everything
// is cleaned up.
//
// The log of a job tells what happens, in order: its lines, the statuses running and waiting_confirmation, the commit, problems.
// The final status is not set: it is in the Outcome, and the host sets it when it has done what it does with results.
package taskrunner

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// Options of a job.
type Options struct {
	// Config is the machine.
	Config core.Config
	// Spec is the job.
	Spec Spec
	// Secrets holds the values that Spec names.
	Secrets Secrets
	// Deadline stops the job after this time; 0 means never.
	Deadline time.Duration
	// TellPrograms puts into the Outcome what was started, to compare it.
	TellPrograms bool
}

// Encode gives the library's form of a job and, apart from it, of its secrets; for package taskpool. Clear the secrets after use.
func (o Options) Encode() (spec, secrets []byte, err error) {
	spec, err = core.Document(struct {
		Version    int         `json:"version"`
		Config     core.Config `json:"config"`
		Job        Spec        `json:"job"`
		DeadlineMS int64       `json:"deadline_ms,omitempty"`
		Tell       bool        `json:"tell_programs,omitempty"`
	}{1, o.Config, o.Spec, core.Milliseconds(o.Deadline), o.TellPrograms})
	if err != nil {
		return nil, nil, err
	}
	return spec, o.Secrets.encode(), nil
}

// Outcome says how a job ended.
type Outcome struct {
	// Kind is success, failed (the program's exit), stopped, or broken (a stage could not do its work); waiting if a pool gave the job
	// back before it began.
	Kind string `json:"outcome"`
	// Status is the final status that belongs to it.
	Status tasklogger.TaskStatus `json:"status"`
	// Text is what the Go server says about a failure: "exit status 2".
	Text string `json:"text"`
	// Reason of a stop: requested, forced or deadline.
	Reason string `json:"reason"`
	// Stage that is broken, and why.
	Stage string `json:"stage"`
	Error string `json:"error"`
	// Commit that was checked out; empty for local directories.
	Commit struct {
		Hash    string `json:"hash"`
		Message string `json:"message"`
	} `json:"commit"`
	// Problems are the reasons that people can act on.
	Problems []tasklogger.Problem `json:"problems"`
	// KnownHosts are lines that were added to the known hosts.
	KnownHosts string `json:"known_hosts"`
	// Programs are those that were run, in their order, if Options.TellPrograms asked for them.
	Programs []StartedProgram `json:"programs"`
}

// StartedProgram is a program of a job as it was started.
type StartedProgram struct {
	// Argv is its name and its arguments; secrets are replaced by "***".
	Argv []string `json:"argv"`
	// Dir is where it works.
	Dir string `json:"dir"`
	// Env has the SHA-256 of each variable's value, Files that of the inventories that arguments name; in hexadecimal.
	Env   map[string]string `json:"env"`
	Files map[string]string `json:"files"`
}

// Job is a job that was started.
type Job struct {
	operation *core.Operation
}

// Start starts a job; when the context ends, it is stopped by the plan of what it runs. What cannot be done is told by Wait;
// Start fails only if the specification is not understood or something is closed.
func Start(ctx context.Context, runtime *core.Runtime, log *tasklogger.Logger, options Options) (*Job, error) {
	spec, secrets, err := options.Encode()
	if err != nil {
		return nil, err
	}
	defer clear(secrets)
	operation, err := core.StartOperation(ctx, runtime, nil, func() (native.Handle, error) {
		return native.JobStart(runtime.Handle(), spec, secrets, log.Handle())
	})
	if err != nil {
		return nil, err
	}
	return &Job{operation}, nil
}

// Run starts a job and waits for its end.
func Run(ctx context.Context, runtime *core.Runtime, log *tasklogger.Logger, options Options) (Outcome, error) {
	j, err := Start(ctx, runtime, log, options)
	if err != nil {
		return Outcome{}, err
	}
	return j.Wait()
}

// Wait returns when the job is over and nothing of it is left; its output is in the log, for which Logger.WaitLog waits. The
// Outcome is filled in every case; an outcome other than success is an error too: a *semaphore.ExitError if a program ended so,
// context.Canceled and the cause of the context if it was stopped, context.DeadlineExceeded for the deadline.
func (j *Job) Wait() (Outcome, error) {
	var outcome Outcome
	result, err := j.operation.Wait()
	if parsed := json.Unmarshal(result, &outcome); parsed != nil && err == nil {
		err = fmt.Errorf("semaphore: the outcome of a job is not understood: %w", parsed)
	}
	return outcome, err
}

// Done is closed when the job is over.
func (j *Job) Done() <-chan struct{} { return j.operation.Done() }

// Confirm answers a job whose status is waiting_confirmation; an error if it does not wait.
func (j *Job) Confirm(accept bool) error {
	var yes int32
	if accept {
		yes = 1
	}
	return core.Convert(native.JobConfirm(j.operation.Handle(), yes))
}

// Stop asks for the end: by the plan of what runs, or (force) by killing at once. Repeating it changes nothing.
func (j *Job) Stop(force bool) error {
	mode := native.CancelGraceful
	if force {
		mode = native.CancelNow
	}
	return core.Convert(native.JobStop(j.operation.Handle(), mode))
}
