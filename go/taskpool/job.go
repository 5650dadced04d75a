package taskpool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// Job is a job of a pool.
type Job struct {
	Request

	pool      *Pool
	ctx       context.Context
	operation *core.Operation
	// started is closed when the fields above are set.
	started chan struct{}
	status  atomic.Int32
	// refused is why it could not be prepared.
	refused atomic.Pointer[error]
}

// notItsTurn is the call whose CodeState says that the job was cancelled or sent back.
const notItsTurn = "semaphore: pool_start"

// later is the error of Later.
type later struct{ after time.Duration }

func (l later) Error() string {
	return fmt.Sprintf("semaphore: the job is to wait for another %v", l.after)
}

// Later is what Options.Prepare returns for a job that cannot begin now: it goes back behind those that wait and rests for this time.
func Later(after time.Duration) error { return later{after} }

// Status is the status of the job.
func (j *Job) Status() tasklogger.TaskStatus {
	return tasklogger.TaskStatus(native.TaskStatuses[j.status.Load()])
}

// Done is closed when the job is over.
func (j *Job) Done() <-chan struct{} { return j.operation.Done() }

// Wait returns when the job is over and nothing of it is left. Outcome and error are those of taskrunner.Job.Wait; a job that never
// began is context.Canceled, and its status stopped if it was cancelled, waiting if the pool gave it back. The error of Prepare is in
// the error, if that is why.
func (j *Job) Wait() (taskrunner.Outcome, error) {
	var outcome taskrunner.Outcome
	result, err := j.operation.Wait()
	if parsed := json.Unmarshal(result, &outcome); parsed != nil && err == nil {
		err = fmt.Errorf("semaphore: the outcome of a job is not understood: %w", parsed)
	}
	if refused := j.refused.Load(); refused != nil && err != nil {
		err = errors.Join(*refused, err)
	}
	return outcome, err
}

// Confirm answers a job whose status is waiting_confirmation; an error if it does not wait.
func (j *Job) Confirm(accept bool) error {
	var yes int32
	if accept {
		yes = 1
	}
	return core.Convert(native.JobConfirm(j.operation.Handle(), yes))
}

// Stop ends the job, as Pool.Cancel does.
func (j *Job) Stop(force bool) error { return j.operation.Stop(force) }

// deliver takes a frame from the pump.
func (j *Job) deliver(frame core.Frame) {
	switch frame.Kind {
	case native.FrameStatus:
		number := core.Int32(frame.Payload, 0)
		if number >= 0 && int(number) < len(native.TaskStatuses) {
			j.status.Store(number)
			j.pool.notices.add(j, tasklogger.TaskStatus(native.TaskStatuses[number]))
		}
	case native.FrameReady:
		go j.begin()
	}
}

// begin asks what the job does, and hands it over.
func (j *Job) begin() {
	<-j.started
	log, options, err := j.pool.options.Prepare(j.ctx, j)
	if err == nil {
		err = j.handOver(log, options)
	}
	var rest later
	var failure *core.Error
	switch {
	case err == nil:
	case errors.As(err, &rest):
		// Refused if it was cancelled meanwhile: its end is told then.
		_ = j.pool.Requeue(j.ID, rest.after)
	case errors.As(err, &failure) && failure.Op == notItsTurn && failure.Code == core.CodeState:
		// Cancelled or sent back meanwhile, which is told.
	default:
		j.refused.Store(&err)
		_ = j.operation.Stop(true)
	}
}

func (j *Job) handOver(log *tasklogger.Logger, options taskrunner.Options) error {
	if log == nil {
		return errors.New("semaphore: a job of a pool has no logger")
	}
	spec, secrets, err := options.Encode()
	if err != nil {
		return err
	}
	defer clear(secrets)
	return core.Convert(native.PoolStart(j.operation.Handle(), spec, secrets, log.Handle()))
}
