package schedules

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"example.org/minihost/db"
	"example.org/minihost/pkg/ssh"
	"example.org/minihost/util"
)

// Both clients work without a logger.
func TestNewsAreFoundWithoutALogger(t *testing.T) {
	before := util.Config
	t.Cleanup(func() { util.Config = before })
	origin := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", origin, "-c", "user.name=n", "-c", "user.email=n@example.org"}, args...)...)
		output, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v: %s", args, err, output)
		}
		return strings.TrimSpace(string(output))
	}
	git("init", "-q", "-b", "main")
	git("commit", "-q", "--allow-empty", "-m", "the first")
	git("branch", "other")
	for _, client := range []string{util.CmdGitClientId, util.GoGitClientId} {
		t.Run(client, func(t *testing.T) {
			util.Config = &util.ConfigType{TmpPath: t.TempDir(), GitClientId: client, Process: &util.ConfigProcess{}}
			runner := CreateScheduleRunner(db.Repository{ProjectID: 1, GitURL: "file://" + origin, GitBranch: "main", SSHKey: db.AccessKey{Type: db.AccessKeyNone}}, ssh.KeyInstaller{})
			head := git("rev-parse", "main")
			for _, news := range []bool{true, false} {
				if updated, hash, err := runner.TryUpdateCommitHash(); updated != news || hash != head || err != nil {
					t.Error(updated, hash, err)
				}
			}
			branches, err := runner.Branches()
			slices.Sort(branches)
			if err != nil || !slices.Equal(branches, []string{"main", "other"}) {
				t.Error(branches, err)
			}
		})
	}
}
