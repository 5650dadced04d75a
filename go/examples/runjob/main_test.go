//go:build rust && cgo

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	semaphore "github.com/semaphore-rs/semaphore/go"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAJobOfTheCommandLine(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(directory, "x.sh"), "echo from the script\nexit 3\n")
	var said strings.Builder
	err := run(context.Background(), []string{"-repo", directory, "-app", "bash", "-playbook", "x.sh"}, strings.NewReader(""), &said)
	var exit *semaphore.ExitError
	if !errors.As(err, &exit) || exit.ExitCode != 3 || !strings.Contains(said.String(), "from the script\n") || !strings.HasSuffix(said.String(), "status error exit status 3\n") {
		t.Errorf("%v\n%s", err, said.String())
	}
	if err := run(context.Background(), nil, nil, &said); err == nil {
		t.Error("a job of nothing was run")
	}
}

func TestAJobOfAFile(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(directory, "x.sh"), "test \"$TOKEN\" = hunter2 && echo \"the token is $TOKEN\"\n")
	spec := write(t, filepath.Join(directory, "job.json"), `{"task_id": 1, "project_id": 1, "template_id": 1, "app": "bash", "playbook": "x.sh",
		"repository": {"id": 1, "name": "r", "url": "`+directory+`", "branch": "", "key": {"id": 1, "kind": {"type": "none"}}},
		"environment": {"secrets": [{"name": "TOKEN", "kind": "env", "value": {"secret": "token"}}]}}`)
	secret := write(t, filepath.Join(directory, "token"), "hunter2")
	var said strings.Builder
	if err := run(context.Background(), []string{"-spec", spec, "-secret", "token=" + secret}, strings.NewReader(""), &said); err != nil {
		t.Errorf("%v\n%s", err, said.String())
	}
	if !strings.Contains(said.String(), "the token is ") || strings.Contains(said.String(), "hunter2") {
		t.Error(said.String())
	}
}
