// Package sshagent runs an ssh agent that holds one private key and does nothing but sign with it.
//
// The socket lies in a private directory, and only this user, root and the user of Config.Process are answered.
package sshagent

import (
	"context"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/keyinstaller"
)

// Agent is a running agent. Close it.
type Agent struct {
	installation *keyinstaller.Installation
}

// Start reads a private key (PEM; OpenSSH, PKCS#1, PKCS#8 or SEC1) and starts an agent for it; an empty passphrase means none. id and
// projectID name socket and directory below config.TmpPath.
func Start(ctx context.Context, runtime *core.Runtime, config core.Config, id, projectID int, privateKey, passphrase []byte) (*Agent, error) {
	installation, err := keyinstaller.Install(ctx, runtime, keyinstaller.Key{
		Config: config, ID: id, ProjectID: projectID, Type: keyinstaller.TypeSSH, Role: keyinstaller.RoleAnsibleUser,
		Secret: privateKey, Passphrase: passphrase,
	})
	if err != nil {
		return nil, err
	}
	return &Agent{installation}, nil
}

// Socket is the path for SSH_AUTH_SOCK.
func (a *Agent) Socket() string { return a.installation.Socket }

// Close ends the agent and removes its socket before it returns. A second Close is os.ErrClosed.
func (a *Agent) Close() error { return a.installation.Close() }
