package shadow

import (
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// Program is what a program is started with.
type Program struct {
	// Argv is its name and its arguments, Dir where it works, Env its environment, NAME=VALUE; of two entries the later wins.
	Argv []string
	Dir  string
	Env  []string
}

// Of tells it of a command that is not started.
func Of(command *exec.Cmd) Program {
	return Program{Argv: command.Args, Dir: command.Dir, Env: command.Env}
}

// Programs compares what both sides would start. Arguments and values of variables may be secret: their places and names are told.
func Programs(component, what string, goes, library Program) {
	var differences []string
	if goes.Dir != library.Dir {
		differences = append(differences, fmt.Sprintf("directory: Go %s, library %s", goes.Dir, library.Dir))
	}
	if len(goes.Argv) != len(library.Argv) {
		differences = append(differences, fmt.Sprintf("Go gives %d arguments, library %d", len(goes.Argv), len(library.Argv)))
	}
	for place := range min(len(goes.Argv), len(library.Argv)) {
		if goes.Argv[place] != library.Argv[place] {
			differences = append(differences, fmt.Sprintf("argument %d: Go %s, library %s", place, flag(goes.Argv[place]), flag(library.Argv[place])))
		}
	}
	before, after := variables(goes.Env), variables(library.Env)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		value, both := after[name]
		switch {
		case !both:
			differences = append(differences, "only Go sets "+name)
		case value != before[name]:
			differences = append(differences, "another value of "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, both := before[name]; !both {
			differences = append(differences, "only the library sets "+name)
		}
	}
	all.add(component, what, strings.Join(differences, "; "))
}

// flag is what of an argument is no value.
func flag(argument string) string {
	name, _, found := strings.Cut(argument, "=")
	switch {
	case found:
		return name + "=..."
	case strings.HasPrefix(argument, "-"):
		return argument
	}
	return fmt.Sprintf("(%d bytes)", len(argument))
}

func variables(entries []string) map[string]string {
	values := map[string]string{}
	for _, entry := range entries {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = value
	}
	return values
}
