// Package checkout is the Go server's source tree that is worked on: its modules, its git repository, and the file in which the tool
// notes what it did.
//
// It runs `git` and `go` and knows nothing of what moves.
package checkout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// Checkout is a source tree with a go.mod at its top.
type Checkout struct {
	// Directory is its absolute path.
	Directory string
	// Host is the module path of its go.mod.
	Host string
	// Modules are the directories, relative to Directory, of all modules in it: "." is the first.
	Modules []string
}

// Open looks at a directory.
func Open(directory string) (*Checkout, error) {
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	absolute, err = filepath.EvalSymlinks(absolute)
	if err != nil {
		return nil, fmt.Errorf("there is no checkout: %w", err)
	}
	c := &Checkout{Directory: absolute, Modules: []string{"."}}
	module, err := readModule(filepath.Join(absolute, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s has no go.mod: give the top directory of the Go server's checkout with --dir", absolute)
	}
	if err != nil {
		return nil, err
	}
	c.Host = module.Module.Path
	if _, err := os.Stat(filepath.Join(absolute, "vendor", "modules.txt")); err == nil {
		return nil, fmt.Errorf("%s has a vendor directory, which would not know our module: remove it (git rm -r vendor) and vendor again afterwards", absolute)
	}
	nested, err := nestedModules(absolute)
	if err != nil {
		return nil, err
	}
	for _, directory := range nested {
		module, err := readModule(filepath.Join(absolute, directory, "go.mod"))
		if err != nil {
			return nil, err
		}
		if module.requires(c.Host) {
			c.Modules = append(c.Modules, directory)
		}
	}
	return c, nil
}

func nestedModules(top string) ([]string, error) {
	var nested []string
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != top && isSkipped(entry.Name()) {
			return filepath.SkipDir
		}
		if entry.Name() == "go.mod" && filepath.Dir(path) != top {
			relative, err := filepath.Rel(top, filepath.Dir(path))
			if err != nil {
				return err
			}
			nested = append(nested, filepath.ToSlash(relative))
		}
		return nil
	})
	sort.Strings(nested)
	return nested, err
}

// isSkipped names directories in which Go does not look for packages, and those of other tools.
func isSkipped(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		name == "vendor" || name == "node_modules" || name == "testdata"
}

// GoFiles lists the Go files of all packages, relative to the checkout.
func (c *Checkout) GoFiles() ([]string, error) {
	var files []string
	err := filepath.WalkDir(c.Directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != c.Directory && isSkipped(entry.Name()) {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(entry.Name(), ".go") {
			relative, err := filepath.Rel(c.Directory, path)
			if err != nil {
				return err
			}
			files = append(files, filepath.ToSlash(relative))
		}
		return nil
	})
	return files, err
}

// run starts a program in the checkout and gives its standard output; a failure tells what it wrote to standard error.
func (c *Checkout) run(program string, arguments ...string) (string, error) {
	return runIn(c.Directory, nil, program, arguments...)
}

func runIn(directory string, environment []string, program string, arguments ...string) (string, error) {
	command := exec.Command(program, arguments...)
	command.Dir = directory
	if environment != nil {
		command.Env = environment
	}
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	if err := command.Run(); err != nil {
		return output.String(), fmt.Errorf("%s %s: %w\n%s", program, strings.Join(arguments, " "), err, strings.TrimSpace(problems.String()))
	}
	return output.String(), nil
}

// PackageNames asks the Go tool for the names of packages; those that are not at hand are left out.
func (c *Checkout) PackageNames(paths []string) (map[string]string, error) {
	names := map[string]string{}
	if len(paths) == 0 {
		return names, nil
	}
	listed, err := c.run("go", append([]string{"list", "-e", "-find", "-f", "{{.ImportPath}} {{.Name}}"}, paths...)...)
	if err != nil {
		return nil, fmt.Errorf("the names of imported packages are not known: %w", err)
	}
	for _, line := range strings.Split(listed, "\n") {
		if path, name, found := strings.Cut(line, " "); found && name != "" {
			names[path] = name
		}
	}
	return names, nil
}

// module is what `go mod edit -json` tells.
type module struct {
	Module  struct{ Path string }
	Require []struct{ Path, Version string }
}

func (m module) requires(path string) bool {
	for _, required := range m.Require {
		if required.Path == path {
			return true
		}
	}
	return false
}

func readModule(path string) (module, error) {
	var m module
	if _, err := os.Stat(path); err != nil {
		return m, err
	}
	text, err := runIn(filepath.Dir(path), nil, "go", "mod", "edit", "-json", path)
	if err != nil {
		return m, fmt.Errorf("%s is not understood: %w", path, err)
	}
	return m, json.Unmarshal([]byte(text), &m)
}

// EditModule runs `go mod edit` with flags on the text of a go.mod.
func EditModule(text []byte, flags ...string) ([]byte, error) {
	directory, err := os.MkdirTemp("", "strangle-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	path := filepath.Join(directory, "go.mod")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	if _, err := runIn(directory, nil, "go", append(append([]string{"mod", "edit"}, flags...), path)...); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Tidy lets the Go tool take out of the modules what nothing needs any more, also what only the modules needed that left.
func (c *Checkout) Tidy() error {
	for _, directory := range c.Modules {
		if _, err := runIn(filepath.Join(c.Directory, directory), nil, "go", "mod", "tidy"); err != nil {
			return err
		}
	}
	return nil
}
