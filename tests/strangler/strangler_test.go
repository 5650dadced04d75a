package strangler

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// components in their order.
var components = []string{"task_logger", "ssh", "key_installer", "git", "apps", "task_runner"}

// The whole way: apply every component, undo, apply again, delete every component.
func TestTheMiniHostIsMovedAndLosesItsGoImplementation(t *testing.T) {
	s, h := newStage(t), newHost(t)
	base := map[string]outcome{}
	// A step that fails makes the later ones meaningless.
	part := func(name string, do func(t *testing.T)) {
		t.Helper()
		if !t.Run(name, func(t *testing.T) {
			s.t, h.t = t, t
			do(t)
		}) {
			t.FailNow()
		}
		s.t, h.t = t, t
	}
	part("the Go implementation", func(t *testing.T) {
		binary := h.build("untouched")
		for _, scene := range s.scenes {
			base[scene.name] = s.play(binary, scene)
			scene.check(t, base[scene.name])
		}
	})
	part("refusals", func(t *testing.T) { refusals(t, h) })
	trees := map[string]string{"": h.head()}
	for _, name := range components {
		part("apply "+name, func(t *testing.T) {
			h.step("apply", name)
			trees[name] = h.head()
			s.quickly(t, h.buildWith("moved", library(t), "rust"), base, name)
			switch name {
			case "task_logger":
				s.sabotaged(t, h, map[string]string{"bash": "pumps"})
			case "apps":
				// With task_runner a task is one job of the library, and git and the apps are not asked any more.
				s.shadowed(t, h, base)
			case "task_runner":
				s.shadowedJobs(t, h, base)
			}
		})
	}
	// One verify for all that has its glue, one for all that has lost its Go implementation: a verify takes most of a minute.
	part("verify", func(t *testing.T) { t.Log(h.strangle("verify")) })
	part("all scenes, moved", func(t *testing.T) { s.compare(t, h.buildWith("moved", library(t), "rust"), base) })
	part("without the tag", func(t *testing.T) { s.quickly(t, h.build("without"), base, "") })
	part("a sabotaged library", func(t *testing.T) {
		s.sabotaged(t, h, map[string]string{"bash": "jobs", "bash on a runner": "jobs", "ssh with cmd_git": "jobs", "a schedule with cmd_git": "git,agents"})
	})
	part("undo", func(t *testing.T) {
		h.step("undo")
		if h.head() != trees["apps"] {
			t.Errorf("the tree is not what it was before the last step: %s", h.git("diff", "--stat", trees["apps"], "HEAD"))
		}
		s.sabotaged(t, h, map[string]string{"bash": "executions", "bash on a runner": "git", "ssh with cmd_git": "agents"})
		h.step("apply", "task_runner")
		if h.head() != trees["task_runner"] {
			t.Errorf("the step is not the same the second time: %s", h.git("diff", "--stat", trees["task_runner"], "HEAD"))
		}
	})
	part("delete", func(t *testing.T) {
		for _, name := range components {
			h.step("delete", name)
		}
		h.step("delete", "pkg/ssh")
		t.Log(h.strangle("verify"))
		nothingOfGoIsLeft(t, h)
	})
	part("all scenes, deleted", func(t *testing.T) { s.compare(t, h.buildWith("deleted", library(t)), base) })
}

// refusals are what the tool does not do, with the reason that it gives.
func refusals(t *testing.T, h *host) {
	h.refused("task_logger", "apply", "git")
	h.refused("", "apply", "nothing-of-that-name")
	h.refused("", "undo")
	h.refused("", "delete", "task_logger")
	write(t, filepath.Join(h.checkout, "unsaved.txt"), "work of somebody\n")
	h.refused("unsaved.txt", "apply", "task_logger")
	must(t, os.Remove(filepath.Join(h.checkout, "unsaved.txt")))
	// A declaration that is not where the tool expects it: nothing is half done.
	path := filepath.Join(h.checkout, "services/tasks/TaskRunner_logging.go")
	write(t, path, strings.ReplaceAll(h.read(path), "logPipe(", "readPipe("))
	h.commit("another host")
	h.refused("logPipe", "apply", "task_logger", "--dry-run")
	h.git("reset", "-q", "--hard", "HEAD^")
}

// quickly plays the quick scenes after a step; empty means without the library.
func (s *stage) quickly(t *testing.T, binary string, base map[string]outcome, component string) {
	t.Helper()
	for _, scene := range s.scenes {
		if !scene.quick {
			continue
		}
		o := s.play(binary, scene)
		scene.check(t, o)
		scene.same(t, base[scene.name], o)
		want := performed[component][scene.name]
		maps.DeleteFunc(o.Performed, func(_ string, count int) bool { return count == 0 })
		if !maps.Equal(o.Performed, want) {
			t.Errorf("%s after %q: the library did %v, want %v", scene.name, component, o.Performed, want)
		}
	}
}

// compare plays all scenes.
func (s *stage) compare(t *testing.T, binary string, base map[string]outcome) {
	t.Helper()
	for _, scene := range s.scenes {
		o := s.play(binary, scene)
		scene.check(t, o)
		scene.same(t, base[scene.name], o)
		total := 0
		for _, count := range o.Performed {
			total += count
		}
		if total == 0 {
			t.Errorf("%s: the library did nothing", scene.name)
		}
		t.Logf("%-32s Go %6d ms, library %6d ms, %v", scene.name, base[scene.name].Took.Milliseconds(), o.Took.Milliseconds(), o.Performed)
	}
}

// performed is what the library does in the quick scenes once a component and those before it have moved: pumps for the pipes of
// Go's children (two for each child), keys that are held, pieces of git's work, programs, jobs. "bash" and "ssh" run twice: clone,
// two questions and the script; then two steps to see whether it can be pulled, two to pull, two questions and the script.
var performed = map[string]map[string]map[string]int{
	// Every child whose output is logged: 2 + 5, and 2 on the runner.
	"task_logger": {"bash": {"pumps": 14}, "bash on a runner": {"pumps": 4}, "ssh with cmd_git": {"pumps": 14}},
	// One agent for each call of git: 3 + 6, and 3 of the schedule.
	"ssh":           withAgents,
	"key_installer": withAgents,
	// Clone, hash, message; can be pulled, pull, hash, message. The scripts are still Go's.
	"git": {
		"bash": {"git": 7, "pumps": 4}, "bash on a runner": {"git": 3, "pumps": 2},
		"ssh with cmd_git": {"git": 7, "keys": 7, "pumps": 4}, "a schedule with cmd_git": {"git": 3, "keys": 3},
	},
	"apps": {
		"bash": {"git": 7, "programs": 2}, "bash on a runner": {"git": 3, "programs": 1},
		"ssh with cmd_git": {"git": 7, "keys": 7, "programs": 2}, "a schedule with cmd_git": {"git": 3, "keys": 3},
	},
	// A job has its own git, keys and programs.
	"task_runner": {
		"bash": {"jobs": 2}, "bash on a runner": {"jobs": 1}, "ssh with cmd_git": {"jobs": 2}, "a schedule with cmd_git": {"git": 3, "keys": 3},
	},
}

var withAgents = map[string]map[string]int{
	"bash": {"pumps": 14}, "bash on a runner": {"pumps": 4}, "ssh with cmd_git": {"pumps": 14, "keys": 9}, "a schedule with cmd_git": {"keys": 3},
}

// same says what must be equal to the Go implementation's doing.
func (sc scene) same(t *testing.T, before, after outcome) {
	t.Helper()
	differ := func(what string, before, after []string) {
		t.Helper()
		if !slices.Equal(before, after) {
			t.Errorf("%s: other %s\n%s", sc.name, what, strings.Join(shortened(difference(before, after)), "\n"))
		}
	}
	differ("statuses", before.Statuses, after.Statuses)
	differ("alerts", before.Alerts, after.Alerts)
	differ("end", before.Rest, after.Rest)
	if sc.exact {
		differ("lines", before.Lines, after.Lines)
	}
	differ("programs", sc.describe(before.Calls), sc.describe(after.Calls))
	if before.Exit != after.Exit {
		t.Errorf("%s: exit status %d, Go %d", sc.name, after.Exit, before.Exit)
	}
}

// difference shows the lines that only one has, and all where only their order differs.
func difference(before, after []string) (lines []string) {
	count := map[string]int{}
	for _, line := range before {
		count[line]++
	}
	for _, line := range after {
		count[line]--
	}
	for line, number := range count {
		for ; number > 0; number-- {
			lines = append(lines, "only Go:      "+line)
		}
		for ; number < 0; number++ {
			lines = append(lines, "only library: "+line)
		}
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return slices.Concat([]string{"another order; Go:"}, before, []string{"library:"}, after)
	}
	return lines
}

// different are the differences that docs/differences.md lists: the library's housekeeping of git and its guard of addresses, and the
// shell quotes that the Go implementation leaves in the details of a task. What is listed nowhere has to be equal.
func different(program, word string) (rest string, left bool) {
	name, value, _ := strings.Cut(word, "=")
	switch {
	case program == "git" && (word == "--" || name == "GIT_ALLOW_PROTOCOL" || strings.HasPrefix(name, "GIT_CONFIG_")):
		return "", false
	case strings.HasPrefix(name, "SEMAPHORE_TASK_DETAILS_"):
		return name + "=" + strings.Trim(value, "'"), true
	}
	return word, true
}

// describe are the calls line by line. With git as a library, only the Go implementation does without the program.
func (sc scene) describe(calls []call) (lines []string) {
	for _, one := range calls {
		if one.Program == "git" && sc.asLibrary() {
			continue
		}
		lines = append(lines, one.Program+" in "+one.Directory)
		for kind, words := range [][]string{one.Arguments, one.Environment} {
			for _, word := range words {
				if rest, left := different(one.Program, word); left {
					lines = append(lines, fmt.Sprintf("    %s %s %s", one.Program, []string{"argument", "variable"}[kind], rest))
				}
			}
		}
	}
	return lines
}

func (sc scene) asLibrary() bool {
	config, _ := sc.job["config"].(rows)
	return config["git_client"] == "go_git"
}

// sabotaged plays scenes with a library that is built to refuse what a part of it does: then the scene must fail, so it was that
// part that did the work before. Parts are given by scene; of several each must be needed.
func (s *stage) sabotaged(t *testing.T, h *host, parts map[string]string) {
	t.Helper()
	directory := os.Getenv("SABOTAGED_DIR")
	if directory == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("SABOTAGED_DIR must name the directory of the sabotaged library: run scripts/test-strangler")
		}
		t.Log("left out: SABOTAGED_DIR does not name the directory of the sabotaged library (scripts/test-strangler builds it)")
		return
	}
	absolute, err := filepath.Abs(directory)
	must(t, err)
	binary := h.buildWith("sabotaged", absolute, "rust")
	for _, scene := range s.scenes {
		if parts[scene.name] == "" {
			continue
		}
		if reason := scene.fails(s.play(binary, scene)); reason != "" {
			t.Errorf("nothing is sabotaged: %s", reason)
		}
		for _, part := range strings.Split(parts[scene.name], ",") {
			if scene.fails(s.play(binary, scene, "SEMAPHORE_SABOTAGE="+part)) == "" {
				t.Errorf("%s: %s are sabotaged, and it succeeds", scene.name, part)
			}
		}
	}
}

// nothingOfGoIsLeft looks at the sources and the modules after the last delete.
func nothingOfGoIsLeft(t *testing.T, h *host) {
	h.sources(t, func(path string, file *ast.File) {
		if calls := starts(file); len(calls) > 0 {
			t.Errorf("%s still starts programs: %v", path, calls)
		}
		for _, imported := range imports(file) {
			if strings.Contains(imported, "go-git") || strings.Contains(imported, "creack/pty") || strings.HasSuffix(imported, "/pkg/task_logger") {
				t.Errorf("%s still imports %s", path, imported)
			}
		}
		for _, group := range file.Comments {
			for _, comment := range group.List {
				if strings.HasPrefix(comment.Text, "//go:build") && strings.Contains(comment.Text, "rust") {
					t.Errorf("%s still has %s", path, comment.Text)
				}
			}
		}
	})
	for _, file := range []string{"go.mod", "pro/go.mod"} {
		for _, gone := range []string{"go-git", "creack/pty"} {
			if strings.Contains(h.read(filepath.Join(h.checkout, file)), gone) {
				t.Errorf("%s still requires %s", file, gone)
			}
		}
	}
	for _, gone := range []string{"pkg/task_logger/task_logger.go", "pkg/ssh"} {
		if exists(filepath.Join(h.checkout, gone)) {
			t.Errorf("%s is still there", gone)
		}
	}
}
