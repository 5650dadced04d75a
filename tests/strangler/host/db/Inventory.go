package db

// InventoryType is where the hosts come from.
type InventoryType string

// The kinds of inventories.
const (
	InventoryStatic              InventoryType = "static"
	InventoryStaticYaml          InventoryType = "static-yaml"
	InventoryFile                InventoryType = "file"
	InventoryTerraformWorkspace  InventoryType = "terraform-workspace"
	InventoryTofuWorkspace       InventoryType = "tofu-workspace"
	InventoryTerragruntWorkspace InventoryType = "terragrunt-workspace"
)

// IsStatic says whether the row itself holds the hosts.
func (i InventoryType) IsStatic() bool { return i == InventoryStatic || i == InventoryStaticYaml }

// Inventory is a list of hosts, a file with one, or a workspace.
type Inventory struct {
	ID        int           `json:"id"`
	Name      string        `json:"name"`
	ProjectID int           `json:"project_id"`
	Inventory string        `json:"inventory"`
	Type      InventoryType `json:"type"`

	SSHKeyID    *int      `json:"ssh_key_id"`
	SSHKey      AccessKey `json:"-"`
	BecomeKeyID *int      `json:"become_key_id"`
	BecomeKey   AccessKey `json:"-"`

	RepositoryID *int        `json:"repository_id"`
	Repository   *Repository `json:"-"`
}

// GetFilename is the file of an inventory that is one.
func (e Inventory) GetFilename() string {
	if e.Type == InventoryFile {
		return e.Inventory
	}
	return ""
}
