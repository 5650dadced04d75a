// Package db_lib runs programs for tasks: git's clients and the apps. Rows come from db; nothing is stored here.
package db_lib

import (
	"example.org/minihost/db"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/pkg/task_logger"
)

// AccessKeyInstaller brings keys into use; tests replace it.
type AccessKeyInstaller interface {
	Install(key db.AccessKey, usage db.AccessKeyRole, logger task_logger.Logger) (installation ssh.AccessKeyInstallation, err error)
}
