// Package glue holds the Go source that the tool writes into a host: it converts the host's types and calls our module.
//
// The files are templates of a simple kind: {{.Host}} is the module path of the host, {{.Module}} that of our module. Each
// begins with //go:build rust, which goes when the Go implementation beside it is deleted. Those of comparisons, whose names hold
// `shadow`, ask for the tag rust_shadow as well, and go with the Go implementation.
package glue

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed */*.go.txt
var files embed.FS

// Source gives an embedded file for a host.
func Source(name, host, module string) (string, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("the glue %s is not part of this tool: %w", name, err)
	}
	source := strings.NewReplacer("{{.Host}}", host, "{{.Module}}", module).Replace(string(text))
	if !strings.HasPrefix(source, "//go:build rust") {
		return "", fmt.Errorf("the glue %s does not begin with //go:build rust", name)
	}
	return source, nil
}
