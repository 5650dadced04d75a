//go:build cgo

package native

/*
#cgo CFLAGS: -I${SRCDIR}/../../../include
#cgo noescape semaphore_rt_open
#cgo nocallback semaphore_rt_open
#cgo noescape semaphore_rt_poll
#cgo nocallback semaphore_rt_poll
#cgo nocallback semaphore_rt_close
#cgo nocallback semaphore_rt_event_fd
#cgo noescape semaphore_stats
#cgo nocallback semaphore_stats
#cgo noescape semaphore_log_open
#cgo nocallback semaphore_log_open
#cgo noescape semaphore_log_write
#cgo nocallback semaphore_log_write
#cgo noescape semaphore_log_set_status
#cgo nocallback semaphore_log_set_status
#cgo nocallback semaphore_log_status
#cgo noescape semaphore_log_set_commit
#cgo nocallback semaphore_log_set_commit
#cgo nocallback semaphore_log_attach_fd
#cgo nocallback semaphore_log_flush
#cgo nocallback semaphore_log_credit
#cgo noescape semaphore_exec_start
#cgo nocallback semaphore_exec_start
#cgo noescape semaphore_exec_answer
#cgo nocallback semaphore_exec_answer
#cgo nocallback semaphore_exec_signal
#cgo nocallback semaphore_exec_close_stdin
#cgo noescape semaphore_job_start
#cgo nocallback semaphore_job_start
#cgo nocallback semaphore_job_confirm
#cgo nocallback semaphore_job_stop
#cgo noescape semaphore_git_start
#cgo nocallback semaphore_git_start
#cgo noescape semaphore_key_install
#cgo nocallback semaphore_key_install
#cgo noescape semaphore_key_info
#cgo nocallback semaphore_key_info
#cgo noescape semaphore_key_secret
#cgo nocallback semaphore_key_secret
#cgo noescape semaphore_pool_open
#cgo nocallback semaphore_pool_open
#cgo noescape semaphore_pool_limits
#cgo nocallback semaphore_pool_limits
#cgo noescape semaphore_pool_submit
#cgo nocallback semaphore_pool_submit
#cgo noescape semaphore_pool_start
#cgo nocallback semaphore_pool_start
#cgo noescape semaphore_pool_snapshot
#cgo nocallback semaphore_pool_snapshot
#cgo nocallback semaphore_pool_cancel
#cgo nocallback semaphore_pool_requeue
#cgo nocallback semaphore_pool_drain
#cgo nocallback semaphore_op_cancel
#cgo noescape semaphore_op_result
#cgo nocallback semaphore_op_result
#cgo nocallback semaphore_handle_close
#cgo nocallback semaphore_status_next
#cgo noescape semaphore_buf_free
#cgo nocallback semaphore_buf_free

#include <semaphore_ffi.h>

// A library of another major version does not link.
static inline void semaphore_go_link(void) { semaphore_ffi_abi_v1(); }

// The build that is meant: whoever knows the library's file gives its number (SEMAPHORE_FFI_BUILD, hexadecimal digits) to the compiler. Go's build
// cache sees that, but not the file, and would go on linking what an older one gave. 0 is any build.
#pragma weak semaphore_build_id // Libraries without one are older, and then nobody knows a number to compare.
#ifdef SEMAPHORE_FFI_BUILD
#define SEMAPHORE_GO_HEX(digits) 0x##digits##ull
#define SEMAPHORE_GO_BUILD(digits) SEMAPHORE_GO_HEX(digits)
static inline uint64_t semaphore_go_build(void) { return SEMAPHORE_GO_BUILD(SEMAPHORE_FFI_BUILD); }
#else
static inline uint64_t semaphore_go_build(void) { return 0; }
#endif
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Built says whether the library is part of the program.
const Built = true

// CheckVersion compares the library with the header the program was built with.
func CheckVersion() error {
	C.semaphore_go_link()
	version := uint32(C.semaphore_abi_version())
	if version>>16 != C.SEMAPHORE_ABI_MAJOR || version&0xffff < C.SEMAPHORE_ABI_MINOR {
		return &Failure{Code: EABI, Op: "open", Msg: fmt.Sprintf(
			"the library has interface version %d.%d, the program needs %d.%d",
			version>>16, version&0xffff, C.SEMAPHORE_ABI_MAJOR, C.SEMAPHORE_ABI_MINOR)}
	}
	if expected := uint64(C.semaphore_go_build()); expected != 0 {
		return checkBuild(expected, uint64(C.semaphore_build_id()))
	}
	return nil
}

// Nothing calls the library for nothing: what is measured is the way.
func Nothing() { C.semaphore_go_link() }

func bytesPointer(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))), C.size_t(len(b))
}

func stringPointer(s string) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// use hands a handle over; Poll, LogWrite and LogCredit, which are called for every line, do without.
func use(h Handle) C.semaphore_handle {
	collect()
	return C.semaphore_handle(h)
}

func newErr() C.semaphore_err {
	return C.semaphore_err{size: C.uint32_t(unsafe.Sizeof(C.semaphore_err{}))}
}

func take(b *C.semaphore_buf) []byte {
	copied := C.GoBytes(unsafe.Pointer(b.ptr), C.int(b.len))
	C.semaphore_buf_free(b)
	return copied
}

func detailed(op string, status C.semaphore_status, e *C.semaphore_err) error {
	if status >= 0 {
		return nil
	}
	f := &Failure{Code: int32(status), Op: op, OSErrno: int32(e.os_errno), Retryable: int32(e.flags)&ErrRetryable != 0}
	return details(f, take(&e.json))
}

// Open opens a runtime.
func Open(config []byte) (Handle, error) {
	var rt C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(config)
	status := C.semaphore_rt_open(p, n, &rt, &e)
	return Handle(rt), detailed("open", status, &e)
}

// RtClose begins the end of a runtime.
func RtClose(rt Handle, graceMS uint32) error {
	return failure("close", int32(C.semaphore_rt_close(use(rt), C.uint32_t(graceMS))))
}

// EventFd is the descriptor of a runtime's events; it belongs to the runtime.
func EventFd(rt Handle) (int, error) {
	fd := int32(C.semaphore_rt_event_fd(use(rt)))
	return int(fd), failure("event_fd", fd)
}

// Poll takes events.
func Poll(rt Handle, out []byte) (int, error) {
	p, n := bytesPointer(out)
	used := int(C.semaphore_rt_poll(C.semaphore_handle(rt), p, n))
	if used < 0 {
		return 0, failure("poll", int32(used))
	}
	return used, nil
}

// Stats gives the figures of a runtime as JSON.
func Stats(rt Handle) ([]byte, error) {
	var b C.semaphore_buf
	status := C.semaphore_stats(use(rt), &b)
	return take(&b), failure("stats", int32(status))
}

// LogOpen opens the log of a task.
func LogOpen(rt Handle, options []byte) (Handle, error) {
	var log C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(options)
	status := C.semaphore_log_open(use(rt), p, n, &log, &e)
	return Handle(log), detailed("log_open", status, &e)
}

// LogWrite writes a text.
func LogWrite(log Handle, stream int32, unixNS int64, text string) error {
	p, n := stringPointer(text)
	return failure("log_write", int32(C.semaphore_log_write(C.semaphore_handle(log), C.int32_t(stream), C.int64_t(unixNS), p, n)))
}

// LogSetStatus sets the status of a task and says whether that changed it.
func LogSetStatus(log Handle, status int32) (bool, error) {
	var changed C.int32_t
	result := C.semaphore_log_set_status(use(log), C.int32_t(status), &changed)
	return changed != 0, failure("log_set_status", int32(result))
}

// LogStatus is the status of a task.
func LogStatus(log Handle) (int32, error) {
	status := int32(C.semaphore_log_status(use(log)))
	return status, failure("log_status", status)
}

// LogSetCommit notes a commit.
func LogSetCommit(log Handle, hash, message string) error {
	hp, hn := stringPointer(hash)
	mp, mn := stringPointer(message)
	return failure("log_set_commit", int32(C.semaphore_log_set_commit(use(log), hp, hn, mp, mn)))
}

// LogAttachFd gives a descriptor away, if and only if it returns nil.
func LogAttachFd(log Handle, fd int, stream int32) error {
	return failure("log_attach_fd", int32(C.semaphore_log_attach_fd(use(log), C.int32_t(fd), C.int32_t(stream))))
}

// LogFlush asks for a FLUSHED frame.
func LogFlush(log Handle, stragglerMS uint32) error {
	return failure("log_flush", int32(C.semaphore_log_flush(use(log), C.uint32_t(stragglerMS))))
}

// LogCredit gives a log bytes of its window back.
func LogCredit(log Handle, bytes uint32) error {
	return failure("log_credit", int32(C.semaphore_log_credit(C.semaphore_handle(log), C.uint32_t(bytes))))
}

// ExecStart starts a program.
func ExecStart(rt Handle, spec, stdin []byte, log Handle) (Handle, error) {
	var op C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(spec)
	sp, sn := bytesPointer(stdin)
	status := C.semaphore_exec_start(use(rt), p, n, sp, sn, use(log), &op, &e)
	return Handle(op), detailed("exec_start", status, &e)
}

// ExecSignal sends a signal to a program's group.
func ExecSignal(op Handle, signal int) error {
	return failure("exec_signal", int32(C.semaphore_exec_signal(use(op), C.int32_t(signal))))
}

// ExecAnswer writes to a program's input.
func ExecAnswer(op Handle, text []byte) error {
	p, n := bytesPointer(text)
	return failure("exec_answer", int32(C.semaphore_exec_answer(use(op), p, n)))
}

// ExecCloseStdin ends a program's input.
func ExecCloseStdin(op Handle) error {
	return failure("exec_close_stdin", int32(C.semaphore_exec_close_stdin(use(op))))
}

// JobStart starts a job.
func JobStart(rt Handle, spec, secrets []byte, log Handle) (Handle, error) {
	var op C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(spec)
	sp, sn := bytesPointer(secrets)
	status := C.semaphore_job_start(use(rt), p, n, sp, sn, use(log), &op, &e)
	return Handle(op), detailed("job_start", status, &e)
}

// JobConfirm answers a job that waits for a confirmation.
func JobConfirm(op Handle, yes int32) error {
	return failure("job_confirm", int32(C.semaphore_job_confirm(use(op), C.int32_t(yes))))
}

// JobStop asks a job to end.
func JobStop(op Handle, mode int32) error {
	return failure("job_stop", int32(C.semaphore_job_stop(use(op), C.int32_t(mode))))
}

// GitStart does one piece of git's work; key and log may be 0.
func GitStart(rt Handle, kind int32, spec []byte, key, log Handle) (Handle, error) {
	var op C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(spec)
	status := C.semaphore_git_start(use(rt), C.int32_t(kind), p, n, use(key), use(log), &op, &e)
	return Handle(op), detailed("git_start", status, &e)
}

// KeyInstall begins the installation of a key.
func KeyInstall(rt Handle, spec, secret, passphrase []byte) (Handle, error) {
	var key C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(spec)
	sp, sn := bytesPointer(secret)
	pp, pn := bytesPointer(passphrase)
	status := C.semaphore_key_install(use(rt), p, n, sp, sn, pp, pn, &key, &e)
	return Handle(key), detailed("key_install", status, &e)
}

// KeyInfo describes an installed key, or says why it could not be installed.
func KeyInfo(key Handle) ([]byte, error) {
	var b C.semaphore_buf
	e := newErr()
	status := C.semaphore_key_info(use(key), &b, &e)
	return take(&b), detailed("key_info", status, &e)
}

// KeySecret is the password or text of an installed key.
func KeySecret(key Handle) ([]byte, error) {
	var b C.semaphore_buf
	status := C.semaphore_key_secret(use(key), &b)
	return take(&b), failure("key_secret", int32(status))
}

// PoolOpen opens a task pool.
func PoolOpen(rt Handle, limits []byte) (Handle, error) {
	var pool C.semaphore_handle
	e := newErr()
	p, n := bytesPointer(limits)
	status := C.semaphore_pool_open(use(rt), p, n, &pool, &e)
	return Handle(pool), detailed("pool_open", status, &e)
}

// PoolLimits replaces the limits of a pool.
func PoolLimits(pool Handle, limits []byte) error {
	e := newErr()
	p, n := bytesPointer(limits)
	return detailed("pool_limits", C.semaphore_pool_limits(use(pool), p, n, &e), &e)
}

// PoolSubmit puts jobs into a pool and fills ops with the handles of their operations; there are as many.
func PoolSubmit(pool Handle, jobs []byte, ops []Handle) error {
	var number C.size_t
	e := newErr()
	p, n := bytesPointer(jobs)
	places := (*C.semaphore_handle)(unsafe.Pointer(unsafe.SliceData(ops)))
	status := C.semaphore_pool_submit(use(pool), p, n, places, C.size_t(len(ops)), &number, &e)
	return detailed("pool_submit", status, &e)
}

// PoolStart starts a job of a pool whose turn it is.
func PoolStart(op Handle, spec, secrets []byte, log Handle) error {
	e := newErr()
	p, n := bytesPointer(spec)
	sp, sn := bytesPointer(secrets)
	status := C.semaphore_pool_start(use(op), p, n, sp, sn, use(log), &e)
	return detailed("pool_start", status, &e)
}

// PoolSnapshot describes the jobs of a pool as JSON.
func PoolSnapshot(pool Handle) ([]byte, error) {
	var b C.semaphore_buf
	status := C.semaphore_pool_snapshot(use(pool), &b)
	return take(&b), failure("pool_snapshot", int32(status))
}

// PoolCancel ends a job by its number.
func PoolCancel(pool Handle, id int64, mode int32) error {
	return failure("pool_cancel", int32(C.semaphore_pool_cancel(use(pool), C.int64_t(id), C.int32_t(mode))))
}

// PoolRequeue sends a job back into the queue.
func PoolRequeue(pool Handle, id int64, delayMS uint32) error {
	return failure("pool_requeue", int32(C.semaphore_pool_requeue(use(pool), C.int64_t(id), C.uint32_t(delayMS))))
}

// PoolDrain begins the end of a pool.
func PoolDrain(pool Handle, mode int32) error {
	return failure("pool_drain", int32(C.semaphore_pool_drain(use(pool), C.int32_t(mode))))
}

// OpCancel asks an operation to end.
func OpCancel(op Handle, mode int32) error {
	return failure("op_cancel", int32(C.semaphore_op_cancel(use(op), C.int32_t(mode))))
}

// OpResult takes the result of an operation that has ended, and closes it.
func OpResult(op Handle) ([]byte, error) {
	var b C.semaphore_buf
	e := newErr()
	status := C.semaphore_op_result(use(op), &b, &e)
	return take(&b), detailed("op_result", status, &e)
}

// Close closes a handle of any kind.
func Close(h Handle) error {
	return failure("close", int32(C.semaphore_handle_close(use(h))))
}

// StatusNext is the status after a change was asked for.
func StatusNext(from, to, flavour int32) (int32, error) {
	next := int32(C.semaphore_status_next(C.int32_t(from), C.int32_t(to), C.int32_t(flavour)))
	return next, failure("status_next", next)
}

// leakBuffer loses a buffer of the library: proof that the leak sanitizer sees it.
func leakBuffer() {
	e := newErr()
	var rt C.semaphore_handle
	p, n := stringPointer("{")
	C.semaphore_rt_open(p, n, &rt, &e)
}
