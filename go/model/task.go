package model

import (
	"encoding/json"
	"time"
)

// Task is a run of a template.
type Task struct {
	ID         int    `json:"id"`
	TemplateID int    `json:"template_id"`
	ProjectID  int    `json:"project_id"`
	Status     string `json:"status"`
	Playbook   string `json:"playbook"`
	// Environment is an object as text.
	Environment string `json:"environment,omitempty"`
	// Secret is the secret survey variables of a request; never stored.
	Secret string `json:"secret,omitempty"`
	// Arguments is an array as text.
	Arguments     *string    `json:"arguments,omitempty"`
	GitBranch     *string    `json:"git_branch,omitempty"`
	UserID        *int       `json:"user_id,omitempty"`
	IntegrationID *int       `json:"integration_id,omitempty"`
	ScheduleID    *int       `json:"schedule_id,omitempty"`
	Created       time.Time  `json:"created"`
	Start         *time.Time `json:"start,omitempty"`
	End           *time.Time `json:"end,omitempty"`
	Message       string     `json:"message,omitempty"`
	CommitHash    *string    `json:"commit_hash,omitempty"`
	CommitMessage string     `json:"commit_message,omitempty"`
	BuildTaskID   *int       `json:"build_task_id,omitempty"`
	Version       *string    `json:"version,omitempty"`
	InventoryID   *int       `json:"inventory_id,omitempty"`
	Params        Object     `json:"params,omitempty"`
	// Limit is the old way to name hosts.
	Limit string `json:"limit"`
}

// TaskWithTemplate is a task with what lists show of its template, its user and its build.
type TaskWithTemplate struct {
	Task
	TemplatePlaybook string  `json:"tpl_playbook"`
	TemplateAlias    string  `json:"tpl_alias"`
	TemplateType     string  `json:"tpl_type,omitempty"`
	TemplateApp      string  `json:"tpl_app,omitempty"`
	UserName         *string `json:"user_name,omitempty"`
	BuildTask        *Task   `json:"build_task,omitempty"`
}

// TaskParams is what a schedule or an integration gives to its tasks.
type TaskParams struct {
	ID          int     `json:"-" stored:"id"`
	ProjectID   int     `json:"-" stored:"project_id"`
	Environment string  `json:"environment,omitempty"`
	Arguments   *string `json:"arguments,omitempty"`
	GitBranch   *string `json:"git_branch,omitempty"`
	Message     string  `json:"message,omitempty"`
	Version     *string `json:"version,omitempty"`
	InventoryID *int    `json:"inventory_id,omitempty"`
	Params      Object  `json:"params,omitempty"`
}

// TaskOutput is a stored line.
type TaskOutput struct {
	ID      int64     `json:"id"`
	TaskID  int       `json:"task_id"`
	Time    time.Time `json:"time"`
	Output  string    `json:"output"`
	StageID *int      `json:"stage_id"`
	// Continued tells that the line goes on in the next record.
	Continued bool `json:"-" stored:"continued"`
}

// TaskStage is a part of a task that left a result.
type TaskStage struct {
	ID            int             `json:"id"`
	TaskID        int             `json:"task_id"`
	Start         *time.Time      `json:"start"`
	End           *time.Time      `json:"end"`
	StartOutputID *int64          `json:"start_output_id"`
	EndOutputID   *int64          `json:"end_output_id"`
	Type          string          `json:"type"`
	Result        json.RawMessage `json:"result"`
}
