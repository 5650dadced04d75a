// Hello runs one program through the Rust engine; it is the program of docs/embed.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

func main() {
	if err := hello(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func hello(ctx context.Context) error {
	runtime, err := semaphore.Open(semaphore.Options{})
	if err != nil {
		return err
	}
	defer runtime.Close()
	output, err := tasklogger.New(runtime, tasklogger.Options{})
	if err != nil {
		return err
	}
	defer output.Close()
	output.AddLogListener(func(_ time.Time, line string) { fmt.Println(line) })
	_, err = executor.Run(ctx, runtime, output, executor.Command{
		Path: "sh", Args: []string{"-c", "echo hello from a child; exit 3"}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/",
	})
	output.WaitLog()
	var exit *semaphore.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	fmt.Println("exit code", exit.ExitCode)
	return nil
}
