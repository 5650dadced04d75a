package move

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/checkout"
)

// Gather plans the end of a package in which nothing but glue is left: its files go into another package of the host, and whoever
// named things of it names them there. Its tests go with it.
func Gather(c *checkout.Checkout, note checkout.Note, from, to string) (*checkout.Tree, error) {
	p := &planner{tree: checkout.NewTree(c), note: &note}
	files, err := p.tree.GoFiles()
	if err != nil {
		return nil, err
	}
	moving := slices.DeleteFunc(slices.Clone(files), func(file string) bool { return path.Dir(file) != from })
	staying := slices.DeleteFunc(slices.Clone(files), func(file string) bool { return path.Dir(file) != to })
	if len(moving) == 0 || len(staying) == 0 {
		return nil, fmt.Errorf("%s or %s has no Go files: nothing can be moved", from, to)
	}
	if err := p.refuseSameNames(moving, staying); err != nil {
		return nil, err
	}
	first, err := p.parse(staying[0])
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(first.PackageName(), "_test")
	g := gathering{planner: p, from: c.Host + "/" + from, to: c.Host + "/" + to, name: name}
	for _, file := range files {
		if path.Dir(file) == from {
			err = g.move(file, path.Join(to, path.Base(from)+"_"+path.Base(file)))
		} else {
			err = g.rename(file, path.Dir(file) == to)
		}
		if err != nil {
			return nil, err
		}
	}
	if p.note.MovedTests == nil {
		p.note.MovedTests = map[string]string{}
	}
	p.note.MovedTests[g.from] = g.to
	return p.tree, p.writeNote()
}

// gathering is the move of one package, by import paths, into the one with that name.
type gathering struct {
	*planner
	from, to, name string
}

func (p *planner) refuseSameNames(moving, staying []string) error {
	declared := map[string]string{}
	for _, file := range append(slices.Clone(staying), moving...) {
		source, err := p.parse(file)
		if err != nil {
			return err
		}
		for _, name := range source.Declared() {
			if strings.Contains(name, ".") || name == "_" || name == "init" {
				continue
			}
			if other := declared[name]; other != "" && path.Dir(other) != path.Dir(file) {
				return fmt.Errorf("%s and %s both declare %s: rename one of them first", other, file, name)
			}
			declared[name] = file
		}
	}
	return nil
}

func (g gathering) move(file, target string) error {
	if g.tree.Exists(target) {
		return fmt.Errorf("%s is there already, and the tool would move %s to it: rename it", target, file)
	}
	source, err := g.parse(file)
	if err != nil {
		return err
	}
	if strings.HasSuffix(source.PackageName(), "_test") {
		return fmt.Errorf("%s is a test from outside the package, which the tool does not move: make it one from inside", file)
	}
	source.SetPackageName(g.name)
	text, err := source.Text()
	if err != nil {
		return err
	}
	g.tree.Remove(file)
	g.tree.Write(target, text)
	return nil
}

// rename lets a file name things in their new package; in that package itself, by their names alone.
func (g gathering) rename(file string, inside bool) error {
	source, err := g.parse(file)
	if err != nil {
		return err
	}
	if !slices.Contains(source.Imports(), g.from) {
		return nil
	}
	names, err := g.tree.Checkout.PackageNames(source.Unnamed())
	if err != nil {
		return err
	}
	if inside && !strings.HasSuffix(source.PackageName(), "_test") {
		source.Unqualify(g.from, names)
	} else {
		source.Requalify(g.from, g.to, g.name, names)
	}
	text, err := source.Text()
	g.tree.Write(file, text)
	return err
}
