//go:build !windows

package tasks

import (
	"io"
	"os"
	"syscall"
)

// KeepOpen is a duplicate of an output that os/exec made, for both kinds of loggers. Cmd.Wait closes its own end while lines may still be in the pipe: the duplicate keeps them.
func KeepOpen(output io.ReadCloser, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	connection, err := output.(syscall.Conn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var duplicate int
	var failed error
	if err := connection.Control(func(descriptor uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if duplicate, failed = syscall.Dup(int(descriptor)); failed == nil {
			syscall.CloseOnExec(duplicate)
		}
	}); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return os.NewFile(uintptr(duplicate), "output"), nil
}
