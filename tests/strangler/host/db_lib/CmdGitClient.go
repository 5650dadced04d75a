package db_lib

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"example.org/minihost/db"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/util"
)

// CmdGitClient starts git.
type CmdGitClient struct {
	keyInstaller AccessKeyInstaller
}

func (c CmdGitClient) makeCmd(r GitRepository, targetDir GitRepositoryDirType, installation ssh.AccessKeyInstallation, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command("git", args...)
	cmd.Env = append(getEnvironmentVars(), installation.GetGitEnv()...)
	cmd.Dir = r.GetFullPath()
	if targetDir == GitRepositoryTmpPath {
		cmd.Dir = util.Config.GetProjectTmpDir(r.Repository.ProjectID)
		return cmd, os.MkdirAll(cmd.Dir, 0o755)
	}
	return cmd, nil
}

// run starts git into the log; without a log its words are lost.
func (c CmdGitClient) run(r GitRepository, targetDir GitRepositoryDirType, args ...string) error {
	return c.withKey(r, targetDir, args, func(cmd *exec.Cmd) error {
		if r.Logger == nil {
			return cmd.Run()
		}
		r.Logger.LogCmd(cmd)
		defer r.Logger.WaitLog()
		return cmd.Run()
	})
}

// output starts git for what it says.
func (c CmdGitClient) output(r GitRepository, targetDir GitRepositoryDirType, args ...string) (out string, err error) {
	err = c.withKey(r, targetDir, args, func(cmd *exec.Cmd) error {
		said, err := cmd.Output()
		out = strings.TrimSpace(string(said))
		return err
	})
	return out, err
}

func (c CmdGitClient) withKey(r GitRepository, targetDir GitRepositoryDirType, args []string, start func(*exec.Cmd) error) error {
	installation, err := c.keyInstaller.Install(r.Repository.SSHKey, db.AccessKeyRoleGit, r.Logger)
	if err != nil {
		return err
	}
	defer installation.Destroy()
	cmd, err := c.makeCmd(r, targetDir, installation, args...)
	if err != nil {
		return err
	}
	return start(cmd)
}

func announce(r GitRepository, text string) {
	if r.Logger != nil {
		r.Logger.Log(text)
	}
}

// Clone clones one branch with all submodules.
func (c CmdGitClient) Clone(r GitRepository) error {
	announce(r, "Cloning Repository "+r.Repository.GitURL)
	name := r.TmpDirName
	if name == "" {
		name = r.Repository.GetDirName(r.TemplateID)
	}
	return c.run(r, GitRepositoryTmpPath, "clone", "--recursive", "--branch", r.Repository.GitBranch, r.Repository.GetGitURL(false), name)
}

// Pull pulls the branch, then the submodules.
func (c CmdGitClient) Pull(r GitRepository) error {
	announce(r, "Updating Repository "+r.Repository.GitURL)
	if err := c.run(r, GitRepositoryFullPath, "pull", "origin", r.Repository.GitBranch); err != nil {
		return err
	}
	return c.run(r, GitRepositoryFullPath, "submodule", "update", "--init", "--recursive")
}

// Checkout checks a commit out.
func (c CmdGitClient) Checkout(r GitRepository, target string) error {
	announce(r, "Checkout repository to "+target)
	return c.run(r, GitRepositoryFullPath, "checkout", target)
}

// CanBePulled fetches and compares.
func (c CmdGitClient) CanBePulled(r GitRepository) bool {
	return c.run(r, GitRepositoryFullPath, "fetch") == nil &&
		c.run(r, GitRepositoryFullPath, "merge-base", "--is-ancestor", "HEAD", "origin/"+r.Repository.GitBranch) == nil
}

// GetLastCommitMessage asks git; at most 100 bytes.
func (c CmdGitClient) GetLastCommitMessage(r GitRepository) (msg string, err error) {
	announce(r, "Get current commit message")
	msg, err = c.output(r, GitRepositoryFullPath, "show-branch", "--no-name", "HEAD")
	return msg[:min(len(msg), 100)], err
}

// GetLastCommitHash asks git.
func (c CmdGitClient) GetLastCommitHash(r GitRepository) (hash string, err error) {
	announce(r, "Get current commit hash")
	return c.output(r, GitRepositoryFullPath, "rev-parse", "HEAD")
}

// GetLastRemoteCommitHash asks the other side.
func (c CmdGitClient) GetLastRemoteCommitHash(r GitRepository) (hash string, err error) {
	said, err := c.output(r, GitRepositoryTmpPath, "ls-remote", r.Repository.GetGitURL(false), r.Repository.GitBranch)
	if err != nil {
		return "", err
	}
	hash, _, found := strings.Cut(said, "\t")
	if !found {
		return "", fmt.Errorf("the remote repository has no branch %s", r.Repository.GitBranch)
	}
	return hash, nil
}

// GetRemoteBranches asks the other side.
func (c CmdGitClient) GetRemoteBranches(r GitRepository) ([]string, error) {
	said, err := c.output(r, GitRepositoryTmpPath, "ls-remote", "--heads", r.Repository.GetGitURL(false))
	if err != nil {
		return nil, err
	}
	return getRepositoryBranchNames(strings.Split(said, "\n")), nil
}

// getRepositoryBranchNames takes the last part of each name; lines of another form are no branches.
func getRepositoryBranchNames(lines []string) []string {
	names := []string{}
	for _, line := range lines {
		if _, name, found := strings.Cut(line, "\t"); found {
			names = append(names, name[strings.LastIndex(name, "/")+1:])
		}
	}
	return names
}
