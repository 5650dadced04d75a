package model

// AccessKey is a key or password of a project.
type AccessKey struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	// Type is none, ssh, login_password or string.
	Type      string `json:"type"`
	ProjectID *int   `json:"project_id"`
	// Secret is the encrypted secret as it is stored.
	Secret *string `json:"-" stored:"secret"`
	// Plain is a value that is not secret.
	Plain *string `json:"plain,omitempty"`
	// String, LoginPassword and SSH are the plain secret of requests; empty in answers.
	String        string        `json:"string"`
	LoginPassword LoginPassword `json:"login_password"`
	SSH           SSHKey        `json:"ssh"`
	// OverrideSecret makes a change replace type and secret; otherwise only the name changes.
	OverrideSecret bool `json:"override_secret,omitempty"`
	// StorageID, EnvironmentID and UserID name what it belongs to.
	StorageID     *int `json:"-" stored:"storage_id"`
	EnvironmentID *int `json:"-" stored:"environment_id"`
	UserID        *int `json:"-" stored:"user_id"`
	// Empty tells that there is no secret although the type wants one.
	Empty bool   `json:"empty,omitempty"`
	Owner string `json:"owner,omitempty"`
	// SourceStorageID, SourceStorageKey and SourceStorageType tell where the secret comes from; none for the database.
	SourceStorageID   *int    `json:"source_storage_id,omitempty"`
	SourceStorageKey  *string `json:"source_storage_key,omitempty"`
	SourceStorageType *string `json:"source_storage_type,omitempty"`
}

// LoginPassword is a login with a password.
type LoginPassword struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// SSHKey is a private key.
type SSHKey struct {
	Login      string `json:"login"`
	Passphrase string `json:"passphrase"`
	PrivateKey string `json:"private_key"`
}

// SecretStorage is a place outside the database that keys come from.
type SecretStorage struct {
	ID        int    `json:"id"`
	ProjectID int    `json:"project_id"`
	Name      string `json:"name"`
	// Type is local, vault or dvls.
	Type     string `json:"type"`
	Params   Object `json:"params"`
	ReadOnly bool   `json:"readonly"`
	// SourceStorageType and Secret are on the way in only.
	SourceStorageType *string `json:"source_storage_type,omitempty"`
	Secret            string  `json:"secret,omitempty"`
}

// Repository is a git repository, or a directory on the server.
type Repository struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	ProjectID int    `json:"project_id"`
	GitURL    string `json:"git_url"`
	GitBranch string `json:"git_branch"`
	SSHKeyID  int    `json:"ssh_key_id"`
}

// Inventory is a list of hosts, or where to find it.
type Inventory struct {
	ID        int    `json:"id"`
	Name      string `json:"name"`
	ProjectID int    `json:"project_id"`
	// Inventory is the hosts, a path, or the name of a workspace.
	Inventory   string `json:"inventory"`
	SSHKeyID    *int   `json:"ssh_key_id"`
	BecomeKeyID *int   `json:"become_key_id"`
	// Type is static, static-yaml, file or one of the workspaces.
	Type         string  `json:"type"`
	TemplateID   *int    `json:"template_id"`
	RepositoryID *int    `json:"repository_id"`
	RunnerTag    *string `json:"runner_tag,omitempty"`
}

// Environment is a group of variables.
type Environment struct {
	ID        int     `json:"id"`
	Name      string  `json:"name"`
	ProjectID int     `json:"project_id"`
	Password  *string `json:"password"`
	// JSON is the extra variables: an object as text.
	JSON string `json:"json"`
	// Env is the variables of the process: a flat object as text.
	Env                    *string             `json:"env"`
	Secrets                []EnvironmentSecret `json:"secrets,omitempty"`
	SecretStorageID        *int                `json:"secret_storage_id,omitempty"`
	SecretStorageKeyPrefix *string             `json:"secret_storage_key_prefix,omitempty"`
}

// EnvironmentSecret is a secret of an environment: a wanted change in requests, a name in answers.
type EnvironmentSecret struct {
	ID int `json:"id"`
	// Type is var or env.
	Type   string `json:"type"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
	// Operation is create, update or delete.
	Operation string `json:"operation"`
}
