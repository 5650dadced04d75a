// Command minihost runs one job and tells what happened, line by line: statuses, lines of the log, the commit, alerts.
//
//	minihost task JOB.json      as the server does, with a TaskRunner
//	minihost runner JOB.json    as a runner does, with a runningJob
//	minihost schedule JOB.json  looks twice for a new commit of the job's repository, and for its branches
//
// The document holds the configuration, the rows and the keys; see the type job.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/minihost/db"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/pkg/task_logger"
	protasks "example.org/minihost/pro/services/tasks"
	"example.org/minihost/services/runners"
	"example.org/minihost/services/schedules"
	"example.org/minihost/services/tasks"
	"example.org/minihost/util"
)

// job is one run: the configuration of the host, and what a database would hold.
type job struct {
	Config util.ConfigType `json:"config"`
	runners.JobData
	// RepositoryKey, InventoryKey, BecomeKey and VaultKeys (one for each vault) are the keys that rows name by number.
	RepositoryKey db.AccessKey   `json:"repository_key"`
	InventoryKey  db.AccessKey   `json:"inventory_key"`
	BecomeKey     db.AccessKey   `json:"become_key"`
	VaultKeys     []db.AccessKey `json:"vault_keys"`
	// Decision is what happens when the task asks: "confirm" or "reject".
	Decision string `json:"decision"`
	// StopAt stops the task when a line holds this text.
	StopAt string `json:"stop_at"`
}

func (j *job) read(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, j); err != nil {
		return fmt.Errorf("%s is no job: %w", path, err)
	}
	if j.Config.Process == nil {
		j.Config.Process = &util.ConfigProcess{}
	}
	util.Config = &j.Config
	j.Repository.SSHKey, j.Inventory.SSHKey, j.Inventory.BecomeKey = j.RepositoryKey, j.InventoryKey, j.BecomeKey
	for i := range min(len(j.VaultKeys), len(j.Template.Vaults)) {
		j.Template.Vaults[i].Vault = &j.VaultKeys[i]
	}
	return nil
}

// voice writes whole lines: a log is written by several goroutines, and a line of it may hold more than one.
type voice struct{ mu sync.Mutex }

var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`)

func (v *voice) say(kind string, words ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Println(kind, oneLine.Replace(strings.TrimSuffix(fmt.Sprintln(words...), "\n")))
}

// UpdateTask makes the voice a TaskStore: the row is not needed again.
func (v *voice) UpdateTask(task db.Task) error { return nil }

// background counts what runs beside a job: requests of somebody, and the pool.
type background struct{ sync.WaitGroup }

func (b *background) start(work func()) {
	b.Add(1)
	go func() {
		defer b.Done()
		work()
	}()
}

// asked gives the wanted answer when a plan waits for one. It comes from somebody's request, on a goroutine of its own.
func (j *job) asked(status task_logger.TaskStatus, requests *background, confirm, reject func()) {
	switch {
	case status != task_logger.TaskWaitingConfirmation:
	case j.Decision == "confirm":
		requests.start(confirm)
	default:
		requests.start(reject)
	}
}

// asTask gives whether the task succeeded.
func (j *job) asTask(v *voice) bool {
	pool := tasks.CreateTaskPool(v, protasks.NewTaskStateStore(), ssh.KeyInstaller{},
		func(_ db.Task, line string) { v.say("line", line) }, func(_ db.Task, channel string) { v.say("alert", channel) })
	var writing, requests background
	writing.start(pool.Run)
	runner := pool.NewTaskRunner(j.Task, j.Template, j.Inventory, j.Repository, j.Environment, j.Username, func(status task_logger.TaskStatus) { v.say("status", status) })
	runner.AddStatusListener(func(status task_logger.TaskStatus) {
		j.asked(status, &requests, func() { pool.ConfirmTask(runner) }, func() { pool.RejectTask(runner) })
	})
	var once sync.Once
	runner.AddLogListener(func(_ time.Time, line string) {
		if j.StopAt != "" && strings.Contains(line, j.StopAt) {
			once.Do(func() { requests.start(func() { pool.StopTask(runner) }) })
		}
	})
	pool.Perform(runner)
	requests.Wait()
	pool.Close()
	writing.Wait()
	if task := runner.Task; task.CommitHash != nil {
		v.say("commit", *task.CommitHash, task.CommitMessage)
	}
	v.say("final", runner.Task.Status)
	return runner.Task.Status == task_logger.TaskSuccessStatus
}

// asRunner gives whether the job succeeded.
func (j *job) asRunner(v *voice) bool {
	var requests background
	tell := func(status task_logger.TaskStatus) { v.say("status", status) }
	progress := runners.NewJobPool(ssh.KeyInstaller{}).Run(j.JobData, tell, func(status task_logger.TaskStatus, decide task_logger.StatusListener) {
		j.asked(status, &requests, func() { decide(task_logger.TaskConfirmed) }, func() { decide(task_logger.TaskRejected) })
	})
	requests.Wait()
	for _, record := range progress.LogRecords {
		v.say("line", record.Message)
	}
	if progress.Commit != nil {
		v.say("commit", progress.Commit.Hash, progress.Commit.Message)
	}
	v.say("final", progress.Status)
	return progress.Status == task_logger.TaskSuccessStatus
}

// watch gives whether the repository could be asked.
func (j *job) watch(v *voice) bool {
	schedule := schedules.CreateScheduleRunner(j.Repository, ssh.KeyInstaller{})
	for range 2 {
		updated, hash, err := schedule.TryUpdateCommitHash()
		v.say("updated", updated, hash)
		if err != nil {
			v.say("failed", err)
			return false
		}
	}
	branches, err := schedule.Branches()
	slices.Sort(branches)
	v.say("branches", branches)
	return err == nil
}

// atEnd is called when the job has ended; a build may set it to tell more.
var atEnd = func(v *voice) {}

func main() {
	ways := map[string]func(*job, *voice) bool{"task": (*job).asTask, "runner": (*job).asRunner, "schedule": (*job).watch}
	if len(os.Args) != 3 || ways[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: minihost task|runner|schedule JOB.json")
		os.Exit(2)
	}
	var j job
	if err := j.read(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "minihost:", err)
		os.Exit(2)
	}
	v := &voice{}
	succeeded := ways[os.Args[1]](&j, v)
	atEnd(v)
	if !succeeded {
		os.Exit(1)
	}
}
