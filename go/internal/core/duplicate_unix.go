//go:build unix

package core

import (
	"os"
	"syscall"
)

// Duplicate makes a descriptor that is closed on exec.
func Duplicate(fd uintptr) (int, error) {
	duplicate, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(duplicate), nil
}
