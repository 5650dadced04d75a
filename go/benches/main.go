// Benches measures what the C interface costs a Go program, and prints a table.
//
//	go run -tags rust ./benches [-rounds 11] [-only pipe,call]
//
// Run it on a quiet machine against the optimised library (scripts/bench-go does). Each figure is the median of the rounds, with the
// smallest and the largest; where the Go server has a way of its own to do the same, both are measured in turns. Not a test: it
// fails only if something could not be measured. What is measured against what is said in the files beside this one.
package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
)

// bench is what the measurements share.
type bench struct {
	rounds  int
	dir     string
	runtime *semaphore.Runtime
	out     io.Writer
}

func main() {
	rounds := flag.Int("rounds", 11, "how often each figure is taken")
	only := flag.String("only", "", "names of measurements, separated by commas; empty means all")
	flag.Parse()
	if err := run(*rounds, *only); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(rounds int, only string) error {
	dir, err := os.MkdirTemp("", "semaphore-benches-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	runtime, err := semaphore.Open(semaphore.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	defer runtime.Close()
	b := &bench{rounds: rounds, dir: dir, runtime: runtime, out: os.Stdout}
	measurements := []struct {
		name    string
		measure func() error
	}{
		{"call", b.emptyCall}, {"logger", b.logger}, {"lines", b.lines}, {"pipe", b.pipe},
		{"agent", b.agent}, {"git", b.git}, {"job", b.job},
	}
	fmt.Fprintf(b.out, "| What | Median | Least | Most |\n|---|---|---|---|\n")
	for _, m := range measurements {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		if err := m.measure(); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// row prints one line of the table.
func (b *bench) row(what string, figures []time.Duration) {
	slices.Sort(figures)
	fmt.Fprintf(b.out, "| %s | %s | %s | %s |\n", what, readable(median(figures)), readable(figures[0]), readable(figures[len(figures)-1]))
}

// ratioRow prints a comparison.
func (b *bench) ratioRow(what string, ours, theirs []time.Duration) {
	fmt.Fprintf(b.out, "| %s | %.2f | | |\n", what, float64(median(ours))/float64(median(theirs)))
}

func median(figures []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

func readable(d time.Duration) string {
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f us", float64(d.Nanoseconds())/1e3)
	default:
		return fmt.Sprintf("%.1f ms", float64(d.Nanoseconds())/1e6)
	}
}

// many measures the mean of something short, rounds times.
func (b *bench) many(times int, once func() error) ([]time.Duration, error) {
	var figures []time.Duration
	for range b.rounds {
		begin := time.Now()
		for range times {
			if err := once(); err != nil {
				return nil, err
			}
		}
		figures = append(figures, time.Since(begin)/time.Duration(times))
	}
	return figures, nil
}

// processorTime is the time that this process has used so far, without that of its children.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// config is what keys, git and jobs are told about this machine.
func (b *bench) config() semaphore.Config {
	tmp := filepath.Join(b.dir, "tmp")
	_ = os.MkdirAll(tmp, 0o755)
	return semaphore.Config{TmpPath: tmp, Path: os.Getenv("PATH"), Home: b.dir}
}

// sh runs a script in the bench's directory.
func (b *bench) sh(script string) error {
	command := exec.Command("sh", "-c", script)
	command.Dir = b.dir
	command.Env = append(os.Environ(), "HOME="+b.dir, "GIT_CONFIG_NOSYSTEM=1")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", script, err, output)
	}
	return nil
}
