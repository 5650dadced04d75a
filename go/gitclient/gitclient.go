// Package gitclient does git's work: clones, pulls, checkouts, and questions about clones and remote repositories.
//
// Credentials of a repository are in an installed key (package keyinstaller), never in a URL, argument or file. Every call ends
// when its context does, and leaves no process behind.
package gitclient

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// How strictly the keys of hosts are checked.
const (
	// HostKeysOff does not check them; the default of the Go server.
	HostKeysOff = "off"
	// HostKeysAcceptNew accepts unknown hosts and remembers them in KnownHostsFile.
	HostKeysAcceptNew = "accept-new"
	// HostKeysStrict accepts only hosts of KnownHostsFile.
	HostKeysStrict = "strict"
)

// Key is an installed key; package keyinstaller makes it.
type Key interface {
	// Handle is the library's handle.
	Handle() native.Handle
}

// Repository is a remote repository and its clone.
type Repository struct {
	// Config is the machine.
	Config core.Config
	// URL is where it comes from: a path, file, http, https, git or ssh URL, or user@host:path.
	URL string
	// Branch is a branch or tag.
	Branch string
	// Parent is the directory in which the clone lies; absolute.
	Parent string
	// Directory is the name of the clone in it.
	Directory string
	// Key unlocks the remote repository; nil means not at all.
	Key Key
	// Logger gets what git says; nil means nobody.
	Logger *tasklogger.Logger
	// HostKeys is how strictly the keys of hosts are checked; empty means HostKeysOff.
	HostKeys string
	// KnownHostsFile is used unless HostKeys is HostKeysOff.
	KnownHostsFile string
	// Deadline ends a call after this time; 0 means never.
	Deadline time.Duration
	// OnProgress is told how far git is, ten times in a second at most, on a goroutine of the call, which ends before the call returns. A
	// slow listener misses states, never the call's end. nil means nobody; the log says the same with and without.
	OnProgress func(Progress)
}

// Progress is how far git is.
type Progress struct {
	// Phase is what is counted, in git's words: "Receiving objects".
	Phase string
	// Done of Total; a Total of 0 is not known yet.
	Done, Total uint64
}

// Client does git's work on a runtime.
type Client struct {
	runtime *core.Runtime
}

// New makes a client; there is nothing to close.
func New(runtime *core.Runtime) Client { return Client{runtime} }

type answer struct {
	CanBePulled bool     `json:"can_be_pulled"`
	Hash        string   `json:"hash"`
	Message     string   `json:"message"`
	Branches    []string `json:"branches"`
}

// Clone makes the clone, with submodules. Its directory must not exist.
func (c Client) Clone(ctx context.Context, r Repository) error {
	_, err := c.do(ctx, native.GitClone, r, "")
	return err
}

// Pull brings the clone and its submodules to the head of the branch.
func (c Client) Pull(ctx context.Context, r Repository) error {
	_, err := c.do(ctx, native.GitPull, r, "")
	return err
}

// Checkout checks out a commit, tag or branch.
func (c Client) Checkout(ctx context.Context, r Repository, target string) error {
	_, err := c.do(ctx, native.GitCheckout, r, target)
	return err
}

// CanBePulled fetches, and says whether the branch only went forward since then.
func (c Client) CanBePulled(ctx context.Context, r Repository) (bool, error) {
	a, err := c.do(ctx, native.GitCanBePulled, r, "")
	return a.CanBePulled, err
}

// LastCommitHash is the full hash of what is checked out.
func (c Client) LastCommitHash(ctx context.Context, r Repository) (string, error) {
	a, err := c.do(ctx, native.GitLastCommitHash, r, "")
	return a.Hash, err
}

// LastCommitMessage is the subject of what is checked out, at most 100 bytes.
func (c Client) LastCommitMessage(ctx context.Context, r Repository) (string, error) {
	a, err := c.do(ctx, native.GitLastCommitMessage, r, "")
	return a.Message, err
}

// LastRemoteCommitHash is the hash of the branch at the remote repository; no clone is needed.
func (c Client) LastRemoteCommitHash(ctx context.Context, r Repository) (string, error) {
	a, err := c.do(ctx, native.GitRemoteHash, r, "")
	return a.Hash, err
}

// RemoteBranches are the branches of the remote repository; no clone is needed.
func (c Client) RemoteBranches(ctx context.Context, r Repository) ([]string, error) {
	a, err := c.do(ctx, native.GitRemoteBranches, r, "")
	return a.Branches, err
}

type document struct {
	Version    int         `json:"version"`
	Config     core.Config `json:"config"`
	URL        string      `json:"url"`
	Branch     string      `json:"branch"`
	Parent     string      `json:"parent"`
	Directory  string      `json:"directory"`
	Commit     string      `json:"commit,omitempty"`
	HostKeys   string      `json:"host_key_mode,omitempty"`
	KnownHosts string      `json:"known_hosts_file,omitempty"`
	DeadlineMS int64       `json:"deadline_ms,omitempty"`
	Progress   bool        `json:"progress,omitempty"`
}

func (c Client) do(ctx context.Context, kind int32, r Repository, commit string) (answer, error) {
	var a answer
	spec, err := core.Document(document{
		1, r.Config, r.URL, r.Branch, r.Parent, r.Directory, commit, r.HostKeys, r.KnownHostsFile, core.Milliseconds(r.Deadline), r.OnProgress != nil,
	})
	if err != nil {
		return a, err
	}
	var key, log native.Handle
	if r.Key != nil {
		key = r.Key.Handle()
	}
	if r.Logger != nil {
		log = r.Logger.Handle()
	}
	frames, end := watch(r.OnProgress)
	defer end()
	operation, err := core.StartOperation(ctx, c.runtime, frames, func() (native.Handle, error) {
		return native.GitStart(c.runtime.Handle(), kind, spec, key, log)
	})
	if err != nil {
		return a, err
	}
	result, err := operation.Wait()
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(result, &a); err != nil {
		return a, fmt.Errorf("semaphore: the answer of git is not understood: %w", err)
	}
	return a, nil
}
