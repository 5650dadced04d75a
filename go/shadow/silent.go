package shadow

import (
	"os/exec"
	"time"

	"github.com/semaphore-rs/semaphore/go/tasklog"
)

// Silent is a logger of nobody: what the Go implementation says while it is compared is not said twice. The zero value is ready.
type Silent struct{}

var _ tasklog.Logger = Silent{}

// Log and the other methods do nothing. A command that LogCmd was told about writes to nowhere.
func (Silent) Log(string) {}

// Logf does nothing.
func (Silent) Logf(string, ...any) {}

// LogWithTime does nothing.
func (Silent) LogWithTime(time.Time, string) {}

// LogfWithTime does nothing.
func (Silent) LogfWithTime(time.Time, string, ...any) {}

// LogCmd leaves the command as it is: without readers of its own, it writes to nowhere.
func (Silent) LogCmd(*exec.Cmd) {}

// SetStatus does nothing.
func (Silent) SetStatus(tasklog.TaskStatus) {}

// AddStatusListener forgets the listener: there is no status.
func (Silent) AddStatusListener(tasklog.StatusListener) {}

// AddLogListener forgets the listener: there are no lines.
func (Silent) AddLogListener(tasklog.LogListener) {}

// SetCommit does nothing.
func (Silent) SetCommit(string, string) {}

// WaitLog returns at once.
func (Silent) WaitLog() {}
