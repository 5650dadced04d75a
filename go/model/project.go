package model

import "time"

// Project has templates, what they need, and members.
type Project struct {
	ID      int       `json:"id"`
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	// Alert tells whether alerts are sent.
	Alert bool `json:"alert,omitempty"`
	// AlertChat is a Telegram chat in place of the server's.
	AlertChat *string `json:"alert_chat,omitempty"`
	// MaxParallelTasks is how many tasks may run at once; 0 for no limit.
	MaxParallelTasks int    `json:"max_parallel_tasks,omitempty"`
	Type             string `json:"type"`
	// DefaultSecretStorageID is where new secrets go; none for the database.
	DefaultSecretStorageID *int `json:"default_secret_storage_id,omitempty"`
}

// ProjectUser is the membership of a user.
type ProjectUser struct {
	ProjectID int `json:"project_id"`
	UserID    int `json:"user_id"`
	// Role is owner, manager, task_runner, guest, or the slug of a [Role].
	Role string `json:"role"`
}

// ProjectInvite is an invitation of a user, or of somebody with an e-mail address.
type ProjectInvite struct {
	ID        int     `json:"id"`
	ProjectID int     `json:"project_id"`
	UserID    *int    `json:"user_id,omitempty"`
	Email     *string `json:"email,omitempty"`
	Role      string  `json:"role"`
	// Status is pending, accepted, declined or expired.
	Status string `json:"status"`
	// Token proves that one is invited.
	Token         string     `json:"-" stored:"token"`
	InviterUserID int        `json:"inviter_user_id"`
	Created       time.Time  `json:"created"`
	ExpiresAt     *time.Time `json:"expires_at,omitempty"`
	AcceptedAt    *time.Time `json:"accepted_at,omitempty"`
}

// Role is a set of permissions with a name, of one project or of all.
type Role struct {
	Slug        string `json:"slug"`
	Name        string `json:"name"`
	Permissions int64  `json:"permissions"`
	ProjectID   *int   `json:"project_id"`
}

// TemplateRole is what a role may do on one template besides.
type TemplateRole struct {
	ID          int    `json:"id"`
	RoleSlug    string `json:"role_slug"`
	TemplateID  int    `json:"template_id"`
	ProjectID   int    `json:"project_id"`
	Permissions int64  `json:"permissions"`
}

// Event is an entry of the activity of a project.
type Event struct {
	ID            int       `json:"-" stored:"id"`
	UserID        *int      `json:"user_id"`
	ProjectID     *int      `json:"project_id"`
	IntegrationID *int      `json:"integration_id"`
	ObjectID      *int      `json:"object_id"`
	ObjectType    *string   `json:"object_type"`
	Description   *string   `json:"description"`
	Created       time.Time `json:"created"`
	// ObjectName is the playbook of a task that still exists, otherwise empty.
	ObjectName  string  `json:"object_name"`
	ProjectName *string `json:"project_name"`
	Username    *string `json:"username"`
}
