package strangler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sources calls a function for every Go file of the checkout that is not a test.
func (h *host) sources(t *testing.T, look func(path string, file *ast.File)) {
	t.Helper()
	must(t, filepath.WalkDir(h.checkout, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(h.checkout, path)
		look(name, file)
		return err
	}))
}

// starts are the calls of a file that start programs: those of os/exec, and os.StartProcess.
func starts(file *ast.File) (calls []string) {
	packages := map[string]string{}
	for _, one := range file.Imports {
		path := strings.Trim(one.Path.Value, `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if one.Name != nil {
			name = one.Name.Name
		}
		packages[name] = path
	}
	ast.Inspect(file, func(node ast.Node) bool {
		called, isCall := node.(*ast.CallExpr)
		if !isCall {
			return true
		}
		selector, isSelector := called.Fun.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		if name, isName := selector.X.(*ast.Ident); isName {
			path := packages[name.Name]
			if path == "os/exec" || path == "github.com/creack/pty" || path == "os" && selector.Sel.Name == "StartProcess" {
				calls = append(calls, path+"."+selector.Sel.Name)
			}
		}
		return true
	})
	return calls
}

// imports are the paths that a file imports.
func imports(file *ast.File) (paths []string) {
	for _, one := range file.Imports {
		paths = append(paths, strings.Trim(one.Path.Value, `"`))
	}
	return paths
}

// The look at the sources finds what it is for, in the host as it is.
func TestTheLookAtSourcesSeesTheGoImplementation(t *testing.T) {
	h := &host{t: t, checkout: "host"}
	found := map[string][]string{}
	h.sources(t, func(path string, file *ast.File) {
		if calls := starts(file); len(calls) > 0 {
			found[path] = calls
		}
	})
	for _, path := range []string{"db_lib/CmdGitClient.go", "db_lib/AnsiblePlaybook.go", "db_lib/ShellApp.go", "db_lib/TerraformApp.go"} {
		if !slices.Contains(found[path], "os/exec.Command") {
			t.Errorf("%s: %v", path, found[path])
		}
		delete(found, path)
	}
	if len(found) > 0 {
		t.Errorf("more places start programs: %v", found)
	}
}
