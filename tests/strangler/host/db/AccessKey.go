// Package db holds the rows of the mini host: what is stored, without the storing.
package db

// AccessKeyType is what kind of secret a key is.
type AccessKeyType string

// The kinds of keys.
const (
	AccessKeySSH           AccessKeyType = "ssh"
	AccessKeyNone          AccessKeyType = "none"
	AccessKeyLoginPassword AccessKeyType = "login_password"
	AccessKeyString        AccessKeyType = "string"
)

// AccessKeyRole is what a key is used for.
type AccessKeyRole int

// The uses of keys. They are numbers without a type, as callers compare them with both.
const (
	AccessKeyRoleAnsibleUser = iota
	AccessKeyRoleAnsibleBecomeUser
	AccessKeyRoleAnsiblePasswordVault
	AccessKeyRoleGit
)

// LoginPassword is a name with its password.
type LoginPassword struct {
	Login    string `json:"login"`
	Password string `json:"password"`
}

// SshKey is a private key with the name it logs in as.
type SshKey struct {
	Login      string `json:"login"`
	Passphrase string `json:"passphrase"`
	PrivateKey string `json:"private_key"`
}

// AccessKey is a key with its secret, already decrypted.
type AccessKey struct {
	ID        int           `json:"id"`
	Name      string        `json:"name"`
	Type      AccessKeyType `json:"type"`
	ProjectID *int          `json:"project_id"`

	String        string        `json:"string"`
	LoginPassword LoginPassword `json:"login_password"`
	SshKey        SshKey        `json:"ssh"`
}
