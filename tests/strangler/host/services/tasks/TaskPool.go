package tasks

import (
	"sync"
	"time"

	"example.org/minihost/db"
	"example.org/minihost/db_lib"
	"example.org/minihost/pkg/task_logger"
)

// TaskStore keeps rows.
type TaskStore interface {
	UpdateTask(task db.Task) error
}

// TaskStateStore knows which tasks run.
type TaskStateStore interface {
	SetRunning(t *TaskRunner)
	DeleteRunning(id int)
	UpdateRuntimeFields(t *TaskRunner)
	Running() []*TaskRunner
}

// MemoryTaskStateStore is a TaskStateStore of this process.
type MemoryTaskStateStore struct {
	mu      sync.Mutex
	running map[int]*TaskRunner
}

// NewMemoryTaskStateStore makes one.
func NewMemoryTaskStateStore() *MemoryTaskStateStore {
	return &MemoryTaskStateStore{running: map[int]*TaskRunner{}}
}

// SetRunning adds a task.
func (s *MemoryTaskStateStore) SetRunning(t *TaskRunner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[t.Task.ID] = t
}

// DeleteRunning removes a task.
func (s *MemoryTaskStateStore) DeleteRunning(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id)
}

// UpdateRuntimeFields has nothing to do: the runner itself is kept.
func (s *MemoryTaskStateStore) UpdateRuntimeFields(t *TaskRunner) {}

// Running are the tasks that run.
func (s *MemoryTaskStateStore) Running() []*TaskRunner {
	s.mu.Lock()
	defer s.mu.Unlock()
	var running []*TaskRunner
	for _, t := range s.running {
		running = append(running, t)
	}
	return running
}

type logRecord struct {
	task   *TaskRunner
	output string
	time   time.Time
}

// TaskPool runs tasks and stores what they write.
type TaskPool struct {
	store        TaskStore
	state        TaskStateStore
	keyInstaller db_lib.AccessKeyInstaller
	logger       chan logRecord
	// output is told every line, alert every message to people.
	output func(task db.Task, line string)
	alert  func(task db.Task, channel string)
}

// CreateTaskPool makes one. Run has to run beside it.
func CreateTaskPool(store TaskStore, state TaskStateStore, keyInstaller db_lib.AccessKeyInstaller, output, alert func(task db.Task, text string)) TaskPool {
	return TaskPool{store: store, state: state, keyInstaller: keyInstaller, logger: make(chan logRecord, 1000), output: output, alert: alert}
}

// Run stores lines until Close.
func (p *TaskPool) Run() {
	for record := range p.logger {
		p.output(record.task.Task, record.output)
	}
}

// Close ends Run, after all lines. No task may run any more.
func (p *TaskPool) Close() { close(p.logger) }

func (p *TaskPool) noteAlert(t *TaskRunner, channel string) { p.alert(t.Task, channel) }

// NewTaskRunner makes the runner of a task with its job; rows are given, not read. Listeners hear a status before the app
// does, which may go on and set the next one at once; those that are added later hear it after the app.
func (p *TaskPool) NewTaskRunner(task db.Task, template db.Template, inventory db.Inventory, repository db.Repository, environment db.Environment, username string, listeners ...task_logger.StatusListener) *TaskRunner {
	runner := &TaskRunner{
		Task: task, Template: template, Inventory: inventory, Repository: repository, Environment: environment,
		Username: username, pool: p, keyInstaller: p.keyInstaller, statusListeners: listeners,
	}
	app := db_lib.CreateApp(template, repository, inventory, runner)
	runner.job = &LocalJob{
		Task: task, Template: template, Inventory: inventory, Repository: repository, Environment: environment, Secret: task.Secret,
		Logger: app.SetLogger(runner), App: app, KeyInstaller: p.keyInstaller,
	}
	return runner
}

// Perform runs a task to its end.
func (p *TaskPool) Perform(runner *TaskRunner) {
	p.state.SetRunning(runner)
	defer p.state.DeleteRunning(runner.Task.ID)
	runner.run()
}

// ConfirmTask and RejectTask decide about the plan of a task.
func (p *TaskPool) ConfirmTask(runner *TaskRunner) { runner.SetStatus(task_logger.TaskConfirmed) }

// RejectTask is the other decision.
func (p *TaskPool) RejectTask(runner *TaskRunner) { runner.SetStatus(task_logger.TaskRejected) }

// StopTask stops a task that runs.
func (p *TaskPool) StopTask(runner *TaskRunner) {
	runner.SetStatus(task_logger.TaskStoppingStatus)
	runner.kill()
}
