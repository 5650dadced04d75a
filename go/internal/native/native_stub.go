//go:build !cgo

package native

// Built says whether the library is part of the program.
const Built = false

// CheckVersion compares the library with the header the program was built with.
func CheckVersion() error { return ErrNotBuilt }

// Nothing calls the library for nothing.
func Nothing() {}

// Open opens a runtime.
func Open([]byte) (Handle, error) { return 0, ErrNotBuilt }

// RtClose begins the end of a runtime.
func RtClose(Handle, uint32) error { return ErrNotBuilt }

// EventFd is the descriptor of a runtime's events.
func EventFd(Handle) (int, error) { return -1, ErrNotBuilt }

// Poll takes events.
func Poll(Handle, []byte) (int, error) { return 0, ErrNotBuilt }

// Stats gives the figures of a runtime as JSON.
func Stats(Handle) ([]byte, error) { return nil, ErrNotBuilt }

// LogOpen opens the log of a task.
func LogOpen(Handle, []byte) (Handle, error) { return 0, ErrNotBuilt }

// LogWrite writes a text.
func LogWrite(Handle, int32, int64, string) error { return ErrNotBuilt }

// LogSetStatus sets the status of a task.
func LogSetStatus(Handle, int32) (bool, error) { return false, ErrNotBuilt }

// LogStatus is the status of a task.
func LogStatus(Handle) (int32, error) { return 0, ErrNotBuilt }

// LogSetCommit notes a commit.
func LogSetCommit(Handle, string, string) error { return ErrNotBuilt }

// LogAttachFd gives a descriptor away.
func LogAttachFd(Handle, int, int32) error { return ErrNotBuilt }

// LogFlush asks for a FLUSHED frame.
func LogFlush(Handle, uint32) error { return ErrNotBuilt }

// LogCredit gives a log bytes of its window back.
func LogCredit(Handle, uint32) error { return ErrNotBuilt }

// ExecStart starts a program.
func ExecStart(Handle, []byte, []byte, Handle) (Handle, error) { return 0, ErrNotBuilt }

// ExecSignal sends a signal to a program's group.
func ExecSignal(Handle, int) error { return ErrNotBuilt }

// ExecAnswer writes to a program's input.
func ExecAnswer(Handle, []byte) error { return ErrNotBuilt }

// ExecCloseStdin ends a program's input.
func ExecCloseStdin(Handle) error { return ErrNotBuilt }

// JobStart starts a job.
func JobStart(Handle, []byte, []byte, Handle) (Handle, error) { return 0, ErrNotBuilt }

// JobConfirm answers a job that waits for a confirmation.
func JobConfirm(Handle, int32) error { return ErrNotBuilt }

// JobStop asks a job to end.
func JobStop(Handle, int32) error { return ErrNotBuilt }

// GitStart does one piece of git's work.
func GitStart(Handle, int32, []byte, Handle, Handle) (Handle, error) { return 0, ErrNotBuilt }

// KeyInstall begins the installation of a key.
func KeyInstall(Handle, []byte, []byte, []byte) (Handle, error) { return 0, ErrNotBuilt }

// KeyInfo describes an installed key.
func KeyInfo(Handle) ([]byte, error) { return nil, ErrNotBuilt }

// KeySecret is the password or text of an installed key.
func KeySecret(Handle) ([]byte, error) { return nil, ErrNotBuilt }

// PoolOpen opens a task pool.
func PoolOpen(Handle, []byte) (Handle, error) { return 0, ErrNotBuilt }

// PoolLimits replaces the limits of a pool.
func PoolLimits(Handle, []byte) error { return ErrNotBuilt }

// PoolSubmit puts jobs into a pool.
func PoolSubmit(Handle, []byte, []Handle) error { return ErrNotBuilt }

// PoolStart starts a job of a pool whose turn it is.
func PoolStart(Handle, []byte, []byte, Handle) error { return ErrNotBuilt }

// PoolSnapshot describes the jobs of a pool as JSON.
func PoolSnapshot(Handle) ([]byte, error) { return nil, ErrNotBuilt }

// PoolCancel ends a job by its number.
func PoolCancel(Handle, int64, int32) error { return ErrNotBuilt }

// PoolRequeue sends a job back into the queue.
func PoolRequeue(Handle, int64, uint32) error { return ErrNotBuilt }

// PoolDrain begins the end of a pool.
func PoolDrain(Handle, int32) error { return ErrNotBuilt }

// OpCancel asks an operation to end.
func OpCancel(Handle, int32) error { return ErrNotBuilt }

// OpResult takes the result of an operation that has ended.
func OpResult(Handle) ([]byte, error) { return nil, ErrNotBuilt }

// Close closes a handle of any kind.
func Close(Handle) error { return ErrNotBuilt }

// StatusNext is the status after a change was asked for.
func StatusNext(int32, int32, int32) (int32, error) { return 0, ErrNotBuilt }
