package model

import "time"

// Schedule tells when a template runs by itself.
type Schedule struct {
	ID         int `json:"id"`
	ProjectID  int `json:"project_id"`
	TemplateID int `json:"template_id"`
	// CronFormat is five fields or a word such as @daily.
	CronFormat string `json:"cron_format"`
	Name       string `json:"name"`
	Active     bool   `json:"active"`
	// Type is empty (again and again) or run_at (once).
	Type           string  `json:"type"`
	DeleteAfterRun bool    `json:"delete_after_run"`
	LastCommitHash *string `json:"-" stored:"last_commit_hash"`
	// RepositoryID makes it run only for new commits.
	RepositoryID *int        `json:"repository_id"`
	RunAt        *time.Time  `json:"run_at,omitempty"`
	TaskParams   *TaskParams `json:"task_params,omitempty"`
}

// Integration is a door for requests from outside that starts a template.
type Integration struct {
	ID         int    `json:"id"`
	Name       string `json:"name"`
	ProjectID  int    `json:"project_id"`
	TemplateID int    `json:"template_id"`
	// AuthMethod is empty, github, token, hmac, bitbucket or basic.
	AuthMethod   string      `json:"auth_method"`
	AuthSecretID *int        `json:"auth_secret_id"`
	AuthHeader   string      `json:"auth_header"`
	Searchable   bool        `json:"searchable"`
	TaskParams   *TaskParams `json:"task_params,omitempty"`
}

// IntegrationMatcher is what a request must contain.
type IntegrationMatcher struct {
	ID            int    `json:"id"`
	IntegrationID int    `json:"integration_id"`
	Name          string `json:"name"`
	// MatchType is header or body.
	MatchType string `json:"match_type"`
	// Method is equals, unequals or contains.
	Method string `json:"method"`
	// BodyDataType is json or string.
	BodyDataType string `json:"body_data_type"`
	Key          string `json:"key"`
	Value        string `json:"value"`
}

// IntegrationExtractValue is what is taken from a request for the task.
type IntegrationExtractValue struct {
	ID            int    `json:"id"`
	IntegrationID int    `json:"integration_id"`
	Name          string `json:"name"`
	// ValueSource is header or body.
	ValueSource  string `json:"value_source"`
	BodyDataType string `json:"body_data_type"`
	Key          string `json:"key"`
	Variable     string `json:"variable"`
	// VariableType is environment or task.
	VariableType string `json:"variable_type"`
}

// IntegrationAlias is the secret end of an address that requests go to.
type IntegrationAlias struct {
	ID        int    `json:"-" stored:"id"`
	Alias     string `json:"alias"`
	ProjectID int    `json:"project_id"`
	// IntegrationID is none for all searchable ones of the project.
	IntegrationID *int `json:"integration_id"`
}

// Runner is another machine that runs tasks.
type Runner struct {
	ID int `json:"id"`
	// Token is what it proves itself with.
	Token             string     `json:"-" stored:"token"`
	ProjectID         *int       `json:"project_id"`
	Webhook           string     `json:"webhook"`
	MaxParallelTasks  int        `json:"max_parallel_tasks"`
	Active            bool       `json:"active"`
	Name              string     `json:"name"`
	Tag               string     `json:"tag"`
	Touched           *time.Time `json:"touched"`
	CleaningRequested *time.Time `json:"cleaning_requested"`
	// PublicKey is PEM; what is sent to the runner is encrypted with it.
	PublicKey *string `json:"-" stored:"public_key"`
}
