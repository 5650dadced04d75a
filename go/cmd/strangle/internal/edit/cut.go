package edit

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// Cut takes declarations, by name, out of the file and gives their text, in the file's order. Missing ones are an error
// that lists what the file has.
func (s *Source) Cut(names []string) (string, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[plain(name)] = true
	}
	var pieces []string
	for _, declaration := range s.file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if wanted[functionName(d)] {
				pieces = append(pieces, s.take(d, d.Doc))
				delete(wanted, functionName(d))
			}
		case *ast.GenDecl:
			taken, err := s.cutGroup(d, wanted)
			if err != nil {
				return "", err
			}
			pieces = append(pieces, taken...)
		}
	}
	for _, name := range names {
		if wanted[plain(name)] {
			return "", s.missing(name)
		}
	}
	return strings.Join(pieces, "\n\n"), nil
}

func (s *Source) missing(name string) error {
	return fmt.Errorf("%s does not declare %s; it declares %s. This host is of another version than the tool knows: nothing was changed",
		s.Path, name, strings.Join(s.Declared(), ", "))
}

func (s *Source) take(node ast.Node, comment *ast.CommentGroup) string {
	from, to := s.whole(node, comment)
	s.replace(from, to, "")
	return s.between(from, to)
}

// cutGroup takes a declaration of types, variables or constants, or what is wanted of a group of them.
func (s *Source) cutGroup(d *ast.GenDecl, wanted map[string]bool) ([]string, error) {
	if d.Tok == token.IMPORT {
		return nil, nil
	}
	var taken []ast.Spec
	for _, spec := range d.Specs {
		names := specNames(spec)
		found := 0
		for _, name := range names {
			if wanted[name] {
				found++
			}
		}
		if found == 0 {
			continue
		}
		if found < len(names) {
			return nil, fmt.Errorf("%s: %s are declared together, and only some of them move", s.Path, strings.Join(names, ", "))
		}
		taken = append(taken, spec)
	}
	if len(taken) == 0 {
		return nil, nil
	}
	for _, spec := range taken {
		for _, name := range specNames(spec) {
			delete(wanted, name)
		}
	}
	if len(taken) == len(d.Specs) {
		return []string{s.take(d, d.Doc)}, nil
	}
	var pieces []string
	for _, spec := range taken {
		if value, isValue := spec.(*ast.ValueSpec); isValue && d.Tok == token.CONST && (len(value.Values) == 0 || usesIota(value)) {
			return nil, fmt.Errorf("%s: %s is a constant whose value depends on its place in the group", s.Path, specNames(spec)[0])
		}
		pieces = append(pieces, withKeyword(d.Tok.String(), s.take(spec, specComment(spec))))
	}
	return pieces, nil
}

// withKeyword puts the keyword before a spec, behind the comment before it.
func withKeyword(keyword, text string) string {
	lines := strings.Split(text, "\n")
	at := 0
	for at < len(lines)-1 && strings.HasPrefix(strings.TrimSpace(lines[at]), "//") {
		at++
	}
	lines[at] = keyword + " " + strings.TrimSpace(lines[at])
	return strings.Join(lines, "\n")
}

func usesIota(spec *ast.ValueSpec) bool {
	found := false
	for _, value := range spec.Values {
		ast.Inspect(value, func(node ast.Node) bool {
			if name, isName := node.(*ast.Ident); isName && name.Name == "iota" {
				found = true
			}
			return true
		})
	}
	return found
}

func specComment(spec ast.Spec) *ast.CommentGroup {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return spec.Doc
	case *ast.ValueSpec:
		return spec.Doc
	}
	return nil
}

func specNames(spec ast.Spec) []string {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return []string{spec.Name.Name}
	case *ast.ValueSpec:
		var names []string
		for _, name := range spec.Names {
			names = append(names, name.Name)
		}
		return names
	}
	return nil
}

// plain writes a method as T.Method, however its receiver is written.
func plain(name string) string {
	return strings.NewReplacer("(", "", ")", "", "*", "").Replace(name)
}

func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) != 1 {
		return d.Name.Name
	}
	return receiverType(d.Recv.List[0].Type) + "." + d.Name.Name
}

func receiverType(expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.StarExpr:
		return receiverType(expression.X)
	case *ast.ParenExpr:
		return receiverType(expression.X)
	case *ast.IndexExpr:
		return receiverType(expression.X)
	case *ast.IndexListExpr:
		return receiverType(expression.X)
	case *ast.Ident:
		return expression.Name
	}
	return ""
}

// Declared lists what the file declares: functions, T.Method, types, variables and constants.
func (s *Source) Declared() []string {
	var names []string
	for _, declaration := range s.file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			names = append(names, functionName(d))
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names = append(names, specNames(spec)...)
			}
		}
	}
	return names
}

func (s *Source) function(name string) (*ast.FuncDecl, error) {
	for _, declaration := range s.file.Decls {
		if d, isFunction := declaration.(*ast.FuncDecl); isFunction && functionName(d) == plain(name) && d.Body != nil {
			return d, nil
		}
	}
	return nil, s.missing(name)
}
