// Package tasks chooses where it is known which tasks run. It is a package of the nested module that needs one of the host's.
package tasks

import "example.org/minihost/services/tasks"

// NewTaskStateStore is the store of this process.
func NewTaskStateStore() tasks.TaskStateStore { return tasks.NewMemoryTaskStateStore() }
