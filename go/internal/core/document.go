package core

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"
)

// ErrNotUTF8 is why a document is refused whose texts JSON would change silently.
var ErrNotUTF8 = errors.New("semaphore: a text of the specification is not UTF-8")

// Document encodes a specification. Nothing in it is changed on its way.
func Document(specification any) ([]byte, error) {
	encoded, err := json.Marshal(specification)
	if err != nil {
		return nil, err
	}
	// Marshal writes this escape only for bytes that are not UTF-8; one that is text follows an escaped backslash.
	for rest := encoded; ; {
		at := bytes.Index(rest, []byte(`\ufffd`))
		if at < 0 {
			return encoded, nil
		}
		if (at-len(bytes.TrimRight(rest[:at], `\`)))%2 == 0 {
			return nil, ErrNotUTF8
		}
		rest = rest[at+1:]
	}
}

// Prefixed puts texts behind their lengths, as the library takes secrets.
func Prefixed(texts ...[]byte) []byte {
	var encoded []byte
	for _, text := range texts {
		encoded = binary.LittleEndian.AppendUint32(encoded, uint32(len(text)))
		encoded = append(encoded, text...)
	}
	return encoded
}

// Milliseconds never turns a short time into 0, which means something else.
func Milliseconds(d time.Duration) int64 {
	if d > 0 && d < time.Millisecond {
		return 1
	}
	return d.Milliseconds()
}

// Config is what jobs and git are told about the machine. It comes with every call, so that a host may change its own.
type Config struct {
	// TmpPath is the directory below which clones, homes and inventories lie; absolute.
	TmpPath string
	// Path is PATH of the programs; they are looked for there.
	Path string
	// Home is HOME of the host.
	Home string
	// HomeDirMode is which HOME a job sees: template_dir (the default), project_home or user_home.
	HomeDirMode string
	// Env holds forwarded, then configured variables, NAME and value, without PATH and HOME.
	Env [][2]string
	// Apps replaces programs and leading arguments, by app id.
	Apps map[string]App
	// SSHConfigPath is given to ssh with -F.
	SSHConfigPath string
	// GitClient is cmd_git (the default) or go_git.
	GitClient string
	// Process is as whom and below which root programs run.
	Process Process
	// PromptTimeout ends a job whose program asks for something that nobody answers; 0 means never.
	PromptTimeout time.Duration
	// TerraformStopTimeout is what a stopped Terraform gets to end in order; 0 means two minutes.
	TerraformStopTimeout time.Duration
}

// App is an entry of the server's configuration of apps.
type App struct {
	// Path is the program instead of the app's own; empty means unchanged.
	Path string `json:"path"`
	// Args are the arguments before the script instead of the app's own; nil means unchanged.
	Args []string `json:"args"`
}

// Process is as whom and below which root programs run; nil and empty mean as this process.
type Process struct {
	User   string
	UID    *uint32
	GID    *uint32
	Chroot string
}

// MarshalJSON writes the library's form.
func (p Process) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		User   *string `json:"user"`
		UID    *uint32 `json:"uid"`
		GID    *uint32 `json:"gid"`
		Chroot *string `json:"chroot"`
	}{optional(p.User), p.UID, p.GID, optional(p.Chroot)})
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// MarshalJSON writes the library's form.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		TmpPath       string         `json:"tmp_path"`
		Path          string         `json:"path"`
		Home          string         `json:"home"`
		HomeDirMode   string         `json:"home_dir_mode,omitempty"`
		Env           [][2]string    `json:"env,omitempty"`
		Apps          map[string]App `json:"apps,omitempty"`
		SSHConfigPath *string        `json:"ssh_config_path"`
		GitClient     string         `json:"git_client,omitempty"`
		Process       Process        `json:"process"`
		PromptMS      int64          `json:"prompt_timeout_ms,omitempty"`
		TerraformMS   int64          `json:"terraform_stop_timeout_ms,omitempty"`
	}{
		c.TmpPath, c.Path, c.Home, c.HomeDirMode, c.Env, c.Apps, optional(c.SSHConfigPath), c.GitClient,
		c.Process,
		Milliseconds(c.PromptTimeout), Milliseconds(c.TerraformStopTimeout),
	})
}
