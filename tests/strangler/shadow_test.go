package strangler

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// shadowTags are those of a build in which both implementations are compared.
const shadowTags = "rust,rust_shadow"

// compared are the scenes that are played, and the components that each compares at least, with the first five applied.
var compared = map[string][]string{
	"bash":                    {"task_logger", "key_installer", "git", "apps"},
	"bash on a runner":        {"task_logger", "key_installer", "git", "apps"},
	"ssh with cmd_git":        {"task_logger", "ssh", "key_installer", "git", "apps"},
	"ssh with go_git":         {"ssh", "key_installer", "git"},
	"a schedule with cmd_git": {"ssh", "key_installer", "git"},
	"ansible":                 {"ssh", "key_installer", "apps"},
	"tofu that is confirmed":  {"task_logger", "apps"},
}

// shadowed plays scenes in a build that compares: nothing differs, nothing is done twice, and nothing is left over. Then the Go
// implementation is made another one on purpose: that is told, and changes nothing of the task.
func (s *stage) shadowed(t *testing.T, h *host, base map[string]outcome) {
	t.Helper()
	binary := h.buildWith("shadowed", library(t), shadowTags)
	for _, scene := range s.scenes {
		if compared[scene.name] == nil {
			continue
		}
		report := s.reported(t, binary, scene, base[scene.name])
		if counts := number(t, report, `^compared \d+, different (\d+), left out`) + number(t, report, `^compared \d+, different \d+, left out (\d+)`); counts != 0 {
			t.Errorf("%s: there are differences\n%s", scene.name, report)
		}
		for _, component := range compared[scene.name] {
			if number(t, report, component+`: compared (\d+)`) == 0 {
				t.Errorf("%s: %s was not compared\n%s", scene.name, component, report)
			}
		}
	}
	for file, change := range map[string][2]string{
		"db_lib/CmdGitClient_shadow.go": {`"rev-parse", "HEAD"`, `"rev-parse", "HEAD^{tree}"`},
		"db_lib/ShellApp_shadow.go":     {`"PWD="+`, `"PWD=elsewhere"+`},
	} {
		path := filepath.Join(h.checkout, file)
		before := h.read(path)
		changed := strings.Replace(before, change[0], change[1], 1)
		if changed == before {
			t.Fatalf("%s has no %s", file, change[0])
		}
		write(t, path, changed)
	}
	binary = h.buildWith("shadowed", library(t), shadowTags)
	h.git("checkout", "-q", ".")
	report := s.reported(t, binary, s.named(t, "bash"), base["bash"])
	for _, told := range []string{"git: GetLastCommitHash (cmd_git): Go \"", "apps: ShellApp starts bash: another value of PWD"} {
		if strings.Count(report, told) != 2 {
			t.Errorf("%q is not told of both runs:\n%s", told, report)
		}
	}
	if strings.Contains(report, "s3cret") || strings.Contains(report, "good morning") {
		t.Errorf("the report holds values:\n%s", report)
	}
}

// jobsCompared are the scenes in which whole jobs are compared, with all components applied.
var jobsCompared = []string{"bash", "bash on a runner", "ssh with cmd_git", "ansible", "tofu that is confirmed"}

// shadowedJobs plays scenes in a build that compares whole jobs: what the Go implementation would start is what the library starts, and
// nothing is done twice. A Go implementation that is changed on purpose is reported.
func (s *stage) shadowedJobs(t *testing.T, h *host, base map[string]outcome) {
	t.Helper()
	binary := h.buildWith("shadowed", library(t), shadowTags)
	for _, name := range jobsCompared {
		report := s.reported(t, binary, s.named(t, name), base[name])
		if counts := number(t, report, `^compared \d+, different (\d+), left out`) + number(t, report, `^compared \d+, different \d+, left out (\d+)`); counts != 0 {
			t.Errorf("%s: there are differences\n%s", name, report)
		}
		if number(t, report, `task_runner: compared (\d+)`) == 0 {
			t.Errorf("%s: no job was compared\n%s", name, report)
		}
	}
	const file, from, to = "services/tasks/LocalJob_shadow.go", "append(variables, t.moreVariables(", `append(append(variables, "EXTRA=1"), t.moreVariables(`
	path := filepath.Join(h.checkout, file)
	before := h.read(path)
	changed := strings.Replace(before, from, to, 1)
	if changed == before {
		t.Fatalf("%s has no %s", file, from)
	}
	write(t, path, changed)
	binary = h.buildWith("shadowed", library(t), shadowTags)
	h.git("checkout", "-q", ".")
	report := s.reported(t, binary, s.named(t, "bash"), base["bash"])
	if strings.Count(report, "task_runner: job of bash starts bash: only Go sets EXTRA") != 2 {
		t.Errorf("the change is not told of both runs:\n%s", report)
	}
}

// reported plays a scene, whose task has to be as it was with the Go implementation alone, and gives the report of all its runs.
func (s *stage) reported(t *testing.T, binary string, scene scene, before outcome) (reports string) {
	t.Helper()
	place := temporary(t)
	o := s.play(binary, scene, "SEMAPHORE_SHADOW_REPORT="+filepath.Join(place, "%p"))
	scene.check(t, o)
	if !slices.Equal(before.Statuses, o.Statuses) || !slices.Equal(before.Rest, o.Rest) || scene.exact && !slices.Equal(before.Lines, o.Lines) {
		t.Errorf("%s is another task when it is compared:\n%s", scene.name, strings.Join(difference(before.Lines, o.Lines), "\n"))
	}
	// Git may be asked twice; what has effects is started once.
	started := func(o outcome) (calls []string) {
		for _, line := range scene.describe(o.Calls) {
			if program, _, found := strings.Cut(line, " in "); found && program != "git" {
				calls = append(calls, line)
			}
		}
		return calls
	}
	if !slices.Equal(started(before), started(o)) {
		t.Errorf("%s: other programs when it is compared: %s", scene.name, strings.Join(difference(started(before), started(o)), "\n"))
	}
	if left, _ := filepath.Glob(filepath.Join(o.Directory, "tmp", "*", "shadow-*")); len(left) > 0 {
		t.Errorf("%s: %v is left over", scene.name, left)
	}
	files, err := filepath.Glob(filepath.Join(place, "*"))
	must(t, err)
	if len(files) != max(scene.runs, 1) {
		t.Errorf("%s: %d reports of %d runs", scene.name, len(files), max(scene.runs, 1))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		reports += string(text)
	}
	return reports
}

func (s *stage) named(t *testing.T, name string) scene {
	t.Helper()
	found := slices.IndexFunc(s.scenes, func(scene scene) bool { return scene.name == name })
	if found < 0 {
		t.Fatalf("there is no scene %q", name)
	}
	return s.scenes[found]
}

// number is what the reports say, taken together.
func number(t *testing.T, reports, pattern string) (sum int) {
	t.Helper()
	for _, found := range regexp.MustCompile("(?m)"+pattern).FindAllStringSubmatch(reports, -1) {
		count, err := strconv.Atoi(found[1])
		must(t, err)
		sum += count
	}
	return sum
}
