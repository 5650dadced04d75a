//go:build rust && cgo

package native

import (
	"errors"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// arguments of one call: most functions use some of them.
type arguments struct {
	handle, other Handle
	number        int32
	bytes         []byte
}

// every calls each function of the library that this package wraps, by its name in the header.
var every = map[string]func(a arguments) error{
	"abi_version":    func(arguments) error { return CheckVersion() },
	"ffi_abi_v1":     func(arguments) error { Nothing(); return nil },
	"rt_open":        func(a arguments) error { return opened(Open(a.bytes)) },
	"rt_close":       func(a arguments) error { return RtClose(a.handle, uint32(a.number)) },
	"rt_event_fd":    func(a arguments) error { return second(EventFd(a.handle)) },
	"rt_poll":        func(a arguments) error { return second(Poll(a.handle, a.bytes)) },
	"stats":          func(a arguments) error { return second(Stats(a.handle)) },
	"log_open":       func(a arguments) error { return opened(LogOpen(a.handle, a.bytes)) },
	"log_write":      func(a arguments) error { return LogWrite(a.handle, a.number, int64(a.number), string(a.bytes)) },
	"log_set_status": func(a arguments) error { return second(LogSetStatus(a.handle, a.number)) },
	"log_status":     func(a arguments) error { return second(LogStatus(a.handle)) },
	"log_set_commit": func(a arguments) error { return LogSetCommit(a.handle, string(a.bytes), string(a.bytes)) },
	"log_attach_fd": func(a arguments) error {
		// A descriptor of its own, which belongs to the library if it takes it.
		var ends [2]int
		if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
			return nil
		}
		_ = syscall.Close(ends[1])
		err := LogAttachFd(a.handle, ends[0], a.number)
		if err != nil {
			_ = syscall.Close(ends[0])
		}
		return err
	},
	"log_flush":        func(a arguments) error { return LogFlush(a.handle, uint32(a.number)) },
	"log_credit":       func(a arguments) error { return LogCredit(a.handle, uint32(a.number)) },
	"exec_start":       func(a arguments) error { return opened(ExecStart(a.handle, a.bytes, a.bytes, a.other)) },
	"exec_signal":      func(a arguments) error { return ExecSignal(a.handle, int(a.number)) },
	"exec_answer":      func(a arguments) error { return ExecAnswer(a.handle, a.bytes) },
	"exec_close_stdin": func(a arguments) error { return ExecCloseStdin(a.handle) },
	"op_cancel":        func(a arguments) error { return OpCancel(a.handle, a.number) },
	"op_result":        func(a arguments) error { return second(OpResult(a.handle)) },
	"git_start":        func(a arguments) error { return opened(GitStart(a.handle, a.number, a.bytes, a.other, a.other)) },
	"job_start":        func(a arguments) error { return opened(JobStart(a.handle, a.bytes, a.bytes, a.other)) },
	"job_confirm":      func(a arguments) error { return JobConfirm(a.handle, a.number) },
	"job_stop":         func(a arguments) error { return JobStop(a.handle, a.number) },
	"key_install":      func(a arguments) error { return opened(KeyInstall(a.handle, a.bytes, a.bytes, a.bytes)) },
	"key_info":         func(a arguments) error { return second(KeyInfo(a.handle)) },
	"key_secret":       func(a arguments) error { return second(KeySecret(a.handle)) },
	"pool_open":        func(a arguments) error { return opened(PoolOpen(a.handle, a.bytes)) },
	"pool_limits":      func(a arguments) error { return PoolLimits(a.handle, a.bytes) },
	"pool_submit":      func(a arguments) error { return PoolSubmit(a.handle, a.bytes, make([]Handle, uint8(a.number))) },
	"pool_start":       func(a arguments) error { return PoolStart(a.handle, a.bytes, a.bytes, a.other) },
	"pool_snapshot":    func(a arguments) error { return second(PoolSnapshot(a.handle)) },
	"pool_cancel":      func(a arguments) error { return PoolCancel(a.handle, int64(a.number), a.number) },
	"pool_requeue":     func(a arguments) error { return PoolRequeue(a.handle, int64(a.number), uint32(a.number)) },
	"pool_drain":       func(a arguments) error { return PoolDrain(a.handle, a.number) },
	"handle_close":     func(a arguments) error { return Close(a.handle) },
	"status_next":      func(a arguments) error { return second(StatusNext(a.number, a.number+1, a.number%4)) },
}

// unreachable are functions that Go does not call by themselves.
var unreachable = []string{"abi_features", "buf_free", "build_id", "rt_set_wakeup", "rt_wait"}

func second[T any](_ T, err error) error { return err }

// opened closes what was opened after all.
func opened(handle Handle, err error) error {
	if err == nil {
		_ = Close(handle)
	}
	return err
}

func TestEveryFunctionOfTheHeaderIsCalled(t *testing.T) {
	header, err := os.ReadFile("../../../include/semaphore_ffi.h")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)//.*$`).ReplaceAllString(string(header), "")
	for _, match := range regexp.MustCompile(`\bsemaphore_(\w+)\(`).FindAllStringSubmatch(text, -1) {
		if name := match[1]; every[name] == nil && !slices.Contains(unreachable, name) {
			t.Errorf("semaphore_%s has no case here", name)
		}
	}
}

func TestGarbageIsAnErrorWhateverIsCalled(t *testing.T) {
	rt, err := Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	stale, err := LogOpen(rt, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = Close(stale)
	log, err := LogOpen(rt, nil)
	if err != nil {
		t.Fatal(err)
	}
	handles := []Handle{0, 1, math.MaxUint64, stale, log ^ 1<<40, rt ^ 1<<33, log, rt}
	documents := [][]byte{nil, {}, []byte("{"), []byte("null"), []byte("\xff\xfe\x00"), []byte(`{"version":9}`), []byte(`{"a":"\ud800"}`),
		[]byte(strings.Repeat("[", 100_000)), make([]byte, 64)}
	numbers := []int32{0, 1, 7, 99, -1, math.MaxInt32, math.MinInt32}
	for name, call := range every {
		for _, handle := range handles {
			// What ends the live ones would end the test.
			if (handle == log || handle == rt) && (name == "handle_close" || name == "rt_close") {
				continue
			}
			for _, document := range documents {
				for _, number := range numbers {
					a := arguments{handle, log, number, document}
					err := call(a)
					var failure *Failure
					if err != nil && (!errors.As(err, &failure) || failure.Code > EArg || failure.Code < EABI) {
						t.Fatalf("%s(%#x, %d, %.20q): %v", name, handle, number, document, err)
					}
				}
			}
		}
	}
	for _, handle := range []Handle{log, rt} {
		if err := Close(handle); err != nil {
			t.Error(err)
		}
	}
}

func TestHandlesMayBeClosedWhileTheyAreUsed(t *testing.T) {
	for range 20 {
		rt, err := Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		log, err := LogOpen(rt, nil)
		if err != nil {
			t.Fatal(err)
		}
		var users sync.WaitGroup
		for _, handle := range []Handle{log, rt} {
			for name, call := range every {
				if name == "handle_close" || name == "rt_close" {
					continue
				}
				users.Add(1)
				go func() {
					defer users.Done()
					for number := range int32(20) {
						var failure *Failure
						if err := call(arguments{handle, log, number, []byte("{}")}); errors.As(err, &failure) && failure.Code == EPanic {
							t.Errorf("%s: %v", name, err)
						}
					}
				}()
			}
		}
		_ = Close(log)
		_ = Close(rt)
		users.Wait()
	}
}
