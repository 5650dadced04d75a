//go:build rust && cgo

package semaphore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	goruntime "runtime"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/internal/native"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

func TestASecondCloseIsAnErrorAndNothingStartsAfterwards(t *testing.T) {
	runtime, err := semaphore.Open(semaphore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := tasklogger.New(runtime, tasklogger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.Close(); err != nil {
		t.Fatal(err)
	}
	if err := runtime.Close(); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := tasklogger.New(runtime, tasklogger.Options{}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	if _, err := executor.Start(context.Background(), runtime, log, executor.Command{Path: "/bin/true", Dir: "/"}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	log.Log("late")
	testkit.Within(t, "WaitLog", testkit.Patience, log.WaitLog)
	_ = log.Close()
}

func TestClosingARuntimeEndsItsPrograms(t *testing.T) {
	runtime, err := semaphore.Open(semaphore.Options{Grace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	p, err := executor.Start(context.Background(), runtime, log.Logger, executor.Command{
		Path: "/bin/sh", Args: []string{"-c", "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.01; done"}, Dir: "/", Env: []string{"PATH=/bin"},
	})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the program", func() bool { return log.Has("ready") })
	if err := runtime.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	testkit.Eventually(t, "its last line", func() bool { return log.Has("caught") })
}

func TestStaleAndInventedHandlesAreErrors(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	stale := log.Handle()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for _, handle := range []native.Handle{0, 1, ^native.Handle(0), stale, runtime.Handle() ^ 1<<35} {
		calls := []error{
			native.LogWrite(handle, 0, 0, "x"), native.LogFlush(handle, 1), native.LogCredit(handle, 1), native.LogSetCommit(handle, "a", "b"),
			native.LogAttachFd(handle, 0, 0), native.ExecSignal(handle, 15), native.ExecAnswer(handle, nil), native.ExecCloseStdin(handle),
			native.OpCancel(handle, 0), native.Close(handle), native.RtClose(handle, 0),
		}
		for number, err := range calls {
			var failure *native.Failure
			if !errors.As(err, &failure) || failure.Code != native.EHandle {
				t.Errorf("call %d with %#x: %v", number, handle, err)
			}
		}
	}
}

// Random handles, orders and sizes: only statuses may come, whatever is done.
func FuzzHandles(f *testing.F) {
	f.Add(uint64(0), int32(0), []byte("{}"))
	f.Add(uint64(1)<<56|1<<32, int32(7), []byte(`{"argv":["/bin/true"],"dir":"/"}`))
	f.Fuzz(func(t *testing.T, number uint64, value int32, document []byte) {
		handle := native.Handle(number)
		_, _ = native.Poll(handle, make([]byte, 64))
		_, _ = native.LogOpen(handle, document)
		_, _ = native.ExecStart(handle, document, document, handle)
		_, _ = native.LogSetStatus(handle, value)
		_ = native.LogWrite(handle, value, int64(value), string(document))
		_, _ = native.OpResult(handle)
		_, _ = native.StatusNext(value, value+1, value%4)
		if runtime, err := native.Open(document); err == nil {
			_ = native.Close(runtime)
		}
		fuzzPool(t, handle, value, document)
	})
}

// fuzzPool calls every function of pools, with the invented handle, and with a pool and jobs that exist: of those, too, only statuses
// may come, and every job that a pool took has an end.
func fuzzPool(t *testing.T, invented native.Handle, value int32, document []byte) {
	t.Helper()
	runtime, err := native.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer native.Close(runtime) //nolint: errcheck // a runtime closes whatever is open in it
	pool, err := native.PoolOpen(runtime, document)
	if err != nil {
		if pool, err = native.PoolOpen(runtime, nil); err != nil {
			t.Fatal(err)
		}
	}
	operations := make([]native.Handle, 4)
	jobs := []byte(`{"version":1,"jobs":[{"id":1,"project_id":1,"template_id":1},{"id":2,"project_id":1,"template_id":1}]}`)
	if err := native.PoolSubmit(pool, jobs, operations); err != nil {
		t.Fatal(err)
	}
	for _, handle := range []native.Handle{invented, pool, operations[0], operations[1], runtime} {
		_ = native.PoolSubmit(handle, document, make([]native.Handle, uint8(value)))
		_ = native.PoolLimits(handle, document)
		_ = native.PoolStart(handle, document, document, invented)
		_ = native.PoolRequeue(handle, int64(value), uint32(value))
		_ = native.PoolCancel(handle, int64(value), value)
		_, _ = native.PoolSnapshot(handle)
	}
	_ = native.PoolDrain(invented, value)
	_ = native.PoolDrain(pool, value)
	if _, err := native.PoolSnapshot(pool); err != nil {
		t.Fatal(err)
	}
	if err := native.PoolDrain(pool, native.DrainStop); err != nil {
		t.Fatal(err)
	}
	for _, operation := range operations[:2] {
		testkit.Eventually(t, "the end of a job that the pool had taken", func() bool {
			_, err := native.OpResult(operation)
			var failure *native.Failure
			return !errors.As(err, &failure) || failure.Code != native.EState
		})
	}
	if err := native.Close(pool); err != nil {
		t.Fatal(err)
	}
}

type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// sigactions reads how every signal is handled.
func sigactions(t *testing.T) [65]sigaction {
	t.Helper()
	var actions [65]sigaction
	for signal := 1; signal <= 64; signal++ {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signal), 0, uintptr(unsafe.Pointer(&actions[signal])), 8, 0, 0)
		if errno != 0 {
			t.Fatal(signal, errno)
		}
	}
	return actions
}

func caught(t *testing.T) []byte {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^Sig(Cgt|Ign):.*$`).Find(status)
}

const saOnStack = 0x08000000

func TestTheLibraryTouchesNoSignal(t *testing.T) {
	before, caughtBefore := sigactions(t), caught(t)
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	var group sync.WaitGroup
	for range 40 {
		group.Add(2)
		go func() {
			defer group.Done()
			if _, err := executor.Run(context.Background(), runtime, log.Logger, executor.Command{Path: "/bin/true", Dir: "/"}); err != nil {
				t.Error(err)
			}
		}()
		// Go's own children are reaped by Go, side by side with the library's.
		go func() {
			defer group.Done()
			if err := exec.Command("/bin/true").Run(); err != nil {
				t.Error(err)
			}
		}()
	}
	for range 200 {
		for _, signal := range []syscall.Signal{syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPIPE, syscall.SIGWINCH} {
			_ = syscall.Kill(os.Getpid(), signal)
		}
	}
	group.Wait()
	after := sigactions(t)
	for signal := range after {
		if before[signal] != after[signal] {
			t.Errorf("signal %d was %+v and is %+v", signal, before[signal], after[signal])
		}
		if after[signal].handler > 1 && after[signal].flags&saOnStack == 0 {
			t.Errorf("the handler of signal %d lacks SA_ONSTACK", signal)
		}
	}
	if caughtAfter := caught(t); !bytes.Equal(caughtBefore, caughtAfter) {
		t.Errorf("%s became %s", caughtBefore, caughtAfter)
	}
}

func TestAChildGetsCleanSignals(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	status := executor.Command{Path: "/bin/grep", Args: []string{"-E", "^Sig(Blk|Ign):", "/proc/self/status"}, Dir: "/"}
	if _, err := executor.Run(context.Background(), runtime, log.Logger, status); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()
	for _, line := range log.Lines() {
		if !regexp.MustCompile(`:\s+0+$`).MatchString(line) {
			t.Error(line)
		}
	}
	if len(log.Lines()) != 2 {
		t.Error(log.Lines())
	}
}

func TestRuntimesAndProgramsLeaveNoThreadsDescriptorsOrGoroutines(t *testing.T) {
	cycle := func() {
		runtime, err := semaphore.Open(semaphore.Options{Grace: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 50 {
			group.Add(1)
			go func() {
				defer group.Done()
				log, err := tasklogger.New(runtime, tasklogger.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				cmd := exec.Command("/bin/echo", "x")
				log.LogCmd(cmd)
				if err := cmd.Run(); err != nil {
					t.Error(err)
				}
				if _, err := executor.Run(context.Background(), runtime, log, executor.Command{Path: "/bin/echo", Dir: "/"}); err != nil {
					t.Error(err)
				}
				log.WaitLog()
				_ = log.Close()
			}()
		}
		group.Wait()
		statistics, err := runtime.Statistics()
		if err != nil || statistics.Threads > 2 || statistics.Children != 0 {
			t.Errorf("%+v %v", statistics, err)
		}
		if err := runtime.Close(); err != nil {
			t.Error(err)
		}
	}
	cycle()
	threads, descriptors, goroutines := testkit.CountEntries(t, "/proc/self/task"), testkit.CountEntries(t, "/proc/self/fd"), goruntime.NumGoroutine()
	for range 3 {
		cycle()
	}
	// Go keeps some threads of its own for later; three more cycles must not need many more.
	testkit.Eventually(t, "threads, descriptors and goroutines to come back", func() bool {
		return testkit.CountEntries(t, "/proc/self/task") <= threads+4 &&
			testkit.CountEntries(t, "/proc/self/fd") <= descriptors && goruntime.NumGoroutine() <= goroutines
	})
}
