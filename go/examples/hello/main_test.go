package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheDocumentationShowsThisProgram(t *testing.T) {
	page, err := os.ReadFile("../../../docs/embed.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```go\n"+string(program)+"```\n") {
		t.Error("docs/embed.md shows another program than go/examples/hello/main.go")
	}
}
