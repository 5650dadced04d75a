package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/semaphore-rs/semaphore/go/internal/native"
)

// Code is a status number of the library; the numbers never change their meaning.
type Code int32

var codeNames = map[Code]string{
	CodeArg: "argument", CodeHandle: "handle", CodeState: "state", CodeCancelled: "cancelled", CodeTimeout: "timeout",
	CodeNotFound: "not found", CodeExists: "exists", CodePerm: "permission", CodeAuth: "credentials", CodeIO: "input or output",
	CodeNet: "network", CodeExit: "exit", CodeSpawn: "start of a program", CodeParse: "document", CodeLimit: "limit",
	CodeUnsupported: "unsupported", CodeABI: "version of the interface", CodePanic: "defect of the library",
}

// String is the number's name.
func (c Code) String() string {
	if name, known := codeNames[c]; known {
		return name
	}
	return fmt.Sprintf("status %d", int32(c))
}

// Error makes a Code a target of errors.Is: errors.Is(err, CodeNet).
func (c Code) Error() string { return "semaphore: " + c.String() }

// Status numbers of the library.
const (
	CodeArg         = Code(native.EArg)
	CodeHandle      = Code(native.EHandle)
	CodeState       = Code(native.EState)
	CodeCancelled   = Code(native.ECancelled)
	CodeTimeout     = Code(native.ETimeout)
	CodeNotFound    = Code(native.ENotFound)
	CodeExists      = Code(native.EExists)
	CodePerm        = Code(native.EPerm)
	CodeAuth        = Code(native.EAuth)
	CodeIO          = Code(native.EIO)
	CodeNet         = Code(native.ENet)
	CodeExit        = Code(native.EExit)
	CodeSpawn       = Code(native.ESpawn)
	CodeParse       = Code(native.EParse)
	CodeLimit       = Code(native.ELimit)
	CodeUnsupported = Code(native.EUnsupported)
	CodeABI         = Code(native.EABI)
	CodePanic       = Code(native.EPanic)
)

// Error is a failure of the library. errors.Is finds its Code, the errno behind it, and of the standard library context.Canceled,
// context.DeadlineExceeded, errors.ErrUnsupported, fs.ErrExist, fs.ErrInvalid, fs.ErrNotExist, fs.ErrPermission and os.ErrClosed.
type Error struct {
	// Op is the call that failed.
	Op string
	// Code is the status number.
	Code Code
	// Msg says what failed, why, and what to do.
	Msg string
	// Chain holds the causes, outermost first.
	Chain []string
	// Errno is the operating system's number, 0 if there is none.
	Errno syscall.Errno
	// Retryable says that the same call may succeed later.
	Retryable bool
	// ExitCode is the exit code of a program, -1 if there is none.
	ExitCode int
	// Signal ended the program, 0 if none did.
	Signal syscall.Signal
	// Stderr holds the last lines that the program wrote to its standard error.
	Stderr string
}

func (e *Error) Error() string { return e.Op + ": " + e.Text() }

// Text is Error without the name of the call, for the log of a task.
func (e *Error) Text() string { return strings.Join(append([]string{e.Msg}, e.Chain...), ": ") }

// meanings are the errors of the standard library that say what a status number says; the other numbers have none there.
var meanings = map[Code]error{
	CodeArg: fs.ErrInvalid, CodeParse: fs.ErrInvalid, CodeHandle: os.ErrClosed, CodeCancelled: context.Canceled, CodeTimeout: context.DeadlineExceeded,
	CodeNotFound: fs.ErrNotExist, CodeExists: fs.ErrExist, CodePerm: fs.ErrPermission, CodeUnsupported: errors.ErrUnsupported,
}

// Is maps the status numbers to the errors of the standard library.
func (e *Error) Is(target error) bool {
	if target == error(e.Code) || meanings[e.Code] != nil && target == meanings[e.Code] {
		return true
	}
	return e.Errno != 0 && (target == error(e.Errno) || e.Errno.Is(target))
}

// ExitError is the end of a program that did not exit with 0; errors.As finds the *Error behind it too.
type ExitError struct {
	// ExitCode is -1 if a signal ended the program.
	ExitCode int
	// Signal ended the program, 0 if none did.
	Signal syscall.Signal
	// Stderr holds the last lines that the program wrote to its standard error.
	Stderr string

	cause *Error
}

// Error is the text of os/exec: "exit status 2", "signal: killed".
func (e *ExitError) Error() string { return e.cause.Msg }

// Unwrap gives the library's error.
func (e *ExitError) Unwrap() error { return e.cause }

// Convert makes an error for users of an error of native.
func Convert(err error) error {
	var failure *native.Failure
	if !errors.As(err, &failure) {
		return err
	}
	converted := &Error{
		Op: "semaphore: " + failure.Op, Code: Code(failure.Code), Msg: failure.Msg, Chain: failure.Chain,
		Errno: syscall.Errno(failure.OSErrno), Retryable: failure.Retryable, ExitCode: -1, Stderr: failure.Stderr,
	}
	if converted.Msg == "" {
		converted.Msg = fmt.Sprintf("status %d", failure.Code)
	}
	if failure.ExitCode != nil {
		converted.ExitCode = *failure.ExitCode
	}
	if failure.Signal != nil {
		converted.Signal = syscall.Signal(*failure.Signal)
	}
	if converted.Code == CodeExit {
		return &ExitError{ExitCode: converted.ExitCode, Signal: converted.Signal, Stderr: converted.Stderr, cause: converted}
	}
	return converted
}
