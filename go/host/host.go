// Package host is what the glue in a Go server stands on: one runtime for the whole process, and logs whose events go to a logger
// of the server, and errors in the words that the server's own code had for them.
//
// Not for programs that are written against this module: they use package tasklogger and the library's errors.
package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/core"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// Listener is what a logger of the server is told, in the order of the log and from one goroutine. Fields may be nil.
type Listener struct {
	// Line is told about a line.
	Line func(now time.Time, text string)
	// Status is told about a status that the library gave the task.
	Status func(status string)
	// Commit is told about the commit that was checked out.
	Commit func(hash, message string)
}

// Log is a log of the library whose events a Listener hears. Close it.
type Log struct {
	*tasklogger.Logger
}

// OpenLog opens a log. Its status follows every change: the rule is the server's own logger's.
func OpenLog(runtime *core.Runtime, listener Listener) (*Log, error) {
	logger, err := tasklogger.New(runtime, tasklogger.Options{Flavour: tasklogger.FlavourNone, OnCommit: listener.Commit})
	if err != nil {
		return nil, err
	}
	if listener.Line != nil {
		logger.AddLogListener(listener.Line)
	}
	if listener.Status != nil {
		logger.AddStatusListener(func(status tasklogger.TaskStatus) { listener.Status(string(status)) })
	}
	return &Log{logger}, nil
}

// Close returns when the listener has heard everything.
func (l *Log) Close() error {
	l.WaitLog()
	return l.Logger.Close()
}

// Failure has the words that the server's own code would have had for an error, with the library's behind it.
type Failure struct {
	text  string
	cause error
}

func (f *Failure) Error() string { return f.text }

// Unwrap gives the library's error, for errors.Is and errors.As.
func (f *Failure) Unwrap() error { return f.cause }

// InWords gives an error other words; nil stays nil.
func InWords(text string, cause error) error {
	if cause == nil || text == "" {
		return cause
	}
	return &Failure{text, cause}
}

// InGoWords gives an error of the library the words that Go has for it: the end of a program those of os/exec, others their text
// without the name of the call. Errors of others stay as they are.
func InGoWords(cause error) error {
	var end *core.ExitError
	var failure *core.Error
	switch {
	case errors.As(cause, &end) && end.Signal != 0:
		return &Failure{"signal: " + end.Signal.String(), cause}
	case errors.As(cause, &end) && end.ExitCode > 0:
		return &Failure{fmt.Sprintf("exit status %d", end.ExitCode), cause}
	case errors.As(cause, &failure):
		return &Failure{failure.Text(), cause}
	}
	return cause
}
