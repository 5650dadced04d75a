// Runjob runs one whole job through the Rust engine and prints its log live.
//
//	go run -tags rust ./examples/runjob -repo /srv/demo -playbook site.yml -app ansible -inventory hosts
//	go run -tags rust ./examples/runjob -spec job.json -secret key=/run/secrets/key
//
// A job file is a taskrunner.Spec in JSON. It names secrets only; their values come from the files of -secret. The last line says
// how the job ended; the program itself exits with 1 unless that is success. Ctrl-C stops the job by the plan of its app. A job that
// waits for a confirmation gets it from -yes, or from a line with "yes" on standard input.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, input io.Reader, output io.Writer) error {
	tmp, err := os.MkdirTemp("", "runjob-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	options, yes, err := parse(arguments, tmp)
	if err != nil {
		return err
	}
	runtime, err := semaphore.Open(semaphore.Options{})
	if err != nil {
		return err
	}
	defer runtime.Close()
	log, err := tasklogger.New(runtime, tasklogger.Options{Flavour: tasklogger.FlavourStrict, Status: tasklogger.TaskStartingStatus})
	if err != nil {
		return err
	}
	defer log.Close()
	log.AddLogListener(func(_ time.Time, line string) { fmt.Fprintln(output, line) })
	waiting := make(chan struct{}, 1)
	log.AddStatusListener(func(status tasklogger.TaskStatus) {
		if status == tasklogger.TaskWaitingConfirmation {
			waiting <- struct{}{}
		}
	})
	job, err := taskrunner.Start(ctx, runtime, log, options)
	if err != nil {
		return err
	}
	select {
	case <-waiting:
		// Beside it, so that Ctrl-C ends a job that waits. One that has ended meanwhile refuses the answer.
		go func() { _ = job.Confirm(yes || answer(input)) }()
	case <-job.Done():
	}
	outcome, err := job.Wait()
	log.WaitLog()
	log.SetStatus(outcome.Status)
	fmt.Fprintf(output, "status %s %s\n", outcome.Status, outcome.Text)
	return err
}

func answer(input io.Reader) bool {
	line, _ := bufio.NewReader(input).ReadString('\n')
	return strings.TrimSpace(line) == "yes"
}

// parse makes a job of the command line; below tmp lies what it writes.
func parse(arguments []string, tmp string) (taskrunner.Options, bool, error) {
	var repository, playbook, app, inventory, spec string
	var yes bool
	options := taskrunner.Options{
		Config:  semaphore.Config{TmpPath: tmp, Path: os.Getenv("PATH"), Home: os.Getenv("HOME"), HomeDirMode: "user_home"},
		Secrets: taskrunner.Secrets{},
	}
	flags := flag.NewFlagSet("runjob", flag.ContinueOnError)
	flags.StringVar(&repository, "repo", ".", "directory with the playbook or script")
	flags.StringVar(&playbook, "playbook", "", "playbook or script, relative to the directory")
	flags.StringVar(&app, "app", "ansible", "ansible, bash, python, tofu, ...")
	flags.StringVar(&inventory, "inventory", "", "inventory file of ansible, relative to the directory; empty means this machine")
	flags.StringVar(&spec, "spec", "", "file with a whole job in JSON, instead of the flags above")
	flags.BoolVar(&yes, "yes", false, "confirm what a job wants to do")
	flags.Func("secret", "NAME=FILE: a value that the job file names; may be repeated", func(text string) error {
		name, file, given := strings.Cut(text, "=")
		if !given {
			return errors.New("NAME=FILE is wanted")
		}
		value, err := os.ReadFile(file)
		options.Secrets[name] = value
		return err
	})
	if err := flags.Parse(arguments); err != nil {
		return options, false, err
	}
	if spec != "" {
		document, err := os.ReadFile(spec)
		if err != nil {
			return options, false, err
		}
		decoder := json.NewDecoder(bytes.NewReader(document))
		decoder.DisallowUnknownFields()
		return options, yes, decoder.Decode(&options.Spec)
	}
	if playbook == "" {
		return options, false, errors.New("-playbook or -spec is missing: name what to run")
	}
	directory, err := filepath.Abs(repository)
	if err != nil {
		return options, false, err
	}
	options.Spec = taskrunner.Spec{
		TaskID: 1, ProjectID: 1, TemplateID: 1, App: app, Playbook: playbook,
		Repository: taskrunner.Repository{ID: 1, Name: "directory", URL: directory, Key: taskrunner.Key{ID: 1, Kind: taskrunner.NoKey()}},
	}
	switch {
	case inventory != "":
		options.Spec.Inventory = &taskrunner.Inventory{ID: 1, Name: "file", Kind: taskrunner.InventoryFile, Content: inventory}
	case app == "ansible":
		options.Spec.Inventory = &taskrunner.Inventory{ID: 1, Name: "here", Kind: taskrunner.InventoryStatic, Content: "localhost ansible_connection=local\n"}
	}
	return options, yes, nil
}
