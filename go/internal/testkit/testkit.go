// Package testkit holds what the tests of this module share: runtimes that must leave nothing, and loggers that remember.
package testkit

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

// Patience is how long something may take that should take milliseconds.
const Patience = 30 * time.Second

// Open opens a runtime that is closed, and checked for leaks, at the end of the test.
func Open(t testing.TB) *semaphore.Runtime {
	t.Helper()
	runtime, err := semaphore.Open(semaphore.Options{Grace: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		Eventually(t, "the runtime to hold nothing", func() bool {
			s, err := runtime.Statistics()
			return err == nil && s.Handles.Log == 0 && s.Handles.Operation == 0 && s.Handles.Key == 0 && s.Handles.Pool == 0 && s.Children == 0 && s.AttachedFds == 0 && s.Queue.Frames == 0
		})
		if err := runtime.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return runtime
}

// Recorder remembers the lines of a logger.
type Recorder struct {
	*tasklogger.Logger
	mu    sync.Mutex
	lines []string
}

// NewLogger opens a logger that is closed at the end of the test.
func NewLogger(t testing.TB, runtime *semaphore.Runtime, options tasklogger.Options) *Recorder {
	t.Helper()
	log, err := tasklogger.New(runtime, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return Record(log)
}

// Record makes a logger remember.
func Record(log *tasklogger.Logger) *Recorder {
	r := &Recorder{Logger: log}
	log.AddLogListener(func(_ time.Time, line string) {
		r.mu.Lock()
		r.lines = append(r.lines, line)
		r.mu.Unlock()
	})
	return r
}

// Lines are the lines so far.
func (r *Recorder) Lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

// Has says whether a line holds a text.
func (r *Recorder) Has(text string) bool {
	return strings.Contains(strings.Join(r.Lines(), "\n"), text)
}

// Eventually waits until something is so.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Errorf("waited in vain for %s", what)
}

// Within fails if something does not end in time.
func Within(t testing.TB, what string, limit time.Duration, run func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s took longer than %v", what, limit)
	}
}

// CountEntries counts the entries of a directory of /proc.
func CountEntries(t testing.TB, directory string) int {
	t.Helper()
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
