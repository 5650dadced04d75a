// Package task_logger is what a task's log can do. It knows no other package of the mini host.
package task_logger

import (
	"os/exec"
	"slices"
	"strings"
	"time"
)

// TaskStatus is how far a task is.
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

var (
	finished  = []TaskStatus{TaskStoppedStatus, TaskSuccessStatus, TaskFailStatus}
	notifying = []TaskStatus{TaskSuccessStatus, TaskFailStatus, TaskWaitingConfirmation}
	signs     = map[TaskStatus]string{TaskFailStatus: "❌", TaskSuccessStatus: "✅", TaskStoppedStatus: "⏹️", TaskWaitingConfirmation: "⚠️"}
)

// UnfinishedTaskStatuses lists those after which something follows.
func UnfinishedTaskStatuses() []TaskStatus {
	return []TaskStatus{TaskWaitingStatus, TaskStartingStatus, TaskWaitingConfirmation, TaskConfirmed, TaskRejected, TaskRunningStatus, TaskStoppingStatus}
}

// IsValid says whether it is one of the ten.
func (s TaskStatus) IsValid() bool {
	return s.IsFinished() || slices.Contains(UnfinishedTaskStatuses(), s)
}

// IsNotifiable says whether people are told.
func (s TaskStatus) IsNotifiable() bool { return slices.Contains(notifying, s) }

// IsFinished says whether nothing follows.
func (s TaskStatus) IsFinished() bool { return slices.Contains(finished, s) }

// Format is for people: a sign and a word.
func (s TaskStatus) Format() string {
	sign, word := signs[s], strings.ToUpper(string(s))
	if sign == "" {
		sign = "❓"
	}
	if !s.IsValid() {
		word = "UNKNOWN"
	}
	return sign + " " + word
}

// StatusListener is told a new status.
type StatusListener func(status TaskStatus)

// LogListener is told a line.
type LogListener func(new time.Time, msg string)

// Logger is the log and the status of one task.
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
