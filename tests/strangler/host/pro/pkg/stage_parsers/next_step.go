// Package stage_parsers recognises the stages of a task in what it writes.
package stage_parsers

import (
	"strings"

	"example.org/minihost/pkg/task_logger"
)

// MoveToNextStage is the stage that a line begins, and whether it is another one.
func MoveToNextStage(status task_logger.TaskStatus, current, line string) (stage string, next bool) {
	stage = current
	switch {
	case status.IsFinished():
	case strings.HasPrefix(line, "Preparing: "):
		stage = "init"
	case strings.Contains(line, "PLAY RECAP"):
		stage = "print_result"
	case current == "":
		stage = "running"
	}
	return stage, stage != current
}
