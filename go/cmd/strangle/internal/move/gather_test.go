package move

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/checkout"
)

// host writes a small host and opens it.
func host(t *testing.T, files map[string]string) *checkout.Checkout {
	t.Helper()
	directory := t.TempDir()
	for path, text := range files {
		target := filepath.Join(directory, path)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := checkout.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func files() map[string]string {
	return map[string]string{
		"go.mod":                 "module example.org/host\n\ngo 1.24\n",
		"pkg/ssh/agent.go":       "// Package ssh is glue.\npackage ssh\n\n// Agent holds a key.\ntype Agent struct{ done chan struct{} }\n\n// Start starts one.\nfunc Start() Agent { return Agent{} }\n",
		"pkg/ssh/agent_test.go":  "package ssh\n\nimport \"testing\"\n\nfunc TestAgent(t *testing.T) {\n\tif agent := Start(); agent.done != nil {\n\t\tt.Error(agent)\n\t}\n}\n",
		"db_lib/installer.go":    "package db_lib\n\nimport \"example.org/host/pkg/ssh\"\n\n// Installer gives agents.\ntype Installer interface{ Install() ssh.Agent }\n",
		"services/server/svc.go": "package server\n\nimport (\n\t\"fmt\"\n\n\t\"example.org/host/pkg/ssh\"\n)\n\n// Install gives an agent.\nfunc Install() ssh.Agent { fmt.Println(); return ssh.Start() }\n",
		"services/tasks/job.go":  "package tasks\n\nimport (\n\t\"example.org/host/db_lib\"\n\t\"example.org/host/pkg/ssh\"\n)\n\n// Job has both.\ntype Job struct {\n\tagent     ssh.Agent\n\tinstaller db_lib.Installer\n}\n",
	}
}

func TestThePackageOfWhichOnlyGlueIsLeftGoesIntoAnother(t *testing.T) {
	c := host(t, files())
	tree, err := Gather(c, checkout.Note{Base: "base"}, "pkg/ssh", "db_lib")
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Store(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(c.Directory, "pkg")); err == nil {
		t.Error("the package is still there")
	}
	command := exec.Command("go", "test", "-v", "./...")
	command.Dir = c.Directory
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	said, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "--- PASS: TestAgent ") {
		t.Errorf("%v\n%s", err, said)
	}
	note, err := c.Note()
	if err != nil || note.Base != "base" || note.MovedTests["example.org/host/pkg/ssh"] != "example.org/host/db_lib" {
		t.Errorf("the note is %+v, %v", note, err)
	}
}

func TestNamesThatWouldMeetAreRefused(t *testing.T) {
	for path, says := range map[string]string{
		"db_lib/other.go":          "both declare Start",
		"db_lib/ssh_agent.go":      "is there already",
		"pkg/ssh/outside_test.go":  "from outside the package",
		"pkg/ssh/unreadable.go":    "is not Go source",
		"services/unreadable/a.go": "is not Go source",
	} {
		all := files()
		all[path] = map[string]string{
			"both declare Start":       "package db_lib\n\nfunc Start() {}\n",
			"is there already":         "package db_lib\n",
			"from outside the package": "package ssh_test\n",
			"is not Go source":         "nothing\n",
		}[says]
		if _, err := Gather(host(t, all), checkout.Note{}, "pkg/ssh", "db_lib"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
