//go:build rust && cgo

package tasklogger_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

func TestAHundredThousandLinesOfACommandArriveInOrder(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	cmd := exec.Command("seq", "1", "100000")
	log.LogCmd(cmd)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()
	lines := log.Lines()
	if len(lines) != 100_000 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		if line != fmt.Sprint(i+1) {
			t.Fatalf("line %d is %q", i+1, line)
		}
	}
}

func TestSixtyShortCommandsLoseNothing(t *testing.T) {
	runtime := testkit.Open(t)
	var group sync.WaitGroup
	for number := range 60 {
		log := testkit.NewLogger(t, runtime, tasklogger.Options{})
		group.Add(1)
		go func() {
			defer group.Done()
			cmd := exec.Command("/bin/sh", "-c", "echo one; echo two; printf three")
			log.LogCmd(cmd)
			if err := cmd.Run(); err != nil {
				t.Error(err)
			}
			log.WaitLog()
			if lines := log.Lines(); !slices.Equal(lines, []string{"one", "two", "three"}) {
				t.Errorf("command %d: %q", number, lines)
			}
		}()
	}
	group.Wait()
}

func TestBothOutputsOfACommandAreLogged(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	cmd := exec.Command("/bin/sh", "-c", "echo out; echo err >&2")
	log.LogCmd(cmd)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	log.WaitLog()
	lines := log.Lines()
	slices.Sort(lines)
	if !slices.Equal(lines, []string{"err", "out"}) {
		t.Error(lines)
	}
}

func TestACommandOfAClosedLogDoesNotHang(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds, on both.
	cmd := exec.Command("/bin/sh", "-c", "seq 1 100000; seq 1 100000 >&2")
	log.LogCmd(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(testkit.Patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestCloseDeliversWhatACommandHasWritten(t *testing.T) {
	runtime := testkit.Open(t)
	for range 20 {
		log := testkit.NewLogger(t, runtime, tasklogger.Options{})
		cmd := exec.Command("seq", "1", "5000")
		log.LogCmd(cmd)
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(log.Lines()); n != 5000 {
			t.Fatalf("%d lines", n)
		}
	}
}

func TestACommandThatNeverStartsLeavesNothing(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	cmd := exec.Command("/nowhere/program")
	log.LogCmd(cmd)
	if err := cmd.Run(); err == nil {
		t.Fatal("it ran")
	}
	testkit.Within(t, "WaitLog", testkit.Patience, log.WaitLog)
	if lines := log.Lines(); len(lines) != 0 {
		t.Error(lines)
	}
}

func TestABackgroundProcessDelaysWaitLogByItsSilenceOnly(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	cmd := exec.Command("/bin/sh", "-c", "sleep 60 & echo $!")
	log.LogCmd(cmd)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	testkit.Within(t, "WaitLog", 10*time.Second, log.WaitLog)
	lines := log.Lines()
	if len(lines) != 1 {
		t.Fatal(lines)
	}
	if err := exec.Command("kill", lines[0]).Run(); err != nil {
		t.Errorf("the background process did not live on: %v", err)
	}
}

func TestLinesOfGoKeepTheirTextTimeAndOrder(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	var times []time.Time
	log.AddLogListener(func(now time.Time, _ string) { times = append(times, now) })
	at := time.Date(2024, 2, 29, 12, 0, 0, 123456789, time.UTC)
	log.LogWithTime(at, "two\nlines\n")
	log.LogfWithTime(at, "%d%%", 100)
	log.Log("")
	log.Logf("%s", "last\xff")
	log.WaitLog()
	if lines := log.Lines(); !slices.Equal(lines, []string{"two\nlines\n", "100%", "", "last\xff"}) {
		t.Errorf("%q", lines)
	}
	if len(times) != 4 || !times[0].Equal(at) || time.Since(times[3]) > time.Minute || times[3].Location() != time.UTC {
		t.Error(times)
	}
}

func TestManyWritersOfOneLogLoseNothing(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	var group sync.WaitGroup
	for writer := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 2000 {
				log.Logf("%d %d", writer, i)
			}
		}()
	}
	group.Wait()
	log.WaitLog()
	next := map[string]int{}
	for _, line := range log.Lines() {
		writer, number, _ := strings.Cut(line, " ")
		if number != fmt.Sprint(next[writer]) {
			t.Fatalf("%q after %d", line, next[writer])
		}
		next[writer]++
	}
	if len(next) != 8 || next["0"] != 2000 {
		t.Error(next)
	}
}

func TestAListenerThatBlocksForEverStopsOnlyItsOwnLog(t *testing.T) {
	runtime := testkit.Open(t)
	blocked, err := tasklogger.New(runtime, tasklogger.Options{Flavour: tasklogger.FlavourStrict})
	if err != nil {
		t.Fatal(err)
	}
	letGo := make(chan struct{})
	blocked.AddLogListener(func(time.Time, string) { <-letGo })
	endless := exec.Command("/bin/sh", "-c", "exec yes a-line-that-is-printed-without-end")
	blocked.LogCmd(endless)
	if err := endless.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = endless.Process.Kill()
		_ = endless.Wait()
		close(letGo)
		_ = blocked.Close()
	}()
	testkit.Within(t, "10 other tasks", testkit.Patience, func() {
		var group sync.WaitGroup
		for range 10 {
			log := testkit.NewLogger(t, runtime, tasklogger.Options{})
			group.Add(1)
			go func() {
				defer group.Done()
				cmd := exec.Command("seq", "1", "2000")
				log.LogCmd(cmd)
				if err := cmd.Run(); err != nil {
					t.Error(err)
				}
				log.WaitLog()
				if n := len(log.Lines()); n != 2000 {
					t.Errorf("%d lines", n)
				}
			}()
		}
		group.Wait()
	})
	statistics, err := runtime.Statistics()
	if err != nil || statistics.Queue.Bytes > 8<<20 {
		t.Errorf("%+v %v", statistics, err)
	}
	// A final status does not wait for it for ever either.
	testkit.Within(t, "the final status", testkit.Patience, func() { blocked.SetStatus(tasklogger.TaskFailStatus) })
	if status := blocked.Status(); status != tasklogger.TaskFailStatus {
		t.Error(status)
	}
}

func TestStatusListenersRunBeforeSetStatusReturns(t *testing.T) {
	log := testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{})
	var seen []tasklogger.TaskStatus // no lock: they run on this goroutine
	log.AddStatusListener(func(status tasklogger.TaskStatus) { seen = append(seen, status) })
	log.SetStatus(tasklogger.TaskRunningStatus)
	log.SetStatus(tasklogger.TaskRunningStatus)
	log.SetStatus(tasklogger.TaskWaitingStatus)
	log.SetStatus("unheard-of")
	log.SetStatus(tasklogger.TaskSuccessStatus)
	want := []tasklogger.TaskStatus{tasklogger.TaskRunningStatus, tasklogger.TaskSuccessStatus}
	if !slices.Equal(seen, want) || log.Status() != tasklogger.TaskSuccessStatus {
		t.Error(seen, log.Status())
	}
}

func TestAFinalStatusComesBehindTheOutput(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	count := -1
	log.AddStatusListener(func(status tasklogger.TaskStatus) {
		if status.IsFinished() {
			count = len(log.Lines())
		}
	})
	cmd := exec.Command("seq", "1", "20000")
	log.LogCmd(cmd)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	log.SetStatus(tasklogger.TaskSuccessStatus)
	if count != 20_000 {
		t.Error(count)
	}
}

func TestTheCommitKeepsItsPlace(t *testing.T) {
	var log *testkit.Recorder
	told := make(chan string, 1)
	log = testkit.NewLogger(t, testkit.Open(t), tasklogger.Options{
		OnCommit: func(hash, message string) { told <- fmt.Sprint(hash, " ", message, " ", len(log.Lines())) },
	})
	log.Log("before")
	log.SetCommit("abc123", "why")
	log.Log("after")
	log.WaitLog()
	if text := <-told; text != "abc123 why 1" {
		t.Error(text)
	}
}

// The table of the Go server's SetStatus, one row per old status; 1 = taken.
func TestAllPairsOfStatuses(t *testing.T) {
	all := append(tasklogger.UnfinishedTaskStatuses(), tasklogger.TaskStoppedStatus, tasklogger.TaskSuccessStatus, tasklogger.TaskFailStatus)
	tables := map[tasklogger.Flavour][]string{
		tasklogger.FlavourReference: {
			"0111111111", "1011111111", "1101111111", "1100111111", "1111011111",
			"0111101111", "0111100111", "0000000000", "1111111101", "1111111110",
		},
		tasklogger.FlavourStrict: {
			"0110011111", "1010011111", "1101111111", "1100011111", "1110011111",
			"0110001111", "0110000111", "0000000000", "0000000000", "0000000000",
		},
		tasklogger.FlavourNone: {
			"0111111111", "1011111111", "1101111111", "1110111111", "1111011111",
			"1111101111", "1111110111", "1111111011", "1111111101", "1111111110",
		},
	}
	runtime := testkit.Open(t)
	for flavour, table := range tables {
		for i, from := range all {
			for j, to := range all {
				taken := table[i][j] == '1'
				next, err := tasklogger.Next(from, to, flavour)
				if err != nil || (next == to) != (taken || from == to) {
					t.Errorf("flavour %d: %s -> %s gives %s, %v", flavour, from, to, next, err)
				}
				log, err := tasklogger.New(runtime, tasklogger.Options{Flavour: flavour, Status: from})
				if err != nil {
					t.Fatal(err)
				}
				told := false
				log.AddStatusListener(func(tasklogger.TaskStatus) { told = true })
				log.SetStatus(to)
				if told != taken {
					t.Errorf("flavour %d: %s -> %s was told: %v", flavour, from, to, told)
				}
				_ = log.Close()
			}
		}
	}
	if _, err := tasklogger.Next("x", "running", tasklogger.FlavourStrict); err == nil {
		t.Error("an unknown status was taken")
	}
}

func TestWordsOfStatuses(t *testing.T) {
	for status, want := range map[tasklogger.TaskStatus]string{
		tasklogger.TaskFailStatus: "❌ ERROR", tasklogger.TaskSuccessStatus: "✅ SUCCESS", tasklogger.TaskStoppedStatus: "⏹️ STOPPED",
		tasklogger.TaskWaitingConfirmation: "⚠️ WAITING_CONFIRMATION", tasklogger.TaskRunningStatus: "❓ RUNNING", "x": "❓ UNKNOWN",
	} {
		if got := status.Format(); got != want {
			t.Errorf("%s: %q", status, got)
		}
		if status.IsValid() == (status == "x") {
			t.Errorf("%s: IsValid", status)
		}
	}
	if n := len(tasklogger.UnfinishedTaskStatuses()); n != 7 {
		t.Error(n)
	}
}

func TestAClosedLogTakesNothingAndReleasesItsWaiters(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	log.Log("line")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != os.ErrClosed {
		t.Error(err)
	}
	log.Log("late")
	testkit.Within(t, "WaitLog", testkit.Patience, log.WaitLog)
	testkit.Eventually(t, "the line before the close", func() bool { return slices.Equal(log.Lines(), []string{"line"}) })
}
