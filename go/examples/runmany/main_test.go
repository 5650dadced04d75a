//go:build rust && cgo

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// text is what a program has printed so far.
type text struct {
	mu   sync.Mutex
	said strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.String()
}

func TestScriptsOfADirectory(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(directory, "a.sh"), "echo from a\n")
	write(t, filepath.Join(directory, "b.sh"), "echo from b\nexit 3\n")
	said := &text{}
	err := run(context.Background(), []string{"-parallel", "1", directory}, said)
	var exit *semaphore.ExitError
	if !errors.As(err, &exit) || exit.ExitCode != 3 || strings.Contains(err.Error(), "a.sh") {
		t.Error(err)
	}
	for _, line := range []string{"a.sh | from a\n", "b.sh | from b\n", "a.sh: success \n", "b.sh: error exit status 3\n"} {
		if !strings.Contains(said.String(), line) {
			t.Errorf("%q is missing in %q", line, said)
		}
	}
	for _, wrong := range [][]string{nil, {t.TempDir()}, {"-x"}} {
		if err := run(context.Background(), wrong, said); err == nil {
			t.Errorf("%q was run", wrong)
		}
	}
}

func TestAnInterruptStopsWhatRunsAndNamesWhatWaits(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(directory, "a.sh"), "echo here; exec sleep 60\n")
	write(t, filepath.Join(directory, "b.sh"), "echo never\n")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	said, done := &text{}, make(chan error)
	go func() { done <- run(ctx, []string{"-parallel", "1", directory}, said) }()
	testkit.Eventually(t, "the first script", func() bool { return strings.Contains(said.String(), "a.sh | here\n") })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if text := said.String(); !strings.Contains(text, "a.sh: stopped") || !strings.Contains(text, "b.sh: waiting") || strings.Contains(text, "never") {
		t.Error(text)
	}
}
