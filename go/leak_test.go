//go:build rust && cgo && semaphoredebug

package semaphore_test

import (
	"context"
	"log/slog"
	goruntime "runtime"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/internal/testkit"
	"github.com/semaphore-rs/semaphore/go/keyinstaller"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskpool"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

func TestWhatIsDroppedWithoutCloseRaisesTheAlarm(t *testing.T) {
	said := &locked{}
	runtime, err := semaphore.Open(semaphore.Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	machine := testkit.NewMachine(t)
	drop := func() {
		if _, err := tasklogger.New(runtime, tasklogger.Options{}); err != nil {
			t.Error(err)
		}
		prepare := func(context.Context, *taskpool.Job) (*tasklogger.Logger, taskrunner.Options, error) {
			panic("no job came")
		}
		if _, err := taskpool.Open(runtime, taskpool.Options{Prepare: prepare}); err != nil {
			t.Error(err)
		}
		key := keyinstaller.Key{Config: machine.Config(), ID: 1, ProjectID: 1, Type: keyinstaller.TypeLoginPassword, Role: keyinstaller.RoleGit, Login: "ann", Secret: []byte("hunter2")}
		if _, err := keyinstaller.Install(context.Background(), runtime, key); err != nil {
			t.Error(err)
		}
	}
	drop()
	for _, what := range []string{"a logger", "a task pool", "a key installation"} {
		testkit.Eventually(t, "the alarm of "+what, func() bool {
			goruntime.GC()
			return said.has("leaked: " + what + " was not closed")
		})
	}
	if !said.has("TestWhatIsDroppedWithoutCloseRaisesTheAlarm") || said.has("hunter2") {
		t.Error("the alarm does not say where it was made")
	}
	testkit.Eventually(t, "what was dropped to be freed", func() bool {
		s, err := runtime.Statistics()
		return err == nil && s.Handles.Log == 0 && s.Handles.Key == 0 && s.Handles.Pool == 0
	})
	if said.has("leaked: a runtime") {
		t.Error("the runtime is in use")
	}
	runtime = nil
	testkit.Eventually(t, "the alarm of the runtime", func() bool {
		goruntime.GC()
		return said.has("leaked: a runtime was not closed")
	})
}

func TestWhatWasClosedRaisesNoAlarm(t *testing.T) {
	said := &locked{}
	func() {
		runtime, err := semaphore.Open(semaphore.Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		log, err := tasklogger.New(runtime, tasklogger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		log.Log("x")
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := runtime.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 5 {
		goruntime.GC()
	}
	if said.has("leaked") {
		t.Error(said.text.String())
	}
}
