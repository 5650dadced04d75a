package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"example.org/minihost/db"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/util"
)

func (t *LocalJob) getTaskDetails(username string, incomingVersion *string) map[string]any {
	details := map[string]any{
		"id": t.Task.ID, "username": username, "url": t.Task.GetUrl(),
		"commit_hash": t.Task.CommitHash, "commit_message": t.Task.CommitMessage,
		"inventory_name": t.Inventory.Name, "inventory_id": t.Inventory.ID,
		"repository_name": t.Repository.Name, "repository_id": t.Repository.ID,
	}
	if t.Task.Message != "" {
		details["message"] = t.Task.Message
	}
	if t.Template.Type != db.TemplateTask {
		details["type"] = t.Template.Type
		if incomingVersion != nil {
			details["incoming_version"] = incomingVersion
		}
	}
	if t.Template.Type == db.TemplateBuild {
		details["target_version"] = t.Task.Version
	}
	return details
}

func (t *LocalJob) getEnvironmentExtraVars(username string, incomingVersion *string) (map[string]any, error) {
	variables := map[string]any{}
	if t.Environment.JSON != "" {
		if err := json.Unmarshal([]byte(t.Environment.JSON), &variables); err != nil {
			return nil, err
		}
	}
	variables["semaphore_vars"] = map[string]any{"task_details": t.getTaskDetails(username, incomingVersion)}
	return variables, nil
}

func (t *LocalJob) getEnvironmentExtraVarsJSON(username string, incomingVersion *string) (string, error) {
	variables, err := t.getEnvironmentExtraVars(username, incomingVersion)
	if err != nil {
		return "", err
	}
	if t.Secret != "" {
		secrets := map[string]any{}
		if err := json.Unmarshal([]byte(t.Secret), &secrets); err != nil {
			return "", err
		}
		delete(secrets, "semaphore_vars")
		maps.Copy(variables, secrets)
	}
	t.Secret = "{}"
	text, err := json.Marshal(variables)
	return string(text), err
}

func (t *LocalJob) getEnvironmentENV() (res []string, err error) {
	if t.Environment.ENV != nil {
		variables := map[string]string{}
		if err := json.Unmarshal([]byte(*t.Environment.ENV), &variables); err != nil {
			return nil, err
		}
		for name, value := range variables {
			res = append(res, name+"="+value)
		}
	}
	return append(res, t.secrets(db.EnvironmentSecretEnv)...), nil
}

// secrets are those of one kind, as name=value.
func (t *LocalJob) secrets(kind db.EnvironmentSecretType) (pairs []string) {
	for _, secret := range t.Environment.Secrets {
		if secret.Type == kind {
			pairs = append(pairs, secret.Name+"="+secret.Secret)
		}
	}
	return pairs
}

func (t *LocalJob) getShellEnvironmentExtraENV(username string, incomingVersion *string) (extraShellVars []string) {
	for name, value := range t.getTaskDetails(username, incomingVersion) {
		var text string
		switch value := value.(type) {
		case string:
			text = value
		case int:
			text = strconv.Itoa(value)
		case *string:
			if value != nil {
				text = *value
			}
		}
		if text != "" {
			extraShellVars = append(extraShellVars, "SEMAPHORE_TASK_DETAILS_"+strings.ToUpper(name)+"="+util.ShellQuote(util.ShellStripUnsafe(text)))
		}
	}
	return extraShellVars
}

// variablePairs are the environment's own variables as name=value, in the order of their names.
func (t *LocalJob) variablePairs(username string, incomingVersion *string) (pairs []string, err error) {
	variables, err := t.getEnvironmentExtraVars(username, incomingVersion)
	delete(variables, "semaphore_vars")
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		pairs = append(pairs, fmt.Sprintf("%s=%s", name, variables[name]))
	}
	return pairs, err
}

func (t *LocalJob) getShellArgs(username string, incomingVersion *string) ([]string, error) {
	pairs, err := t.variablePairs(username, incomingVersion)
	if err != nil {
		return nil, err
	}
	templateArgs, taskArgs, err := t.getCLIArgs()
	return slices.Concat([]string{t.Template.Playbook}, t.secrets(db.EnvironmentSecretVar), templateArgs, pairs, taskArgs), err
}

func (t *LocalJob) getTerraformArgs(username string, incomingVersion *string) (map[string][]string, error) {
	var params db.TerraformTaskParams
	pairs, err := t.variablePairs(username, incomingVersion)
	if err == nil {
		err = t.Task.ExtractParams(&params)
	}
	if err != nil {
		return nil, err
	}
	templateArgs, taskArgs, err := t.getCLIArgsMap()
	if err != nil {
		return nil, err
	}
	stages := map[string][]string{}
	for _, given := range []map[string][]string{templateArgs, taskArgs} {
		for stage, args := range given {
			stages[stage] = append(stages[stage], args...)
		}
	}
	if len(stages) == 0 {
		stages["default"] = nil
	}
	var before, after []string
	if params.Destroy {
		before = []string{"-destroy"}
	}
	for _, pair := range append(pairs, t.secrets(db.EnvironmentSecretVar)...) {
		after = append(after, "-var", pair)
	}
	for stage, args := range stages {
		if stage != "init" {
			stages[stage] = slices.Concat(before, args, after)
		}
	}
	return stages, nil
}

func (t *LocalJob) getPlaybookArgs(username string, incomingVersion *string) (args []string, inputs map[string]string, err error) {
	inventory, err := t.inventoryArg()
	if err != nil {
		return nil, nil, err
	}
	args, inputs = []string{"-i", inventory}, map[string]string{}
	args = append(args, login(t.sshKeyInstallation, t.Inventory.SSHKeyID, "--user", "--ask-pass", inputs, "SSH password:")...)
	args = append(args, login(t.becomeKeyInstallation, t.Inventory.BecomeKeyID, "--become-user", "--ask-become-pass", inputs, "BECOME password", "SUDO password")...)

	var template db.AnsibleTemplateParams
	var task db.AnsibleTaskParams
	if err = errors.Join(t.Template.FillParams(&template), t.Task.ExtractParams(&task)); err != nil {
		return nil, nil, err
	}
	if template.AllowDebug && task.Debug {
		level := min(task.DebugLevel, 6)
		if level < 1 {
			level = 4
		}
		args = append(args, "-"+strings.Repeat("v", level))
	}
	if task.Diff {
		args = append(args, "--diff")
	}
	if task.DryRun {
		args = append(args, "--check")
	}
	for name, vault := range t.vaultFileInstallations {
		if vault.Password != "" {
			args = append(args, "--vault-id="+name+"@prompt")
			inputs["Vault password ("+name+"):"] = vault.Password
		}
		if vault.Script != "" {
			args = append(args, "--vault-id="+name+"@"+vault.Script)
		}
	}
	variables, err := t.getEnvironmentExtraVarsJSON(username, incomingVersion)
	if err != nil {
		return nil, nil, err
	}
	args = append(args, "--extra-vars", variables)
	for _, pair := range t.secrets(db.EnvironmentSecretVar) {
		args = append(args, "--extra-vars", pair)
	}
	templateArgs, taskArgs, err := t.getCLIArgs()
	if err != nil {
		return nil, nil, err
	}
	args = slices.Concat(args, templateArgs, selection(template, task), taskArgs)
	playbook := t.Task.Playbook
	if playbook == "" {
		playbook = t.Template.Playbook
	}
	return append(args, playbook), inputs, nil
}

func (t *LocalJob) inventoryArg() (string, error) {
	switch {
	case t.Inventory.Type.IsStatic():
		return t.tmpInventoryFullPath(), nil
	case t.Inventory.Type == db.InventoryFile && t.Inventory.RepositoryID != nil:
		return path.Join(t.tmpInventoryFullPath(), t.Inventory.GetFilename()), nil
	case t.Inventory.Type == db.InventoryFile:
		return t.Inventory.GetFilename(), nil
	}
	return "", errors.New("invalid inventory type")
}

// login are the arguments for a name and a password that will be asked for.
func login(key ssh.AccessKeyInstallation, id *int, user, ask string, inputs map[string]string, questions ...string) (args []string) {
	if id == nil {
		return nil
	}
	if key.Login != "" {
		args = append(args, user, key.Login)
	}
	if key.Password != "" {
		args = append(args, ask)
		for _, question := range questions {
			inputs[question] = key.Password
		}
	}
	return args
}

// selection are the arguments that select hosts and tags; the task's instead of the template's where that is allowed.
func selection(template db.AnsibleTemplateParams, task db.AnsibleTaskParams) (args []string) {
	for _, option := range []struct {
		name            string
		template, task  []string
		mayBeOverridden bool
	}{
		{"--limit=", template.Limit, task.Limit, template.AllowOverrideLimit},
		{"--tags=", template.Tags, task.Tags, template.AllowOverrideTags},
		{"--skip-tags=", template.SkipTags, task.SkipTags, template.AllowOverrideSkipTags},
	} {
		chosen := option.template
		if option.mayBeOverridden && option.task != nil {
			chosen = option.task
		}
		if len(chosen) > 0 {
			args = append(args, option.name+strings.Join(chosen, ","))
		}
	}
	return args
}

func (t *LocalJob) getCLIArgs() (templateArgs []string, taskArgs []string, err error) {
	if t.Template.Arguments != nil {
		if err := json.Unmarshal([]byte(*t.Template.Arguments), &templateArgs); err != nil {
			return nil, nil, errors.New("the template's extra arguments must be a JSON array")
		}
	}
	if t.Template.AllowOverrideArgsInTask && t.Task.Arguments != nil {
		if err := json.Unmarshal([]byte(*t.Task.Arguments), &taskArgs); err != nil {
			return nil, nil, errors.New("the task's extra arguments must be a JSON array")
		}
	}
	return templateArgs, taskArgs, nil
}

// convertArgsJSONIfArray reads arguments by stage; an array is those of "default".
func convertArgsJSONIfArray(argsJSON string) (map[string][]string, error) {
	if argsJSON == "" {
		return nil, nil
	}
	var list []string
	if json.Unmarshal([]byte(argsJSON), &list) == nil {
		return map[string][]string{"default": list}, nil
	}
	var stages map[string][]string
	if err := json.Unmarshal([]byte(argsJSON), &stages); err != nil {
		return nil, fmt.Errorf("extra arguments must be a JSON array or an object of arrays: %w", err)
	}
	return stages, nil
}

func (t *LocalJob) getCLIArgsMap() (templateArgsMap map[string][]string, taskArgsMap map[string][]string, err error) {
	if t.Template.Arguments != nil {
		templateArgsMap, err = convertArgsJSONIfArray(*t.Template.Arguments)
	}
	if err == nil && t.Template.AllowOverrideArgsInTask && t.Task.Arguments != nil {
		taskArgsMap, err = convertArgsJSONIfArray(*t.Task.Arguments)
	}
	return templateArgsMap, taskArgsMap, err
}

func (t *LocalJob) getTemplateParams() (any, error) {
	var params any
	switch {
	case t.Template.App == db.AppAnsible:
		params = &db.AnsibleTemplateParams{}
	case t.Template.App.IsTerraform():
		params = &db.TerraformTemplateParams{}
	default:
		return nil, nil
	}
	return params, t.Template.FillParams(params)
}

func (t *LocalJob) getParams() (any, error) {
	var params any = &db.DefaultTaskParams{}
	switch {
	case t.Template.App == db.AppAnsible:
		params = &db.AnsibleTaskParams{}
	case t.Template.App.IsTerraform():
		params = &db.TerraformTaskParams{}
	}
	return params, t.Task.ExtractParams(params)
}

// argsAndInputs are the arguments of an app that has no stages, and the answers to what it asks.
func (t *LocalJob) argsAndInputs(username string, incomingVersion *string) (map[string][]string, map[string]string, error) {
	var list []string
	var inputs map[string]string
	var err error
	if t.Template.App == db.AppAnsible {
		list, inputs, err = t.getPlaybookArgs(username, incomingVersion)
	} else {
		list, err = t.getShellArgs(username, incomingVersion)
	}
	return map[string][]string{"default": list}, inputs, err
}

// moreVariables are those that are known only once everything is prepared.
func (t *LocalJob) moreVariables(username string, incomingVersion *string) (variables []string) {
	if t.Template.App != db.AppAnsible && !t.Template.App.IsTerraform() {
		variables = t.getShellEnvironmentExtraENV(username, incomingVersion)
	}
	if t.Inventory.SSHKeyID != nil && t.sshKeyInstallation.SSHAgent != nil {
		variables = append(variables, "SSH_AUTH_SOCK="+t.sshKeyInstallation.SSHAgent.SocketFile)
	}
	if t.Template.Type != db.TemplateTask {
		variables = append(variables, "SEMAPHORE_TASK_TYPE="+string(t.Template.Type))
		if incomingVersion != nil {
			variables = append(variables, "SEMAPHORE_TASK_INCOMING_VERSION="+*incomingVersion)
		}
		if t.Template.Type == db.TemplateBuild && t.Task.Version != nil {
			variables = append(variables, "SEMAPHORE_TASK_TARGET_VERSION="+*t.Task.Version)
		}
	}
	return variables
}
