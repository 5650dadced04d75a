package db_lib

import (
	"slices"
	"strings"
	"testing"

	"example.org/minihost/db"
	"example.org/minihost/util"
)

// configure replaces the configuration for one test.
func configure(t *testing.T, config util.ConfigType) {
	t.Helper()
	before := util.Config
	t.Cleanup(func() { util.Config = before })
	util.Config = &config
}

func TestProgramsSeeThreeSourcesOfVariables(t *testing.T) {
	t.Setenv("MINIHOST_FORWARDED", "1")
	t.Setenv("MINIHOST_OTHER", "2")
	t.Setenv("PATH", "/bin")
	configure(t, util.ConfigType{ForwardedEnvVars: []string{"MINIHOST_FORWARDED", "MINIHOST_MISSING"}, EnvVars: map[string]string{"SET": "3"}})
	if variables := getEnvironmentVars(); !slices.Equal(variables, []string{"PATH=/bin", "MINIHOST_FORWARDED=1", "SET=3"}) {
		t.Error(variables)
	}
}

func TestHomeIsAsConfigured(t *testing.T) {
	t.Setenv("HOME", "/home/somebody")
	for mode, home := range map[string]string{
		util.HomeDirModeProjectHome: "/somewhere/project_42", util.HomeDirModeUserHome: "/home/somebody", util.HomeDirModeTemplateDir: "/home/somebody", "": "",
	} {
		configure(t, util.ConfigType{TmpPath: "/somewhere", HomeDirMode: mode})
		if got := getHomeDir(db.Repository{ProjectID: 42}, 7); got != home {
			t.Errorf("%q: %q", mode, got)
		}
	}
}

// Apps are written down by literal, and their kind is asked for by assertion.
func TestTheFactoryMakesTheKindOfAppThatTheTemplateNames(t *testing.T) {
	configure(t, util.ConfigType{TmpPath: "/somewhere"})
	made := CreateApp(db.Template{ID: 3, App: db.AppTofu, Playbook: "/live"}, db.Repository{ID: 2, ProjectID: 1, GitURL: "git@example.org:x"}, db.Inventory{}, nil)
	app, isTerraform := made.(*TerraformApp)
	if !isTerraform || app.Name != "tofu" || app.GetFullPath() != "/somewhere/project_1/repository_2_template_3/live" {
		t.Errorf("%+v", made)
	}
	if app := CreateApp(db.Template{App: "perl"}, db.Repository{}, db.Inventory{}, nil).(*ShellApp); app.App != "perl" {
		t.Errorf("%+v", app)
	}
	ansible := &AnsibleApp{Template: db.Template{Playbook: "deploy/site.yml"}, Playbook: &AnsiblePlaybook{}}
	if directory := ansible.GetPlaybookDir(); !strings.HasSuffix(directory, "repository_0_template_0/deploy") {
		t.Error(directory)
	}
}
