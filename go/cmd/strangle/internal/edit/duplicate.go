package edit

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"unicode"
)

// GoName is the name under which something of the Go implementation is compiled beside the library's: "CmdGitClient" becomes
// "goCmdGitClient".
func GoName(name string) string {
	letters := []rune(name)
	letters[0] = unicode.ToUpper(letters[0])
	return "go" + string(letters)
}

// DeclaredNames lists what the file declares for its package: everything but methods.
func (s *Source) DeclaredNames() []string {
	return slices.DeleteFunc(s.Declared(), func(name string) bool { return strings.Contains(name, ".") || name == "_" || name == "init" })
}

// Keep takes out every declaration but those named, and Leave out those that are named.
func (s *Source) Keep(names []string) error {
	wanted := []string{}
	for _, name := range names {
		wanted = append(wanted, plain(name))
	}
	rest := slices.DeleteFunc(s.Declared(), func(name string) bool { return slices.Contains(wanted, name) })
	return s.Leave(rest)
}

// Leave takes declarations out.
func (s *Source) Leave(names []string) error {
	_, err := s.Cut(names)
	return err
}

// Rename gives what the package declares with these names, and methods of types that have other names, the names of GoName,
// wherever the file means them.
func (s *Source) Rename(names []string) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	unresolved := map[*ast.Ident]bool{}
	for _, name := range s.file.Unresolved {
		unresolved[name] = true
	}
	fields := fieldNames(s.file)
	ast.Inspect(s.file, func(node ast.Node) bool {
		name, isName := node.(*ast.Ident)
		if !isName || !wanted[name.Name] || fields[name] {
			return true
		}
		if unresolved[name] || name.Obj != nil && name.Obj == s.file.Scope.Lookup(name.Name) {
			s.replace(name.Pos(), name.End(), GoName(name.Name))
		}
		return true
	})
	s.renameMethods(wanted)
}

// fieldNames are the names before a colon in literals of structures: they are fields, whatever else has that name.
func fieldNames(file *ast.File) map[*ast.Ident]bool {
	fields := map[*ast.Ident]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		literal, isLiteral := node.(*ast.CompositeLit)
		if !isLiteral {
			return true
		}
		switch literal.Type.(type) {
		case *ast.MapType, *ast.ArrayType:
			return true
		}
		for _, element := range literal.Elts {
			if pair, isPair := element.(*ast.KeyValueExpr); isPair {
				if key, isName := pair.Key.(*ast.Ident); isName {
					fields[key] = true
				}
			}
		}
		return true
	})
	return fields
}

// renameMethods renames methods of types that keep their names, and their calls through the receivers.
func (s *Source) renameMethods(renamed map[string]bool) {
	methods := map[string]bool{}
	for _, declaration := range s.file.Decls {
		if d, isFunction := declaration.(*ast.FuncDecl); isFunction && d.Recv != nil {
			if owner, _, _ := strings.Cut(functionName(d), "."); !renamed[owner] {
				methods[functionName(d)] = true
				s.replace(d.Name.Pos(), d.Name.End(), GoName(d.Name.Name))
			}
		}
	}
	for _, declaration := range s.file.Decls {
		d, isFunction := declaration.(*ast.FuncDecl)
		if !isFunction || d.Recv == nil || d.Body == nil || len(d.Recv.List[0].Names) != 1 {
			continue
		}
		owner, _, _ := strings.Cut(functionName(d), ".")
		receiver := d.Recv.List[0].Names[0]
		ast.Inspect(d.Body, func(node ast.Node) bool {
			if selector, isSelector := node.(*ast.SelectorExpr); isSelector && methods[owner+"."+selector.Sel.Name] {
				if name, isName := selector.X.(*ast.Ident); isName && name.Obj == receiver.Obj {
					s.replace(selector.Sel.Pos(), selector.Sel.End(), GoName(selector.Sel.Name))
				}
			}
			return true
		})
	}
}

// DropCalls takes out the statements that are nothing but a call, or a deferred call, of these functions or of what they give.
func (s *Source) DropCalls(functions []string) {
	called := func(call *ast.CallExpr) bool {
		for {
			switch function := call.Fun.(type) {
			case *ast.Ident:
				return slices.Contains(functions, function.Name)
			case *ast.CallExpr:
				call = function
			default:
				return false
			}
		}
	}
	ast.Inspect(s.file, func(node ast.Node) bool {
		switch statement := node.(type) {
		case *ast.ExprStmt:
			if call, isCall := statement.X.(*ast.CallExpr); isCall && called(call) {
				s.replaceLine(statement.Pos(), statement.End())
				return false
			}
		case *ast.DeferStmt:
			if called(statement.Call) {
				s.replaceLine(statement.Pos(), statement.End())
				return false
			}
		}
		return true
	})
}

// Reconstrain puts a condition in the place of another one in the file's build constraint.
func Reconstrain(path string, text []byte, from, to string) ([]byte, error) {
	lines := strings.SplitAfter(string(text), "\n")
	at := constraintLine(lines)
	if at < 0 || !strings.Contains(lines[at], from) {
		return nil, fmt.Errorf("%s has no //go:build with %s: it was changed by hand", path, from)
	}
	lines[at] = strings.Replace(lines[at], from, to, 1)
	return Format(path, []byte(strings.Join(lines, "")))
}
