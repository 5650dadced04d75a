package strangler

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// scene is one or more runs of the mini host over one directory.
type scene struct {
	name string
	// way is "task", "runner" or "schedule".
	way string
	job map[string]any
	// runs is how often; before each but the first, the repository gets a commit.
	runs int
	// final is the last status, has a line that must be there, status one that must have been.
	final, has, status string
	// exact says that both sides say the same lines; otherwise only the host's own are compared.
	exact bool
	// quick scenes run after every step.
	quick bool
}

// stage is where scenes play: repositories, keys, the SSH server.
type stage struct {
	t         *testing.T
	directory string
	server    *sshServer
	commits   int
	scenes    []scene
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, directory: temporary(t), server: startSSHServer(t)}
	for path, text := range map[string]string{
		"origin/hello.sh":      "echo hello $1 from $(basename $PWD), $GREETING\nfor i in 1 2 3; do echo line $i; done\n",
		"origin/fail.sh":       "echo about to fail; exit 3\n",
		"origin/wait.sh":       "echo ready; exec sleep 600\n",
		"origin/many.sh":       "seq 100000; printf 'and no newline'\n",
		"origin/site.yml":      playbook,
		"origin/infra/main.tf": plan,
		"home/.gitconfig":      "",
		"vault-password":       "open sesame",
	} {
		write(t, filepath.Join(s.directory, path), text)
	}
	write(t, filepath.Join(s.directory, "origin/hidden.yml"), "hidden: treasure\n")
	if vault := program(t, "ansible-vault"); vault != "" {
		s.sh("origin", vault, "encrypt", "--vault-id", "safe@"+s.path("vault-password"), "hidden.yml")
	}
	s.sh("origin", "git", "init", "-q")
	s.commit("the first")
	s.scenes = s.list()
	return s
}

const playbook = `- hosts: all
  gather_facts: false
  vars_files: [hidden.yml]
  tasks:
    - ansible.builtin.command: id -un
      become: true
      register: other
    - ansible.builtin.debug:
        msg: "{{ greeting }}: became {{ other.stdout }} and read {{ hidden }}"
`

// plan has a resource without a provider to download.
const plan = `variable "greeting" { default = "none" }
resource "terraform_data" "told" { input = var.greeting }
output "told" { value = terraform_data.told.output }
`

func (s *stage) path(names ...string) string {
	return filepath.Join(append([]string{s.directory}, names...)...)
}

func (s *stage) sh(directory string, words ...string) {
	s.t.Helper()
	run(s.t, s.path(directory), gitAs(s.path("home")), words...)
}

// commit makes the same commits in every run of the tests: their dates are counted.
func (s *stage) commit(message string) {
	s.t.Helper()
	s.commits++
	date := fmt.Sprintf("2026-01-01T00:%02d:00Z", s.commits)
	write(s.t, s.path("origin", "news.txt"), message+"\n")
	s.sh("origin", "git", "add", ".")
	run(s.t, s.path("origin"), append(gitAs(s.path("home")), "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date), "git", "commit", "-q", "-m", message)
}

// reset takes the commits back that runs made.
func (s *stage) reset() {
	s.t.Helper()
	s.sh("origin", "git", "reset", "-q", "--hard", s.first())
	s.commits = 1
}

func (s *stage) first() string {
	s.t.Helper()
	return run(s.t, s.path("origin"), nil, "git", "rev-list", "--max-parents=0", "HEAD")
}

// rows are those of a job; more are laid over them.
func (s *stage) rows(app, playbook, url string, more map[string]any) map[string]any {
	rows := map[string]any{
		"Username":   "ann",
		"task":       map[string]any{"id": 5, "project_id": 1, "template_id": 3, "status": "waiting", "message": "for the tests"},
		"template":   map[string]any{"id": 3, "project_id": 1, "name": "the template", "app": app, "playbook": playbook, "arguments": `["world"]`},
		"inventory":  map[string]any{"id": 7, "name": "hosts", "type": "static", "inventory": "localhost\n"},
		"repository": map[string]any{"id": 2, "project_id": 1, "name": "code", "git_url": url, "git_branch": "main"},
		"environment": map[string]any{
			"id": 4, "name": "variables", "env": `{"GREETING":"good morning"}`, "secrets": []any{map[string]any{"type": "env", "name": "HIDDEN", "secret": "s3cret"}},
		},
		"repository_key": map[string]any{"id": 9, "type": "none"},
	}
	for name, value := range more {
		if row, isRow := rows[name].(map[string]any); isRow {
			for column, cell := range value.(map[string]any) {
				row[column] = cell
			}
		} else {
			rows[name] = value
		}
	}
	return rows
}

type rows = map[string]any

// list makes all of them; those whose program or server is missing on this machine are left out by name.
func (s *stage) list() (all []scene) {
	origin := "file://" + s.path("origin")
	all = []scene{
		{name: "bash", way: "task", job: s.rows("bash", "hello.sh", origin, nil), runs: 2, final: "success", has: "hello world from repository_2_template_3, good morning", exact: true, quick: true},
		{name: "bash on a runner", way: "runner", job: s.rows("bash", "hello.sh", origin, nil), final: "success", has: "line 3", exact: true, quick: true},
		{name: "bash that fails", way: "task", job: s.rows("bash", "fail.sh", origin, nil), final: "error", has: "about to fail", exact: true},
		{name: "bash with many lines", way: "task", job: s.rows("bash", "many.sh", origin, nil), final: "success", has: "and no newline", exact: true},
		{name: "bash that is stopped", way: "task", job: s.rows("bash", "wait.sh", origin, rows{"stop_at": "ready"}), final: "stopped", has: "ready", status: "stopping"},
		{name: "a repository that is missing", way: "task", job: s.rows("bash", "hello.sh", origin+"-nowhere", nil), final: "error", has: "Failed to run task"},
		{name: "go-git", way: "task", job: s.rows("bash", "hello.sh", origin, rows{"config": rows{"git_client": "go_git"}}), runs: 2, final: "success", has: "line 3"},
	}
	all = append(all, s.tofuScenes(origin)...)
	if s.server == nil {
		s.t.Log("left out: scenes with the SSH server of the tests, which this machine cannot have (see above)")
		return all
	}
	url := s.server.serve(s.t, s.path("origin"))
	sshKey := func(private, passphrase string) rows {
		return rows{"id": 9, "project_id": 1, "type": "ssh", "ssh": rows{"login": s.server.User, "private_key": private, "passphrase": passphrase}}
	}
	key, wrong := sshKey(s.server.PrivateKey, s.server.Passphrase), sshKey(s.server.PrivateKey, "not this one")
	// The same key without a passphrase, which takes its time at every use: for the scenes that are played often.
	open := map[string]rows{"cmd_git": sshKey(s.opened(), ""), "go_git": key}
	for _, client := range []string{"cmd_git", "go_git"} {
		config := rows{"git_client": client}
		all = append(all,
			scene{name: "ssh with " + client, way: "task", job: s.rows("bash", "hello.sh", url, rows{"repository_key": open[client], "config": config}), runs: 2, final: "success", has: "line 3", quick: client == "cmd_git"},
			scene{name: "a schedule with " + client, way: "schedule", job: s.rows("bash", "hello.sh", url, rows{"repository_key": open[client], "config": config}), final: "branches [main]", has: "updated true", exact: true, quick: client == "cmd_git"},
		)
	}
	all = append(all, scene{name: "a key that cannot be opened", way: "task", job: s.rows("bash", "hello.sh", url, rows{"repository_key": wrong}), final: "error", has: "Failed to run task"})
	if program(s.t, "ansible-playbook") == "" || program(s.t, "sshpass") == "" {
		s.t.Log("left out: scenes with Ansible, which is not installed (make deps)")
		return all
	}
	host := fmt.Sprintf("web1 ansible_host=%s ansible_port=%d ansible_python_interpreter=/usr/bin/python3 ansible_ssh_args='-o ControlMaster=no'\n", s.server.Host, s.server.Port)
	more := rows{
		"template":      rows{"arguments": nil, "vaults": []any{rows{"id": 1, "name": "safe", "type": "password"}}},
		"inventory":     rows{"type": "static", "inventory": host, "ssh_key_id": 11, "become_key_id": 12},
		"environment":   rows{"json": `{"greeting":"hello"}`},
		"inventory_key": key,
		"become_key":    rows{"id": 12, "type": "login_password", "login_password": rows{"login": "root", "password": s.server.SudoPassword}},
		"vault_keys":    []any{rows{"id": 13, "type": "login_password", "login_password": rows{"password": "open sesame"}}},
	}
	const told = "hello: became root and read treasure"
	return append(all,
		scene{name: "ansible", way: "task", job: s.rows("ansible", "site.yml", origin, more), final: "success", has: told},
	)
}

// opened is the private key of the SSH server's user without its passphrase.
func (s *stage) opened() string {
	s.t.Helper()
	path := s.path("home", "key")
	write(s.t, path, s.server.PrivateKey)
	must(s.t, os.Chmod(path, 0o600))
	s.sh("home", "ssh-keygen", "-q", "-p", "-P", s.server.Passphrase, "-N", "", "-f", path)
	content, err := os.ReadFile(path)
	must(s.t, err)
	return string(content)
}

func (s *stage) tofuScenes(origin string) []scene {
	if program(s.t, "tofu") == "" {
		s.t.Log("left out: scenes with OpenTofu, which is not installed (make deps)")
		return nil
	}
	more := func(decision string) rows {
		return rows{
			"decision": decision, "template": rows{"arguments": `{"init":["-no-color"],"plan":["-no-color"],"apply":["-no-color"]}`},
			"environment": rows{"json": `{"greeting":"hello"}`}, "inventory": rows{"type": "tofu-workspace", "inventory": "blue"},
		}
	}
	return []scene{
		{name: "tofu that is confirmed", way: "task", job: s.rows("tofu", "infra", origin, more("confirm")), final: "success", has: "Apply complete! Resources: 1 added", status: "waiting_confirmation"},
		{name: "tofu that is rejected", way: "runner", job: s.rows("tofu", "infra", origin, more("reject")), final: "error", has: "Plan: 1 to add", status: "rejected"},
	}
}

// outcome is what a scene told, without what differs between two runs of the same program.
type outcome struct {
	Statuses, Lines, Alerts, Rest []string
	Exit                          int
	Calls                         []call
	// Performed is what the library did, by kind; nil without the library.
	Performed map[string]int
	Took      time.Duration
	// Directory is where it ran; it goes with the test.
	Directory string
}

var (
	colours  = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")
	sockets  = regexp.MustCompile(`[^ =]*(ssh-agent|agent)[^ ]*(\.sock|/agent)?`)
	identity = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

func plain(text, directory string) string {
	text = strings.ReplaceAll(colours.ReplaceAllString(text, ""), directory, "<directory>")
	return identity.ReplaceAllString(text, "<id>")
}

// play runs a scene with a build of the mini host. Variables are added to those of the host's process.
func (s *stage) play(binary string, sc scene, variables ...string) outcome {
	s.t.Helper()
	defer s.reset()
	directory := temporary(s.t)
	bin, calls := recorders(s.t, directory)
	config := rows{"tmp_path": filepath.Join(directory, "tmp"), "home_dir_mode": "template_dir", "env_vars": rows{"CONFIGURED": "yes"}, "forwarded_env_vars": []string{"FORWARDED"}}
	if given, ok := sc.job["config"].(rows); ok {
		for name, value := range given {
			config[name] = value
		}
	}
	job := rows{}
	for name, value := range sc.job {
		job[name] = value
	}
	job["config"] = config
	text, err := json.Marshal(job)
	must(s.t, err)
	write(s.t, filepath.Join(directory, "job.json"), string(text))

	o := outcome{Directory: directory}
	for number := range max(sc.runs, 1) {
		if number > 0 {
			s.commit(fmt.Sprintf("commit %d", number+1))
		}
		command := exec.Command(binary, sc.way, filepath.Join(directory, "job.json"))
		command.Dir = directory
		command.Env = append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + s.path("home"), "FORWARDED=this", "NOT_FORWARDED=that"}, variables...)
		errors := &strings.Builder{}
		command.Stderr = errors
		started := time.Now()
		said, err := command.Output()
		o.Took += time.Since(started)
		o.Exit = max(o.Exit, command.ProcessState.ExitCode())
		if o.Exit != 0 && o.Exit != 1 || errors.Len() > 0 {
			s.t.Errorf("%s: %v: %s", sc.name, err, errors)
		}
		o.add(s.t, plain(string(said), directory))
	}
	for _, one := range readCalls(s.t, calls) {
		o.Calls = append(o.Calls, one.plain(directory))
	}
	return o
}

func (c call) plain(directory string) call {
	c.Directory = plain(c.Directory, directory)
	for _, list := range []*[]string{&c.Arguments, &c.Environment} {
		for i, text := range *list {
			(*list)[i] = plain(text, directory)
			if name, _, found := strings.Cut(text, "="); found && name == "SSH_AUTH_SOCK" {
				(*list)[i] = name + "=<socket>"
			}
		}
	}
	return c
}

// add takes what one run said.
func (o *outcome) add(t *testing.T, said string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSuffix(said, "\n"), "\n") {
		switch kind, text, _ := strings.Cut(line, " "); kind {
		case "status":
			o.Statuses = append(o.Statuses, text)
		case "line":
			o.Lines = append(o.Lines, text)
		case "alert":
			o.Alerts = append(o.Alerts, text)
		case "performed":
			counts := map[string]int{}
			must(t, json.Unmarshal([]byte(text), &counts))
			if o.Performed == nil {
				o.Performed = map[string]int{}
			}
			for name, count := range counts {
				o.Performed[name] += count
			}
		default:
			o.Rest = append(o.Rest, line)
		}
	}
}

func (o outcome) has(text string) bool {
	return slices.ContainsFunc(slices.Concat(o.Lines, o.Rest), func(line string) bool { return strings.Contains(line, text) })
}

// check says what the outcome must be, whoever did it.
func (sc scene) check(t *testing.T, o outcome) {
	t.Helper()
	if reason := sc.fails(o); reason != "" {
		t.Error(reason)
	}
}

// fails gives why an outcome is not what the scene is for; empty if it is.
func (sc scene) fails(o outcome) string {
	var final string
	if len(o.Rest) > 0 {
		final = strings.TrimPrefix(o.Rest[len(o.Rest)-1], "final ")
	}
	for _, line := range o.Lines {
		if strings.Contains(line, "open sesame") || strings.Contains(line, "s3cret") {
			return fmt.Sprintf("%s: a secret is in the log: %s", sc.name, line)
		}
	}
	if final == sc.final && o.has(sc.has) && (sc.status == "" || slices.Contains(o.Statuses, sc.status)) {
		return ""
	}
	return fmt.Sprintf("%s: final %q, want %q; a line with %q; statuses %q\n%s\n%s", sc.name, final, sc.final, sc.has, o.Statuses,
		strings.Join(o.Rest, "\n"), strings.Join(shortened(o.Lines), "\n"))
}

func shortened(lines []string) []string {
	if len(lines) <= 80 {
		return lines
	}
	return slices.Concat(lines[:40], []string{"..."}, lines[len(lines)-40:])
}
