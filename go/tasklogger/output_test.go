//go:build rust && cgo

package tasklogger

import (
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostLog is a log of a host, with the output of its commands.
type hostLog struct {
	output Output

	mu    sync.Mutex
	lines []string
}

func (h *hostLog) run(t *testing.T, script string) {
	t.Helper()
	command := exec.Command("sh", "-c", script)
	h.output.LogCmd(command, func(_ time.Time, msg string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.lines = append(h.lines, msg)
	})
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
}

func (h *hostLog) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, " ")
}

func TestOutputOfCommandsReachesTheHost(t *testing.T) {
	var host hostLog
	// Nothing to wait for, nothing to close.
	host.output.WaitLog()
	host.output.Close()

	host.run(t, "echo one; echo two >&2")
	host.run(t, "echo three; printf four")
	host.output.WaitLog()
	lines := strings.Fields(host.text())
	slices.Sort(lines)
	if !slices.Equal(lines, []string{"four", "one", "three", "two"}) {
		t.Errorf("the host heard %q", lines)
	}
	// The end of a task comes behind its output, and another command opens another log.
	host.run(t, "seq 1000 1999")
	if !host.output.StatusAllowed(TaskRunningStatus, TaskSuccessStatus, FlavourReference) {
		t.Error("success was refused")
	}
	if !strings.HasSuffix(host.text(), " 1999") {
		t.Error("the status came before the output")
	}
	host.run(t, "echo again")
	host.output.Close()
	if !strings.HasSuffix(host.text(), " again") {
		t.Error("a command of a closed output was not heard")
	}
}

func TestACommandThatCannotBeLoggedDoesNotStart(t *testing.T) {
	var output Output
	command := exec.Command("true")
	command.Stdout = new(strings.Builder)
	output.LogCmd(command, func(time.Time, string) {})
	if err := command.Run(); err == nil || !strings.Contains(err.Error(), "the output of the command cannot be logged") {
		t.Errorf("it ran: %v", err)
	}
	output.Close()
}

func TestAStopDoesNotWaitForProgramsThatStillRun(t *testing.T) {
	var output Output
	command := exec.Command("sleep", "60")
	output.LogCmd(command, func(time.Time, string) {})
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if !output.StatusAllowed(TaskRunningStatus, TaskStoppedStatus, FlavourReference) {
		t.Error("the stop was refused")
	}
	if waited := time.Since(begin); waited > 400*time.Millisecond {
		t.Errorf("it waited %v", waited)
	}
	_ = command.Process.Kill()
	_ = command.Wait()
}

func TestTheRuleOfAHostsStatuses(t *testing.T) {
	var output Output
	for _, one := range []struct {
		from, to TaskStatus
		flavour  Flavour
		allowed  bool
	}{
		{TaskRunningStatus, TaskWaitingStatus, FlavourReference, false},
		{TaskRunningStatus, TaskWaitingStatus, FlavourNone, true},
		{TaskStoppedStatus, TaskRunningStatus, FlavourReference, false},
		{TaskSuccessStatus, TaskRunningStatus, FlavourReference, true},
		{TaskSuccessStatus, TaskRunningStatus, FlavourStrict, false},
		{TaskRunningStatus, TaskRunningStatus, FlavourNone, false},
		// Rows that tests make have no status.
		{"", TaskRunningStatus, FlavourReference, true},
		{"", "", FlavourReference, false},
	} {
		if is := output.StatusAllowed(one.from, one.to, one.flavour); is != one.allowed {
			t.Errorf("from %q to %q with rule %d: %v", one.from, one.to, one.flavour, is)
		}
	}
}
