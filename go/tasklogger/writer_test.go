//go:build rust && cgo

package tasklogger_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

func TestALoggerIsAWriter(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	for _, piece := range []string{"one\ntw", "", "o\n", "\nthree", " and", " more\nfour"} {
		if n, err := io.WriteString(log, piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	log.WaitLog()
	if want := []string{"one", "two", "", "three and more", "four"}; !slices.Equal(log.Lines(), want) {
		t.Errorf("%q", log.Lines())
	}
	// As os/exec, bufio and the rest of the library use writers.
	writer := bufio.NewWriterSize(log, 16)
	for number := range 1000 {
		fmt.Fprintf(writer, "line %d\n", number)
	}
	_ = writer.Flush()
	log.WaitLog()
	if lines := log.Lines(); len(lines) != 1005 || lines[1004] != "line 999" {
		t.Errorf("%d lines", len(lines))
	}
	long := strings.Repeat("x", 3<<20)
	_, _ = io.WriteString(log, "y")
	if n, err := io.WriteString(log, long); n != len(long) || err != nil {
		t.Error(n, err)
	}
	_, _ = io.WriteString(log, "last")
	if err := log.Close(); err != nil {
		t.Error(err)
	}
	testkit.Eventually(t, "the line without an end", func() bool { return log.Has("last") })
	if text := strings.Join(log.Lines()[1005:], ""); text != "y"+long+"last" {
		t.Errorf("%d bytes", len(text))
	}
	for _, text := range []string{"late", "late\n"} {
		if _, err := io.WriteString(log, text); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestALoggerIsThePlaceOfASlogLogger(t *testing.T) {
	runtime := testkit.Open(t)
	log := testkit.NewLogger(t, runtime, tasklogger.Options{})
	var times []time.Time
	log.AddLogListener(func(now time.Time, _ string) { times = append(times, now) })
	logger := slog.New(log.Handler(&slog.HandlerOptions{Level: slog.LevelInfo}))
	before := time.Now()
	logger.Debug("not wanted")
	logger.Info("cloned", "commits", 3)
	logger.With("task", 7).WithGroup("git").Warn("slow\nremote", "took", time.Second)
	log.WaitLog()
	want := []string{`level=INFO msg=cloned commits=3`, `level=WARN msg="slow\nremote" task=7 git.took=1s`}
	if !slices.Equal(log.Lines(), want) {
		t.Errorf("%q", log.Lines())
	}
	if len(times) != 2 || times[0].Before(before.Truncate(0)) || times[0].After(time.Now()) {
		t.Error(before, times)
	}
	_ = log.Close()
	if err := log.Handler(nil).Handle(t.Context(), slog.Record{Message: "late"}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}
