package tasks

import (
	"errors"
	"os"
	"path"
	"strconv"

	"example.org/minihost/db"
	"example.org/minihost/db_lib"
	"example.org/minihost/util"
)

// installInventory brings the keys of the hosts into use, and the list of hosts into a file.
func (t *LocalJob) installInventory() (err error) {
	if t.Inventory.SSHKeyID != nil {
		if t.sshKeyInstallation, err = t.KeyInstaller.Install(t.Inventory.SSHKey, db.AccessKeyRoleAnsibleUser, t.Logger); err != nil {
			return err
		}
	}
	if t.Inventory.BecomeKeyID != nil {
		if t.becomeKeyInstallation, err = t.KeyInstaller.Install(t.Inventory.BecomeKey, db.AccessKeyRoleAnsibleBecomeUser, t.Logger); err != nil {
			return err
		}
	}
	switch {
	case t.Inventory.Type.IsStatic():
		return t.installStaticInventory()
	case t.Inventory.Type == db.InventoryFile:
		return t.cloneInventoryRepo(t.KeyInstaller)
	}
	return nil
}

func (t *LocalJob) tmpInventoryFilename() string {
	name := "inventory_" + strconv.Itoa(t.Inventory.ID)
	if t.Inventory.Repository != nil {
		name = t.Inventory.Repository.GetDirName(t.Template.ID) + "_" + name
	}
	return name
}

func (t *LocalJob) tmpInventoryFullPath() string {
	if t.Inventory.Repository != nil && t.Inventory.Repository.GetType() == db.RepositoryLocal {
		return t.Inventory.Repository.GitURL
	}
	name := t.tmpInventoryFilename()
	if t.Inventory.Type == db.InventoryStaticYaml {
		name += ".yml"
	}
	return path.Join(util.Config.GetProjectTmpDir(t.Template.ProjectID), name)
}

func (t *LocalJob) cloneInventoryRepo(keyInstaller db_lib.AccessKeyInstaller) error {
	if t.Inventory.Repository == nil || t.Inventory.Repository.GetType() == db.RepositoryLocal {
		return nil
	}
	t.Log("cloning inventory repository")
	repository := db_lib.GitRepository{
		Logger: t.Logger, TmpDirName: t.tmpInventoryFilename(), Repository: *t.Inventory.Repository, Client: db_lib.CreateDefaultGitClient(keyInstaller),
	}
	if repository.ValidateRepo() == nil && repository.CanBePulled() && repository.Pull() == nil {
		return nil
	}
	if err := os.RemoveAll(repository.GetFullPath()); err != nil {
		return err
	}
	return repository.Clone()
}

func (t *LocalJob) installStaticInventory() error {
	t.Log("installing static inventory")
	return os.WriteFile(t.tmpInventoryFullPath(), []byte(t.Inventory.Inventory), 0o664)
}

func (t *LocalJob) destroyInventoryFile() {
	if !t.Inventory.Type.IsStatic() {
		return
	}
	if err := os.Remove(t.tmpInventoryFullPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Log("the inventory file stays: " + err.Error())
	}
}

func (t *LocalJob) destroyKeys() {
	installations := map[string]interface{ Destroy() error }{"user": &t.sshKeyInstallation, "become user": &t.becomeKeyInstallation}
	for name, vault := range t.vaultFileInstallations {
		installations["vault "+name] = &vault
	}
	for name, installation := range installations {
		if err := installation.Destroy(); err != nil {
			t.Log("the key of the " + name + " stays in use: " + err.Error())
		}
	}
}
