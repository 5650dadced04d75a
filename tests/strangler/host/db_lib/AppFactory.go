package db_lib

import (
	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
)

// CreateApp makes the app of a template by literal, without constructors of the apps.
func CreateApp(template db.Template, repository db.Repository, inventory db.Inventory, logger task_logger.Logger) LocalApp {
	switch app := template.App; {
	case app == db.AppAnsible:
		playbook := &AnsiblePlaybook{TemplateID: template.ID, Repository: repository, Logger: logger}
		return &AnsibleApp{Template: template, Repository: repository, Logger: logger, Playbook: playbook}
	case app.IsTerraform():
		return &TerraformApp{Template: template, Repository: repository, Logger: logger, Inventory: inventory, Name: string(app)}
	default:
		return &ShellApp{Template: template, Repository: repository, Logger: logger, App: app}
	}
}
