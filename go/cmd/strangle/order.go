package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/semaphore-rs/semaphore/go/cmd/strangle/internal/component"
)

// errNothingLeft says that every component was dealt with.
var errNothingLeft = errors.New("nothing is left to do")

// nextToApply is the component that apply takes: only the next one of the order can be applied.
func (c *command) nextToApply() (component.Component, error) {
	note, err := c.checkout.Note()
	if err != nil {
		return component.Component{}, err
	}
	return c.next("apply", note.Applied, func(wanted component.Component) error {
		if !wanted.IsReady() {
			return fmt.Errorf("this tool cannot move %s", wanted.Name)
		}
		return nil
	})
}

// nextToDelete is the component that delete takes.
func (c *command) nextToDelete() (component.Component, error) {
	note, err := c.checkout.Note()
	if err != nil {
		return component.Component{}, err
	}
	return c.next("delete", note.Deleted, func(wanted component.Component) error {
		if note.IsApplied(wanted.Name) {
			return nil
		}
		if c.component == "" && len(note.Applied) == len(note.Deleted) {
			return errNothingLeft
		}
		return fmt.Errorf("%s is not applied: only what has glue can lose its Go implementation", wanted.Name)
	})
}

// next finds the component after those that are done and refuses others.
func (c *command) next(what string, done []string, check func(component.Component) error) (component.Component, error) {
	all := component.All()
	if len(done) >= len(all) && c.component == "" {
		return component.Component{}, errNothingLeft
	}
	if c.component == "" {
		wanted := all[len(done)]
		return wanted, check(wanted)
	}
	wanted, index, known := component.Find(c.component)
	switch {
	case !known:
		return wanted, fmt.Errorf("there is no component %q; there are %s", c.component, strings.Join(component.Names(), ", "))
	case index < len(done):
		return wanted, fmt.Errorf("%s: %s was done before", what, wanted.Name)
	case index > len(done):
		return wanted, fmt.Errorf("%s needs %s first: the order is %s, and what comes later is built on what comes earlier; `strangle %s %s` is next",
			wanted.Name, all[len(done)].Name, strings.Join(component.Names(), ", "), what, all[len(done)].Name)
	}
	return wanted, check(wanted)
}

// status tells what is moved.
func (c *command) status() error {
	note, err := c.checkout.Note()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s in %s\n", c.checkout.Host, c.checkout.Directory)
	if len(c.checkout.Modules) > 1 {
		fmt.Fprintf(c.out, "modules inside: %s\n", strings.Join(c.checkout.Modules[1:], ", "))
	}
	if note.Base != "" {
		fmt.Fprintf(c.out, "untouched at %.12s\n", note.Base)
	}
	for _, one := range component.All() {
		state := "Go"
		switch {
		case note.IsDeleted(one.Name):
			state = "Rust, the Go implementation is deleted"
		case note.IsApplied(one.Name):
			state = "Rust with -tags rust, Go without"
		}
		fmt.Fprintf(c.out, "  %-14s %-40s %s\n", one.Name, state, one.Summary)
	}
	return nil
}
