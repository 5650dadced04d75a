package move

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/checkout"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/component"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/edit"
)

// Delete plans the step in which the Go implementation of a component goes and its glue is always on.
func Delete(c *checkout.Checkout, note checkout.Note, module Module, wanted component.Component) (*checkout.Tree, error) {
	p := &planner{tree: checkout.NewTree(c), note: &note, module: module}
	for _, file := range wanted.GoOnly() {
		if err := p.removeGoOnly(file); err != nil {
			return nil, err
		}
	}
	for _, seam := range wanted.Seams {
		for _, file := range seam.Glue {
			if err := p.unconstrain(path.Join(seam.Directory, file.Path)); err != nil {
				return nil, err
			}
		}
		for _, place := range seam.Delete {
			if err := p.remove(place); err != nil {
				return nil, err
			}
		}
	}
	if err := p.removeShadows(wanted); err != nil {
		return nil, err
	}
	for _, moved := range wanted.Imports {
		if err := p.removePackage(moved); err != nil {
			return nil, err
		}
	}
	if err := p.dropModules(wanted.Drops); err != nil {
		return nil, err
	}
	note.Deleted = append(slices.Clone(note.Deleted), wanted.Name)
	return p.tree, p.writeNote()
}

func (p *planner) removeGoOnly(file string) error {
	text, err := p.tree.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is gone already, which the tool did not do: undo that, or undo the component", file)
	}
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), "!rust") {
		return fmt.Errorf("%s has no //go:build !rust: it was changed by hand, and the tool does not delete it", file)
	}
	p.tree.Remove(file)
	return nil
}

func (p *planner) unconstrain(file string) error {
	text, err := p.tree.Read(file)
	if err != nil {
		return fmt.Errorf("the glue is not there: %w", err)
	}
	text, err = edit.Unconstrain(file, text, "rust")
	p.tree.Write(file, text)
	return err
}

// remove takes a file or a directory away; tests are never removed so.
func (p *planner) remove(place string) error {
	files, err := p.tree.FilesBelow(place)
	if err != nil {
		return fmt.Errorf("what is to be deleted is not there: %w", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") && p.tree.Exists(file) {
			return fmt.Errorf("%s is a test, and no test of the host is deleted: move it to a package that stays", file)
		}
		p.tree.Remove(file)
	}
	return nil
}

// removePackage removes a package that is replaced by one of ours, and moves its tests, which test ours from now on.
func (p *planner) removePackage(moved component.Import) error {
	if err := p.moveImports(moved, true); err != nil {
		return err
	}
	files, err := p.tree.FilesBelow(moved.Directory)
	if err != nil {
		return fmt.Errorf("what is to be deleted is not there: %w", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") && path.Dir(file) == moved.Directory {
			if err := p.moveTest(moved, file); err != nil {
				return err
			}
		}
		p.tree.Remove(file)
	}
	return nil
}

func (p *planner) moveTest(moved component.Import, file string) error {
	target := path.Join(moved.Tests, path.Base(file))
	if p.tree.Exists(target) {
		return fmt.Errorf("%s is there already, and the tool would move %s to it: rename it", target, file)
	}
	source, err := p.parse(file)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(source.PackageName(), "_test") {
		source.AddImport(".", p.module.Path+"/"+moved.Package)
	}
	text, err := source.Text()
	if err != nil {
		return err
	}
	p.tree.Write(target, text)
	if p.note.MovedTests == nil {
		p.note.MovedTests = map[string]string{}
	}
	host := p.tree.Checkout.Host
	p.note.MovedTests[host+"/"+moved.Directory] = host + "/" + moved.Tests
	return nil
}

// dropModules takes modules out of the host's go.mod files that nothing imports any more.
func (p *planner) dropModules(modules []string) error {
	files, err := p.tree.GoFiles()
	if err != nil {
		return err
	}
	imported := map[string]bool{}
	for _, file := range files {
		source, err := p.parse(file)
		if err != nil {
			return err
		}
		for _, imports := range source.Imports() {
			imported[imports] = true
		}
	}
	for _, module := range modules {
		for imports := range imported {
			if imports == module || strings.HasPrefix(imports, module+"/") {
				return fmt.Errorf("%s is still imported by the host, so it cannot leave go.mod", imports)
			}
		}
		for _, directory := range p.tree.Checkout.Modules {
			file := path.Join(directory, "go.mod")
			text, err := p.tree.Read(file)
			if err != nil {
				return err
			}
			if text, err = checkout.EditModule(text, "-droprequire="+module); err != nil {
				return err
			}
			p.tree.Write(file, text)
		}
	}
	return nil
}
