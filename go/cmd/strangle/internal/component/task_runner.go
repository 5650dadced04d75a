package component

// The stop is that of the component apps: it finds whole jobs too.
var taskRunner = Component{
	Name:    "task_runner",
	Summary: "whole jobs, from the checkout to the end of the app",
	Seams: []Seam{{
		Directory: "services/tasks",
		Whole:     []string{"LocalJob_inventory.go"},
		Splits: []Split{{
			From: "LocalJob.go", Into: "LocalJob_go.go",
			Declarations: []string{
				"(*LocalJob).Run", "(*LocalJob).prepareRun", "(*LocalJob).prepareRunTerraform", "(*LocalJob).updateRepository",
				"(*LocalJob).checkoutRepository", "(*LocalJob).installVaultKeyFiles",
			},
		}},
		Glue: []GlueFile{
			{Path: "LocalJob_rust.go", Source: "task_runner/local_job.go.txt"},
			{Path: "LocalJob_status_rust.go", Source: "task_runner/local_job_status.go.txt"},
			{Path: "LocalJob_spec_rust.go", Source: "task_runner/local_job_spec.go.txt"},
			{Path: "LocalJob_inventory_rust.go", Source: "task_runner/local_job_inventory.go.txt"},
		},
	}},
}
