// Runjob runs a playbook or a script of a directory through the Rust engine and prints its log live.
//
//	go run -tags rust ./examples/runjob -repo /srv/demo -playbook site.yml -app ansible -inventory hosts
//
// The last line says the status and the exit code; the program itself exits with 1 unless the status is success. Ctrl-C stops
// the job by the plan of its app.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	semaphore "github.com/semaphore-rs/semaphore/go"
	"github.com/semaphore-rs/semaphore/go/executor"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
)

type job struct {
	repository, playbook, app, inventory string
}

func main() {
	var j job
	flag.StringVar(&j.repository, "repo", ".", "directory with the playbook or script")
	flag.StringVar(&j.playbook, "playbook", "", "playbook or script, relative to the directory")
	flag.StringVar(&j.app, "app", "ansible", "ansible, bash or python")
	flag.StringVar(&j.inventory, "inventory", "", "inventory of ansible: a file, or hosts with a comma; empty means localhost")
	flag.Parse()
	if err := run(j); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(j job) error {
	command, err := j.command()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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
	log.AddLogListener(func(_ time.Time, line string) { fmt.Println(line) })
	log.SetStatus(tasklogger.TaskRunningStatus)
	log.Logf("Running %s %s", j.app, j.playbook)

	result, err := executor.Run(ctx, runtime, log, command)
	status := tasklogger.TaskSuccessStatus
	code := 0
	var exit *semaphore.ExitError
	switch {
	case errors.Is(err, context.Canceled):
		status, code = tasklogger.TaskStoppedStatus, -1
	case errors.As(err, &exit):
		status, code = tasklogger.TaskFailStatus, exit.ExitCode
	case err != nil:
		status, code = tasklogger.TaskFailStatus, -1
	}
	if err != nil && exit == nil {
		log.Log(err.Error())
	}
	log.SetStatus(status)
	fmt.Printf("status %s, exit code %d\n", status, code)
	if status != tasklogger.TaskSuccessStatus {
		return fmt.Errorf("the job ended with status %s %s", status, result.Text)
	}
	return nil
}

// command is the command line of the app. This is an example: the server's own rules are the engine's.
func (j job) command() (executor.Command, error) {
	repository, err := filepath.Abs(j.repository)
	if err != nil {
		return executor.Command{}, err
	}
	if j.playbook == "" {
		return executor.Command{}, errors.New("-playbook is missing: name the playbook or script")
	}
	if !filepath.IsLocal(j.playbook) {
		return executor.Command{}, fmt.Errorf("-playbook %q leads out of the repository", j.playbook)
	}
	if _, err := os.Stat(filepath.Join(repository, j.playbook)); err != nil {
		return executor.Command{}, err
	}
	// "./" keeps a file named like an option from being one.
	script := "./" + j.playbook
	command := executor.Command{
		Dir:      repository,
		Env:      []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=C.UTF-8"},
		StopPlan: executor.StopShell,
	}
	switch j.app {
	case "ansible":
		inventory := j.inventory
		if inventory == "" {
			inventory = "localhost,"
		}
		command.Path, command.Args = "ansible-playbook", []string{"-i", inventory}
		if j.inventory == "" {
			command.Args = append(command.Args, "--connection=local")
		}
		command.Args = append(command.Args, script)
		command.Env = append(command.Env, "PYTHONUNBUFFERED=1", "ANSIBLE_FORCE_COLOR=False", "ANSIBLE_HOST_KEY_CHECKING=False")
		command.StopPlan, command.Stdin = executor.StopAnsible, executor.StdinPty
	case "bash":
		command.Path, command.Args = "bash", []string{script}
	case "python":
		command.Path, command.Args = "python3", []string{script}
		command.Env = append(command.Env, "PYTHONUNBUFFERED=1")
	default:
		return executor.Command{}, fmt.Errorf("-app %q is not known: ansible, bash or python", j.app)
	}
	return command, nil
}
