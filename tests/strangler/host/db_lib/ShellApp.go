package db_lib

import (
	"os/exec"
	"strings"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// ShellApp runs scripts with an interpreter.
type ShellApp struct {
	Logger     task_logger.Logger
	Template   db.Template
	Repository db.Repository
	App        db.TemplateApp
}

// interpreters are those whose program has another name than the app.
var interpreters = map[db.TemplateApp][]string{db.AppPython: {"python3"}, db.AppPowerShell: {"powershell", "-File"}}

// GetFullPath is the clone.
func (t *ShellApp) GetFullPath() (path string) { return t.Repository.GetFullPath(t.Template.ID) }

// SetLogger takes the log.
func (t *ShellApp) SetLogger(logger task_logger.Logger) task_logger.Logger {
	t.Logger = logger
	return logger
}

// Clear has nothing to do.
func (t *ShellApp) Clear() {}

// InstallRequirements has nothing to do.
func (t *ShellApp) InstallRequirements(args LocalAppInstallingArgs) error { return nil }

func (t *ShellApp) makeShellCmd(args []string, environmentVars []string) *exec.Cmd {
	words := interpreters[t.App]
	if words == nil {
		words = []string{string(t.App)}
	}
	program, leading := words[0], words[1:]
	configured := util.Config.Apps[string(t.App)]
	if configured.AppPath != "" {
		program = configured.AppPath
	}
	if configured.AppArgs != nil {
		leading = configured.AppArgs
	}
	cmd := exec.Command(program, append(leading[:len(leading):len(leading)], args...)...)
	cmd.Dir = t.GetFullPath()
	cmd.Env = append(getEnvironmentVars(), "HOME="+getHomeDir(t.Repository, t.Template.ID), "PWD="+cmd.Dir)
	cmd.Env = append(cmd.Env, environmentVars...)
	cmd.SysProcAttr = util.Config.GetSysProcAttr()
	return cmd
}

// Run runs the script without input.
func (t *ShellApp) Run(args LocalAppRunningArgs) error {
	cmd := t.makeShellCmd(args.CliArgs["default"], args.EnvironmentVars)
	t.Logger.LogCmd(cmd)
	cmd.Stdin = strings.NewReader("")
	if err := cmd.Start(); err != nil {
		return err
	}
	args.Callback(cmd.Process)
	err := cmd.Wait()
	t.Logger.WaitLog()
	return err
}
