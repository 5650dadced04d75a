package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/semaphore-rs/semaphore/go/gitclient"
	"github.com/semaphore-rs/semaphore/go/sshagent"
	"github.com/semaphore-rs/semaphore/go/tasklogger"
	"github.com/semaphore-rs/semaphore/go/taskrunner"
)

// agent is an SSH agent with an Ed25519 key, from the PEM to the listening socket, and its end.
func (b *bench) agent() error {
	if err := b.sh("ssh-keygen -q -t ed25519 -N '' -f key"); err != nil {
		return err
	}
	private, err := os.ReadFile(filepath.Join(b.dir, "key"))
	if err != nil {
		return err
	}
	config := b.config()
	var starts, ends []time.Duration
	for range b.rounds * 10 {
		begin := time.Now()
		agent, err := sshagent.Start(context.Background(), b.runtime, config, 1, 1, private, nil)
		if err != nil {
			return err
		}
		started := time.Now()
		if err := agent.Close(); err != nil {
			return err
		}
		starts, ends = append(starts, started.Sub(begin)), append(ends, time.Since(started))
	}
	b.row("start of an SSH agent (Ed25519)", starts)
	b.row("its end", ends)
	return nil
}

// git asks for the last commit of a clone that is there: by the git of the machine, as it is asked from os/exec, and by libgit2.
func (b *bench) git() error {
	if err := b.sh(`git init -q -b main clone && cd clone && git config user.email a@example.com && git config user.name n &&
		echo 1 > file && git add . && git commit -qm first`); err != nil {
		return err
	}
	client, config := gitclient.New(b.runtime), b.config()
	ask := func(gitClient string) func() error {
		return func() error {
			config := config
			config.GitClient = gitClient
			hash, err := client.LastCommitHash(context.Background(), gitclient.Repository{
				Config: config, URL: "file://" + filepath.Join(b.dir, "clone"), Branch: "main", Parent: b.dir, Directory: "clone",
			})
			if err == nil && len(hash) != 40 {
				err = errors.New("no hash: " + hash)
			}
			return err
		}
	}
	byExec := func() error {
		command := exec.Command("git", "rev-parse", "HEAD")
		command.Dir = filepath.Join(b.dir, "clone")
		_, err := command.Output()
		return err
	}
	var figures [3][]time.Duration
	for range b.rounds * 10 {
		for i, once := range []func() error{ask("cmd_git"), ask("go_git"), byExec} {
			begin := time.Now()
			if err := once(); err != nil {
				return err
			}
			figures[i] = append(figures[i], time.Since(begin))
		}
	}
	b.row("last commit of a clone by git", figures[0])
	b.row("the same by libgit2 (`go_git`)", figures[1])
	b.row("`git rev-parse` by os/exec", figures[2])
	return nil
}

// job is one whole Bash job: the script's output is lines at a listener at the end. os/exec does the same without what a job has
// besides (workspace, keys, checkout, limits, hiding of secrets).
func (b *bench) job() error {
	files := filepath.Join(b.dir, "files")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(files, "x.sh"), []byte("echo one\necho two\necho three\n"), 0o755); err != nil {
		return err
	}
	options := taskrunner.Options{Config: b.config(), Spec: taskrunner.Spec{
		TaskID: 1, ProjectID: 1, TemplateID: 1, App: "bash", Playbook: "x.sh",
		Repository: taskrunner.Repository{ID: 1, Name: "files", URL: files, Key: taskrunner.Key{ID: 1, Kind: taskrunner.NoKey()}},
	}}
	ours := func() error {
		log, err := tasklogger.New(b.runtime, tasklogger.Options{Status: tasklogger.TaskStartingStatus})
		if err != nil {
			return err
		}
		c := newCounter()
		log.AddLogListener(c.listen)
		if _, err := taskrunner.Run(context.Background(), b.runtime, log, options); err != nil {
			return err
		}
		log.WaitLog()
		if c.last != "three" {
			return errors.New("the job said " + c.last)
		}
		return log.Close()
	}
	theirs := func() error {
		command := exec.Command("bash", "x.sh")
		command.Dir, command.Env = files, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir}
		c := newCounter()
		if err := readByScanner(command, c); err != nil {
			return err
		}
		if !strings.HasPrefix(c.last, "three") {
			return errors.New("the program said " + c.last)
		}
		return nil
	}
	var figures [2][]time.Duration
	for range b.rounds * 10 {
		for i, once := range []func() error{ours, theirs} {
			begin := time.Now()
			if err := once(); err != nil {
				return err
			}
			figures[i] = append(figures[i], time.Since(begin))
		}
	}
	b.row("a whole Bash job", figures[0])
	b.row("the same script by os/exec, read as the Go server reads", figures[1])
	return nil
}
