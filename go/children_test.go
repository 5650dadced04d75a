//go:build rust && cgo

package semaphore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/gitclient"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// What a child can see of what it inherited. Only its numbers differ: that it leads its session is shown as a word.
const inherited = `grep -E '^(Sig(Blk|Ign|Cgt)|Umask|NoNewPrivs|Seccomp):' /proc/self/status
echo "soft $(ulimit -n) hard $(ulimit -Hn)"; umask; pwd
[ "$(ps -o sid= -p $$ | tr -d ' ')" = $$ ] && echo leads its session
for fd in /proc/$$/fd/*; do echo "$(basename "$fd") $(readlink "$fd" | sed 's/[0-9][0-9]*/N/')"; done`

func TestAChildInheritsWhatAChildOfGoInherits(t *testing.T) {
	testkit.Need(t, "ps")
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	// Descriptors that a careless spawn would hand on.
	open, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	command := executor.Command{Path: "/bin/bash", Args: []string{"-c", inherited}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}}
	if _, err := executor.Run(context.Background(), runtime, log.Logger, command); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()

	theirs := exec.Command("/bin/bash", "-c", inherited)
	theirs.Dir, theirs.Env, theirs.SysProcAttr = "/", command.Env, &syscall.SysProcAttr{Setsid: true}
	var output bytes.Buffer
	// A writer of Go, so that standard error is a pipe too.
	theirs.Stdout, theirs.Stderr = &output, &bytes.Buffer{}
	if err := theirs.Run(); err != nil {
		t.Fatal(err)
	}
	// What this process was handed itself, descriptors and ignored signals, Go hands on; the library does not.
	handedOn := regexp.MustCompile(`^SigIgn:|^(` + strings.Join(handed(t), "|") + `) `)
	ours, wanted := log.Lines(), strings.Split(strings.TrimSpace(output.String()), "\n")
	without := func(lines []string) []string {
		return slices.DeleteFunc(slices.Clone(lines), handedOn.MatchString)
	}
	if !slices.Equal(without(ours), without(wanted)) {
		t.Errorf("a child of the library sees\n%s\na child of Go sees\n%s", strings.Join(ours, "\n"), strings.Join(wanted, "\n"))
	}
	for _, must := range []string{"SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "leads its session", "0 /dev/null"} {
		if !slices.Contains(ours, must) {
			t.Errorf("%q is not what a child of the library sees:\n%s", must, strings.Join(ours, "\n"))
		}
	}
	// 3 is the listing of the descriptors itself.
	if last := slices.IndexFunc(ours, func(line string) bool { return strings.HasPrefix(line, "0 ") }); len(ours)-last != 4 {
		t.Errorf("a child of the library holds %q", ours[last:])
	}
}

// handed are the descriptors that this process would leave open in every program it executes.
func handed(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	numbers := []string{"none"}
	for _, entry := range entries {
		fd, _ := strconv.Atoi(entry.Name())
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if fd > 2 && errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			numbers = append(numbers, entry.Name())
		}
	}
	return numbers
}

// refusePidfd is the variable with which this program runs itself again.
const refusePidfd = "SEMAPHORE_TEST_REFUSE_PIDFD"

// refusePidfdOpen makes pidfd_open unknown to all threads of this process, as on an old kernel.
func refusePidfdOpen() error {
	const (
		pidfdOpen, seccompSetModeFilter, seccompFilterTsync = 434, 1, 1
		seccomp                                             = sysSeccomp
	)
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	filter := []instruction{
		{0x20, 0, 0, 0},         // load the number of the call
		{0x15, 0, 1, pidfdOpen}, // if it is pidfd_open
		{0x06, 0, 0, 0x00050000 | uint32(syscall.ENOSYS)}, // then there is no such call
		{0x06, 0, 0, 0x7fff0000},                          // else go on
	}
	program := struct {
		length uint16
		filter *instruction
	}{uint16(len(filter)), &filter[0]}
	if _, _, errno := syscall.Syscall6(syscall.SYS_PRCTL, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("no_new_privs: %w", errno)
	}
	if _, _, errno := syscall.Syscall(seccomp, seccompSetModeFilter, seccompFilterTsync, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	if _, _, errno := syscall.Syscall(pidfdOpen, uintptr(os.Getpid()), 0, 0); errno != syscall.ENOSYS {
		return fmt.Errorf("pidfd_open still answers %v", errno)
	}
	return nil
}

func TestMain(m *testing.M) {
	if os.Getenv(refusePidfd) != "" {
		if err := refusePidfdOpen(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	os.Exit(m.Run())
}

func TestChildrenOfBothSidesAreReapedByTheirOwn(t *testing.T) {
	const each, atOnce = 800, 40
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	run := func(kind string, once func(code int) error) *sync.WaitGroup {
		var group sync.WaitGroup
		places := make(chan struct{}, atOnce)
		group.Add(each)
		go func() {
			for number := range each {
				places <- struct{}{}
				go func() {
					defer func() { <-places; group.Done() }()
					if err := once(number % 7); err != nil {
						t.Errorf("%s %d: %v", kind, number, err)
					}
				}()
			}
		}()
		return &group
	}
	expect := func(code, found int, err error) error {
		if found != code || (code == 0) != (err == nil) {
			return fmt.Errorf("exit code %d instead of %d: %v", found, code, err)
		}
		return nil
	}
	rust := run("child of the library", func(code int) error {
		_, err := executor.Run(context.Background(), runtime, log.Logger, executor.Command{Path: "/bin/sh", Args: []string{"-c", "exit " + strconv.Itoa(code)}, Dir: "/"})
		found := 0
		if exit := (*semaphore.ExitError)(nil); errors.As(err, &exit) {
			found, err = exit.ExitCode, exit
		}
		return expect(code, found, err)
	})
	theirs := run("child of Go", func(code int) error {
		err := exec.Command("/bin/sh", "-c", "exit "+strconv.Itoa(code)).Run()
		found := 0
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			found = exit.ExitCode()
		}
		return expect(code, found, err)
	})
	rust.Wait()
	theirs.Wait()
	if left := children(t); len(left) > 0 {
		t.Errorf("children that nobody reaped: %v", left)
	}
	if statistics, err := runtime.Statistics(); err != nil || statistics.Performed.Programs != each || statistics.Threads > 2 {
		t.Errorf("%+v %v", statistics, err)
	}
}

// children lists the children of this process, with their states.
func children(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, entry.Name()+" "+fields[0])
		}
	}
	return found
}

func TestChildrenAreReapedWithoutPidfd(t *testing.T) {
	if os.Getenv(refusePidfd) != "" {
		t.Skip("this is the process without pidfd_open")
	}
	again := exec.Command(os.Args[0], "-test.run", "^(TestChildrenOfBothSidesAreReapedByTheirOwn|TestClosingARuntimeEndsItsPrograms|TestTwoHundredOperationsAtOnce)$", "-test.v")
	again.Env = append(os.Environ(), refusePidfd+"=1")
	output, err := again.CombinedOutput()
	if err != nil || bytes.Count(output, []byte("\n--- PASS: ")) != 3 {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestTwoHundredOperationsAtOnce(t *testing.T) {
	const count = 200
	m := testkit.NewMachine(t)
	url := m.Git("origin", nil)
	config := m.Config()
	config.GitClient = "go_git"
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	repository := gitclient.Repository{Config: config, URL: url, Branch: "main", Parent: m.Path("tmp"), Directory: "clone"}
	if err := gitclient.New(runtime).Clone(context.Background(), repository); err != nil {
		t.Fatal(err)
	}
	descriptors, threads := testkit.CountEntries(t, "/proc/self/fd"), testkit.CountEntries(t, "/proc/self/task")

	var programs []*executor.Process
	for range count {
		p, err := executor.Start(context.Background(), runtime, log.Logger, executor.Command{Path: "/bin/cat", Dir: "/", Stdin: executor.StdinPipe, Input: []byte("x\n")})
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, p)
	}
	testkit.Eventually(t, "all programs to run at once", func() bool {
		statistics, err := runtime.Statistics()
		return err == nil && statistics.Children == count && len(log.Lines()) == count
	})
	var group sync.WaitGroup
	most := 0
	for range count {
		group.Add(1)
		go func() {
			defer group.Done()
			if hash, err := gitclient.New(runtime).LastCommitHash(context.Background(), repository); err != nil || len(hash) != 40 {
				t.Error(hash, err)
			}
		}()
		most = max(most, testkit.CountEntries(t, "/proc/self/task"))
	}
	group.Wait()
	statistics, err := runtime.Statistics()
	// One thread of the runtime, at most four for what blocks; Go has some of its own.
	if err != nil || statistics.Threads > 5 || most > threads+12 {
		t.Errorf("%d threads instead of %d; %+v %v", most, threads, statistics, err)
	}
	// Each program holds its pipes and its pidfd, and no more.
	if held := testkit.CountEntries(t, "/proc/self/fd") - descriptors; held > 5*count {
		t.Errorf("%d descriptors for %d programs", held, count)
	}
	for _, p := range programs {
		if err := p.CloseStdin(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range programs {
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	}
	log.WaitLog()
	if lines := log.Lines(); len(lines) != count || slices.ContainsFunc(lines, func(line string) bool { return line != "x" }) {
		t.Errorf("%d lines", len(lines))
	}
	testkit.Eventually(t, "descriptors and threads to come back", func() bool {
		statistics, err := runtime.Statistics()
		return err == nil && statistics.Children == 0 && testkit.CountEntries(t, "/proc/self/fd") <= descriptors &&
			testkit.CountEntries(t, "/proc/self/task") <= threads+12
	})
}
