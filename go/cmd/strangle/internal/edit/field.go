package edit

import (
	"fmt"
	"go/ast"
	"strings"
)

// RetypeField gives the type of a field a name.
func (s *Source) RetypeField(structure, field, old, as string) error {
	for _, declaration := range s.file.Decls {
		d, isGroup := declaration.(*ast.GenDecl)
		if !isGroup {
			continue
		}
		for _, spec := range d.Specs {
			spec, isType := spec.(*ast.TypeSpec)
			if !isType || spec.Name.Name != structure {
				continue
			}
			if body, isStructure := spec.Type.(*ast.StructType); isStructure {
				return s.retype(body, structure, field, old, as)
			}
		}
	}
	return s.missing(structure)
}

func (s *Source) retype(body *ast.StructType, structure, field, old, as string) error {
	var names []string
	for _, entry := range body.Fields.List {
		for _, name := range entry.Names {
			names = append(names, name.Name)
			if name.Name != field {
				continue
			}
			if is := s.between(entry.Type.Pos(), entry.Type.End()); is != old || len(entry.Names) != 1 {
				return fmt.Errorf("%s: field %s of %s is a %s, not a %s of its own. This host is of another version than the tool knows: nothing was changed",
					s.Path, field, structure, is, old)
			}
			s.replace(entry.Type.Pos(), entry.Type.End(), as)
			return nil
		}
	}
	return fmt.Errorf("%s: %s has no field %s; it has %s. This host is of another version than the tool knows: nothing was changed",
		s.Path, structure, field, strings.Join(names, ", "))
}
