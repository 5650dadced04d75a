// Package util holds what the whole mini host is configured with. Config is global, and tests replace it: nothing here is read once and kept.
package util

import (
	"fmt"
	"path"
	"strings"
)

// Which HOME a job sees.
const (
	HomeDirModeUserHome    = "user_home"
	HomeDirModeProjectHome = "project_home"
	HomeDirModeTemplateDir = "template_dir"
)

// Which client does git's work.
const (
	GoGitClientId  = "go_git"
	CmdGitClientId = "cmd_git"
)

// App is an entry of the configured apps: another program, other leading arguments.
type App struct {
	Active  bool     `json:"active"`
	Title   string   `json:"title"`
	AppPath string   `json:"path"`
	AppArgs []string `json:"args"`
}

// ConfigProcess is as whom and below which root programs run.
type ConfigProcess struct {
	User   string `json:"user,omitempty"`
	UID    *int   `json:"uid,omitempty"`
	GID    *int   `json:"gid,omitempty"`
	Chroot string `json:"chroot,omitempty"`
}

// ConfigType is the configuration of the process.
type ConfigType struct {
	// TmpPath is the directory of everything that may be thrown away: clones, sockets, inventories.
	TmpPath          string            `json:"tmp_path"`
	HomeDirMode      string            `json:"home_dir_mode"`
	SshConfigPath    string            `json:"ssh_config_path"`
	GitClientId      string            `json:"git_client"`
	WebHost          string            `json:"web_host"`
	Apps             map[string]App    `json:"apps"`
	EnvVars          map[string]string `json:"env_vars"`
	ForwardedEnvVars []string          `json:"forwarded_env_vars"`
	Process          *ConfigProcess    `json:"process"`
}

// Config is the configuration in force.
var Config *ConfigType

// GetProjectTmpDir is the directory of a project below TmpPath.
func (conf *ConfigType) GetProjectTmpDir(projectID int) string {
	return path.Join(conf.TmpPath, fmt.Sprint("project_", projectID))
}

// GetPublicAliasURL is the address under which an alias of a task is served.
func GetPublicAliasURL(scope string, alias string) string {
	return strings.TrimSuffix(Config.WebHost, "/") + "/api/" + scope + "/" + alias
}
