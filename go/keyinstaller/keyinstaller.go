// Package keyinstaller makes access keys ready for use: a private key goes into an ssh agent of its own, a password is kept at hand.
//
// Nothing of a key is in a file, an argument or a log. Close ends the agent, removes its socket and wipes what was secret.
package keyinstaller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// Types of keys.
const (
	TypeNone          = "none"
	TypeSSH           = "ssh"
	TypeLoginPassword = "login_password"
	TypeString        = "string"
)

// Places where keys are used.
const (
	RoleGit                  = "git"
	RoleAnsibleUser          = "ansible_user"
	RoleAnsibleBecomeUser    = "ansible_become_user"
	RoleAnsiblePasswordVault = "ansible_password_vault"
)

// Key is an access key and where it is to be used.
type Key struct {
	// Config is the machine.
	Config core.Config
	// ID names the agent's socket, ProjectID the directory in which it lies.
	ID, ProjectID int
	// Type and Role are two of the constants.
	Type, Role string
	// Login is the user; may be empty.
	Login string
	// Secret is the private key (PEM), password or text.
	Secret []byte
	// Passphrase of a private key; empty means none.
	Passphrase []byte
}

// Installation is a key that is ready for use. Close it.
type Installation struct {
	handle  native.Handle
	runtime *core.Runtime
	// Login is the user.
	Login string
	// Socket is the agent's, for SSH_AUTH_SOCK; empty if there is no agent.
	Socket string
	// Env is what a program needs to use it (NAME=VALUE), for git also how ssh is called.
	Env []string

	hasPassword bool
	closed      atomic.Bool
	alarm       core.Alarm
}

// Install makes a key ready. A key that cannot be read, or used there, is a *semaphore.Error with CodeAuth or CodeArg.
func Install(ctx context.Context, runtime *core.Runtime, key Key) (*Installation, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	spec, err := core.Document(struct {
		Version   int         `json:"version"`
		Config    core.Config `json:"config"`
		KeyID     int         `json:"key_id"`
		ProjectID int         `json:"project_id"`
		Type      string      `json:"type"`
		Role      string      `json:"role"`
		Login     string      `json:"login"`
	}{1, key.Config, key.ID, key.ProjectID, key.Type, key.Role, key.Login})
	if err != nil {
		return nil, err
	}
	i := &Installation{runtime: runtime}
	ready := make(installing)
	i.handle, err = runtime.Start(ready, func() (native.Handle, error) {
		return native.KeyInstall(runtime.Handle(), spec, key.Secret, key.Passphrase)
	})
	if err != nil {
		return nil, err
	}
	select {
	case <-ready:
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), i.Close())
	}
	if err := i.read(); err != nil {
		_ = i.Close()
		return nil, err
	}
	handle := i.handle
	i.alarm = core.NewAlarm(i, "key installation", runtime.Logger(), func() {
		runtime.Forget(handle)
		_ = native.Close(handle)
	})
	return i, nil
}

func (i *Installation) read() error {
	document, err := native.KeyInfo(i.handle)
	if err != nil {
		return core.Convert(err)
	}
	var info struct {
		Login       string      `json:"login"`
		Socket      string      `json:"socket"`
		Env         [][2]string `json:"env"`
		HasPassword bool        `json:"has_password"`
	}
	if err := json.Unmarshal(document, &info); err != nil {
		return fmt.Errorf("semaphore: the description of a key is not understood: %w", err)
	}
	i.Login, i.Socket, i.hasPassword = info.Login, info.Socket, info.HasPassword
	for _, entry := range info.Env {
		i.Env = append(i.Env, entry[0]+"="+entry[1])
	}
	return nil
}

// Handle is the library's handle, for package gitclient.
func (i *Installation) Handle() native.Handle { return i.handle }

// Password is the password or text; nil if the key gives none in its role. Clear it after use.
func (i *Installation) Password() ([]byte, error) {
	if i.closed.Load() {
		return nil, os.ErrClosed
	}
	if !i.hasPassword {
		return nil, nil
	}
	password, err := native.KeySecret(i.handle)
	return password, core.Convert(err)
}

// Close ends the agent and removes its socket before it returns. A second Close is os.ErrClosed.
func (i *Installation) Close() error {
	if i.closed.Swap(true) {
		return os.ErrClosed
	}
	i.alarm.Disarm()
	i.runtime.Forget(i.handle)
	return core.Convert(native.Close(i.handle))
}

// installing is closed when the installation has ended.
type installing chan struct{}

// Deliver takes a frame from the pump.
func (c installing) Deliver(frame core.Frame) {
	if frame.Kind == native.FrameOpDone {
		close(c)
	}
}

// Detach says that no frame follows.
func (c installing) Detach() {
	select {
	case <-c:
	default:
		close(c)
	}
}
