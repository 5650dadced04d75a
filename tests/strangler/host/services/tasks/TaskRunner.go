// Package tasks runs tasks: a pool keeps them, a runner is the log and the status of each, a local job does the work.
package tasks

import (
	"encoding/json"
	"maps"
	"os"
	"sync"
	"time"

	"example.org/minihost/db"
	"example.org/minihost/db_lib"
	"example.org/minihost/pkg/task_logger"
)

// Job does the work of a task.
type Job interface {
	Run(username string, incomingVersion *string, alias string) error
	Kill()
	IsKilled() bool
}

// TaskRunner is one task that runs, and its Logger. Its status is Task.Status.
type TaskRunner struct {
	Task        db.Task
	Template    db.Template
	Inventory   db.Inventory
	Repository  db.Repository
	Environment db.Environment

	Username        string
	IncomingVersion *string
	Alias           string

	pool         *TaskPool
	keyInstaller db_lib.AccessKeyInstaller
	job          Job
	currentStage string

	statusListeners []task_logger.StatusListener
	logListeners    []task_logger.LogListener
	logWG           sync.WaitGroup
}

// AddStatusListener adds one; it is called on the goroutine that sets the status.
func (t *TaskRunner) AddStatusListener(l task_logger.StatusListener) {
	t.statusListeners = append(t.statusListeners, l)
}

// AddLogListener adds one; it is called on the goroutine that writes the line.
func (t *TaskRunner) AddLogListener(l task_logger.LogListener) {
	t.logListeners = append(t.logListeners, l)
}

// saveStatus stores the row and tells the state store.
func (t *TaskRunner) saveStatus() {
	t.panicOnError(t.pool.store.UpdateTask(t.Task), "Failed to update TaskRunner status")
	t.pool.state.UpdateRuntimeFields(t)
}

func (t *TaskRunner) kill() { t.job.Kill() }

// run performs the task from its start to its last status.
func (t *TaskRunner) run() {
	defer func() {
		now := time.Now().UTC()
		t.Task.End = &now
		t.saveStatus()
	}()
	t.SetStatus(task_logger.TaskStartingStatus)
	t.Log("Run TaskRunner with template: " + t.Template.Name)
	err := t.populateTaskEnvironment()
	if err == nil {
		err = t.job.Run(t.Username, t.IncomingVersion, t.Alias)
	}
	switch {
	case err != nil && t.job.IsKilled():
		t.SetStatus(task_logger.TaskStoppedStatus)
	case err != nil:
		t.Log("Failed to run task: " + err.Error())
		t.SetStatus(task_logger.TaskFailStatus)
	case t.Task.Status == task_logger.TaskRunningStatus:
		t.SetStatus(task_logger.TaskSuccessStatus)
	}
}

// populateTaskEnvironment lays the task's variables over the environment's.
func (t *TaskRunner) populateTaskEnvironment() error {
	if t.Task.Environment == "" {
		return nil
	}
	variables, overriding := map[string]any{}, map[string]any{}
	if err := json.Unmarshal([]byte(t.Environment.JSON), &variables); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(t.Task.Environment), &overriding); err != nil {
		return err
	}
	maps.Copy(variables, overriding)
	text, err := json.Marshal(variables)
	t.Environment.JSON = string(text)
	return err
}

// checkTmpDir makes a directory that is missing.
func checkTmpDir(path string) error {
	_, err := os.Stat(path)
	if os.IsNotExist(err) {
		return os.MkdirAll(path, 0o755)
	}
	return err
}
