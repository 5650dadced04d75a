package db_lib

import "example.org/minihost/util"

// CreateDefaultGitClient makes the configured client.
func CreateDefaultGitClient(keyInstaller AccessKeyInstaller) GitClient {
	if util.Config.GitClientId == util.GoGitClientId {
		return CreateGoGitClient(keyInstaller)
	}
	return CreateCmdGitClient(keyInstaller)
}

// CreateGoGitClient makes the client that is a library.
func CreateGoGitClient(keyInstaller AccessKeyInstaller) GitClient {
	return GoGitClient{keyInstaller: keyInstaller}
}

// CreateCmdGitClient makes the client that starts git.
func CreateCmdGitClient(keyInstaller AccessKeyInstaller) GitClient {
	return CmdGitClient{keyInstaller: keyInstaller}
}
