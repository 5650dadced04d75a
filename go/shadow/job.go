package shadow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Started is a program of a whole job as the library started it: of variables and files it has the SHA-256 in hexadecimal, and secrets
// in arguments are "***".
type Started struct {
	Argv  []string
	Dir   string
	Env   map[string]string
	Files map[string]string
}

// Plan is what the Go implementation would do for the same job, as far as it can be said without doing it.
type Plan struct {
	// Programs are what the app would start.
	Programs []Program
	// Steps, if there are some, tell programs of one name apart: "plan" and "apply". A step that the library did not come to is not compared.
	Steps []string
	// Files are what it would write for the program, by path.
	Files map[string]string
	// Hidden names variables whose values are secret, and Loose those whose values are no texts: the library passes both in other ways on
	// purpose, so of arguments only their names are compared.
	Hidden, Loose []string
}

var (
	// ownName is what the library adds to names of a job that runs beside another one of the same template.
	ownName = regexp.MustCompile(`_task_[0-9]+(_[0-9]+)?`)
	// plainText is what needs no quotes of a shell.
	plainText = regexp.MustCompile(`^[\w ./:@,+-]*$`)
)

// Job compares a plan with what the library started for a job that came to its app. Arguments are compared without their order, in which
// the Go implementation gives variables and vaults at random. What differs on purpose (docs/differences.md) is left out: values that
// are secret or no texts, quotes of the task's details, the socket of the agent.
func Job(component, what string, plan Plan, started []Started) {
	for _, goes := range plan.Programs {
		told := what + " starts " + filepath.Base(goes.Argv[0])
		step := ""
		for _, name := range plan.Steps {
			if slices.Contains(goes.Argv, name) {
				step = name
			}
		}
		found := slices.IndexFunc(started, func(one Started) bool {
			return len(one.Argv) > 0 && one.Argv[0] == goes.Argv[0] && (step == "" || slices.Contains(one.Argv, step))
		})
		switch {
		case found >= 0:
			all.add(component, strings.TrimSpace(told+" "+step), strings.Join(plan.compare(goes, started[found]), "; "))
		case step == "":
			all.add(component, told, "the library started no program of this name")
		}
	}
}

func (p Plan) compare(goes Program, library Started) (differences []string) {
	tell := func(format string, values ...any) { differences = append(differences, fmt.Sprintf(format, values...)) }
	// A clone of its own has another name, and with it other values; then the names of what holds it are compared.
	ownClone := ownName.MatchString(library.Dir)
	if dir := ownName.ReplaceAllString(library.Dir, ""); dir != goes.Dir {
		tell("directory: Go %s, library %s", goes.Dir, dir)
	}
	before := variables(goes.Env)
	// The library gives the variables of these steps in a variable of the system's, and no argument shows them.
	inVariable := library.Env["TF_CLI_ARGS_plan"] != "" && before["TF_CLI_ARGS_plan"] == ""
	onlyGo, onlyLibrary := without(p.arguments(goes.Argv, inVariable), p.arguments(library.Argv, inVariable))
	for _, argument := range onlyGo {
		tell("argument only of Go: %s", flag(argument))
	}
	for _, argument := range onlyLibrary {
		tell("argument only of the library: %s", flag(argument))
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		value, both := library.Env[name]
		if !both {
			tell("only Go sets %s", name)
			continue
		}
		text := before[name]
		if strings.HasPrefix(name, "SEMAPHORE_TASK_DETAILS_") {
			if text = strings.Trim(text, "'"); !plainText.MatchString(text) {
				continue
			}
		}
		if name != "SSH_AUTH_SOCK" && !(ownClone && name == "PWD") && digest(text) != value {
			tell("another value of %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(library.Env)) {
		if _, both := before[name]; !both && !(inVariable && strings.HasPrefix(name, "TF_CLI_ARGS_")) {
			tell("only the library sets %s", name)
		}
	}
	files := map[string]string{}
	for path, value := range library.Files {
		files[ownName.ReplaceAllString(path, "")] = value
	}
	for _, path := range slices.Sorted(maps.Keys(p.Files)) {
		switch value, both := files[path]; {
		case !both:
			tell("the library gives no file %s", path)
		case value != digest(p.Files[path]):
			tell("another content of %s", path)
		}
	}
	return differences
}

// arguments are those that can be compared, sorted.
func (p Plan) arguments(argv []string, inVariable bool) (rest []string) {
	for place := 1; place < len(argv); place++ {
		argument := ownName.ReplaceAllString(argv[place], "")
		next := ""
		if place+1 < len(argv) {
			next = argv[place+1]
		}
		switch {
		case argument == "--extra-vars" && strings.HasPrefix(next, "{"):
			rest = append(rest, argument)
			argument = p.object(next)
			place++
		case argument == "--extra-vars" && (strings.HasPrefix(next, "@") || p.isHidden(next)), inVariable && argument == "-var":
			place++
			continue
		case inVariable && (strings.HasPrefix(argument, "-var=") || strings.HasPrefix(argument, "-var-file=")):
			continue
		}
		if name, _, found := strings.Cut(argument, "="); found && (p.isHidden(argument) || slices.Contains(p.Loose, name)) {
			argument = name + "="
		}
		rest = append(rest, argument)
	}
	slices.Sort(rest)
	return rest
}

func (p Plan) isHidden(argument string) bool {
	name, _, _ := strings.Cut(argument, "=")
	return slices.Contains(p.Hidden, name)
}

// object is a JSON object without what is hidden, in one spelling.
func (p Plan) object(text string) string {
	values := map[string]any{}
	if json.Unmarshal([]byte(text), &values) != nil {
		return text
	}
	for _, name := range p.Hidden {
		delete(values, name)
	}
	same, err := json.Marshal(values)
	if err != nil {
		return text
	}
	return string(same)
}

// without gives what only one of two sorted lists has.
func without(before, after []string) (onlyBefore, onlyAfter []string) {
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0] < after[0]:
			onlyBefore, before = append(onlyBefore, before[0]), before[1:]
		case len(before) == 0 || after[0] < before[0]:
			onlyAfter, after = append(onlyAfter, after[0]), after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return onlyBefore, onlyAfter
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
