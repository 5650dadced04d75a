package db_lib

import (
	"errors"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// TerraformApp plans, asks, and applies.
type TerraformApp struct {
	Logger     task_logger.Logger
	Template   db.Template
	Repository db.Repository
	Inventory  db.Inventory
	// Name is the program.
	Name string
	// PlanHasNoChanges is so when the plan said it.
	PlanHasNoChanges bool
	backendFilename  string
	reader           terraformReader
}

// TerraformInstallRequirementsArgs are LocalAppInstallingArgs with arguments of init alone.
type TerraformInstallRequirementsArgs struct {
	LocalAppInstallingArgs
	InitArgs []string
}

// terraformReader is what somebody decided about the plan: the last status that tells it.
type terraformReader struct {
	mu      sync.Mutex
	changed chan struct{}
	status  task_logger.TaskStatus
}

func (r *terraformReader) set(status task_logger.TaskStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// decision waits until the task is confirmed, rejected or at its end.
func (r *terraformReader) decision() task_logger.TaskStatus {
	for {
		r.mu.Lock()
		status := r.status
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if status.IsFinished() || status == task_logger.TaskConfirmed || status == task_logger.TaskRejected || status == task_logger.TaskStoppingStatus {
			return status
		}
		<-changed
	}
}

// SetLogger takes the log and listens to its status.
func (t *TerraformApp) SetLogger(logger task_logger.Logger) task_logger.Logger {
	logger.AddStatusListener(t.reader.set)
	t.Logger = logger
	return logger
}

// GetFullPath is the directory of the configuration in the clone.
func (t *TerraformApp) GetFullPath() string {
	return path.Join(t.Repository.GetFullPath(t.Template.ID), t.Template.Playbook)
}

func (t *TerraformApp) makeCmd(command string, args []string, environmentVars []string) *exec.Cmd {
	configured := util.Config.Apps[t.Name]
	if configured.AppPath != "" {
		command = configured.AppPath
	}
	args = slices.Concat(configured.AppArgs, args)
	named := func(arg string) bool { return arg == "--tf-path" || strings.HasPrefix(arg, "--tf-path=") }
	if t.Name == string(db.AppTerragrunt) && !slices.ContainsFunc(args, named) {
		args = append(args, "--tf-path=terraform")
	}
	cmd := exec.Command(command, args...)
	cmd.Dir = t.GetFullPath()
	cmd.Env = append(getEnvironmentVars(), "HOME="+getHomeDir(t.Repository, t.Template.ID), "PWD="+cmd.Dir)
	cmd.Env = append(cmd.Env, environmentVars...)
	cmd.SysProcAttr = util.Config.GetSysProcAttr()
	return cmd
}

func (t *TerraformApp) start(cmd *exec.Cmd, cb func(*os.Process)) error {
	t.Logger.LogCmd(cmd)
	cmd.Stdin = strings.NewReader("")
	if err := cmd.Start(); err != nil {
		return err
	}
	if cb != nil {
		cb(cmd.Process)
	}
	err := cmd.Wait()
	t.Logger.WaitLog()
	return err
}

// Clear removes the backend file that InstallRequirements wrote.
func (t *TerraformApp) Clear() {
	if t.backendFilename == "" {
		return
	}
	if err := os.Remove(path.Join(t.GetFullPath(), t.backendFilename)); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Logger.Log("the backend file stays: " + err.Error())
	}
}

// InstallRequirements is InstallRequirementsWithInitArgs without arguments.
func (t *TerraformApp) InstallRequirements(args LocalAppInstallingArgs) error {
	return t.InstallRequirementsWithInitArgs(args, nil)
}

// InstallRequirementsWithInitArgs initialises the directory and selects the workspace.
func (t *TerraformApp) InstallRequirementsWithInitArgs(args LocalAppInstallingArgs, initArgs []string) error {
	if template := args.TplParams.(*db.TerraformTemplateParams); template.OverrideBackend {
		t.backendFilename = "backend.tf"
		if template.BackendFilename != "" {
			t.backendFilename = template.BackendFilename
		}
		if err := os.WriteFile(path.Join(t.GetFullPath(), t.backendFilename), []byte("terraform {\n  backend \"http\" {\n  }\n}\n"), 0o644); err != nil {
			return err
		}
	}
	if err := t.init(args, args.Params.(*db.TerraformTaskParams), initArgs); err != nil {
		return err
	}
	if t.makeCmd(t.Name, []string{"workspace", "list"}, args.EnvironmentVars).Run() != nil {
		return nil // A backend without workspaces.
	}
	workspace := t.Inventory.Inventory
	if workspace == "" {
		workspace = "default"
	}
	words := []string{"workspace", "select", "-or-create=true", workspace}
	if t.Name == string(db.AppTerragrunt) {
		words = append([]string{"run", "--"}, words...)
	}
	return t.start(t.makeCmd(t.Name, words, args.EnvironmentVars), nil)
}

func (t *TerraformApp) init(args LocalAppInstallingArgs, params *db.TerraformTaskParams, initArgs []string) error {
	installation, err := args.Installer.Install(t.Inventory.SSHKey, db.AccessKeyRoleGit, t.Logger)
	if err != nil {
		return err
	}
	defer installation.Destroy()
	words := []string{"init", "-lock=false"}
	if params.Upgrade {
		words = append(words, "-upgrade")
	}
	if params.Reconfigure {
		words = append(words, "-reconfigure")
	} else {
		words = append(words, "-migrate-state")
	}
	cmd := t.makeCmd(t.Name, append(words, initArgs...), args.EnvironmentVars)
	cmd.Env = append(cmd.Env, installation.GetGitEnv()...)
	return t.start(cmd, nil)
}

// Plan plans, and remembers whether there is anything to do.
func (t *TerraformApp) Plan(args []string, environmentVars []string, inputs map[string]string, cb func(*os.Process)) error {
	t.Logger.AddLogListener(func(_ time.Time, line string) {
		if strings.Contains(line, "No changes.") {
			t.PlanHasNoChanges = true
		}
	})
	return t.start(t.makeCmd(t.Name, append([]string{"plan", "-lock=false"}, args...), environmentVars), cb)
}

// Apply applies without asking: it was asked before.
func (t *TerraformApp) Apply(args []string, environmentVars []string, inputs map[string]string, cb func(*os.Process)) error {
	return t.start(t.makeCmd(t.Name, append([]string{"apply", "-auto-approve", "-lock=false"}, args...), environmentVars), cb)
}

// Run plans, waits for somebody's decision where the template wants one, and applies.
func (t *TerraformApp) Run(args LocalAppRunningArgs) error {
	stage := func(name string) []string {
		if own, found := args.CliArgs[name]; found {
			return own
		}
		return args.CliArgs["default"]
	}
	if err := t.Plan(stage("plan"), args.EnvironmentVars, args.Inputs, args.Callback); err != nil {
		return err
	}
	task, template := args.TaskParams.(*db.TerraformTaskParams), args.TemplateParams.(*db.TerraformTemplateParams)
	if t.PlanHasNoChanges || task.Plan {
		t.Logger.SetStatus(task_logger.TaskSuccessStatus)
		return nil
	}
	if !template.AutoApprove && !(template.AllowAutoApprove && task.AutoApprove) {
		t.Logger.SetStatus(task_logger.TaskWaitingConfirmation)
		switch t.reader.decision() {
		case task_logger.TaskConfirmed:
		case task_logger.TaskRejected:
			t.Logger.SetStatus(task_logger.TaskFailStatus)
			return nil
		default:
			return nil
		}
	}
	t.Logger.SetStatus(task_logger.TaskRunningStatus)
	return t.Apply(stage("apply"), args.EnvironmentVars, args.Inputs, args.Callback)
}
