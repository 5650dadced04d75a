package edit

import (
	"strings"
	"testing"
)

// check compares texts and shows both.
func check(t *testing.T, what, is, want string) {
	t.Helper()
	if strings.TrimSpace(is) != strings.TrimSpace(want) {
		t.Errorf("%s is\n%s\nnot\n%s", what, is, want)
	}
}

func parsed(t *testing.T, text string) *Source {
	t.Helper()
	source, err := Parse("host.go", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func textOf(t *testing.T, source *Source) string {
	t.Helper()
	text, err := source.Text()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const host = `// Package host has a comment.
package host

import (
	"fmt"
	// For the pipes.
	"io"

	clock "time" // it ticks
	_ "embed"
)

// A comment of its own, which belongs to nobody.

// Stays is what stays.
type Stays struct{ n int } // behind it

// Agent goes.
//
//nolint:all
type Agent struct {
	pipe io.Reader // inside
	when clock.Time
}

var (
	// kept is kept.
	kept = 1
	// moved goes with its comment.
	moved = fmt.Sprint("io") // and with this
)

// Run goes, too.
func (a *Agent) Run() { /* inside */ } // run

func (s Stays) Say() { io := s; fmt.Println(io.n) }
`

func TestDeclarationsAreCutOutWithTheirComments(t *testing.T) {
	source := parsed(t, host)
	used := source.UsedImports(nil)
	cut, err := source.Cut([]string{"(*Agent).Run", "Agent", "moved"})
	if err != nil {
		t.Fatal(err)
	}
	check(t, "what was cut", cut, `// Agent goes.
//
//nolint:all
type Agent struct {
	pipe io.Reader // inside
	when clock.Time
}

// moved goes with its comment.
var moved = fmt.Sprint("io") // and with this

// Run goes, too.
func (a *Agent) Run() { /* inside */ } // run`)
	rest := parsed(t, textOf(t, source))
	rest.DropImports(nil, used)
	check(t, "the rest", textOf(t, rest), `// Package host has a comment.
package host

import (
	"fmt"

	_ "embed"
)

// A comment of its own, which belongs to nobody.

// Stays is what stays.
type Stays struct{ n int } // behind it

var (
	// kept is kept.
	kept = 1
)

func (s Stays) Say() { io := s; fmt.Println(io.n) }`)
}

func TestWhatCannotBeCutIsExplained(t *testing.T) {
	for _, one := range []struct{ text, name, says string }{
		{host, "(*Agent).Walk", "host.go does not declare (*Agent).Walk; it declares Stays, Agent, kept, moved, Agent.Run, Stays.Say"},
		{"package host\nvar a, b = 1, 2\n", "a", "a, b are declared together"},
		{"package host\nconst (\n\ta = iota\n\tb\n)\n", "b", "depends on its place"},
	} {
		_, err := parsed(t, one.text).Cut([]string{one.name})
		if err == nil || !strings.Contains(err.Error(), one.says) {
			t.Errorf("%s: %v", one.name, err)
		}
	}
	for _, text := range []string{"package host\nimport \"C\"\n", "package host\nimport . \"fmt\"\n"} {
		if err := parsed(t, text).CanBeSplit(); err == nil {
			t.Errorf("can be split: %s", text)
		}
	}
}

func TestNamesThatHideAnImportAreNotItsUse(t *testing.T) {
	source := parsed(t, "package host\n\nimport \"io\"\n\nfunc f(io struct{ n int }) int { return io.n }\n")
	source.DropImports(nil, nil)
	check(t, "the file", textOf(t, source), "package host\n\nfunc f(io struct{ n int }) int { return io.n }")
}

func TestImportsMove(t *testing.T) {
	source := parsed(t, `package host

import (
	"fmt"

	"example.org/host/log"
	other "example.org/host/log"
	"example.org/host/logger" // not this
)
`)
	if !source.MoveImport("example.org/host/log", "example.org/ours/words", "log") {
		t.Error("the import was not found")
	}
	check(t, "the file", textOf(t, source), `package host

import (
	"fmt"

	"example.org/host/logger" // not this
	log "example.org/ours/words"
	other "example.org/ours/words"
)`)
	if source := parsed(t, "package host\n"); source.MoveImport("a", "b", "c") {
		t.Error("an import was found that is not there")
	}
}

func TestConstraints(t *testing.T) {
	for _, one := range []struct{ before, after string }{
		{"package a\n", "//go:build !rust\n\npackage a\n"},
		{"// Licence.\n\n// Package a.\npackage a\n", "//go:build !rust\n\n// Licence.\n\n// Package a.\npackage a\n"},
		{"//go:build linux || darwin\n\npackage a\n", "//go:build (linux || darwin) && !rust\n\npackage a\n"},
		{"/* Licence\n//go:build no\n*/\n\n//go:build linux\n\npackage a\n", "//go:build linux && !rust\n\n/* Licence\n//go:build no\n*/\n\npackage a\n"},
	} {
		text, err := Constrain("a.go", []byte(one.before), "!rust")
		if err != nil {
			t.Fatal(err)
		}
		check(t, "the file", string(text), one.after)
	}
	text, err := Unconstrain("a.go", []byte("//go:build rust\n\npackage a\n"), "rust")
	if err != nil || string(text) != "package a\n" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Unconstrain("a.go", []byte("//go:build rust && linux\n\npackage a\n"), "rust"); err == nil {
		t.Error("a constraint that somebody changed was taken off")
	}
}

func TestGuardsBecomeAMethod(t *testing.T) {
	source := parsed(t, `package host

func (t *Runner) SetStatus(status Status, by string) {
	// The same again.
	if status == t.status {
		return // nothing to do
	}
	switch t.status { // the old one
	case "stopped":
		return
	case "running":
		if status == "waiting" {
			return
		}
	}

	t.status = status
	if by == "" {
		return
	}
}
`)
	moved, err := source.Guard("(*Runner).SetStatus", "allowed")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "the guard", moved, `// allowed says whether SetStatus may go on.
func (t *Runner) allowed(status Status, by string) bool {
if status == t.status {
		return false // nothing to do
	}
	switch t.status { // the old one
	case "stopped":
		return false
	case "running":
		if status == "waiting" {
			return false
		}
	}

	return true
}`)
	check(t, "the rest", textOf(t, source), `package host

func (t *Runner) SetStatus(status Status, by string) {
	// The same again.
	if !t.allowed(status, by) {
		return
	}

	t.status = status
	if by == "" {
		return
	}
}`)
}

func TestWhatIsNoGuardIsRefused(t *testing.T) {
	for _, body := range []string{
		"t.status = status",
		"if status == t.status { t.n++; return }",
		"if old := t.status; old == status { return }",
		"for range 3 { return }",
		"return",
	} {
		_, err := parsed(t, "package host\nfunc (t *R) Set(status string) {\n"+body+"\n}\n").Guard("(*R).Set", "allowed")
		if err == nil || !strings.Contains(err.Error(), "does not begin with a decision") {
			t.Errorf("%s: %v", body, err)
		}
	}
	if _, err := parsed(t, "package host\nfunc (t *R) Set() error { return nil }\n").Guard("(*R).Set", "allowed"); err == nil {
		t.Error("a method with results was taken")
	}
}

func TestFieldsGetANamedType(t *testing.T) {
	text := "package host\n\ntype Runner struct {\n\tn  int\n\twg sync.WaitGroup // of the pipes\n}\n"
	source := parsed(t, text)
	if err := source.RetypeField("Runner", "wg", "sync.WaitGroup", "output"); err != nil {
		t.Fatal(err)
	}
	check(t, "the file", textOf(t, source), "package host\n\ntype Runner struct {\n\tn  int\n\twg output // of the pipes\n}")
	for _, one := range []struct{ structure, field, old, says string }{
		{"Walker", "wg", "sync.WaitGroup", "does not declare Walker"},
		{"Runner", "log", "sync.WaitGroup", "has no field log; it has n, wg"},
		{"Runner", "wg", "sync.Mutex", "is a sync.WaitGroup, not a sync.Mutex"},
	} {
		err := parsed(t, text).RetypeField(one.structure, one.field, one.old, "output")
		if err == nil || !strings.Contains(err.Error(), one.says) {
			t.Errorf("%v: %v", one, err)
		}
	}
}

func TestWhatAFileUsesOfAPackageIsNamedElsewhere(t *testing.T) {
	const text = `package host

import (
	"fmt"

	"example.org/host/pkg/ssh" // the agents
)

type job struct{ key ssh.Key }

func (j job) run(ssh job) { fmt.Println(ssh.key, []ssh2{}) }

type ssh2 = ssh.Agent
`
	source := parsed(t, text)
	source.Requalify("example.org/host/pkg/ssh", "example.org/host/lib", "lib", nil)
	check(t, "the file", textOf(t, source), `package host

import (
	"fmt"

	"example.org/host/lib" // the agents
)

type job struct{ key lib.Key }

func (j job) run(ssh job) { fmt.Println(ssh.key, []ssh2{}) }

type ssh2 = lib.Agent`)

	source = parsed(t, strings.Replace(text, "\t\"fmt\"\n", "\t\"fmt\"\n\tother \"example.org/host/lib\"\n", 1))
	source.Requalify("example.org/host/pkg/ssh", "example.org/host/lib", "lib", nil)
	if is := textOf(t, source); !strings.Contains(is, "key other.Key") || strings.Contains(is, "pkg/ssh") || strings.Count(is, "host/lib") != 1 {
		t.Errorf("the file is\n%s", is)
	}

	source = parsed(t, text)
	source.SetPackageName("lib")
	source.Unqualify("example.org/host/pkg/ssh", nil)
	check(t, "the file", textOf(t, source), `package lib

import (
	"fmt"
)

type job struct{ key Key }

func (j job) run(ssh job) { fmt.Println(ssh.key, []ssh2{}) }

type ssh2 = Agent`)
}

const shadowed = `//go:build !rust

package host

import (
	"fmt"
	"os"
)

// Client does it.
type Client struct{ Other Other }

// Other is another type.
type Other struct{ Client string }

var shared = Client{Other: Other{Client: "Client"}}

// Run is a method of a type that moves.
func (c Client) Run() { fmt.Println(c.Other.Client, shared); helper(c) }

func helper(Client) { Client := 1; _ = Client; os.Exit(2) }

// Run is a method of one that stays.
func (j *Job) Run() { j.prepare(); j.Keep(); j.Client.prepare() }

func (j *Job) prepare() {}
`

func TestAFileIsCompiledASecondTimeUnderOtherNames(t *testing.T) {
	source := parsed(t, shadowed)
	if err := source.Leave([]string{"helper"}); err != nil {
		t.Fatal(err)
	}
	source = parsed(t, textOf(t, source))
	source.Rename([]string{"Client", "Other", "shared", "helper"})
	source.DropImports(nil, nil)
	text, err := Reconstrain("host.go", []byte(textOf(t, source)), "!rust", "rust && rust_shadow")
	if err != nil {
		t.Fatal(err)
	}
	check(t, "the copy", string(text), `//go:build rust && rust_shadow

package host

import (
	"fmt"
)

// Client does it.
type goClient struct{ Other goOther }

// Other is another type.
type goOther struct{ Client string }

var goShared = goClient{Other: goOther{Client: "Client"}}

// Run is a method of a type that moves.
func (c goClient) Run() { fmt.Println(c.Other.Client, goShared); goHelper(c) }

// Run is a method of one that stays.
func (j *Job) goRun() { j.goPrepare(); j.Keep(); j.Client.prepare() }

func (j *Job) goPrepare() {}`)
	if _, err := Reconstrain("host.go", []byte("package host\n"), "!rust", "rust"); err == nil {
		t.Error("a file without the constraint was taken")
	}
}

func TestStatementsThatOnlyCompareAreTakenOut(t *testing.T) {
	source := parsed(t, `package host

func do() (err error) {
	defer shadowDo(1, &err)()
	shadowSeen(2)
	other(shadowSeen)
	defer close()
	return nil
}
`)
	source.DropCalls([]string{"shadowDo", "shadowSeen"})
	check(t, "the rest", textOf(t, source), `package host

func do() (err error) {
	other(shadowSeen)
	defer close()
	return nil
}`)
}
