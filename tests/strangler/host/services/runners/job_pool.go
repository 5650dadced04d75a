package runners

import (
	"example.org/minihost/db_lib"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/services/tasks"
)

// JobPool runs the jobs that were handed out.
type JobPool struct {
	runningJobs  map[int]*runningJob
	keyInstaller db_lib.AccessKeyInstaller
}

// NewJobPool makes one.
func NewJobPool(keyInstaller db_lib.AccessKeyInstaller) *JobPool {
	return &JobPool{runningJobs: map[int]*runningJob{}, keyInstaller: keyInstaller}
}

// Run runs a job to its end. Told hears a status before the app does, which may go on and set the next one at once; asked hears it after
// the app, with the way to decide about a plan.
func (p *JobPool) Run(data JobData, told task_logger.StatusListener, asked func(status task_logger.TaskStatus, decide task_logger.StatusListener)) JobProgress {
	running := &runningJob{status: task_logger.TaskWaitingStatus, statusListeners: []task_logger.StatusListener{told}}
	app := db_lib.CreateApp(data.Template, data.Repository, data.Inventory, running)
	running.job = &tasks.LocalJob{
		Task: data.Task, Template: data.Template, Inventory: data.Inventory, Repository: data.Repository, Environment: data.Environment,
		Secret: data.Task.Secret, App: app, KeyInstaller: p.keyInstaller, Logger: app.SetLogger(running),
	}
	running.AddStatusListener(func(status task_logger.TaskStatus) { asked(status, running.SetStatus) })
	p.runningJobs[data.Task.ID] = running
	running.SetStatus(task_logger.TaskRunningStatus)
	err := running.job.Run(data.Username, data.IncomingVersion, data.Alias)
	switch {
	case running.status.IsFinished():
	case err != nil && running.status == task_logger.TaskStoppingStatus:
		running.SetStatus(task_logger.TaskStoppedStatus)
	case err != nil:
		running.Log("Unable to launch the application: " + err.Error())
		running.SetStatus(task_logger.TaskFailStatus)
	default:
		running.SetStatus(task_logger.TaskSuccessStatus)
	}
	return p.progress(data.Task.ID)
}

// progress is what the server is told. A job at its end is forgotten.
func (p *JobPool) progress(id int) JobProgress {
	running := p.runningJobs[id]
	if running.status.IsFinished() {
		delete(p.runningJobs, id)
	}
	return JobProgress{ID: id, Status: running.status, LogRecords: running.logRecords, Commit: running.commit}
}
