package runners

import (
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/services/tasks"
)

// The job is written down by its unexported name and fields, without a constructor.
func newRunningJob(status task_logger.TaskStatus) *runningJob {
	p := &runningJob{status: status}
	p.job = &tasks.LocalJob{Logger: p}
	return p
}

func (p *runningJob) messages() (messages []string) {
	for _, record := range p.logRecords {
		messages = append(messages, record.Message)
	}
	return messages
}

func TestARunningJobHasNoRuleOfStatuses(t *testing.T) {
	p := newRunningJob(task_logger.TaskStoppedStatus)
	var told []task_logger.TaskStatus
	p.AddStatusListener(func(status task_logger.TaskStatus) { told = append(told, status) })
	for _, status := range []task_logger.TaskStatus{task_logger.TaskStoppedStatus, task_logger.TaskRunningStatus, task_logger.TaskWaitingStatus} {
		p.SetStatus(status)
		if p.status != status {
			t.Errorf("%s was refused: %s", status, p.status)
		}
	}
	if !slices.Equal(told, []task_logger.TaskStatus{task_logger.TaskRunningStatus, task_logger.TaskWaitingStatus}) {
		t.Error(told)
	}
}

func TestARunningJobLosesNoLine(t *testing.T) {
	p := newRunningJob(task_logger.TaskRunningStatus)
	cmd := exec.Command("sh", "-c", "seq 20000; printf 'the last'")
	p.LogCmd(cmd)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	p.WaitLog()
	lines := p.messages()
	if len(lines) != 20001 || lines[20000] != "the last" {
		t.Fatal(len(lines))
	}
	for i, line := range lines[:20000] {
		if line != strconv.Itoa(i+1) {
			t.Fatal(i, line)
		}
	}
}

func TestARunningJobKeepsTheCommit(t *testing.T) {
	p := newRunningJob(task_logger.TaskRunningStatus)
	p.SetCommit("abc", "why")
	if p.commit == nil || *p.commit != (CommitInfo{Hash: "abc", Message: "why"}) {
		t.Error(p.commit)
	}
}
