//go:build semaphoredebug

package core

import (
	"log/slog"
	"runtime"
	"runtime/debug"
)

// Alarm says that something was dropped without being closed.
type Alarm struct{ cleanup runtime.Cleanup }

// NewAlarm watches an owner: when the garbage collector finds that nobody has it any more, the logger gets an error with the stack on
// which it was made, and release frees what it held. release must not refer to the owner.
func NewAlarm[T any](owner *T, what string, logger *slog.Logger, release func()) Alarm {
	stack := string(debug.Stack())
	return Alarm{runtime.AddCleanup(owner, func(stack string) {
		logger.Error("semaphore: leaked: a "+what+" was not closed", "made", stack)
		release()
	}, stack)}
}

// Disarm says that the owner was closed.
func (a Alarm) Disarm() { a.cleanup.Stop() }
