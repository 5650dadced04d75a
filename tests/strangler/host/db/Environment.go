package db

// EnvironmentSecretType is how a secret reaches the program.
type EnvironmentSecretType string

// The ways of a secret: as a variable of the app, as a variable of the process.
const (
	EnvironmentSecretVar EnvironmentSecretType = "var"
	EnvironmentSecretEnv EnvironmentSecretType = "env"
)

// EnvironmentSecret is one secret of an environment.
type EnvironmentSecret struct {
	ID     int                   `json:"id"`
	Type   EnvironmentSecretType `json:"type"`
	Name   string                `json:"name"`
	Secret string                `json:"secret"`
}

// Environment is a set of variables: JSON for the app, ENV (a JSON object too) for the process.
type Environment struct {
	ID        int                 `json:"id"`
	Name      string              `json:"name"`
	ProjectID int                 `json:"project_id"`
	JSON      string              `json:"json"`
	ENV       *string             `json:"env"`
	Secrets   []EnvironmentSecret `json:"secrets,omitempty"`
}
