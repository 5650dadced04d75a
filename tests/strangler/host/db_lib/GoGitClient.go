package db_lib

import (
	"errors"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"github.com/go-git/go-git/v5/storage/memory"
	hostkeys "golang.org/x/crypto/ssh"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
)

// GoGitClient is git as a library: it works where git is not installed.
type GoGitClient struct {
	keyInstaller AccessKeyInstaller
}

// ProgressWrapper writes what the other side tells into a log, without its counting.
type ProgressWrapper struct {
	Logger task_logger.Logger
}

// Write takes one message.
func (t ProgressWrapper) Write(p []byte) (n int, err error) {
	message := string(p)
	counting := strings.HasPrefix(message, "Counting objects:") || strings.HasPrefix(message, "Compressing objects:")
	if t.Logger != nil && !counting {
		t.Logger.Log(message)
	}
	return len(p), nil
}

func (c GoGitClient) getAuthMethod(r GitRepository) (transport.AuthMethod, error) {
	switch key := r.Repository.SSHKey; key.Type {
	case db.AccessKeyNone, "":
		return nil, nil
	case db.AccessKeyLoginPassword:
		return &http.BasicAuth{Username: key.LoginPassword.Login, Password: key.LoginPassword.Password}, nil
	case db.AccessKeySSH:
		login := key.SshKey.Login
		if login == "" {
			login = "git"
		}
		method, err := ssh.NewPublicKeys(login, []byte(key.SshKey.PrivateKey), key.SshKey.Passphrase)
		if err == nil {
			method.HostKeyCallback = hostkeys.InsecureIgnoreHostKey()
		}
		return method, err
	}
	return nil, errors.New("unsupported auth method")
}

func (c GoGitClient) open(r GitRepository) (repository *git.Repository, auth transport.AuthMethod, err error) {
	if auth, err = c.getAuthMethod(r); err == nil {
		repository, err = git.PlainOpen(r.GetFullPath())
	}
	return repository, auth, err
}

// Clone clones one branch with all submodules.
func (c GoGitClient) Clone(r GitRepository) error {
	announce(r, "Cloning Repository "+r.Repository.GitURL)
	auth, err := c.getAuthMethod(r)
	if err != nil {
		return err
	}
	_, err = git.PlainClone(r.GetFullPath(), false, &git.CloneOptions{
		URL: r.Repository.GitURL, Auth: auth, Progress: ProgressWrapper{r.Logger},
		ReferenceName: plumbing.NewBranchReferenceName(r.Repository.GitBranch), RecurseSubmodules: git.DefaultSubmoduleRecursionDepth,
	})
	if err != nil {
		announce(r, "Unable to clone repository: "+err.Error())
	}
	return err
}

// Pull merges what the other side has into the branch of the clone.
func (c GoGitClient) Pull(r GitRepository) error {
	announce(r, "Updating Repository "+r.Repository.GitURL)
	repository, auth, err := c.open(r)
	if err != nil {
		return err
	}
	tree, err := repository.Worktree()
	if err != nil {
		return err
	}
	err = tree.Pull(&git.PullOptions{RemoteName: "origin", Auth: auth, RecurseSubmodules: git.DefaultSubmoduleRecursionDepth})
	if errors.Is(err, git.NoErrAlreadyUpToDate) {
		return nil
	}
	return err
}

// Checkout checks a commit out.
func (c GoGitClient) Checkout(r GitRepository, target string) error {
	announce(r, "Checkout repository to "+target)
	repository, _, err := c.open(r)
	if err != nil {
		return err
	}
	tree, err := repository.Worktree()
	if err != nil {
		return err
	}
	return tree.Checkout(&git.CheckoutOptions{Hash: plumbing.NewHash(target)})
}

// CanBePulled fetches and compares.
func (c GoGitClient) CanBePulled(r GitRepository) bool {
	repository, auth, err := c.open(r)
	if err != nil {
		return false
	}
	if err := repository.Fetch(&git.FetchOptions{Auth: auth}); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return false
	}
	theirs, err := repository.ResolveRevision(plumbing.Revision("origin/" + r.Repository.GitBranch))
	if err != nil {
		return false
	}
	remote, err := repository.CommitObject(*theirs)
	if err != nil {
		return false
	}
	local, err := c.head(r)
	if err != nil {
		return false
	}
	forward, err := local.IsAncestor(remote)
	return forward && err == nil
}

// head is the commit in the clone.
func (c GoGitClient) head(r GitRepository) (*object.Commit, error) {
	repository, err := git.PlainOpen(r.GetFullPath())
	if err != nil {
		return nil, err
	}
	reference, err := repository.Head()
	if err != nil {
		return nil, err
	}
	return repository.CommitObject(reference.Hash())
}

// GetLastCommitMessage reads it; at most 100 bytes.
func (c GoGitClient) GetLastCommitMessage(r GitRepository) (msg string, err error) {
	announce(r, "Get current commit message")
	head, err := c.head(r)
	if err != nil {
		return "", err
	}
	msg = head.Message[:min(len(head.Message), 100)]
	announce(r, "Message: "+msg)
	return msg, nil
}

// GetLastCommitHash reads it.
func (c GoGitClient) GetLastCommitHash(r GitRepository) (hash string, err error) {
	announce(r, "Get current commit hash")
	head, err := c.head(r)
	if err != nil {
		return "", err
	}
	return head.Hash.String(), nil
}

func (c GoGitClient) list(r GitRepository) ([]*plumbing.Reference, error) {
	auth, err := c.getAuthMethod(r)
	if err != nil {
		return nil, err
	}
	remote := git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "origin", URLs: []string{r.Repository.GitURL}})
	return remote.List(&git.ListOptions{Auth: auth})
}

// GetLastRemoteCommitHash asks the other side; empty if it has no such branch.
func (c GoGitClient) GetLastRemoteCommitHash(r GitRepository) (hash string, err error) {
	references, err := c.list(r)
	for _, reference := range references {
		if reference.Name().Short() == r.Repository.GitBranch {
			hash = reference.Hash().String()
		}
	}
	return hash, err
}

// GetRemoteBranches asks the other side.
func (c GoGitClient) GetRemoteBranches(r GitRepository) ([]string, error) {
	references, err := c.list(r)
	branches := []string{}
	for _, reference := range references {
		if reference.Name().IsBranch() {
			branches = append(branches, reference.Name().Short())
		}
	}
	return branches, err
}
