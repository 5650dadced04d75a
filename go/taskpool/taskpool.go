// Package taskpool is a queue of jobs with limits: at most so many at once, in all, in a project, and of a template.
//
// A job is submitted with what the limits need to know. What it does, and with which secrets, is asked for when it is its turn
// (Options.Prepare), so no secret waits in a queue, and a change that was made meanwhile counts. First come, first served, except that
// a job which a limit holds back does not hold back those behind it.
//
// Nothing is stored: a host that wants its queue back after a restart submits it again. Drain says what was not begun.
package taskpool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// Limits say how many jobs run at once; 0 means any number.
type Limits struct {
	// MaxParallel is for the whole pool.
	MaxParallel int
	// Projects holds limits of projects, by their numbers.
	Projects map[int]int
}

func (l Limits) encode() ([]byte, error) {
	return json.Marshal(struct {
		Version     int         `json:"version"`
		MaxParallel int         `json:"max_parallel"`
		Projects    map[int]int `json:"projects,omitempty"`
	}{1, l.MaxParallel, l.Projects})
}

// Options of a pool.
type Options struct {
	Limits Limits
	// Prepare says what a job does and where its output goes, when it is its turn. It runs on a goroutine of its own; the context is that
	// of Submit. An error ends the job with it; the error of Later sends the job back into the queue. The logger is the caller's to close,
	// after Job.Wait.
	Prepare func(ctx context.Context, job *Job) (*tasklogger.Logger, taskrunner.Options, error)
	// OnStatus is told the statuses of jobs, in their order, on one goroutine of the pool; nil means nobody.
	OnStatus func(job *Job, status tasklogger.TaskStatus)
}

// Request is what the limits need to know of a job.
type Request struct {
	// ID is the caller's number for it; no two unfinished jobs of a pool have the same.
	ID         int `json:"id"`
	ProjectID  int `json:"project_id"`
	TemplateID int `json:"template_id"`
	// AllowParallel lets it run beside other jobs of its template.
	AllowParallel bool `json:"allow_parallel,omitempty"`
}

// Pool is a task pool. Close it.
type Pool struct {
	runtime *core.Runtime
	handle  native.Handle
	options Options
	drained chan struct{}
	closed  atomic.Bool
	notices *notices
	alarm   core.Alarm
}

// Open opens a pool on a runtime.
func Open(runtime *core.Runtime, options Options) (*Pool, error) {
	if options.Prepare == nil {
		return nil, errors.New("semaphore: Options.Prepare of the pool is missing: it says what a job does")
	}
	limits, err := options.Limits.encode()
	if err != nil {
		return nil, err
	}
	p := &Pool{runtime: runtime, options: options, drained: make(chan struct{}), notices: &notices{}}
	p.handle, err = runtime.Start(end{p.drained}, func() (native.Handle, error) { return native.PoolOpen(runtime.Handle(), limits) })
	if err != nil {
		return nil, err
	}
	if options.OnStatus != nil {
		p.notices.arrived = make(chan struct{}, 1)
		go p.notices.run(options.OnStatus, p.drained)
	}
	handle := p.handle
	p.alarm = core.NewAlarm(p, "task pool", runtime.Logger(), func() { _ = native.Close(handle) })
	return p, nil
}

// Submit puts jobs behind those that wait, all or none. When the context ends, they are cancelled. A number that an unfinished job
// has is fs.ErrExist; a pool that is drained refuses with CodeState.
func (p *Pool) Submit(ctx context.Context, requests ...Request) ([]*Job, error) {
	document, err := json.Marshal(struct {
		Version int       `json:"version"`
		Jobs    []Request `json:"jobs"`
	}{1, append([]Request{}, requests...)})
	if err != nil {
		return nil, err
	}
	jobs, frames := make([]*Job, len(requests)), make([]func(core.Frame), len(requests))
	for i, request := range requests {
		jobs[i] = &Job{Request: request, pool: p, ctx: ctx, started: make(chan struct{})}
		frames[i] = jobs[i].deliver
	}
	operations, err := core.StartOperations(ctx, p.runtime, frames, func(handles []native.Handle) error {
		return native.PoolSubmit(p.handle, document, handles)
	})
	if err != nil {
		return nil, err
	}
	for i, job := range jobs {
		job.operation = operations[i]
		close(job.started)
	}
	return jobs, nil
}

// SetLimits replaces the limits; what runs goes on.
func (p *Pool) SetLimits(limits Limits) error {
	document, err := limits.encode()
	if err != nil {
		return err
	}
	return core.Convert(native.PoolLimits(p.handle, document))
}

// Entry is a job of a snapshot.
type Entry struct {
	Request
	Status tasklogger.TaskStatus
	// Queued is when it was put into the queue, the last time.
	Queued time.Time
	// Began is when it was its turn; zero in the queue.
	Began time.Time
}

// Snapshot is what a pool holds at one moment.
type Snapshot struct {
	MaxParallel int
	// Drain is empty, or how the pool comes to its end: all, running, stop, kill.
	Drain string
	// Queue is in the order of the turns, as far as the limits allow.
	Queue []Entry
	// Running is in the order in which they began.
	Running []Entry
}

// Snapshot describes queue and running jobs.
func (p *Pool) Snapshot() (Snapshot, error) {
	type entry struct {
		Request
		Status   tasklogger.TaskStatus `json:"status"`
		QueuedNS int64                 `json:"queued_ns"`
		BeganNS  *int64                `json:"began_ns"`
	}
	var found struct {
		MaxParallel int     `json:"max_parallel"`
		Drain       string  `json:"drain"`
		Queue       []entry `json:"queue"`
		Running     []entry `json:"running"`
	}
	document, err := native.PoolSnapshot(p.handle)
	if err != nil {
		return Snapshot{}, core.Convert(err)
	}
	if err := json.Unmarshal(document, &found); err != nil {
		return Snapshot{}, fmt.Errorf("semaphore: the snapshot of a pool is not understood: %w", err)
	}
	entries := func(list []entry) []Entry {
		entries := make([]Entry, len(list))
		for i, e := range list {
			entries[i] = Entry{Request: e.Request, Status: e.Status, Queued: time.Unix(0, e.QueuedNS).UTC()}
			if e.BeganNS != nil {
				entries[i].Began = time.Unix(0, *e.BeganNS).UTC()
			}
		}
		return entries
	}
	return Snapshot{found.MaxParallel, found.Drain, entries(found.Queue), entries(found.Running)}, nil
}

// Cancel ends a job by its number: one that waits never begins, one that runs is stopped by its plan, or (force) killed. A number that
// no unfinished job has is fs.ErrNotExist.
func (p *Pool) Cancel(id int, force bool) error {
	return core.Convert(native.PoolCancel(p.handle, int64(id), cancelMode(force)))
}

// Requeue sends a job that is starting or running back behind those that wait, where it rests for at least this time; one that runs
// is stopped first.
func (p *Pool) Requeue(id int, after time.Duration) error {
	return core.Convert(native.PoolRequeue(p.handle, int64(id), uint32(core.Milliseconds(after))))
}

// DrainMode says how a pool comes to its end.
type DrainMode int32

const (
	// DrainAll lets every job go on to its end.
	DrainAll = DrainMode(native.DrainAll)
	// DrainRunning gives jobs that have not begun back, and lets the others go on.
	DrainRunning = DrainMode(native.DrainRunning)
	// DrainStop gives jobs that have not begun back, and stops the others by their plans.
	DrainStop = DrainMode(native.DrainStop)
)

// Drain takes no more jobs and returns when the pool holds none: every Job.Done is closed then. The outcome of a job that was given
// back has the status waiting. When the context ends first, its cause is returned, and the pool goes on; a stronger mode may follow.
func (p *Pool) Drain(ctx context.Context, mode DrainMode) error {
	if err := native.PoolDrain(p.handle, int32(mode)); err != nil {
		return core.Convert(err)
	}
	select {
	case <-p.drained:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close gives jobs that wait back, kills those that run, and returns when the pool holds none. A second Close is os.ErrClosed.
func (p *Pool) Close() error {
	if p.closed.Swap(true) {
		return os.ErrClosed
	}
	p.alarm.Disarm()
	err := native.Close(p.handle)
	<-p.drained
	p.runtime.Forget(p.handle)
	return core.Convert(err)
}

func cancelMode(force bool) int32 {
	if force {
		return native.CancelNow
	}
	return native.CancelGraceful
}

// end is told when the pool holds no job any more.
type end struct{ drained chan struct{} }

// Deliver takes a frame from the pump.
func (e end) Deliver(frame core.Frame) {
	if frame.Kind == native.FrameDrained {
		close(e.drained)
	}
}

// Detach says that no frame follows: the runtime is down.
func (e end) Detach() {
	select {
	case <-e.drained:
	default:
		close(e.drained)
	}
}

// notices are statuses on their way to OnStatus, so that the pump waits for nobody.
type notices struct {
	mu      sync.Mutex
	list    []notice
	arrived chan struct{}
}

type notice struct {
	job    *Job
	status tasklogger.TaskStatus
}

func (n *notices) add(job *Job, status tasklogger.TaskStatus) {
	if n.arrived == nil {
		return
	}
	n.mu.Lock()
	n.list = append(n.list, notice{job, status})
	n.mu.Unlock()
	select {
	case n.arrived <- struct{}{}:
	default:
	}
}

func (n *notices) run(tell func(*Job, tasklogger.TaskStatus), over <-chan struct{}) {
	for isOver := false; !isOver; {
		select {
		case <-n.arrived:
		case <-over:
			// Nothing follows: what is there is told, and that is all.
			isOver = true
		}
		n.mu.Lock()
		list := n.list
		n.list = nil
		n.mu.Unlock()
		for _, notice := range list {
			<-notice.job.started
			tell(notice.job, notice.status)
		}
	}
}
