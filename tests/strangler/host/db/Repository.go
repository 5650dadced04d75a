package db

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	"example.org/minihost/util"
)

// RepositoryType is how a repository is reached.
type RepositoryType string

// The ways to a repository.
const (
	RepositoryGit   RepositoryType = "git"
	RepositorySSH   RepositoryType = "ssh"
	RepositoryHTTP  RepositoryType = "https"
	RepositoryFile  RepositoryType = "file"
	RepositoryLocal RepositoryType = "local"
)

// Repository is where the code of a template lies.
type Repository struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	ProjectID int    `json:"project_id"`
	GitURL    string `json:"git_url"`
	GitBranch string `json:"git_branch"`
	SSHKeyID  int    `json:"ssh_key_id"`

	SSHKey AccessKey `json:"-"`
}

// GetType tells the way by the address.
func (r Repository) GetType() RepositoryType {
	scheme, _, found := strings.Cut(r.GitURL, "://")
	switch {
	case strings.HasPrefix(r.GitURL, "/"):
		return RepositoryLocal
	case !found:
		return RepositorySSH
	case scheme == "http" || scheme == "https":
		return RepositoryHTTP
	}
	return RepositoryType(scheme)
}

// GetDirName is the name of the clone of a template.
func (r Repository) GetDirName(templateID int) string {
	return fmt.Sprintf("repository_%d_template_%d", r.ID, templateID)
}

// GetFullPath is the clone of a template, or the directory itself if the repository is local.
func (r Repository) GetFullPath(templateID int) string {
	if r.GetType() == RepositoryLocal {
		return r.GitURL
	}
	return path.Join(util.Config.GetProjectTmpDir(r.ProjectID), r.GetDirName(templateID))
}

// GetHomePath is the home of a template, beside its clone.
func (r Repository) GetHomePath(templateID int) string {
	return path.Join(util.Config.GetProjectTmpDir(r.ProjectID), r.GetDirName(templateID)+"_home")
}

// GetGitURL is the address, with the password of an HTTP repository unless it has to be fit to be shown.
func (r Repository) GetGitURL(secure bool) string {
	if secure || r.GetType() != RepositoryHTTP || r.SSHKey.Type != AccessKeyLoginPassword {
		return r.GitURL
	}
	scheme, rest, _ := strings.Cut(r.GitURL, "://")
	account := url.User(r.SSHKey.LoginPassword.Password)
	if login := r.SSHKey.LoginPassword.Login; login != "" {
		account = url.UserPassword(login, r.SSHKey.LoginPassword.Password)
	}
	return scheme + "://" + account.String() + "@" + rest
}
