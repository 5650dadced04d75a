package db_lib

import (
	"os"
	"path"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// GitRepositoryDirType is where git works.
type GitRepositoryDirType int

// In the directory of the project, or in the clone.
const (
	GitRepositoryTmpPath GitRepositoryDirType = iota
	GitRepositoryFullPath
)

// GitClient does git's work.
type GitClient interface {
	Clone(r GitRepository) error
	Pull(r GitRepository) error
	Checkout(r GitRepository, target string) error
	CanBePulled(r GitRepository) bool
	GetLastCommitMessage(r GitRepository) (msg string, err error)
	GetLastCommitHash(r GitRepository) (hash string, err error)
	GetLastRemoteCommitHash(r GitRepository) (hash string, err error)
	GetRemoteBranches(r GitRepository) ([]string, error)
}

// GitRepository is a repository, its clone, and who works on it. Logger is nil where nobody reads: see services/schedules.
type GitRepository struct {
	TmpDirName string
	TemplateID int
	Repository db.Repository
	Logger     task_logger.Logger
	Client     GitClient
}

// GetFullPath is the clone.
func (r GitRepository) GetFullPath() string {
	if r.TmpDirName == "" {
		return r.Repository.GetFullPath(r.TemplateID)
	}
	return path.Join(util.Config.GetProjectTmpDir(r.Repository.ProjectID), r.TmpDirName)
}

// ValidateRepo says whether there is a clone.
func (r GitRepository) ValidateRepo() error {
	_, err := os.Stat(r.GetFullPath())
	return err
}

// Clone makes the clone.
func (r GitRepository) Clone() error { return r.Client.Clone(r) }

// Pull brings the clone up to date.
func (r GitRepository) Pull() error { return r.Client.Pull(r) }

// Checkout puts a commit into the clone's directory.
func (r GitRepository) Checkout(target string) error { return r.Client.Checkout(r, target) }

// CanBePulled says whether the remote branch only went forward.
func (r GitRepository) CanBePulled() bool { return r.Client.CanBePulled(r) }

// GetLastCommitMessage is the first line of the commit in the clone.
func (r GitRepository) GetLastCommitMessage() (msg string, err error) {
	return r.Client.GetLastCommitMessage(r)
}

// GetLastCommitHash is the commit in the clone.
func (r GitRepository) GetLastCommitHash() (hash string, err error) {
	return r.Client.GetLastCommitHash(r)
}

// GetLastRemoteCommitHash is the commit of the branch at the other side.
func (r GitRepository) GetLastRemoteCommitHash() (hash string, err error) {
	return r.Client.GetLastRemoteCommitHash(r)
}

// GetRemoteBranches are the branches at the other side.
func (r GitRepository) GetRemoteBranches() ([]string, error) { return r.Client.GetRemoteBranches(r) }
