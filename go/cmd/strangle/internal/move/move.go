// Package move turns the description of a component into changes of a checkout: the step in which the host gets glue beside its own
// implementation (apply), and the one in which its own implementation goes (delete).
//
// It only plans: the changes are in a checkout.Tree until that is stored. When something is not where the component says, the plan
// is an error, and nothing was changed.
package move

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/checkout"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/component"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/edit"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/glue"
)

// Module is our Go module, as the host is to find it.
type Module struct {
	// Path is its module path.
	Path string
	// Directory is where its source lies: absolute, or relative to the checkout.
	Directory string
}

// version stands in the host's go.mod; the replacement beside it says where the module really is.
const version = "v0.0.0"

// planner makes the plan of one step.
type planner struct {
	tree   *checkout.Tree
	note   *checkout.Note
	module Module
	names  edit.PackageNames
	// goOnly collects what is cut out, by the file into which it goes.
	goOnly map[string]*goFile
}

// goFile is a file that will hold nothing but the Go implementation.
type goFile struct {
	packageName string
	imports     []string
	pieces      []string
}

// Apply plans the step in which a component gets its glue.
func Apply(c *checkout.Checkout, note checkout.Note, module Module, wanted component.Component) (*checkout.Tree, error) {
	p := &planner{tree: checkout.NewTree(c), note: &note, module: module, goOnly: map[string]*goFile{}}
	if err := p.learnNames(wanted); err != nil {
		return nil, err
	}
	for _, seam := range wanted.Seams {
		if err := p.applySeam(seam); err != nil {
			return nil, err
		}
	}
	if err := p.writeGoFiles(); err != nil {
		return nil, err
	}
	if err := p.writeShadows(wanted); err != nil {
		return nil, err
	}
	for _, moved := range wanted.Imports {
		if err := p.moveImports(moved, false); err != nil {
			return nil, err
		}
	}
	if err := p.require(); err != nil {
		return nil, err
	}
	note.Applied = append(slices.Clone(note.Applied), wanted.Name)
	return p.tree, p.writeNote()
}

func (p *planner) writeNote() error {
	text, err := p.note.Text()
	p.tree.Write(checkout.NoteName, text)
	return err
}

// learnNames asks for the names of the packages that the files to be changed import.
func (p *planner) learnNames(wanted component.Component) error {
	var paths []string
	for _, seam := range wanted.Seams {
		for _, file := range changedFiles(seam) {
			source, err := p.parse(file)
			if err != nil {
				return err
			}
			for _, imported := range source.Unnamed() {
				if imported != "C" && !slices.Contains(paths, imported) {
					paths = append(paths, imported)
				}
			}
		}
	}
	names, err := p.tree.Checkout.PackageNames(paths)
	p.names = names
	return err
}

func changedFiles(seam component.Seam) []string {
	var files []string
	for _, split := range seam.Splits {
		files = append(files, path.Join(seam.Directory, split.From))
	}
	for _, guard := range seam.Guards {
		files = append(files, path.Join(seam.Directory, guard.File))
	}
	for _, field := range seam.Fields {
		files = append(files, path.Join(seam.Directory, field.File))
	}
	return files
}

func (p *planner) parse(file string) (*edit.Source, error) {
	text, err := p.tree.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the host has no %s. It is of another version than the tool knows: nothing was changed", file)
	}
	if err != nil {
		return nil, err
	}
	return edit.Parse(file, text)
}

func (p *planner) applySeam(seam component.Seam) error {
	for _, split := range seam.Splits {
		from := path.Join(seam.Directory, split.From)
		if err := p.cut(from, path.Join(seam.Directory, split.Into), func(source *edit.Source) (string, error) {
			return source.Cut(split.Declarations)
		}); err != nil {
			return err
		}
	}
	for _, guard := range seam.Guards {
		from := path.Join(seam.Directory, guard.File)
		if err := p.cut(from, path.Join(seam.Directory, guard.Into), func(source *edit.Source) (string, error) {
			return source.Guard(guard.Method, guard.As)
		}); err != nil {
			return err
		}
	}
	for _, field := range seam.Fields {
		from := path.Join(seam.Directory, field.File)
		if err := p.cut(from, path.Join(seam.Directory, field.Into), func(source *edit.Source) (string, error) {
			return "type " + field.As + " = " + field.Type, source.RetypeField(field.Struct, field.Name, field.Type, field.As)
		}); err != nil {
			return err
		}
	}
	for _, name := range seam.Whole {
		if err := p.constrain(path.Join(seam.Directory, name)); err != nil {
			return err
		}
	}
	for _, file := range seam.Glue {
		if err := p.writeGlue(seam.Directory, file); err != nil {
			return err
		}
	}
	return nil
}

// cut takes something out of a file, for another one, and drops the imports that nothing uses any more.
func (p *planner) cut(from, into string, take func(*edit.Source) (string, error)) error {
	source, err := p.parse(from)
	if err != nil {
		return err
	}
	if err := source.CanBeSplit(); err != nil {
		return err
	}
	before := source.UsedImports(p.names)
	piece, err := take(source)
	if err != nil {
		return err
	}
	file := p.goOnly[into]
	if file == nil {
		if p.tree.Exists(into) {
			return fmt.Errorf("%s is there already, and the tool would write it: rename it", into)
		}
		file = &goFile{packageName: source.PackageName()}
		p.goOnly[into] = file
	}
	file.pieces = append(file.pieces, piece)
	if !slices.Contains(file.imports, source.ImportDeclaration()) {
		file.imports = append(file.imports, source.ImportDeclaration())
	}
	text, err := source.Text()
	if err != nil {
		return err
	}
	rest, err := edit.Parse(from, text)
	if err != nil {
		return err
	}
	rest.DropImports(p.names, before)
	text, err = rest.Text()
	p.tree.Write(from, text)
	return err
}

func (p *planner) writeGoFiles() error {
	for into, file := range p.goOnly {
		text := "//go:build !rust\n\npackage " + file.packageName + "\n\n" +
			mergeImports(file.imports) + "\n" + strings.Join(file.pieces, "\n\n") + "\n"
		formatted, err := edit.Format(into, []byte(text))
		if err != nil {
			return err
		}
		source, err := edit.Parse(into, formatted)
		if err != nil {
			return err
		}
		source.DropImports(p.names, nil)
		formatted, err = source.Text()
		if err != nil {
			return err
		}
		p.tree.Write(into, formatted)
	}
	return nil
}

// mergeImports makes one declaration of several.
func mergeImports(declarations []string) string {
	var lines []string
	for _, declaration := range declarations {
		for _, line := range strings.Split(declaration, "\n") {
			if strings.HasPrefix(line, "\t") && !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	// The standard library's packages first, as gofmt users write it.
	isStandard := func(line string) bool {
		_, quoted, _ := strings.Cut(line, `"`)
		first, _, _ := strings.Cut(quoted, "/")
		return !strings.Contains(first, ".")
	}
	var standard, others []string
	for _, line := range lines {
		if isStandard(line) {
			standard = append(standard, line)
		} else {
			others = append(others, line)
		}
	}
	return "import (\n" + strings.Join(standard, "\n") + "\n\n" + strings.Join(others, "\n") + "\n)\n"
}

func (p *planner) constrain(file string) error {
	text, err := p.tree.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the host has no %s. It is of another version than the tool knows: nothing was changed", file)
	}
	if err != nil {
		return err
	}
	text, err = edit.Constrain(file, text, "!rust")
	p.tree.Write(file, text)
	return err
}

func (p *planner) writeGlue(directory string, file component.GlueFile) error {
	target := path.Join(directory, file.Path)
	if p.tree.Exists(target) {
		return fmt.Errorf("%s is there already, and the tool would write it: rename it", target)
	}
	source, err := glue.Source(file.Source, p.tree.Checkout.Host, p.module.Path)
	if err != nil {
		return err
	}
	text, err := edit.Format(target, []byte(source))
	p.tree.Write(target, text)
	return err
}

// moveImports replaces a package of the host in all files, but in the package itself, whose own tests stay with it until it goes.
func (p *planner) moveImports(moved component.Import, own bool) error {
	files, err := p.tree.GoFiles()
	if err != nil {
		return err
	}
	from, to := p.tree.Checkout.Host+"/"+moved.Directory, p.module.Path+"/"+moved.Package
	for _, file := range files {
		if (path.Dir(file) == moved.Directory) != own {
			continue
		}
		source, err := p.parse(file)
		if err != nil {
			return err
		}
		if !source.MoveImport(from, to, moved.Name) {
			continue
		}
		text, err := source.Text()
		if err != nil {
			return err
		}
		p.tree.Write(file, text)
	}
	return nil
}

// require adds our module to every go.mod.
func (p *planner) require() error {
	for _, directory := range p.tree.Checkout.Modules {
		file := path.Join(directory, "go.mod")
		text, err := p.tree.Read(file)
		if err != nil {
			return err
		}
		place := p.module.Directory
		if !filepath.IsAbs(place) {
			if place, err = filepath.Rel(filepath.FromSlash(directory), place); err != nil {
				return err
			}
			if place = filepath.ToSlash(place); !strings.HasPrefix(place, "../") {
				place = "./" + place
			}
		}
		text, err = checkout.EditModule(text, "-require="+p.module.Path+"@"+version, "-replace="+p.module.Path+"="+place)
		if err != nil {
			return err
		}
		p.tree.Write(file, text)
	}
	return nil
}
