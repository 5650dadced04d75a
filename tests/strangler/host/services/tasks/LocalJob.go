package tasks

import (
	"os"
	"strconv"

	"example.org/minihost/db"
	"example.org/minihost/db_lib"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// LocalJob does the work of a task on this machine.
type LocalJob struct {
	Task        db.Task
	Template    db.Template
	Inventory   db.Inventory
	Repository  db.Repository
	Environment db.Environment
	// Secret is a JSON object of the answers that are secret.
	Secret string
	Logger task_logger.Logger
	App    db_lib.LocalApp

	killed bool
	// Process is the program that runs.
	Process *os.Process

	sshKeyInstallation     ssh.AccessKeyInstallation
	becomeKeyInstallation  ssh.AccessKeyInstallation
	vaultFileInstallations map[string]ssh.AccessKeyInstallation

	KeyInstaller db_lib.AccessKeyInstaller
}

// IsKilled says whether Kill was called.
func (t *LocalJob) IsKilled() bool { return t.killed }

// Kill ends the program that runs, and keeps one from being started.
func (t *LocalJob) Kill() {
	t.killed = true
	if t.Process == nil {
		return
	}
	if err := t.Process.Kill(); err != nil {
		t.Log(err.Error())
	}
}

// Log writes a line.
func (t *LocalJob) Log(msg string) { t.Logger.Log(msg) }

// SetStatus sets the status of the task.
func (t *LocalJob) SetStatus(status task_logger.TaskStatus) { t.Logger.SetStatus(status) }

// SetCommit remembers the commit, and tells the log.
func (t *LocalJob) SetCommit(hash, message string) {
	t.Task.CommitHash, t.Task.CommitMessage = &hash, message
	t.Logger.SetCommit(hash, message)
}

// Run prepares and runs the app.
func (t *LocalJob) Run(username string, incomingVersion *string, alias string) (err error) {
	defer t.App.Clear()
	defer t.destroyInventoryFile()
	defer t.destroyKeys()
	t.SetStatus(task_logger.TaskRunningStatus)
	variables, err := t.getEnvironmentENV()
	if err != nil {
		return err
	}
	templateParams, err := t.getTemplateParams()
	if err != nil {
		return err
	}
	params, err := t.getParams()
	if err != nil {
		return err
	}
	if t.Template.App.IsTerraform() && alias != "" {
		variables = append(variables, "TF_HTTP_ADDRESS="+util.GetPublicAliasURL("terraform", alias))
	}
	installing := db_lib.LocalAppInstallingArgs{EnvironmentVars: variables, TplParams: templateParams, Params: params, Installer: t.KeyInstaller}
	var args map[string][]string
	var inputs map[string]string
	if t.Template.App.IsTerraform() {
		args, err = t.getTerraformArgs(username, incomingVersion)
		if app, ok := t.App.(*db_lib.TerraformApp); ok && err == nil {
			// It wants the arguments of init before, and has a method of its own for them.
			err = t.prepareRunTerraform(app, installing, args["init"])
		} else if err == nil {
			err = t.prepareRun(installing)
		}
	} else if err = t.prepareRun(installing); err == nil {
		args, inputs, err = t.argsAndInputs(username, incomingVersion)
	}
	if err != nil {
		return err
	}
	if t.killed {
		t.SetStatus(task_logger.TaskStoppedStatus)
		return nil
	}
	return t.App.Run(db_lib.LocalAppRunningArgs{
		CliArgs: args, Inputs: inputs, TaskParams: params, TemplateParams: templateParams,
		EnvironmentVars: append(variables, t.moreVariables(username, incomingVersion)...),
		Callback:        func(process *os.Process) { t.Process = process },
	})
}

func (t *LocalJob) prepareRun(installingArgs db_lib.LocalAppInstallingArgs) error {
	requirements := func() error { return t.App.InstallRequirements(installingArgs) }
	return t.inOrder(t.updateRepository, t.checkoutRepository, t.installInventory, requirements, t.installVaultKeyFiles)
}

func (t *LocalJob) prepareRunTerraform(tfApp *db_lib.TerraformApp, installingArgs db_lib.LocalAppInstallingArgs, initArgs []string) error {
	requirements := func() error { return tfApp.InstallRequirementsWithInitArgs(installingArgs, initArgs) }
	return t.inOrder(t.updateRepository, t.checkoutRepository, t.installInventory, requirements, t.installVaultKeyFiles)
}

// inOrder makes directories and takes steps until one fails.
func (t *LocalJob) inOrder(clone, checkout, inventory, requirements, vaults func() error) error {
	t.Log("Preparing: " + strconv.Itoa(t.Task.ID))
	for _, branch := range []*string{t.Template.GitBranch, t.Task.GitBranch} {
		if branch != nil && *branch != "" {
			t.Repository.GitBranch = *branch
		}
	}
	directories := func() error { return checkTmpDir(util.Config.GetProjectTmpDir(t.Template.ProjectID)) }
	homes := func() error {
		if util.Config.HomeDirMode == util.HomeDirModeProjectHome {
			return nil
		}
		return checkTmpDir(t.Repository.GetHomePath(t.Template.ID))
	}
	for _, step := range []struct {
		failed string
		take   func() error
	}{
		{"Creating tmp dir failed: ", directories},
		{"Creating task home dir failed: ", homes},
		{"Failed updating repository: ", clone},
		{"Failed to checkout repository to required commit: ", checkout},
		{"Failed to install inventory: ", inventory},
		{"Failed to install requirements: ", requirements},
		{"Failed to install vault password files: ", vaults},
	} {
		if err := step.take(); err != nil {
			t.Log(step.failed + err.Error())
			return err
		}
	}
	return nil
}

func (t *LocalJob) repository() db_lib.GitRepository {
	return db_lib.GitRepository{Logger: t.Logger, TemplateID: t.Template.ID, Repository: t.Repository, Client: db_lib.CreateDefaultGitClient(t.KeyInstaller)}
}

// updateRepository pulls where that is possible, and clones otherwise; a local repository has to be there.
func (t *LocalJob) updateRepository() error {
	if t.Repository.GetType() == db.RepositoryLocal {
		_, err := os.Stat(t.Repository.GitURL)
		return err
	}
	repository := t.repository()
	if repository.ValidateRepo() == nil && repository.CanBePulled() && repository.Pull() == nil {
		return nil
	}
	if err := os.RemoveAll(repository.GetFullPath()); err != nil {
		return err
	}
	return repository.Clone()
}

// checkoutRepository checks the wanted commit out, or tells which one it is.
func (t *LocalJob) checkoutRepository() error {
	if t.Repository.GetType() == db.RepositoryLocal {
		return nil
	}
	repository := t.repository()
	if t.Task.CommitHash != nil {
		return repository.Checkout(*t.Task.CommitHash)
	}
	hash, err := repository.GetLastCommitHash()
	if err != nil {
		return err
	}
	message, err := repository.GetLastCommitMessage()
	if err != nil {
		t.Log(err.Error())
	}
	t.SetCommit(hash, message)
	return nil
}

func (t *LocalJob) installVaultKeyFiles() error {
	t.vaultFileInstallations = map[string]ssh.AccessKeyInstallation{}
	for _, vault := range t.Template.Vaults {
		var installation ssh.AccessKeyInstallation
		var err error
		switch {
		case vault.Type == db.TemplateVaultPassword && vault.Vault != nil:
			installation, err = t.KeyInstaller.Install(*vault.Vault, db.AccessKeyRoleAnsiblePasswordVault, t.Logger)
		case vault.Type == db.TemplateVaultScript && vault.Script != nil:
			installation.Script = *vault.Script
		}
		if err != nil {
			return err
		}
		name := "default"
		if vault.Name != nil {
			name = *vault.Name
		}
		t.vaultFileInstallations[name] = installation
	}
	return nil
}
