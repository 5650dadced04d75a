package shadow

import (
	"os"
	"strings"
	"testing"
)

// reportOf gives what a comparison of a job tells.
func reportOf(t *testing.T, plan Plan, started ...Started) string {
	t.Helper()
	file := fresh(t)
	Job("task_runner", "job", plan, started)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAJobMayDifferInWhatIsListedAndInNothingElse(t *testing.T) {
	plan := Plan{
		Programs: []Program{{
			Argv: []string{"tool", "-i", "/t/inventory_1", "--extra-vars", `{"a":1,"b":"x","pin":"hush"}`, "--extra-vars", "token=hush", "n=%!s(float64=5)", "p.yml"},
			Dir:  "/t/clone", Env: []string{"A=1", "PWD=/t/clone", "SSH_AUTH_SOCK=/go", "SEMAPHORE_TASK_DETAILS_ID='7'"},
		}},
		Files: map[string]string{"/t/inventory_1": "host"}, Hidden: []string{"token", "pin"}, Loose: []string{"n"},
	}
	library := func(change func(*Started)) Started {
		started := Started{
			Argv: []string{"tool", "-i", "/t/inventory_1_task_8", "--extra-vars", `{"b":"x","a":1}`, "--extra-vars", "@/t/secret_vars_8.json", "p.yml", "n=5"},
			Dir:  "/t/clone_task_8",
			Env: map[string]string{
				"A": digest("1"), "PWD": digest("/t/clone_task_8"), "SSH_AUTH_SOCK": digest("/library"), "SEMAPHORE_TASK_DETAILS_ID": digest("7"),
			},
			Files: map[string]string{"/t/inventory_1_task_8": digest("host")},
		}
		change(&started)
		return started
	}
	if report := reportOf(t, plan, Started{Argv: []string{"git", "clone"}}, library(func(*Started) {})); !strings.HasPrefix(report, "compared 1, different 0") {
		t.Error(report)
	}
	for wanted, change := range map[string]func(*Started){
		"argument only of Go: (5 bytes)":               func(s *Started) { s.Argv = s.Argv[:7] },
		"argument only of the library: --check":        func(s *Started) { s.Argv = append(s.Argv, "--check") },
		"directory: Go /t/clone, library /t/elsewhere": func(s *Started) { s.Dir = "/t/elsewhere" },
		"only Go sets A":                               func(s *Started) { delete(s.Env, "A") },
		"another value of A":                           func(s *Started) { s.Env["A"] = digest("2") },
		"another value of SEMAPHORE_TASK_DETAILS_ID":   func(s *Started) { s.Env["SEMAPHORE_TASK_DETAILS_ID"] = digest("8") },
		"only the library sets B":                      func(s *Started) { s.Env["B"] = "" },
		"another content of /t/inventory_1":            func(s *Started) { s.Files["/t/inventory_1_task_8"] = digest("") },
		"the library gives no file /t/inventory_1":     func(s *Started) { s.Files = nil },
		"the library started no program of this name":  func(s *Started) { s.Argv[0] = "another" },
	} {
		report := reportOf(t, plan, library(change))
		if !strings.Contains(report, wanted) || !strings.HasPrefix(report, "compared 1, different 1") || strings.Contains(report, "hush") {
			t.Errorf("not %q in\n%s", wanted, report)
		}
	}
}

func TestStepsThatWereNotReachedAreNotCompared(t *testing.T) {
	plan := Plan{
		Programs: []Program{{Argv: []string{"tofu", "plan", "-lock=false", "-var", "a=1"}}, {Argv: []string{"tofu", "apply", "-lock=false", "-var", "a=1"}}},
		Steps:    []string{"plan", "apply"},
	}
	hidden := map[string]string{"TF_CLI_ARGS_plan": digest("-var 'a=1'"), "TF_CLI_ARGS_apply": digest("")}
	if report := reportOf(t, plan, Started{Argv: []string{"tofu", "init"}}, Started{Argv: []string{"tofu", "plan", "-lock=false"}, Env: hidden}); !strings.HasPrefix(report, "compared 1, different 0") {
		t.Error(report)
	}
}
