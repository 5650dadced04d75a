package tasklogger

import (
	"fmt"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
)

// Output carries the output of commands into the log of a host that keeps log and status in structures of its own, and tells
// which status may follow which. It is made to be a field there: the zero value is ready, and it must not be copied after use.
//
// The log behind it is opened on the shared runtime when the first command comes, and closed when the task is over.
type Output struct {
	mu     sync.Mutex
	logger *Logger
	// lines is the host's log; the one of the newest command counts.
	lines LogListener
}

// LogCmd gives the output of a command, which is not started yet, to a listener, line by line and in order, on a goroutine of
// this Output. A command whose output cannot be taken does not start: its Start gives the reason.
func (o *Output) LogCmd(cmd *exec.Cmd, lines LogListener) {
	if err := o.logCmd(cmd, lines); err != nil && cmd.Err == nil {
		cmd.Err = fmt.Errorf("the output of the command cannot be logged: %w", err)
	}
}

func (o *Output) logCmd(cmd *exec.Cmd, lines LogListener) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = lines
	if o.logger == nil {
		runtime, err := core.Shared()
		if err != nil {
			return err
		}
		logger, err := New(runtime, Options{Flavour: FlavourNone})
		if err != nil {
			return err
		}
		logger.AddLogListener(o.tell)
		o.logger = logger
	}
	return o.logger.attachCommand(cmd)
}

func (o *Output) tell(now time.Time, msg string) {
	o.mu.Lock()
	lines := o.lines
	o.mu.Unlock()
	lines(now, msg)
}

// WaitLog returns when the listener has seen all output of commands that have ended, see Logger.WaitLog.
func (o *Output) WaitLog() {
	o.mu.Lock()
	logger := o.logger
	o.mu.Unlock()
	if logger != nil {
		logger.WaitLog()
	}
}

// Close ends the log behind it, as Logger.Close does: what was written is told first. A command that comes later opens another.
func (o *Output) Close() {
	o.mu.Lock()
	logger := o.logger
	o.logger = nil
	o.mu.Unlock()
	if logger != nil {
		// It is this Output's own, and closed once: there is nobody whom an error would tell something.
		_ = logger.Close()
	}
}

// StatusAllowed says whether a task's status may become another one by a rule. If it may and the task is over with it, the output
// comes first: for success and error it waits until the listener has seen it, as Logger.SetStatus does. Stopped does not
// wait, because it is set while the programs still run.
func (o *Output) StatusAllowed(from, to TaskStatus, flavour Flavour) bool {
	if !allowed(from, to, flavour) {
		return false
	}
	switch to {
	case TaskStoppedStatus:
		go o.Close()
	case TaskSuccessStatus, TaskFailStatus:
		o.Close()
	}
	return true
}

// allowed takes every change from and to a status that is none of the ten, for which there is no rule.
func allowed(from, to TaskStatus, flavour Flavour) bool {
	if from == to {
		return false
	}
	if !from.IsValid() || !to.IsValid() {
		return true
	}
	next, err := Next(from, to, flavour)
	if err != nil {
		slog.Error("semaphore: a status was not set", "from", string(from), "to", string(to), "error", err)
		return false
	}
	return next == to
}
