//! What a project made with `demo` contains: the examples that the public demo repository goes with.
//!
//! Reference: `createDemoProject`. Names, order and contents are kept, so that guides written for it fit; ids follow from the
//! order.

use semaphore_model::{
    AccessKey, AccessKeyId, AccessKeyType, EnvironmentId, Inventory, InventoryId, InventoryType, LoginPassword,
    ProjectId, Repository, RepositoryId, Template, TemplateApp, TemplateId, TemplateType, TemplateVault,
    TemplateVaultType, View, ViewId,
};
use semaphore_store::Transaction;

use crate::{error::Result, services::Services};

/// Opens the vault in the public demo repository; no secret.
const VAULT_PASSWORD: &str = "RAX6yKN7sBn2qDagRPls";
const REPOSITORY: &str = "https://github.com/semaphoreui/semaphore-demo.git";

impl Services {
    /// The demo's vault password as a key without a project, encrypted.
    pub(super) fn demo_vault_key(&self) -> Result<AccessKey> {
        let mut key = AccessKey {
            name: "Vault Password".to_owned(),
            r#type: AccessKeyType::LoginPassword,
            login_password: LoginPassword { login: String::new(), password: VAULT_PASSWORD.into() },
            ..AccessKey::default()
        };
        self.seal(&mut key)?;
        Ok(key)
    }
}

/// Adds the examples to a new project.
pub(super) async fn insert(
    transaction: &mut Transaction,
    project: ProjectId,
    none_key: AccessKeyId,
    environment: EnvironmentId,
    vault_key: AccessKey,
) -> Result<()> {
    let mut views = Vec::new();
    for (position, title) in (0..).zip(["Build", "Deploy", "Tools"]) {
        let view = View { project_id: project, title: title.to_owned(), position, ..View::default() };
        views.push(transaction.insert_view(view).await?.id);
    }
    let vault_key = transaction.insert_access_key(AccessKey { project_id: Some(project), ..vault_key }).await?;
    let repository = Repository {
        name: "Demo".to_owned(),
        project_id: project,
        git_url: REPOSITORY.to_owned(),
        git_branch: "main".to_owned(),
        ssh_key_id: none_key,
        ..Repository::default()
    };
    let repository = transaction.insert_repository(repository).await?;
    let mut inventories = Vec::new();
    for (name, text, kind) in [
        ("Build", "[builder]\nlocalhost ansible_connection=local", InventoryType::Static),
        ("Dev", "invs/dev/hosts", InventoryType::File),
        ("Prod", "invs/prod/hosts", InventoryType::File),
    ] {
        let inventory = Inventory {
            name: name.to_owned(),
            project_id: project,
            inventory: text.to_owned(),
            ssh_key_id: Some(none_key),
            r#type: kind,
            ..Inventory::default()
        };
        inventories.push(transaction.insert_inventory(inventory).await?.id);
    }
    if let ([build, deploy, tools], [build_inventory, dev, prod]) = (views.as_slice(), inventories.as_slice()) {
        let parts = Parts {
            project,
            repository: repository.id,
            environment,
            vault_key: vault_key.id,
            build: *build,
            deploy: *deploy,
            tools: *tools,
            build_inventory: *build_inventory,
            dev: *dev,
            prod: *prod,
        };
        insert_templates(transaction, &parts).await?;
    }
    Ok(())
}

/// What the templates of the demo are made of.
struct Parts {
    project: ProjectId,
    repository: RepositoryId,
    environment: EnvironmentId,
    vault_key: AccessKeyId,
    build: ViewId,
    deploy: ViewId,
    tools: ViewId,
    build_inventory: InventoryId,
    dev: InventoryId,
    prod: InventoryId,
}

impl Parts {
    fn template(&self, name: &str, playbook: &str, app: TemplateApp, view: ViewId) -> Template {
        Template {
            name: name.to_owned(),
            playbook: playbook.to_owned(),
            app,
            view_id: Some(view),
            project_id: self.project,
            repository_id: self.repository,
            environment_id: Some(self.environment),
            ..Template::default()
        }
    }

    fn deployment(&self, name: &str, inventory: InventoryId, builds: TemplateId) -> Template {
        let vault = TemplateVault {
            vault_key_id: Some(self.vault_key),
            r#type: TemplateVaultType::Password,
            ..TemplateVault::default()
        };
        Template {
            r#type: TemplateType::Deploy,
            inventory_id: Some(inventory),
            build_template_id: Some(builds),
            vaults: vec![vault],
            ..self.template(name, "deploy.yml", TemplateApp::Ansible, self.deploy)
        }
    }
}

async fn insert_templates(transaction: &mut Transaction, parts: &Parts) -> Result<()> {
    let ping = Template {
        description: Some("Pings the website to provide a real-world example of using Semaphore.".to_owned()),
        inventory_id: Some(parts.prod),
        ..parts.template("Ping semaphoreui.com", "ping.yml", TemplateApp::Ansible, parts.tools)
    };
    transaction.insert_template(ping).await?;
    let build = Template {
        r#type: TemplateType::Build,
        start_version: Some("1.0.0".to_owned()),
        inventory_id: Some(parts.build_inventory),
        ..parts.template("Build demo app", "build.yml", TemplateApp::Ansible, parts.build)
    };
    let build = transaction.insert_template(build).await?.id;
    let to_dev = Template { autorun: true, ..parts.deployment("Deploy demo app to Dev", parts.dev, build) };
    transaction.insert_template(to_dev).await?;
    transaction.insert_template(parts.deployment("Deploy demo app to Production", parts.prod, build)).await?;
    for (name, app) in [
        ("Apply infrastructure (OpenTofu)", TemplateApp::Tofu),
        ("Apply infrastructure (Terragrunt)", TemplateApp::Terragrunt),
    ] {
        let apply = Template { build_template_id: Some(build), ..parts.template(name, "", app, parts.build) };
        transaction.insert_template(apply).await?;
    }
    for (name, playbook, app) in [
        ("Print system info (Bash)", "print_system_info.sh", TemplateApp::Bash),
        ("Print system info (PowerShell)", "print_system_info.ps1", TemplateApp::PowerShell),
    ] {
        let print = Template {
            inventory_id: Some(parts.prod),
            build_template_id: Some(build),
            ..parts.template(name, playbook, app, parts.tools)
        };
        transaction.insert_template(print).await?;
    }
    Ok(())
}
