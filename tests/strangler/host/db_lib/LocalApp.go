package db_lib

import (
	"os"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// getHomeDir is HOME of a template's programs.
func getHomeDir(repo db.Repository, templateID int) string {
	switch util.Config.HomeDirMode {
	case util.HomeDirModeProjectHome:
		return util.Config.GetProjectTmpDir(repo.ProjectID)
	case util.HomeDirModeTemplateDir, util.HomeDirModeUserHome:
		return os.Getenv("HOME")
	}
	return ""
}

// getEnvironmentVars are PATH, the forwarded and the configured variables: all that a program sees of the host's.
func getEnvironmentVars() []string {
	variables := []string{"PATH=" + os.Getenv("PATH")}
	for _, name := range util.Config.ForwardedEnvVars {
		if value := os.Getenv(name); value != "" {
			variables = append(variables, name+"="+value)
		}
	}
	for name, value := range util.Config.EnvVars {
		variables = append(variables, name+"="+value)
	}
	return variables
}

// LocalAppRunningArgs are what an app runs with.
type LocalAppRunningArgs struct {
	// CliArgs are arguments by stage ("plan", "apply"), "default" for every stage without its own.
	CliArgs         map[string][]string
	EnvironmentVars []string
	// Inputs are answers by the beginning of the question.
	Inputs         map[string]string
	TaskParams     any
	TemplateParams any
	// Callback is given the process once it runs.
	Callback func(*os.Process)
}

// LocalAppInstallingArgs are what an app prepares with.
type LocalAppInstallingArgs struct {
	EnvironmentVars []string
	TplParams       any
	Params          any
	Installer       AccessKeyInstaller
}

// LocalApp is a program that runs templates.
type LocalApp interface {
	SetLogger(logger task_logger.Logger) task_logger.Logger
	InstallRequirements(args LocalAppInstallingArgs) error
	Run(args LocalAppRunningArgs) error
	Clear()
}
