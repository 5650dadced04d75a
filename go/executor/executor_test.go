//go:build rust && cgo

package executor_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

func sh(script string) executor.Command {
	return executor.Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}}
}

func TestSixtyShortProgramsLoseNothing(t *testing.T) {
	runtime := testkit.Open(t)
	var group sync.WaitGroup
	for number := range 60 {
		log := testkit.NewLogger(t, runtime, tasklogger.Options{})
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := executor.Run(context.Background(), runtime, log.Logger, sh("echo one; echo two; printf three")); err != nil {
				t.Error(err)
			}
			log.WaitLog()
			if lines := log.Lines(); !slices.Equal(lines, []string{"one", "two", "three"}) {
				t.Errorf("program %d: %q", number, lines)
			}
		}()
	}
	group.Wait()
}

func TestAHundredThousandLinesArriveInOrder(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	if _, err := executor.Run(context.Background(), runtime, log.Logger, sh("seq 1 100000")); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()
	lines := log.Lines()
	if len(lines) != 100_000 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		if line != strconv.Itoa(i+1) {
			t.Fatalf("line %d is %q", i+1, line)
		}
	}
}

func TestACommandIsNeverChangedOnItsWay(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	command := sh("true")
	command.Args = append(command.Args, "name-\xff")
	if _, err := executor.Run(context.Background(), runtime, log.Logger, command); err == nil {
		t.Error("an argument that is not UTF-8 was replaced by another")
	}
	command = sh("sleep 60")
	command.Deadline = time.Microsecond
	if _, err := executor.Run(context.Background(), runtime, log.Logger, command); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a short deadline was none: %v", err)
	}
}

func TestErrorsOfPrograms(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	_, err := executor.Run(context.Background(), runtime, log.Logger, sh("echo why >&2; exit 7"))
	var exit *semaphore.ExitError
	if !errors.As(err, &exit) || exit.ExitCode != 7 || exit.Stderr != "why" || err.Error() != "exit status 7" {
		t.Errorf("%#v", err)
	}
	var general *semaphore.Error
	if !errors.As(err, &general) || general.Code != semaphore.CodeExit {
		t.Errorf("%#v", err)
	}
	_, err = executor.Run(context.Background(), runtime, log.Logger, sh("kill -9 $$"))
	if !errors.As(err, &exit) || exit.ExitCode != -1 || exit.Signal != syscall.SIGKILL {
		t.Errorf("%#v", err)
	}
	_, err = executor.Run(context.Background(), runtime, log.Logger, executor.Command{Path: "no-such-program", Dir: "/", Env: []string{"PATH=/bin"}})
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &general) || general.Code != semaphore.CodeSpawn {
		t.Errorf("%#v", err)
	}
	_, err = executor.Run(context.Background(), runtime, log.Logger, executor.Command{Path: "/bin/true", Dir: "/nowhere"})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%#v", err)
	}
	late := sh("exec sleep 60")
	late.Deadline = 30 * time.Millisecond
	if _, err = executor.Run(context.Background(), runtime, log.Logger, late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%#v", err)
	}
	if _, err = executor.Start(context.Background(), runtime, log.Logger, executor.Command{Path: "x", Dir: "/", Env: []string{"none"}}); err == nil {
		t.Error("an entry without = was taken")
	}
	if _, err = executor.Start(context.Background(), runtime, log.Logger, executor.Command{Path: "x", Dir: "/", Stdin: "sofa"}); !errors.As(err, &general) || general.Code != semaphore.CodeParse {
		t.Errorf("%#v", err)
	}
}

func TestTheContextKillsTheWholeGroup(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	cause := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	p, err := executor.Start(ctx, runtime, log.Logger, sh("sleep 60 & echo $!; (trap '' TERM; sleep 61) & echo $!; wait"))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "both children", func() bool { return len(log.Lines()) == 2 })
	cancel(cause)
	testkit.Within(t, "the stop", 5*time.Second, func() { _, err = p.Wait() })
	if !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	for _, line := range log.Lines()[:2] {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, 0); err == nil && !isZombie(pid) {
			t.Errorf("process %d is alive", pid)
		}
	}
	if _, err := executor.Start(ctx, runtime, log.Logger, sh("true")); !errors.Is(err, cause) {
		t.Errorf("started in an ended context: %v", err)
	}
}

func TestAProgramHasTheGraceThatItsCommandGives(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	// It would end by itself after the plan's own 1.5 s only.
	slow := sh("trap 'sleep 2; echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
	slow.Grace = time.Minute
	p, err := executor.Start(context.Background(), runtime, log.Logger, slow)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the program", func() bool { return log.Has("ready") })
	if err := p.Stop(false); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	testkit.Eventually(t, "the line of its orderly end", func() bool { return log.Has("cleaned") })
}

// isZombie: dead, but its new parent (not this process) has not waited yet.
func isZombie(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || slices.Contains(status, 'Z')
}

func TestInputAndSignals(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	cat := executor.Command{Path: "/bin/cat", Dir: "/", Stdin: executor.StdinPipe, Input: []byte("first\n")}
	p, err := executor.Start(context.Background(), runtime, log.Logger, cat)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.Answer([]byte("second\n")), p.CloseStdin()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()
	if lines := log.Lines(); !slices.Equal(lines, []string{"first", "second"}) {
		t.Error(lines)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrClosed) {
		t.Errorf("an operation that has ended takes signals: %v", err)
	}

	p, err = executor.Start(context.Background(), runtime, log.Logger, sh("trap 'echo caught; exit 5' USR1; echo ready; while :; do sleep 0.01; done"))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the trap", func() bool { return log.Has("ready") })
	if p.Pid() <= 0 {
		t.Error(p.Pid())
	}
	if err := p.Signal(syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
	var exit *semaphore.ExitError
	if _, err := p.Wait(); !errors.As(err, &exit) || exit.ExitCode != 5 {
		t.Errorf("%v", err)
	}
}

func TestAPromptIsAnswered(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	command := sh(`printf 'Vault password (x): ' > /dev/tty; read -r answer < /dev/tty; [ "$answer" = s3cret ] && echo right`)
	command.Stdin = executor.StdinPty
	command.Prompts = []executor.Prompt{{StartsWith: "Vault password", Answer: []byte("s3cret")}}
	if _, err := executor.Run(context.Background(), runtime, log.Logger, command); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()
	if lines := log.Lines(); !slices.Equal(lines, []string{"right"}) {
		t.Error(lines)
	}
}

// A program that closes its input while the library writes to it: EPIPE on the library's thread, not SIGPIPE for this process.
func TestWritingToAProgramThatDoesNotReadKillsNobody(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	command := sh("exec <&-; echo closed; sleep 0.3")
	command.Stdin = executor.StdinPipe
	p, err := executor.Start(context.Background(), runtime, log.Logger, command)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the closed input", func() bool { return log.Has("closed") })
	for range 100 {
		_ = p.Answer(make([]byte, 10_000))
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAProgramRunsAsWhomItIsTold(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	number := uint32(12345)
	command := executor.Command{Path: "/bin/sh", Args: []string{"-c", "id -u"}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/", Process: semaphore.Process{UID: &number, GID: &number}}
	_, err := executor.Run(context.Background(), runtime, log.Logger, command)
	log.WaitLog()
	if os.Geteuid() == 0 && (err != nil || !log.Has("12345")) || os.Geteuid() != 0 && !errors.Is(err, fs.ErrPermission) {
		t.Error(err, log.Lines())
	}
	command.Process = semaphore.Process{User: "nobody-of-that-name"}
	if _, err := executor.Start(context.Background(), runtime, log.Logger, command); !errors.Is(err, fs.ErrPermission) {
		t.Error(err)
	}
}
