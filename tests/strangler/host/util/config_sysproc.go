//go:build !windows

package util

import (
	"os/user"
	"strconv"
	"syscall"
)

// GetSysProcAttr is what programs are started with; nil if they run as this process.
func (conf *ConfigType) GetSysProcAttr() *syscall.SysProcAttr {
	process := conf.Process
	if process == nil || process.Chroot == "" && process.User == "" {
		return nil
	}
	attributes := &syscall.SysProcAttr{Chroot: process.Chroot}
	if account, err := user.Lookup(process.User); err == nil {
		uid, _ := strconv.ParseUint(account.Uid, 10, 32)
		gid, _ := strconv.ParseUint(account.Gid, 10, 32)
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return attributes
}
