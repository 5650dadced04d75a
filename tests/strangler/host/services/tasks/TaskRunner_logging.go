package tasks

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	log "github.com/sirupsen/logrus"

	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/pro/pkg/stage_parsers"
	"example.org/minihost/util"
)

// Log writes a line.
func (t *TaskRunner) Log(msg string) { t.LogWithTime(time.Now().UTC(), msg) }

// Logf writes a line.
func (t *TaskRunner) Logf(format string, a ...any) {
	t.LogfWithTime(time.Now().UTC(), format, a...)
}

// LogWithTime gives a line to the pool, which stores it, and to the listeners.
func (t *TaskRunner) LogWithTime(now time.Time, msg string) {
	if stage, next := stage_parsers.MoveToNextStage(t.Task.Status, t.currentStage, msg); next {
		t.currentStage = stage
	}
	t.pool.logger <- logRecord{task: t, output: msg, time: now}
	for _, listener := range t.logListeners {
		listener(now, msg)
	}
}

// LogfWithTime writes a line.
func (t *TaskRunner) LogfWithTime(now time.Time, format string, a ...any) {
	t.LogWithTime(now, fmt.Sprintf(format, a...))
}

// LogCmd takes both outputs of a program that has not been started yet.
func (t *TaskRunner) LogCmd(cmd *exec.Cmd) {
	t.logWG.Add(2)
	go t.logPipe(KeepOpen(cmd.StdoutPipe()))
	go t.logPipe(KeepOpen(cmd.StderrPipe()))
}

// WaitLog waits until every output was read to its end.
func (t *TaskRunner) WaitLog() { t.logWG.Wait() }

// SetCommit stores the commit that the task works on.
func (t *TaskRunner) SetCommit(hash, message string) {
	t.Task.CommitHash, t.Task.CommitMessage = &hash, message
	t.panicOnError(t.pool.store.UpdateTask(t.Task), "Failed to update task commit")
}

// SetStatus changes the row, unless the rule refuses, and tells everybody who wants to know.
func (t *TaskRunner) SetStatus(status task_logger.TaskStatus) {
	switch [2]task_logger.TaskStatus{t.Task.Status, status} {
	case [2]task_logger.TaskStatus{status, status},
		[2]task_logger.TaskStatus{task_logger.TaskStoppedStatus, status},
		[2]task_logger.TaskStatus{task_logger.TaskStoppingStatus, task_logger.TaskRunningStatus},
		[2]task_logger.TaskStatus{task_logger.TaskStoppingStatus, task_logger.TaskWaitingStatus},
		[2]task_logger.TaskStatus{task_logger.TaskRunningStatus, task_logger.TaskWaitingStatus},
		[2]task_logger.TaskStatus{task_logger.TaskConfirmed, task_logger.TaskWaitingConfirmation}:
		return
	}
	t.store(status)
	if job, local := t.job.(*LocalJob); local {
		job.SetStatus(status)
	}
	t.alert(status)
	for _, listener := range t.statusListeners {
		listener(status)
	}
}

// store writes a status, and the beginning of a run.
func (t *TaskRunner) store(status task_logger.TaskStatus) {
	if status == task_logger.TaskRunningStatus {
		begin := time.Now().UTC()
		t.Task.Start = &begin
	}
	t.Task.Status = status
	t.saveStatus()
}

func (t *TaskRunner) panicOnError(err error, msg string) {
	if err != nil {
		t.Log(msg)
		util.LogPanicF(err, log.Fields{"error": msg})
	}
}

// logPipe writes one output, line by line, and closes it. An output that cannot be read ends the job.
func (t *TaskRunner) logPipe(reader io.ReadCloser, err error) {
	defer t.logWG.Done()
	if err == nil {
		defer reader.Close()
		lines := bufio.NewReaderSize(reader, 64<<10)
		for err == nil {
			var line string
			if line, err = lines.ReadString('\n'); line != "" {
				t.Log(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
			}
		}
	}
	if err != io.EOF {
		t.kill()
		t.Log("Fatal error: the output of the program cannot be read: " + err.Error())
	}
}
