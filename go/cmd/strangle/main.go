// Command strangle takes a checkout of the Go server and moves it, step by step, onto this module: the host keeps its types, its
// importers and its tests, and loses its implementation.
//
//	strangle status|apply|verify|undo|delete [COMPONENT] --dir CHECKOUT
//
// Every apply and delete is one commit of the tool on a clean git tree.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/checkout"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/component"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/move"
	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/verify"
)

const usage = `strangle moves a Go server, step by step, onto the Rust engine.

  strangle status --dir CHECKOUT              what is moved, and what can be next
  strangle apply  [COMPONENT] --dir CHECKOUT  put the glue beside the Go implementation (go build -tags rust uses it)
  strangle verify --dir CHECKOUT              build, vet and test with and without the tag, compared with the untouched tree
  strangle delete pkg/ssh --dir CHECKOUT      at the very end: move the glue of this package into db_lib
  strangle undo   --dir CHECKOUT              revert the last step
  strangle delete [COMPONENT] --dir CHECKOUT  remove the Go implementation; the glue is always on then
  strangle env    --dir CHECKOUT              the environment in which the host builds with the library, for eval

Without COMPONENT the next one in the order is taken; "all" takes each of the rest, one commit for each.
The order is: %s.

`

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "strangle:", err)
		}
		os.Exit(1)
	}
}

// command is one call of the tool.
type command struct {
	name, component string
	dryRun, quick   bool
	module          string
	checkout        *checkout.Checkout
	out, progress   io.Writer
}

func run(arguments []string, out, progress io.Writer) error {
	c := command{out: out, progress: progress}
	flags := flag.NewFlagSet("strangle", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		fmt.Fprintf(progress, usage, strings.Join(component.Names(), ", "))
		flags.PrintDefaults()
	}
	directory := flags.String("dir", "", "the top directory of the Go server's checkout")
	flags.StringVar(&c.module, "module", "", "the directory of our Go module (default: where this tool was built); a relative path is written as one")
	flags.BoolVar(&c.dryRun, "dry-run", false, "show what apply or delete would change, and change nothing")
	flags.BoolVar(&c.quick, "quick", false, "leave out builds without cgo and checks for other systems, in the base line and in verify")
	words, err := parse(flags, arguments)
	if err != nil {
		return err
	}
	if len(words) == 0 || len(words) > 2 {
		flags.Usage()
		return flag.ErrHelp
	}
	c.name = words[0]
	if len(words) == 2 {
		c.component = words[1]
	}
	if *directory == "" {
		return errors.New("which checkout? Give its top directory with --dir")
	}
	if c.checkout, err = checkout.Open(*directory); err != nil {
		return err
	}
	return c.run()
}

// parse allows flags before, between and behind the words.
func parse(flags *flag.FlagSet, arguments []string) ([]string, error) {
	var words []string
	for {
		if err := flags.Parse(arguments); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return words, nil
		}
		words = append(words, flags.Arg(0))
		arguments = flags.Args()[1:]
	}
}

func (c *command) run() error {
	switch c.name {
	case "status":
		return c.status()
	case "apply":
		return c.each(c.nextToApply, c.apply)
	case "delete":
		if c.component == gluePackage {
			return c.gather()
		}
		return c.each(c.nextToDelete, c.delete)
	case "undo":
		return c.undo()
	case "verify":
		return c.verify()
	case "env":
		library, err := verify.FindLibrary()
		if err != nil {
			return err
		}
		fmt.Fprint(c.out, library.Exports())
		return nil
	}
	return fmt.Errorf("there is no command %q; there are status, apply, verify, undo, delete and env", c.name)
}

// each does a step for the named component, the next one, or all that are left.
func (c *command) each(next func() (component.Component, error), step func(component.Component) error) error {
	if c.component != "all" {
		wanted, err := next()
		if err != nil {
			return err
		}
		return step(wanted)
	}
	if c.dryRun {
		return errors.New("--dry-run shows one step; name a component")
	}
	c.component = ""
	for {
		wanted, err := next()
		if errors.Is(err, errNothingLeft) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := step(wanted); err != nil {
			return err
		}
	}
}

func (c *command) say(format string, a ...any) {
	fmt.Fprintf(c.progress, "strangle: "+format+"\n", a...)
}

func (c *command) apply(wanted component.Component) error {
	note, err := c.prepared()
	if err != nil {
		return err
	}
	module, err := findModule(c.module, c.checkout.Directory)
	if err != nil {
		return err
	}
	if note.Base == "" {
		if note.Base, err = c.checkout.Head(); err != nil {
			return err
		}
	}
	note.Module = module.Path
	c.say("planning %s: %s", wanted.Name, wanted.Summary)
	tree, err := move.Apply(c.checkout, note, module, wanted)
	if err != nil {
		return err
	}
	if len(note.Applied) == 0 && !c.dryRun {
		if err := verify.Record(c.checkout, c.quick, c.say); err != nil {
			return err
		}
	}
	return c.finish(tree, false, "apply "+wanted.Name, "The glue is compiled with -tags rust, the Go implementation without.")
}

func (c *command) delete(wanted component.Component) error {
	note, err := c.prepared()
	if err != nil {
		return err
	}
	module := move.Module{Path: note.Module}
	c.say("planning the end of the Go implementation of %s", wanted.Name)
	tree, err := move.Delete(c.checkout, note, module, wanted)
	if err != nil {
		return err
	}
	if err := c.finish(tree, len(wanted.Drops) > 0, "delete "+wanted.Name, "The Go implementation is gone; the glue is always compiled."); err != nil {
		return err
	}
	if len(note.Deleted)+1 == len(component.All()) && !c.dryRun {
		c.say("%s holds nothing but glue now: `strangle delete %s` moves it into %s", gluePackage, gluePackage, glueHome)
	}
	return nil
}

// gluePackage is left for the end: it holds types that everything else names. glueHome is where its glue can go.
const gluePackage, glueHome = "pkg/ssh", "db_lib"

func (c *command) gather() error {
	note, err := c.prepared()
	if err != nil {
		return err
	}
	if len(note.Deleted) < len(component.All()) {
		return fmt.Errorf("%s is no component, and goes last: delete %s first", gluePackage, component.All()[len(note.Deleted)].Name)
	}
	c.say("planning the move of %s into %s", gluePackage, glueHome)
	tree, err := move.Gather(c.checkout, note, gluePackage, glueHome)
	if err != nil {
		return err
	}
	return c.finish(tree, false, "delete "+gluePackage, "The glue is in "+glueHome+" now.")
}

// prepared reads the note; the tree must be clean if something will be changed.
func (c *command) prepared() (checkout.Note, error) {
	if !c.dryRun {
		if err := c.checkout.RequireClean(); err != nil {
			return checkout.Note{}, err
		}
	}
	return c.checkout.Note()
}

// finish stores the plan as a commit, or shows it. When modules leave, what only they needed leaves, too.
func (c *command) finish(tree *checkout.Tree, tidy bool, what, body string) error {
	if c.dryRun {
		diff, err := tree.Diff()
		if err != nil {
			return err
		}
		_, err = io.WriteString(c.out, diff)
		return err
	}
	c.say("changing %d files", len(tree.Changed()))
	if err := tree.Store(); err != nil {
		return errors.Join(err, c.checkout.Discard())
	}
	if tidy {
		c.say("go mod tidy")
		if err := c.checkout.Tidy(); err != nil {
			c.say("what the modules needed that left is still in go.mod, and harmless: run `go mod tidy` yourself: %v", err)
		}
	}
	if err := c.checkout.Commit(what, body); err != nil {
		return errors.Join(err, c.checkout.Discard())
	}
	for _, path := range tree.Changed() {
		fmt.Fprintln(c.out, "  "+path)
	}
	head, err := c.checkout.Head()
	if err != nil {
		return err
	}
	c.say("%s: commit %.12s; `strangle verify` says whether everything still works, `strangle undo` takes it back", what, head)
	return nil
}

func (c *command) undo() error {
	if err := c.checkout.RequireClean(); err != nil {
		return err
	}
	steps, err := c.checkout.Steps()
	if err != nil {
		return err
	}
	if len(steps) == 0 {
		return errors.New("there is no commit of this tool to undo; if its commits were merged into one, revert that one by git")
	}
	last := steps[len(steps)-1]
	if c.component != "" && !strings.HasSuffix(last.What, " "+c.component) {
		return fmt.Errorf("the last step is %q; steps are undone from the last to the first", last.What)
	}
	if err := c.checkout.Revert(last); err != nil {
		return err
	}
	c.say("undone: %s", last.What)
	return nil
}

func (c *command) verify() error {
	note, err := c.checkout.Note()
	if err != nil {
		return err
	}
	return verify.Run(c.checkout, note, c.quick, c.out, c.say)
}
