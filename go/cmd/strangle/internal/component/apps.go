package component

var apps = Component{
	Name:    "apps",
	Summary: "the programs of Ansible, scripts and the Terraform family, and how they are stopped",
	Seams: []Seam{
		{
			Directory: "db_lib",
			Whole:     []string{"AnsibleApp.go", "AnsiblePlaybook.go", "ShellApp.go", "TerraformApp.go"},
			Glue: []GlueFile{
				{Path: "program_rust.go", Source: "apps/program.go.txt"},
				{Path: "ansible_rust.go", Source: "apps/ansible.go.txt"},
				{Path: "shell_rust.go", Source: "apps/shell.go.txt"},
				{Path: "terraform_rust.go", Source: "apps/terraform.go.txt"},
			},
		},
		{
			Directory: "services/tasks",
			Splits:    []Split{{From: "LocalJob.go", Into: "LocalJob_kill_go.go", Declarations: []string{"(*LocalJob).Kill"}}},
			Glue:      []GlueFile{{Path: "LocalJob_kill_rust.go", Source: "apps/local_job_kill.go.txt"}},
		},
	},
	Shadow: []Shadow{{
		Directory: "db_lib",
		Copies: []Copy{
			{From: "AnsibleApp.go", Into: "AnsibleApp_shadow.go"}, {From: "AnsiblePlaybook.go", Into: "AnsiblePlaybook_shadow.go"},
			{From: "ShellApp.go", Into: "ShellApp_shadow.go"}, {From: "TerraformApp.go", Into: "TerraformApp_shadow.go"},
		},
		On:  GlueFile{Path: "shadow_apps.go", Source: "apps/apps_shadow.go.txt"},
		Off: GlueFile{Path: "shadow_apps_off.go", Source: "apps/apps_shadow_off.go.txt"},
	}},
	Drops: []string{"github.com/creack/pty"},
}
