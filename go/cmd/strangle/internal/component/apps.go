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
	Drops: []string{"github.com/creack/pty"},
}
