package tasklogger

import (
	"fmt"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklog"
)

// TaskStatus is the status of a task, as it is stored and sent to clients.
type TaskStatus = tasklog.TaskStatus

// The ten statuses.
const (
	TaskWaitingStatus       = tasklog.TaskWaitingStatus
	TaskStartingStatus      = tasklog.TaskStartingStatus
	TaskWaitingConfirmation = tasklog.TaskWaitingConfirmation
	TaskConfirmed           = tasklog.TaskConfirmed
	TaskRejected            = tasklog.TaskRejected
	TaskRunningStatus       = tasklog.TaskRunningStatus
	TaskStoppingStatus      = tasklog.TaskStoppingStatus
	TaskStoppedStatus       = tasklog.TaskStoppedStatus
	TaskSuccessStatus       = tasklog.TaskSuccessStatus
	TaskFailStatus          = tasklog.TaskFailStatus
)

// UnfinishedTaskStatuses lists the statuses after which something follows.
func UnfinishedTaskStatuses() []TaskStatus { return tasklog.UnfinishedTaskStatuses() }

func numberOf(s TaskStatus) (int32, bool) {
	for number, name := range native.TaskStatuses {
		if name == string(s) {
			return int32(number), true
		}
	}
	return 0, false
}

func statusOf(number int32) (TaskStatus, bool) {
	if number < 0 || int(number) >= len(native.TaskStatuses) {
		return "", false
	}
	return TaskStatus(native.TaskStatuses[number]), true
}

// Flavour is the rule of which status may follow which.
type Flavour int32

const (
	// FlavourReference is the Go server's rule: of the final statuses only stopped is final.
	FlavourReference = Flavour(native.FlavourReference)
	// FlavourStrict makes all final statuses final.
	FlavourStrict = Flavour(native.FlavourStrict)
	// FlavourNone is the Go runner's: every change is taken.
	FlavourNone = Flavour(native.FlavourNone)
)

// Next is the status of a task that had one status and was given another: the new one if the rule allows it, else the old.
func Next(from, to TaskStatus, flavour Flavour) (TaskStatus, error) {
	old, known := numberOf(from)
	if !known {
		return from, fmt.Errorf("semaphore: %q is not a task status", string(from))
	}
	wanted, known := numberOf(to)
	if !known {
		return from, fmt.Errorf("semaphore: %q is not a task status", string(to))
	}
	number, err := native.StatusNext(old, wanted, int32(flavour))
	if err != nil {
		return from, core.Convert(err)
	}
	next, _ := statusOf(number)
	return next, nil
}
