package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Snapshot is how a tree did in builds, checks and tests of one kind.
type Snapshot struct {
	// Modules by their directories.
	Modules map[string]*Module `json:"modules"`
}

// Module is how one module did.
type Module struct {
	Steps []Step          `json:"steps"`
	Tests map[Test]string `json:"tests"`
}

// Step is one call of the Go tool.
type Step struct {
	Name    string `json:"name"`
	Passed  bool   `json:"passed"`
	Output  string `json:"output,omitempty"`
	Seconds int    `json:"seconds"`
}

// kind is how the tree is built.
type kind struct {
	name        string
	tags        string
	environment []string
	// elsewhere: also without cgo, and for other systems.
	elsewhere bool
	// compared: also with both implementations.
	compared bool
}

// testStep is the step whose outcomes are compared test by test.
const testStep = "go test"

// say tells about progress.
type say func(format string, a ...any)

// stepOf is what is called in each module.
type stepOf struct {
	name        string
	arguments   []string
	environment []string
}

func (k kind) steps() []stepOf {
	steps := []stepOf{
		{"go build", []string{"build", "-o", os.DevNull, "./..."}, k.environment},
		{"go vet", []string{"vet", "./..."}, k.environment},
		{testStep, []string{"test", "-count=1", "-json", "./..."}, k.environment},
	}
	if k.elsewhere {
		steps = append(steps, stepOf{"go build, without cgo", []string{"build", "-o", os.DevNull, "./..."}, []string{"CGO_ENABLED=0"}})
		for _, system := range []string{"darwin", "windows"} {
			steps = append(steps, stepOf{"go vet, for " + system, []string{"vet", "./..."}, []string{"CGO_ENABLED=0", "GOOS=" + system}})
		}
	}
	if k.tags != "" {
		for at := range steps {
			steps[at].arguments = append([]string{steps[at].arguments[0], "-tags", k.tags}, steps[at].arguments[1:]...)
		}
	}
	if k.compared {
		steps = append(steps, stepOf{"go build, compared", []string{"build", "-tags", "rust,rust_shadow", "-o", os.DevNull, "./..."}, k.environment})
	}
	return steps
}

// take builds, checks and tests a tree.
func take(top string, modules []string, k kind, say say) (*Snapshot, error) {
	snapshot := &Snapshot{Modules: map[string]*Module{}}
	for _, directory := range modules {
		module := &Module{Tests: map[Test]string{}}
		snapshot.Modules[directory] = module
		for _, step := range k.steps() {
			say("%s, module %s: %s", k.name, directory, step.name)
			done, err := module.run(filepath.Join(top, directory), step, say)
			if err != nil {
				return nil, err
			}
			module.Steps = append(module.Steps, done)
		}
	}
	return snapshot, nil
}

func (m *Module) run(directory string, step stepOf, say say) (Step, error) {
	command := exec.Command("go", step.arguments...)
	command.Dir = directory
	command.Env = append(os.Environ(), step.environment...)
	begin := time.Now()
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.StdoutPipe()
	if err != nil {
		return Step{}, err
	}
	if err := command.Start(); err != nil {
		return Step{}, fmt.Errorf("the Go tool does not start: %w", err)
	}
	said := ""
	if step.name == testStep {
		m.Tests, said = readTests(output, say)
	} else {
		text, _ := io.ReadAll(output)
		said = string(text)
	}
	err = command.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Step{}, err
	}
	done := Step{Name: step.name, Passed: err == nil, Seconds: int(time.Since(begin).Seconds())}
	if !done.Passed {
		done.Output = strings.TrimSpace(problems.String() + said)
	}
	return done, nil
}

// read reads a stored snapshot.
func read(path string) (*Snapshot, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var snapshot Snapshot
	if err := json.Unmarshal(text, &snapshot); err != nil {
		return nil, fmt.Errorf("%s, the base line, is not understood (remove it to have it recorded again): %w", path, err)
	}
	return &snapshot, nil
}

func (s *Snapshot) write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
