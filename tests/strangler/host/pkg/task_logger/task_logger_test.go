package task_logger

import "testing"

func TestStatusesAreFinishedOrNot(t *testing.T) {
	for _, status := range UnfinishedTaskStatuses() {
		if status.IsFinished() || !status.IsValid() {
			t.Error(status)
		}
	}
	for _, status := range []TaskStatus{TaskStoppedStatus, TaskSuccessStatus, TaskFailStatus} {
		if !status.IsFinished() || !status.IsValid() {
			t.Error(status)
		}
	}
	if TaskStatus("odd").IsValid() {
		t.Error("any text is valid")
	}
}

func TestStatusesForPeople(t *testing.T) {
	for status, text := range map[TaskStatus]string{
		TaskSuccessStatus: "✅ SUCCESS", TaskFailStatus: "❌ ERROR", TaskStoppedStatus: "⏹️ STOPPED",
		TaskWaitingConfirmation: "⚠️ WAITING_CONFIRMATION", TaskRunningStatus: "❓ RUNNING", "odd": "❓ UNKNOWN",
	} {
		if status.Format() != text {
			t.Errorf("%s: %s", status, status.Format())
		}
	}
}
