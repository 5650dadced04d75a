package db_lib

import (
	"crypto/md5"
	"fmt"
	"os"
	"path"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
)

// AnsibleApp runs playbooks, after their roles and collections were installed.
type AnsibleApp struct {
	Logger     task_logger.Logger
	Playbook   *AnsiblePlaybook
	Template   db.Template
	Repository db.Repository
}

// GalaxyRequirementsType is what a requirements file is about.
type GalaxyRequirementsType string

// The kinds of requirements.
const (
	GalaxyRole       GalaxyRequirementsType = "role"
	GalaxyCollection GalaxyRequirementsType = "collection"
)

// SetLogger gives the log to the app and its playbook.
func (t *AnsibleApp) SetLogger(logger task_logger.Logger) task_logger.Logger {
	t.Logger, t.Playbook.Logger = logger, logger
	return logger
}

// Run runs the playbook.
func (t *AnsibleApp) Run(args LocalAppRunningArgs) error {
	return t.Playbook.RunPlaybook(args.CliArgs["default"], args.EnvironmentVars, args.Inputs, args.Callback)
}

// Log writes a line.
func (t *AnsibleApp) Log(msg string) { t.Logger.Log(msg) }

// Clear has nothing to do.
func (t *AnsibleApp) Clear() {}

// GetPlaybookDir is where the playbook lies.
func (t *AnsibleApp) GetPlaybookDir() string {
	return path.Dir(path.Join(t.getRepoPath(), t.Template.Playbook))
}

func (t *AnsibleApp) getRepoPath() string { return t.Repository.GetFullPath(t.Template.ID) }

// InstallRequirements installs what four files name, first the collections, then the roles; a file that is as it was is not installed again.
func (t *AnsibleApp) InstallRequirements(args LocalAppInstallingArgs) error {
	kinds := []struct {
		kind      GalaxyRequirementsType
		directory string
	}{{GalaxyCollection, "collections"}, {GalaxyRole, "roles"}}
	for _, k := range kinds {
		for _, root := range []string{t.GetPlaybookDir(), t.getRepoPath()} {
			for _, file := range []string{path.Join(root, k.directory, "requirements.yml"), path.Join(root, "requirements.yml")} {
				if err := t.installFile(k.kind, file, args.EnvironmentVars); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (t *AnsibleApp) installFile(kind GalaxyRequirementsType, file string, environmentVars []string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Log("No " + file + " file found. Skip galaxy install process.\n")
		return nil
	}
	remembered := fmt.Sprintf("%s_%s.md5", file, kind)
	sum := fmt.Sprintf("%x", md5.Sum(content))
	if before, err := os.ReadFile(remembered); err == nil && string(before) == sum {
		t.Log(file + " has no changes. Skip galaxy install process.\n")
		return nil
	}
	if err := t.Playbook.RunGalaxy([]string{string(kind), "install", "-r", file, "--force"}, environmentVars); err != nil {
		return err
	}
	return os.WriteFile(remembered, []byte(sum), 0o644)
}
