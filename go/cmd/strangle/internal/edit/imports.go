package edit

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// PackageNames tells the name of a package by its import path.
type PackageNames map[string]string

// name is what a file calls an imported package.
func (n PackageNames) name(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	path := importPath(spec)
	if name := n[path]; name != "" {
		return name
	}
	return guessedName(path)
}

// guessedName is the usual name of a package that is not at hand: the last element that is no version.
func guessedName(path string) string {
	elements := strings.Split(path, "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 && len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = elements[len(elements)-2]
	}
	last, _, _ = strings.Cut(last, ".v")
	last = strings.TrimPrefix(last, "go-")
	return strings.ReplaceAll(last, "-", "_")
}

func importPath(spec *ast.ImportSpec) string {
	path, _ := strconv.Unquote(spec.Path.Value)
	return path
}

// Imports lists the import paths, and Unnamed those without a name of the file's own.
func (s *Source) Imports() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		paths = append(paths, importPath(spec))
	}
	return paths
}

// Unnamed lists the imports that have no name of the file's own.
func (s *Source) Unnamed() []string {
	var paths []string
	for _, spec := range s.file.Imports {
		if spec.Name == nil {
			paths = append(paths, importPath(spec))
		}
	}
	return paths
}

// CanBeSplit says why the imports of the file would not survive a cut; nil if they do.
func (s *Source) CanBeSplit() error {
	for _, spec := range s.file.Imports {
		if importPath(spec) == "C" {
			return fmt.Errorf("%s uses cgo and cannot be split", s.Path)
		}
		if spec.Name != nil && spec.Name.Name == "." {
			return fmt.Errorf("%s imports %s with a dot and cannot be split", s.Path, importPath(spec))
		}
	}
	return nil
}

// ImportDeclaration is the file's imports as one declaration, without those that are only for their effect.
func (s *Source) ImportDeclaration() string {
	var text strings.Builder
	text.WriteString("import (\n")
	for _, spec := range s.file.Imports {
		if spec.Name != nil && spec.Name.Name == "_" {
			continue
		}
		text.WriteString("\t" + s.between(spec.Pos(), spec.Path.End()) + "\n")
	}
	text.WriteString(")\n")
	return text.String()
}

// used gives the names before a dot that are not declared in the file.
func (s *Source) used() map[string]bool {
	unresolved := map[*ast.Ident]bool{}
	for _, name := range s.file.Unresolved {
		unresolved[name] = true
	}
	used := map[string]bool{}
	ast.Inspect(s.file, func(node ast.Node) bool {
		if selector, isSelector := node.(*ast.SelectorExpr); isSelector {
			if name, isName := selector.X.(*ast.Ident); isName && unresolved[name] {
				used[name.Name] = true
			}
		}
		return true
	})
	return used
}

// UsedImports lists the imports that the file uses by name.
func (s *Source) UsedImports(names PackageNames) map[string]bool {
	used := s.used()
	paths := map[string]bool{}
	for _, spec := range s.file.Imports {
		if used[names.name(spec)] {
			paths[importPath(spec)] = true
		}
	}
	return paths
}

// DropImports takes out imports that are not used by name, of those that `of` holds; of all, without one.
func (s *Source) DropImports(names PackageNames, of map[string]bool) {
	used := s.used()
	for _, declaration := range s.file.Decls {
		d, isGroup := declaration.(*ast.GenDecl)
		if !isGroup || d.Tok != token.IMPORT {
			continue
		}
		var unused []*ast.ImportSpec
		for _, spec := range d.Specs {
			spec := spec.(*ast.ImportSpec)
			if name := names.name(spec); name == "_" || name == "." || used[name] || (of != nil && !of[importPath(spec)]) {
				continue
			}
			unused = append(unused, spec)
		}
		if len(unused) > 0 && len(unused) == len(d.Specs) {
			from, to := s.whole(d, d.Doc)
			s.replace(from, to, "")
			continue
		}
		for _, spec := range unused {
			from, to := s.whole(spec, spec.Doc)
			s.replaceLine(from, to)
		}
	}
}

// replaceLine takes out a range with the line feed behind it, so that no empty line stays.
func (s *Source) replaceLine(from, to token.Pos) {
	end := s.offset(to)
	if end < len(s.text) && s.text[end] == '\n' {
		end++
	}
	s.changes = append(s.changes, change{s.offset(from), end, ""})
}

// MoveImport replaces an import path; an import without a name gets one, if the new package is called otherwise. It says whether the
// file had the import.
func (s *Source) MoveImport(from, to, name string) bool {
	moved := false
	for _, spec := range s.file.Imports {
		if importPath(spec) != from {
			continue
		}
		text := strconv.Quote(to)
		if spec.Name == nil {
			text = name + " " + text
		}
		s.replace(spec.Path.Pos(), spec.Path.End(), text)
		moved = true
	}
	return moved
}

// AddImport adds an import with a name.
func (s *Source) AddImport(name, path string) {
	s.replace(s.file.Name.End(), s.file.Name.End(), "\n\nimport "+name+" "+strconv.Quote(path)+"\n")
}
