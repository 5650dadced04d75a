//go:build rust && cgo

package semaphore_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// locked is a buffer that several goroutines use.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func TestWhatTheLibrarySaysAboutItselfGoesToTheLoggerOfOpen(t *testing.T) {
	said := &locked{}
	runtime, err := semaphore.Open(semaphore.Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.Close()
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	// A process that it leaves behind holds the output.
	script := "setsid sleep 60 & echo $!"
	_, err = executor.Run(context.Background(), runtime, log.Logger, executor.Command{Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/"})
	if err != nil {
		t.Error(err)
	}
	defer endOf(t, log)
	testkit.Eventually(t, "the warning", func() bool {
		return said.has("level=WARN") && said.has("left behind held its output")
	})
}

// endOf ends the process whose number is the first line of a log.
func endOf(t *testing.T, log *testkit.Recorder) {
	t.Helper()
	log.WaitLog()
	var pid int
	for _, digit := range strings.TrimSpace(strings.Join(log.Lines(), "")) {
		pid = pid*10 + int(digit-'0')
	}
	if process, err := os.FindProcess(pid); pid < 2 || err != nil || process.Signal(syscall.SIGKILL) != nil {
		t.Errorf("process %d was not ended", pid)
	}
}
