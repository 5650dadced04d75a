// Package tasklog holds the words of a task's log: its statuses, its listeners and the interface of whatever writes it.
//
// It is pure Go in every build, without cgo, so that a host can name these types in files that are compiled with and without the
// library. Package tasklogger is the implementation that the library gives.
package tasklog

import (
	"os/exec"
	"slices"
	"time"
)

// TaskStatus is the status of a task, as it is stored and sent to clients.
type TaskStatus string

// The ten statuses.
const (
	TaskWaitingStatus       TaskStatus = "waiting"
	TaskStartingStatus      TaskStatus = "starting"
	TaskWaitingConfirmation TaskStatus = "waiting_confirmation"
	TaskConfirmed           TaskStatus = "confirmed"
	TaskRejected            TaskStatus = "rejected"
	TaskRunningStatus       TaskStatus = "running"
	TaskStoppingStatus      TaskStatus = "stopping"
	TaskStoppedStatus       TaskStatus = "stopped"
	TaskSuccessStatus       TaskStatus = "success"
	TaskFailStatus          TaskStatus = "error"
)

// all holds the statuses in the order of the library's numbers.
var all = []TaskStatus{
	TaskWaitingStatus, TaskStartingStatus, TaskWaitingConfirmation, TaskConfirmed, TaskRejected,
	TaskRunningStatus, TaskStoppingStatus, TaskStoppedStatus, TaskSuccessStatus, TaskFailStatus,
}

// UnfinishedTaskStatuses lists the statuses after which something follows.
func UnfinishedTaskStatuses() []TaskStatus {
	return slices.DeleteFunc(slices.Clone(all), TaskStatus.IsFinished)
}

// IsValid says whether it is one of the ten.
func (s TaskStatus) IsValid() bool { return slices.Contains(all, s) }

// IsNotifiable says whether alerts are sent for it.
func (s TaskStatus) IsNotifiable() bool {
	return s == TaskSuccessStatus || s == TaskFailStatus || s == TaskWaitingConfirmation
}

// IsFinished says whether nothing follows.
func (s TaskStatus) IsFinished() bool {
	return s == TaskStoppedStatus || s == TaskSuccessStatus || s == TaskFailStatus
}

var words = map[TaskStatus]string{
	TaskWaitingStatus:       "❓ WAITING",
	TaskStartingStatus:      "❓ STARTING",
	TaskWaitingConfirmation: "⚠️ WAITING_CONFIRMATION",
	TaskConfirmed:           "❓ CONFIRMED",
	TaskRejected:            "❓ REJECTED",
	TaskRunningStatus:       "❓ RUNNING",
	TaskStoppingStatus:      "❓ STOPPING",
	TaskStoppedStatus:       "⏹️ STOPPED",
	TaskSuccessStatus:       "✅ SUCCESS",
	TaskFailStatus:          "❌ ERROR",
}

// Format is the text for people, with a symbol.
func (s TaskStatus) Format() string {
	if word, known := words[s]; known {
		return word
	}
	return "❓ UNKNOWN"
}

// StatusListener is told about a new status.
type StatusListener func(status TaskStatus)

// LogListener is told about a line. It may take its time, and may wait for other operations of the runtime, but not for
// WaitLog of its own logger.
type LogListener func(new time.Time, msg string)

// Logger writes the log of one task and knows its status.
type Logger interface {
	Log(msg string)
	Logf(format string, a ...any)
	LogWithTime(now time.Time, msg string)
	LogfWithTime(now time.Time, format string, a ...any)
	LogCmd(cmd *exec.Cmd)
	SetStatus(status TaskStatus)
	AddStatusListener(l StatusListener)
	AddLogListener(l LogListener)

	SetCommit(hash, message string)

	WaitLog()
}
