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
	Shadow: []Shadow{{
		Directory: "services/tasks",
		Copies:    []Copy{{From: "LocalJob_go.go", Into: "LocalJob_shadow.go", Only: []string{"(*LocalJob).Run", "(*LocalJob).installVaultKeyFiles"}}},
		On:        GlueFile{Path: "shadow_local_job.go", Source: "task_runner/task_runner_shadow.go.txt"},
		Off:       GlueFile{Path: "shadow_local_job_off.go", Source: "task_runner/task_runner_shadow_off.go.txt"},
	}},
	ShadowNeeds: "apps",
}
