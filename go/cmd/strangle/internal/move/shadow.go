package move

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/component"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/edit"
)

// both is the condition of builds in which the two implementations are compared.
const both = "rust && rust_shadow"

// writeShadows writes the files that compare, and the Go implementation under other names for them.
func (p *planner) writeShadows(wanted component.Component) error {
	for _, shadow := range wanted.Shadow {
		names, err := p.goNames(shadow.Directory, wanted)
		if err != nil {
			return err
		}
		for _, copied := range shadow.Copies {
			if err := p.duplicate(shadow.Directory, copied, names); err != nil {
				return err
			}
		}
		for _, file := range []component.GlueFile{shadow.On, shadow.Off} {
			if err := p.writeGlue(shadow.Directory, file); err != nil {
				return err
			}
		}
	}
	return nil
}

// goNames are the names that the Go implementation of a component, and of those before it, declares in a package.
func (p *planner) goNames(directory string, last component.Component) ([]string, error) {
	var names []string
	for _, one := range component.All() {
		for _, file := range one.GoOnly() {
			if path.Dir(file) != directory || p.note.IsDeleted(one.Name) {
				continue
			}
			source, err := p.parse(file)
			if err != nil {
				return nil, err
			}
			names = append(names, source.DeclaredNames()...)
		}
		if one.Name == last.Name {
			break
		}
	}
	return names, nil
}

func (p *planner) duplicate(directory string, copied component.Copy, names []string) error {
	from, into := path.Join(directory, copied.From), path.Join(directory, copied.Into)
	if p.tree.Exists(into) {
		return fmt.Errorf("%s is there already, and the tool would write it: rename it", into)
	}
	source, err := p.parse(from)
	if err != nil {
		return err
	}
	if len(copied.Only) > 0 {
		err = source.Keep(copied.Only)
	} else {
		err = source.Leave(copied.Leave)
	}
	if err != nil {
		return err
	}
	text, err := source.Text()
	if err != nil {
		return err
	}
	if source, err = edit.Parse(into, text); err != nil {
		return err
	}
	source.Rename(names)
	if len(copied.Only)+len(copied.Leave) > 0 {
		source.DropImports(p.names, nil)
	}
	if text, err = source.Text(); err != nil {
		return err
	}
	text, err = edit.Reconstrain(into, text, "!rust", both)
	p.tree.Write(into, text)
	return err
}

// removeShadows ends the comparison of a component that loses its Go implementation, and of those that cannot be compared without it.
func (p *planner) removeShadows(wanted component.Component) error {
	for _, one := range component.All() {
		if one.Name != wanted.Name && one.ShadowNeeds != wanted.Name {
			continue
		}
		for _, shadow := range one.Shadow {
			if err := p.removeShadow(one, shadow); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *planner) removeShadow(one component.Component, shadow component.Shadow) error {
	off := path.Join(shadow.Directory, shadow.Off.Path)
	if !p.tree.Exists(off) {
		// It went with another component, or an older tool made no comparison.
		return nil
	}
	source, err := p.parse(off)
	if err != nil {
		return err
	}
	functions := slices.DeleteFunc(source.Declared(), func(name string) bool { return !strings.HasPrefix(name, "shadow") })
	for _, seam := range one.Seams {
		if seam.Directory != shadow.Directory {
			continue
		}
		for _, file := range seam.Glue {
			if err := p.dropCalls(path.Join(seam.Directory, file.Path), functions); err != nil {
				return err
			}
		}
	}
	p.tree.Remove(off)
	p.tree.Remove(path.Join(shadow.Directory, shadow.On.Path))
	for _, copied := range shadow.Copies {
		p.tree.Remove(path.Join(shadow.Directory, copied.Into))
	}
	return nil
}

func (p *planner) dropCalls(file string, functions []string) error {
	source, err := p.parse(file)
	if err != nil {
		return err
	}
	source.DropCalls(functions)
	text, err := source.Text()
	p.tree.Write(file, text)
	return err
}
