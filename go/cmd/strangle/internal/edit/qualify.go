package edit

import (
	"go/ast"
	"go/token"
	"strconv"
)

// SetPackageName changes the package clause.
func (s *Source) SetPackageName(name string) {
	s.replace(s.file.Name.Pos(), s.file.Name.End(), name)
}

// Unqualify takes an import out, and its name from before what the file uses of it.
func (s *Source) Unqualify(path string, names PackageNames) {
	for _, selector := range s.uses(path, names) {
		s.replace(selector.X.Pos(), selector.Sel.Pos(), "")
	}
	s.removeImport(path)
}

// Requalify names what the file uses of a package as that of another one with this name, and imports that one in its place.
func (s *Source) Requalify(from, to, name string, names PackageNames) {
	uses := s.uses(from, names)
	for _, spec := range s.file.Imports {
		if importPath(spec) == to {
			// It is there already; the name is that of the file.
			name = names.name(spec)
			s.removeImport(from)
			to = ""
			break
		}
	}
	for _, selector := range uses {
		s.replace(selector.X.Pos(), selector.X.End(), name)
	}
	if to == "" {
		return
	}
	for _, spec := range s.file.Imports {
		if importPath(spec) == from {
			s.replace(spec.Pos(), spec.Path.End(), strconv.Quote(to))
		}
	}
}

// uses finds what the file takes from an imported package.
func (s *Source) uses(path string, names PackageNames) []*ast.SelectorExpr {
	called := ""
	for _, spec := range s.file.Imports {
		if importPath(spec) == path {
			called = names.name(spec)
		}
	}
	unresolved := map[*ast.Ident]bool{}
	for _, name := range s.file.Unresolved {
		unresolved[name] = true
	}
	var found []*ast.SelectorExpr
	ast.Inspect(s.file, func(node ast.Node) bool {
		if selector, isSelector := node.(*ast.SelectorExpr); isSelector {
			if name, isName := selector.X.(*ast.Ident); isName && unresolved[name] && name.Name == called {
				found = append(found, selector)
			}
		}
		return true
	})
	return found
}

func (s *Source) removeImport(path string) {
	for _, declaration := range s.file.Decls {
		d, isGroup := declaration.(*ast.GenDecl)
		if !isGroup || d.Tok != token.IMPORT {
			continue
		}
		for _, spec := range d.Specs {
			spec := spec.(*ast.ImportSpec)
			if importPath(spec) != path {
				continue
			}
			if len(d.Specs) == 1 {
				from, to := s.whole(d, d.Doc)
				s.replace(from, to, "")
			} else {
				from, to := s.whole(spec, spec.Doc)
				s.replaceLine(from, to)
			}
		}
	}
}
