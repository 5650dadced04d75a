// Package runners runs jobs that another server handed out; it is the second place where a log is kept.
package runners

import (
	"time"

	"example.org/minihost/db"
	"example.org/minihost/pkg/task_logger"
)

// JobData is a job as it was handed out.
type JobData struct {
	Username        string
	IncomingVersion *string
	Alias           string
	Task            db.Task        `json:"task"`
	Template        db.Template    `json:"template"`
	Inventory       db.Inventory   `json:"inventory"`
	Repository      db.Repository  `json:"repository"`
	Environment     db.Environment `json:"environment"`
}

// LogRecord is a line on its way to the server.
type LogRecord struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
}

// CommitInfo is the commit that a job works on.
type CommitInfo struct {
	Hash    string `json:"hash"`
	Message string `json:"message"`
}

// JobProgress is what the server is told about a job.
type JobProgress struct {
	ID         int
	Status     task_logger.TaskStatus
	LogRecords []LogRecord
	Commit     *CommitInfo
}
