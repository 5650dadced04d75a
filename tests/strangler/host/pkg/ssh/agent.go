// Package ssh gives keys to programs: an SSH key through an agent, a password in a struct.
//
// The declarations of this file belong to two components: the agent, and the installer of keys that uses it.
package ssh

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
	"example.org/minihost/util"
)

// AgentKey is a private key that an agent answers with.
type AgentKey struct {
	Key        []byte
	Passphrase []byte
}

// Agent is an SSH agent of one or more keys behind a socket. The zero value listens nowhere and may be closed.
type Agent struct {
	Keys       []AgentKey
	Logger     task_logger.Logger
	SocketFile string
	listener   net.Listener
	// done is closed when the end of the listener is wanted; nil while there is no listener.
	done chan struct{}
}

// NewAgent is an agent without keys.
func NewAgent() Agent { return Agent{} }

// Listen decrypts the keys and answers at SocketFile.
func (a *Agent) Listen() error {
	keyring := agent.NewKeyring()
	for _, key := range a.Keys {
		private, err := key.parse()
		if err == nil {
			err = keyring.Add(agent.AddedKey{PrivateKey: private})
		}
		if err != nil {
			return fmt.Errorf("parsing private key: %w", err)
		}
	}
	listener, err := net.Listen("unix", a.SocketFile)
	if err != nil {
		return fmt.Errorf("listening on socket %q: %w", a.SocketFile, err)
	}
	a.listener, a.done = listener, make(chan struct{})
	go a.serve(keyring, listener, a.done)
	return nil
}

func (k AgentKey) parse() (any, error) {
	if len(k.Passphrase) > 0 {
		return ssh.ParseRawPrivateKeyWithPassphrase(k.Key, k.Passphrase)
	}
	return ssh.ParseRawPrivateKey(k.Key)
}

func (a *Agent) serve(keyring agent.Agent, listener net.Listener, done chan struct{}) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			select {
			case <-done:
			default:
				a.Logger.Logf("the SSH agent accepts no more connections: %v", err)
			}
			return
		}
		go func() {
			defer connection.Close()
			if err := agent.ServeAgent(keyring, connection); err != nil && !errors.Is(err, io.EOF) {
				a.Logger.Logf("the SSH agent lost a connection: %v", err)
			}
		}()
	}
}

// Close ends the agent and removes its socket.
func (a *Agent) Close() error {
	if a.listener == nil {
		return nil
	}
	close(a.done)
	return a.listener.Close()
}

// StartSSHAgent starts an agent of one key, below the directory of the key's project.
func StartSSHAgent(key db.AccessKey, logger task_logger.Logger) (Agent, error) {
	directory := util.Config.TmpPath
	if key.ProjectID != nil {
		directory = util.Config.GetProjectTmpDir(*key.ProjectID)
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return Agent{}, err
	}
	started := Agent{
		Logger:     logger,
		Keys:       []AgentKey{{Key: []byte(key.SshKey.PrivateKey), Passphrase: []byte(key.SshKey.Passphrase)}},
		SocketFile: path.Join(directory, fmt.Sprintf("ssh-agent-%d-%.10s.sock", key.ID, rand.Text())),
	}
	return started, started.Listen()
}

// AccessKeyInstallation is a key in use. Destroy ends the use.
type AccessKeyInstallation struct {
	SSHAgent *Agent
	Login    string
	Password string
	Script   string
}

// GetGitEnv are the variables that let git use the key.
func (key *AccessKeyInstallation) GetGitEnv() []string {
	variables := []string{"GIT_TERMINAL_PROMPT=0"}
	if key.SSHAgent == nil {
		return variables
	}
	command := "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
	if file := util.Config.SshConfigPath; file != "" {
		command += " -F " + file
	}
	return append(variables, "SSH_AUTH_SOCK="+key.SSHAgent.SocketFile, "GIT_SSH_COMMAND="+command)
}

// Destroy ends the agent, if there is one.
func (key *AccessKeyInstallation) Destroy() error {
	if key.SSHAgent == nil {
		return nil
	}
	return key.SSHAgent.Close()
}

// KeyInstaller brings keys into use.
type KeyInstaller struct{}

// Install brings a key into use for one purpose; a key of a kind that does not serve the purpose is refused.
func (KeyInstaller) Install(key db.AccessKey, usage db.AccessKeyRole, logger task_logger.Logger) (installation AccessKeyInstallation, err error) {
	refused := func(purpose string) error { return fmt.Errorf("access key type not supported for %s", purpose) }
	withAgent := key.Type == db.AccessKeySSH && (usage == db.AccessKeyRoleGit || usage == db.AccessKeyRoleAnsibleUser)
	withPassword := key.Type == db.AccessKeyLoginPassword
	switch {
	case withAgent:
		started, err := StartSSHAgent(key, logger)
		return AccessKeyInstallation{SSHAgent: &started, Login: key.SshKey.Login}, err
	case usage == db.AccessKeyRoleAnsiblePasswordVault && withPassword:
		installation.Password = key.LoginPassword.Password
	case usage == db.AccessKeyRoleAnsiblePasswordVault:
		err = refused("ansible password vault")
	case usage == db.AccessKeyRoleAnsibleBecomeUser && !withPassword:
		err = refused("ansible become user")
	case usage == db.AccessKeyRoleAnsibleUser && !withPassword && key.Type != db.AccessKeyNone:
		err = refused("ansible user")
	case usage != db.AccessKeyRoleGit:
		installation.Login, installation.Password = key.LoginPassword.Login, key.LoginPassword.Password
	}
	return installation, err
}
