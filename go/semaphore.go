// Package semaphore runs the Rust engine of Semaphore inside a Go program.
//
// Open starts a Runtime: one thread of the library and one goroutine that waits for its events. The packages on top use it:
// tasklogger is the log and the status of one task; executor runs programs into such a log, taskrunner whole jobs; gitclient does
// git's work with keys of keyinstaller, and sshagent holds a private key for other programs. A program is built with cgo and
// with CGO_LDFLAGS=-L<directory of libsemaphore_ffi.a>, or with the tag rust_dynamic, which asks pkg-config; without cgo everything
// compiles and Open says that the library is missing. The tag rust is that of hosts which have an implementation of their own
// beside ours, and of our tests: nothing here depends on it.
//
// The library installs no signal handler, waits only for its own children, and holds no thread per task.
package semaphore

import (
	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// Runtime is one thread of the library and its events. Close stops everything that runs on it.
type Runtime = core.Runtime

// Options of a runtime; the zero value is good.
type Options = core.Options

// Statistics are figures of a runtime.
type Statistics = core.Statistics

// Config is what jobs and git are told about the machine.
type Config = core.Config

// App is an entry of Config.Apps.
type App = core.App

// Process is as whom and below which root programs run.
type Process = core.Process

// Error is a failure of the library.
type Error = core.Error

// ExitError is the end of a program that did not exit with 0.
type ExitError = core.ExitError

// Code is a status number of the library.
type Code = core.Code

// Status numbers of the library.
const (
	CodeArg         = core.CodeArg
	CodeHandle      = core.CodeHandle
	CodeState       = core.CodeState
	CodeCancelled   = core.CodeCancelled
	CodeTimeout     = core.CodeTimeout
	CodeNotFound    = core.CodeNotFound
	CodeExists      = core.CodeExists
	CodePerm        = core.CodePerm
	CodeAuth        = core.CodeAuth
	CodeIO          = core.CodeIO
	CodeNet         = core.CodeNet
	CodeExit        = core.CodeExit
	CodeSpawn       = core.CodeSpawn
	CodeParse       = core.CodeParse
	CodeLimit       = core.CodeLimit
	CodeUnsupported = core.CodeUnsupported
	CodeABI         = core.CodeABI
	CodePanic       = core.CodePanic
)

// ErrNotBuilt is returned by Open when the program was built without cgo.
var ErrNotBuilt = native.ErrNotBuilt

// Open starts a runtime.
func Open(options Options) (*Runtime, error) { return core.Open(options) }

// Shared is one runtime for the whole process, opened by the first call and never closed: whoever takes it does not own it.
func Shared() (*Runtime, error) { return core.Shared() }
