package component

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/glue"
)

// The glue is Go, and starts no program itself: of os/exec and the modules that leave the host it may name types, in methods that
// the host's interfaces ask for, but call nothing.
func TestGlueStartsNothingItself(t *testing.T) {
	const host = "example.org/host"
	files := 0
	for _, one := range All() {
		for _, seam := range one.Seams {
			for _, file := range seam.Glue {
				files++
				text, err := glue.Source(file.Source, host, "example.org/module")
				if err != nil {
					t.Error(err)
					continue
				}
				if strings.Contains(text, "{{.") {
					t.Errorf("%s: a place of the template was not filled", file.Source)
				}
				if _, err := format.Source([]byte(text)); err != nil {
					t.Errorf("%s: %v", file.Source, err)
				}
				parsed, err := parser.ParseFile(token.NewFileSet(), file.Path, text, parser.ParseComments)
				if err != nil {
					t.Errorf("%s: %v", file.Source, err)
					continue
				}
				for _, imported := range parsed.Imports {
					for _, gone := range one.Drops {
						if strings.HasPrefix(strings.Trim(imported.Path.Value, `"`), gone) {
							t.Errorf("%s imports %s, which is to leave the host", file.Source, gone)
						}
					}
				}
				ast.Inspect(parsed, func(node ast.Node) bool {
					if call, isCall := node.(*ast.CallExpr); isCall {
						if selector, isSelector := call.Fun.(*ast.SelectorExpr); isSelector {
							if from, isName := selector.X.(*ast.Ident); isName && (from.Name == "exec" || from.Name == "pty") {
								t.Errorf("%s calls %s.%s", file.Source, from.Name, selector.Sel.Name)
							}
						}
					}
					return true
				})
			}
		}
	}
	if files < 15 {
		t.Errorf("only %d files of glue were looked at", files)
	}
}

// Two components must not write one file, and nothing that one cuts out may be written by another as glue.
func TestEveryFileHasOneWriter(t *testing.T) {
	writers := map[string]string{}
	for _, one := range All() {
		for _, path := range one.GoOnly() {
			if strings.HasSuffix(path, "_go.go") {
				if other, known := writers[path]; known {
					t.Errorf("%s is written by %s and %s", path, other, one.Name)
				}
				writers[path] = one.Name
			}
		}
		for _, seam := range one.Seams {
			for _, file := range seam.Glue {
				path := seam.Directory + "/" + file.Path
				if other, known := writers[path]; known {
					t.Errorf("%s is written by %s and %s", path, other, one.Name)
				}
				writers[path] = one.Name
			}
		}
	}
}
