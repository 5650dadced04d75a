package tasklog

import (
	"slices"
	"testing"
)

func TestWhatStatusesSayOfThemselves(t *testing.T) {
	finished := []TaskStatus{TaskStoppedStatus, TaskSuccessStatus, TaskFailStatus}
	notifiable := []TaskStatus{TaskSuccessStatus, TaskFailStatus, TaskWaitingConfirmation}
	texts := map[TaskStatus]string{
		TaskWaitingStatus: "❓ WAITING", TaskStartingStatus: "❓ STARTING", TaskWaitingConfirmation: "⚠️ WAITING_CONFIRMATION",
		TaskConfirmed: "❓ CONFIRMED", TaskRejected: "❓ REJECTED", TaskRunningStatus: "❓ RUNNING", TaskStoppingStatus: "❓ STOPPING",
		TaskStoppedStatus: "⏹️ STOPPED", TaskSuccessStatus: "✅ SUCCESS", TaskFailStatus: "❌ ERROR", "other": "❓ UNKNOWN",
	}
	for status, text := range texts {
		if status.Format() != text {
			t.Errorf("%s is shown as %q", status, status.Format())
		}
		known := status != "other"
		if status.IsValid() != known || status.IsFinished() != slices.Contains(finished, status) || status.IsNotifiable() != slices.Contains(notifiable, status) {
			t.Errorf("%s: valid %v, finished %v, notifiable %v", status, status.IsValid(), status.IsFinished(), status.IsNotifiable())
		}
		if slices.Contains(UnfinishedTaskStatuses(), status) != (known && !status.IsFinished()) {
			t.Errorf("%s is in the wrong list", status)
		}
	}
	if unfinished := UnfinishedTaskStatuses(); len(unfinished) != 7 || unfinished[0] != TaskWaitingStatus {
		t.Errorf("unfinished are %v", unfinished)
	}
}
