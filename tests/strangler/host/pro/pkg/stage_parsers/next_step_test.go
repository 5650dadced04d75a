package stage_parsers

import (
	"testing"

	"example.org/minihost/pkg/task_logger"
)

func TestStagesBeginWithLines(t *testing.T) {
	if stage, next := MoveToNextStage(task_logger.TaskRunningStatus, "", "Preparing: 1"); stage != "init" || !next {
		t.Error(stage, next)
	}
	if stage, next := MoveToNextStage(task_logger.TaskSuccessStatus, "init", "PLAY RECAP ***"); stage != "init" || next {
		t.Error(stage, next)
	}
}
