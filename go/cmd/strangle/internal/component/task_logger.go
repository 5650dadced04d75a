package component

var taskLogger = Component{
	Name:    "task_logger",
	Summary: "the words of a task's log, the pipes of commands, the rule of statuses",
	Imports: []Import{{Directory: "pkg/task_logger", Package: "tasklog", Name: "task_logger", Tests: "pkg/task_logger_test"}},
	Seams: []Seam{
		{
			Directory: "services/tasks",
			Splits: []Split{{
				From: "TaskRunner_logging.go", Into: "TaskRunner_logging_go.go",
				Declarations: []string{"(*TaskRunner).LogCmd", "(*TaskRunner).WaitLog", "(*TaskRunner).logPipe"},
			}},
			Guards: []Guard{{
				File: "TaskRunner_logging.go", Method: "(*TaskRunner).SetStatus",
				As: "statusAllowed", Into: "TaskRunner_logging_go.go",
			}},
			Fields: []Field{{
				File: "TaskRunner.go", Struct: "TaskRunner", Name: "logWG", Type: "sync.WaitGroup",
				As: "commandOutput", Into: "TaskRunner_logging_go.go",
			}},
			Glue: []GlueFile{{Path: "TaskRunner_logging_rust.go", Source: "task_logger/task_runner.go.txt"}},
		},
		{
			Directory: "services/runners",
			Splits: []Split{{
				From: "running_job.go", Into: "running_job_go.go",
				Declarations: []string{"(*runningJob).LogCmd", "(*runningJob).WaitLog", "(*runningJob).logPipe"},
			}},
			Guards: []Guard{{
				File: "running_job.go", Method: "(*runningJob).SetStatus", As: "statusAllowed", Into: "running_job_go.go",
			}},
			Fields: []Field{{
				File: "running_job.go", Struct: "runningJob", Name: "logWG", Type: "sync.WaitGroup",
				As: "commandOutput", Into: "running_job_go.go",
			}},
			Glue: []GlueFile{{Path: "running_job_rust.go", Source: "task_logger/running_job.go.txt"}},
		},
	},
	Shadow: []Shadow{
		{
			Directory: "services/tasks",
			Copies:    []Copy{{From: "TaskRunner_logging_go.go", Into: "TaskRunner_logging_shadow.go", Only: []string{"(*TaskRunner).statusAllowed"}}},
			On:        GlueFile{Path: "shadow_task_runner.go", Source: "task_logger/task_runner_shadow.go.txt"},
			Off:       GlueFile{Path: "shadow_task_runner_off.go", Source: "task_logger/task_runner_shadow_off.go.txt"},
		},
		{
			Directory: "services/runners",
			Copies:    []Copy{{From: "running_job_go.go", Into: "running_job_shadow.go", Only: []string{"(*runningJob).statusAllowed"}}},
			On:        GlueFile{Path: "shadow_running_job.go", Source: "task_logger/running_job_shadow.go.txt"},
			Off:       GlueFile{Path: "shadow_running_job_off.go", Source: "task_logger/running_job_shadow_off.go.txt"},
		},
	},
}
