package tasks

import (
	"math/rand"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/minihost/db"
	"example.org/minihost/db_lib"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// keyInstallerMock installs nothing.
type keyInstallerMock struct{}

func (*keyInstallerMock) Install(key db.AccessKey, usage db.AccessKeyRole, logger task_logger.Logger) (installation ssh.AccessKeyInstallation, err error) {
	return ssh.AccessKeyInstallation{}, nil
}

// book remembers rows, lines and alerts.
type book struct {
	mu     sync.Mutex
	lines  []string
	alerts []string
	stored []task_logger.TaskStatus
}

func (b *book) UpdateTask(task db.Task) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stored = append(b.stored, task.Status)
	return nil
}

func (b *book) write(list *[]string) func(db.Task, string) {
	return func(_ db.Task, text string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		*list = append(*list, text)
	}
}

// newPool runs a pool; the function ends it, after all lines.
func newPool(t *testing.T) (*TaskPool, *book, func()) {
	t.Helper()
	before := util.Config
	t.Cleanup(func() { util.Config = before })
	util.Config = &util.ConfigType{TmpPath: t.TempDir(), HomeDirMode: util.HomeDirModeProjectHome, Process: &util.ConfigProcess{}}
	b := &book{}
	pool := CreateTaskPool(b, NewMemoryTaskStateStore(), &keyInstallerMock{}, b.write(&b.lines), b.write(&b.alerts))
	done := make(chan struct{})
	go func() {
		defer close(done)
		pool.Run()
	}()
	return &pool, b, sync.OnceFunc(func() {
		pool.Close()
		<-done
	})
}

// The runner and its job are written down by literal, without their constructors.
func newRunner(pool *TaskPool, inventory db.Inventory, template db.Template) *TaskRunner {
	runner := &TaskRunner{pool: pool, Inventory: inventory, Template: template}
	runner.job = &LocalJob{
		Task: runner.Task, Template: template, Inventory: inventory, Repository: runner.Repository, Environment: runner.Environment, Logger: runner,
		App: &db_lib.AnsibleApp{
			Template: template, Repository: runner.Repository, Logger: runner,
			Playbook: &db_lib.AnsiblePlaybook{Logger: runner, TemplateID: template.ID, Repository: runner.Repository},
		},
	}
	return runner
}

func TestStatusesFollowTheRuleOfTheRow(t *testing.T) {
	pool, b, end := newPool(t)
	runner := newRunner(pool, db.Inventory{}, db.Template{})
	var told []task_logger.TaskStatus
	runner.AddStatusListener(func(status task_logger.TaskStatus) { told = append(told, status) })
	for _, step := range []struct {
		from, to task_logger.TaskStatus
		changed  bool
	}{
		{task_logger.TaskWaitingStatus, task_logger.TaskStartingStatus, true},
		{task_logger.TaskRunningStatus, task_logger.TaskRunningStatus, false},
		{task_logger.TaskRunningStatus, task_logger.TaskWaitingStatus, false},
		{task_logger.TaskConfirmed, task_logger.TaskWaitingConfirmation, false},
		{task_logger.TaskStoppingStatus, task_logger.TaskRunningStatus, false},
		{task_logger.TaskStoppingStatus, task_logger.TaskStoppedStatus, true},
		{task_logger.TaskStoppedStatus, task_logger.TaskSuccessStatus, false},
		{task_logger.TaskFailStatus, task_logger.TaskSuccessStatus, true},
	} {
		told, b.stored, b.alerts = nil, nil, nil
		runner.Task.Status = step.from
		runner.SetStatus(step.to)
		if changed := runner.Task.Status == step.to && len(told) == 1 && len(b.stored) == 1; changed != step.changed {
			t.Errorf("%s -> %s: %s, told %v, stored %v", step.from, step.to, runner.Task.Status, told, b.stored)
		}
		if alerted := len(b.alerts) > 0; alerted != (step.changed && step.to.IsNotifiable()) {
			t.Errorf("%s -> %s: %v", step.from, step.to, b.alerts)
		}
	}
	end()
}

// Sixty programs of three lines lose nothing.
func TestARunnerLosesNoLine(t *testing.T) {
	pool, b, end := newPool(t)
	var group sync.WaitGroup
	for range 60 {
		group.Add(1)
		go func() {
			defer group.Done()
			runner := newRunner(pool, db.Inventory{}, db.Template{})
			cmd := exec.Command("sh", "-c", "echo one; echo two; echo three >&2")
			runner.LogCmd(cmd)
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
			runner.WaitLog()
		}()
	}
	group.Wait()
	end()
	slices.Sort(b.lines)
	if counted := slices.Compact(slices.Clone(b.lines)); len(b.lines) != 180 || !slices.Equal(counted, []string{"one", "three", "two"}) {
		t.Error(len(b.lines), counted)
	}
}

func TestLinesAreGivenToListenersOnce(t *testing.T) {
	pool, b, end := newPool(t)
	runner := newRunner(pool, db.Inventory{}, db.Template{})
	var heard []string
	runner.AddLogListener(func(_ time.Time, line string) { heard = append(heard, line) })
	runner.Logf("%d of %s", 1, "two")
	runner.SetCommit("abc", "why")
	end()
	if !slices.Equal(heard, []string{"1 of two"}) || !slices.Equal(b.lines, heard) || *runner.Task.CommitHash != "abc" {
		t.Error(heard, b.lines, runner.Task.CommitHash)
	}
}

func TestThePlaybookIsWhereTheTemplateSays(t *testing.T) {
	pool, _, end := newPool(t)
	defer end()
	util.Config = &util.ConfigType{TmpPath: "/tmp"}
	for _, playbook := range []string{"deploy/test.yml", "/deploy/test.yml"} {
		runner := newRunner(pool, db.Inventory{}, db.Template{Playbook: playbook})
		// An interface value is asserted to its concrete type, twice.
		if directory := runner.job.(*LocalJob).App.(*db_lib.AnsibleApp).GetPlaybookDir(); directory != "/tmp/project_0/repository_0_template_0/deploy" {
			t.Errorf("%s: %s", playbook, directory)
		}
	}
}

func TestPlaybookArguments(t *testing.T) {
	pool, _, end := newPool(t)
	defer end()
	util.Config = &util.ConfigType{TmpPath: "/tmp"}
	id := 1
	details := `{"semaphore_vars":{"task_details":{"commit_hash":null,"commit_message":"","id":0,"inventory_id":0,"inventory_name":"",` +
		`"repository_id":0,"repository_name":"","url":null,"username":""}}}`
	secret := db.AccessKey{Type: db.AccessKeyLoginPassword, LoginPassword: db.LoginPassword{Login: "root", Password: "123456"}}
	inventories := []db.Inventory{
		{Type: db.InventoryStatic, SSHKeyID: &id, SSHKey: db.AccessKey{Type: db.AccessKeySSH}},
		{Type: db.InventoryStatic, SSHKeyID: &id, SSHKey: secret},
		{Type: db.InventoryStatic, BecomeKeyID: &id, BecomeKey: secret},
	}
	for _, inventory := range inventories {
		job := newRunner(pool, inventory, db.Template{Playbook: "test.yml"}).job.(*LocalJob)
		args, inputs, err := job.getPlaybookArgs("", nil)
		if err != nil || strings.Join(args, " ") != "-i /tmp/project_0/inventory_0 --extra-vars "+details+" test.yml" || len(inputs) != 0 {
			t.Error(args, inputs, err)
		}
		// What was installed is in unexported fields.
		job.sshKeyInstallation = ssh.AccessKeyInstallation{Login: "ann", Password: "x"}
		job.becomeKeyInstallation = ssh.AccessKeyInstallation{Login: "root", Password: "y"}
		args, inputs, err = job.getPlaybookArgs("", nil)
		want := []string{"--user", "ann", "--ask-pass"}
		if inventory.SSHKeyID == nil {
			want = []string{"--become-user", "root", "--ask-become-pass"}
		}
		if err != nil || !slices.Equal(args[2:5], want) || len(inputs) == 0 {
			t.Error(args, inputs, err)
		}
	}
	job := newRunner(pool, db.Inventory{Type: "odd"}, db.Template{}).job.(*LocalJob)
	if _, _, err := job.getPlaybookArgs("", nil); err == nil {
		t.Error("an inventory of no kind is accepted")
	}
}

func TestTerraformArgumentsGoByStage(t *testing.T) {
	util.Config = &util.ConfigType{}
	arguments := `{"init":["-input=false"],"plan":["-compact-warnings"]}`
	job := &LocalJob{
		Template:    db.Template{App: db.AppTofu, Arguments: &arguments},
		Task:        db.Task{Params: db.MapStringAnyField{"destroy": true}},
		Environment: db.Environment{JSON: `{"region":"north"}`, Secrets: []db.EnvironmentSecret{{Type: db.EnvironmentSecretVar, Name: "token", Secret: "s"}}},
	}
	stages, err := job.getTerraformArgs("ann", nil)
	if err != nil || !slices.Equal(stages["init"], []string{"-input=false"}) ||
		!slices.Equal(stages["plan"], []string{"-destroy", "-compact-warnings", "-var", "region=north", "-var", "token=s"}) {
		t.Error(stages, err)
	}
	if stages, err := convertArgsJSONIfArray(`["-a"]`); err != nil || !slices.Equal(stages["default"], []string{"-a"}) {
		t.Error(stages, err)
	}
	if _, err := convertArgsJSONIfArray(`7`); err == nil {
		t.Error("a number is accepted")
	}
}

func TestAJobThatWasKilledBeforeItRanIsStopped(t *testing.T) {
	pool, b, end := newPool(t)
	directory := t.TempDir()
	marker := path.Join(directory, "it-ran")
	if err := os.WriteFile(path.Join(directory, "x.sh"), []byte("touch "+marker+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	runner := pool.NewTaskRunner(db.Task{ID: 4, Status: task_logger.TaskWaitingStatus}, db.Template{App: db.AppBash, Playbook: "x.sh"},
		db.Inventory{}, db.Repository{GitURL: directory}, db.Environment{}, "ann")
	runner.kill()
	if !runner.job.IsKilled() || runner.job.(*LocalJob).Process != nil {
		t.Error(runner.job)
	}
	pool.Perform(runner)
	end()
	if _, err := os.Stat(marker); err == nil || runner.Task.Status != task_logger.TaskStoppedStatus || len(pool.state.Running()) != 0 {
		t.Error(runner.Task.Status, err, b.lines)
	}
}

func TestATaskRunsItsScript(t *testing.T) {
	pool, b, end := newPool(t)
	directory := t.TempDir()
	if err := os.WriteFile(path.Join(directory, "x.sh"), []byte("echo hello $1 $GREETING\nexit $2\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	variables := `{"GREETING":"again"}`
	for code, final := range map[string]task_logger.TaskStatus{"0": task_logger.TaskSuccessStatus, "3": task_logger.TaskFailStatus} {
		arguments := `["world","` + code + `"]`
		runner := pool.NewTaskRunner(db.Task{ID: 5, Status: task_logger.TaskWaitingStatus}, db.Template{App: db.AppBash, Playbook: "x.sh", Arguments: &arguments},
			db.Inventory{}, db.Repository{GitURL: directory}, db.Environment{ENV: &variables}, "ann")
		pool.Perform(runner)
		if runner.Task.Status != final {
			t.Error(code, runner.Task.Status)
		}
	}
	end()
	if count := strings.Count(strings.Join(b.lines, "\n"), "hello world again"); count != 2 {
		t.Error(b.lines)
	}
}

func TestCheckTmpDirMakesWhatIsMissing(t *testing.T) {
	directory := path.Join(t.TempDir(), "a", string(rune('a'+rand.Intn(26))))
	for range 2 {
		if err := checkTmpDir(directory); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(directory); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path.Join(directory, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := checkTmpDir(path.Join(directory, "file", "below")); err == nil {
		t.Error("a directory below a file was made")
	}
}

func TestTheTasksVariablesLieOverTheEnvironments(t *testing.T) {
	runner := TaskRunner{Task: db.Task{Environment: `{"a":11,"b":22}`}, Environment: db.Environment{JSON: `{"a":1,"d":4}`}}
	if err := runner.populateTaskEnvironment(); err != nil || runner.Environment.JSON != `{"a":11,"b":22,"d":4}` {
		t.Error(runner.Environment.JSON, err)
	}
}
