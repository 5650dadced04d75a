//go:build rust && cgo

package host_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/host"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
)

func script(text string) executor.Command {
	return executor.Command{Path: "sh", SearchPath: "/usr/bin:/bin", Args: []string{"-c", text}, Dir: "/"}
}

func TestAListenerHasHeardEverythingWhenTheLogIsClosed(t *testing.T) {
	runtime := testkit.Open(t)
	var lines []string
	log, err := host.OpenLog(runtime, host.Listener{Line: func(_ time.Time, text string) {
		time.Sleep(time.Millisecond)
		lines = append(lines, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := executor.Run(context.Background(), runtime, log.Logger, script("seq 1 200")); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 200 || lines[0] != "1" || lines[199] != "200" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}

func TestEndsOfProgramsAreToldInGoWords(t *testing.T) {
	runtime := testkit.Open(t)
	end := func(text string) error {
		log, err := host.OpenLog(runtime, host.Listener{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = log.Close() }()
		_, err = executor.Run(context.Background(), runtime, log.Logger, script(text))
		return host.InGoWords(err)
	}
	if err := end("true"); err != nil {
		t.Error(err)
	}
	for text, words := range map[string]string{"exit 3": "exit status 3", "kill -TERM $$": "signal: terminated"} {
		err := end(text)
		var failure *semaphore.ExitError
		if err == nil || err.Error() != words || !errors.As(err, &failure) {
			t.Errorf("%s: %v", text, err)
		}
	}
	strange := errors.New("strange")
	if err := host.InGoWords(strange); err != strange {
		t.Error(err)
	}
}

func TestWhatRunsIsFoundByItsOwner(t *testing.T) {
	runtime := testkit.Open(t)
	log, err := host.OpenLog(runtime, host.Listener{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	process, err := executor.Start(context.Background(), runtime, log.Logger, script("exec sleep 600"))
	if err != nil {
		t.Fatal(err)
	}
	<-process.Started()
	owner := &os.Process{Pid: process.Pid()}
	var running host.Running
	remove := running.Add(owner, process.Stop)
	if found, err := running.Stop(&os.Process{Pid: process.Pid()}, true); found || err != nil {
		t.Errorf("a stranger stops it: %v, %v", found, err)
	}
	if err := syscall.Kill(process.Pid(), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if found, err := running.Stop(owner, false); !found || err != nil {
			t.Errorf("%v, %v", found, err)
		}
		if _, err := process.Wait(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	remove()
	if found, _ := running.Stop(owner, false); found {
		t.Error("found after its end")
	}
}

func TestWordsOfTheServerKeepTheCause(t *testing.T) {
	if host.InWords("text", nil) != nil {
		t.Error("words without an error")
	}
	cause := errors.New("cause")
	if err := host.InWords("words", cause); err.Error() != "words" || !errors.Is(err, cause) {
		t.Error(err)
	}
	if !slices.Contains([]error{cause}, host.InWords("", cause)) {
		t.Error("no words must change nothing")
	}
}
