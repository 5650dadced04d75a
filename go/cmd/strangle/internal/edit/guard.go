package edit

import (
	"fmt"
	"go/ast"
	"strings"
)

// Guard makes a method of its own of the statements at the beginning of a method that only decide whether it goes on, and gives the new
// method's text.
func (s *Source) Guard(method, as string) (string, error) {
	d, err := s.function(method)
	if err != nil {
		return "", err
	}
	if d.Recv == nil || len(d.Recv.List) != 1 || len(d.Recv.List[0].Names) != 1 {
		return "", fmt.Errorf("%s: %s has no receiver with a name", s.Path, method)
	}
	if d.Type.Results != nil && len(d.Type.Results.List) > 0 {
		return "", fmt.Errorf("%s: %s gives results, so what stops it cannot be moved", s.Path, method)
	}
	var arguments []string
	for _, parameter := range d.Type.Params.List {
		for _, name := range parameter.Names {
			if name.Name == "_" {
				return "", fmt.Errorf("%s: a parameter of %s has no name", s.Path, method)
			}
			arguments = append(arguments, name.Name)
		}
	}
	var guards []ast.Stmt
	var returns []*ast.ReturnStmt
	for _, statement := range d.Body.List {
		found, onlyGuards := bareReturns(statement)
		if _, always := statement.(*ast.ReturnStmt); always || !onlyGuards || len(found) == 0 {
			break
		}
		guards = append(guards, statement)
		returns = append(returns, found...)
	}
	if len(guards) == 0 {
		return "", fmt.Errorf("%s: %s does not begin with a decision whether it goes on. This host is of another version than the tool knows: nothing was changed", s.Path, method)
	}
	from, _ := s.whole(guards[0], nil)
	_, to := s.whole(guards[len(guards)-1], nil)
	base := s.offset(from)
	moved := s.between(from, to)
	for at := len(returns) - 1; at >= 0; at-- {
		begin, end := s.offset(returns[at].Pos())-base, s.offset(returns[at].End())-base
		moved = moved[:begin] + "return false" + moved[end:]
	}
	receiver := d.Recv.List[0]
	s.replace(from, to, fmt.Sprintf("if !%s.%s(%s) {\n\treturn\n}", receiver.Names[0].Name, as, strings.Join(arguments, ", ")))
	return fmt.Sprintf("// %s says whether %s may go on.\nfunc %s %s%s bool {\n%s\n\n\treturn true\n}",
		as, d.Name.Name, s.between(d.Recv.Pos(), d.Recv.End()), as, s.between(d.Type.Params.Pos(), d.Type.Params.End()), moved), nil
}

// bareReturns gives the returns of a statement that does nothing but decide and return.
func bareReturns(statement ast.Stmt) ([]*ast.ReturnStmt, bool) {
	switch statement := statement.(type) {
	case *ast.ReturnStmt:
		return []*ast.ReturnStmt{statement}, len(statement.Results) == 0
	case *ast.IfStmt:
		if statement.Init != nil {
			return nil, false
		}
		found, only := bareReturnsOf(statement.Body.List)
		if !only || statement.Else == nil {
			return found, only
		}
		more, only := bareReturns(statement.Else)
		return append(found, more...), only
	case *ast.BlockStmt:
		return bareReturnsOf(statement.List)
	case *ast.SwitchStmt:
		if statement.Init != nil {
			return nil, false
		}
		return bareReturnsOf(statement.Body.List)
	case *ast.CaseClause:
		return bareReturnsOf(statement.Body)
	}
	return nil, false
}

func bareReturnsOf(statements []ast.Stmt) ([]*ast.ReturnStmt, bool) {
	var all []*ast.ReturnStmt
	for _, statement := range statements {
		found, only := bareReturns(statement)
		if !only {
			return nil, false
		}
		all = append(all, found...)
	}
	return all, true
}
