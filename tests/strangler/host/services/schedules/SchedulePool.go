// Package schedules looks for news in repositories. Nobody reads what git says there: the logger is nil.
package schedules

import (
	"example.org/minihost/db"
	"example.org/minihost/db_lib"
)

// ScheduleRunner watches one branch.
type ScheduleRunner struct {
	repository     db.Repository
	lastCommitHash string
	keyInstaller   db_lib.AccessKeyInstaller
}

// CreateScheduleRunner makes one that has seen nothing yet.
func CreateScheduleRunner(repository db.Repository, keyInstaller db_lib.AccessKeyInstaller) *ScheduleRunner {
	return &ScheduleRunner{repository: repository, keyInstaller: keyInstaller}
}

func (r *ScheduleRunner) git() db_lib.GitRepository {
	return db_lib.GitRepository{Logger: nil, Repository: r.repository, Client: db_lib.CreateDefaultGitClient(r.keyInstaller)}
}

// TryUpdateCommitHash says whether the branch has another commit than at the last call, and which.
func (r *ScheduleRunner) TryUpdateCommitHash() (updated bool, hash string, err error) {
	hash, err = r.git().GetLastRemoteCommitHash()
	if err != nil || hash == r.lastCommitHash {
		return false, hash, err
	}
	r.lastCommitHash = hash
	return true, hash, nil
}

// Branches are the branches that could be watched.
func (r *ScheduleRunner) Branches() ([]string, error) { return r.git().GetRemoteBranches() }
