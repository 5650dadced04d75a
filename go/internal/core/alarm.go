//go:build !semaphoredebug

package core

import "log/slog"

// Alarm says, in programs built with the tag semaphoredebug, that something was dropped without being closed. Here it does nothing.
type Alarm struct{}

// NewAlarm watches an owner.
func NewAlarm[T any](*T, string, *slog.Logger, func()) Alarm { return Alarm{} }

// Disarm says that the owner was closed.
func (Alarm) Disarm() {}
