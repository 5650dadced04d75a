package tasklogger

import (
	"fmt"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
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

// UnfinishedTaskStatuses lists the statuses after which something follows.
func UnfinishedTaskStatuses() []TaskStatus {
	var unfinished []TaskStatus
	for _, name := range native.TaskStatuses {
		if status := TaskStatus(name); !status.IsFinished() {
			unfinished = append(unfinished, status)
		}
	}
	return unfinished
}

// IsValid says whether it is one of the ten.
func (s TaskStatus) IsValid() bool {
	_, known := s.number()
	return known
}

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

func (s TaskStatus) number() (int32, bool) {
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
	old, known := from.number()
	if !known {
		return from, fmt.Errorf("semaphore: %q is not a task status", string(from))
	}
	wanted, known := to.number()
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
