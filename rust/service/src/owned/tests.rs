//! The rules about ids: nobody reaches an object of another project, and what is refused leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use semaphore_model::{
    AccessKey, AccessKeyType, Environment, EnvironmentSecret, EnvironmentSecretOperation, EnvironmentSecretType,
    Inventory, InventoryType, LoginPassword, Project, Repository, Template, TemplateApp, TemplateType, TemplateVault,
    TemplateVaultType, View,
};
use semaphore_store::{AccessKeyFilter, InventoryFilter, ListOptions, TemplateFilter};

use crate::{Error, Kind, event::EventRange, fixture::Fixture, project::NewProject};

fn key(project: &Project, name: &str) -> AccessKey {
    AccessKey {
        name: name.to_owned(),
        r#type: AccessKeyType::LoginPassword,
        project_id: Some(project.id),
        login_password: LoginPassword { login: "bob".into(), password: "s3cret".into() },
        ..AccessKey::default()
    }
}

impl Fixture {
    async fn repository(&self, project: &Project) -> Repository {
        let repository = Repository {
            name: "Repository".into(),
            project_id: project.id,
            git_url: "file:///srv/repository".into(),
            git_branch: "main".into(),
            ssh_key_id: self.none_key(project).await,
            ..Repository::default()
        };
        self.services.create_repository(self.user(), project.id, repository).await.unwrap()
    }

    async fn none_key(&self, project: &Project) -> semaphore_model::AccessKeyId {
        self.services.keys(project.id, &ListOptions::default()).await.unwrap()[0].id
    }

    async fn template(&self, project: &Project, name: &str) -> Template {
        let template = Template {
            name: name.into(),
            app: TemplateApp::Bash,
            playbook: "hello.sh".into(),
            repository_id: self.repository(project).await.id,
            ..Template::default()
        };
        self.services.create_template(self.user(), project.id, template).await.unwrap()
    }

    /// Numbers of objects and events of a project.
    async fn census(&self, project: &Project) -> [usize; 7] {
        let options = ListOptions::default();
        let store = &self.services.store;
        let inventories = InventoryFilter { any_template: true, ..InventoryFilter::default() };
        [
            store.list_access_keys(project.id, AccessKeyFilter::All, &options).await.unwrap().len(),
            store.list_repositories(project.id, &options).await.unwrap().len(),
            store.list_inventories(project.id, &inventories, &options).await.unwrap().len(),
            store.list_environments(project.id, &options).await.unwrap().len(),
            store.list_views(project.id).await.unwrap().len(),
            store.list_templates(project.id, self.user(), &TemplateFilter::default(), &options).await.unwrap().len(),
            self.services.project_events(project.id, EventRange::All).await.unwrap().len(),
        ]
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>, kind: Kind) {
    assert_eq!(answer.expect_err("must be refused").kind, kind);
}

#[tokio::test]
async fn objects_of_another_project_are_unknown() {
    let fixture = Fixture::new().await;
    let (services, project, other) = (&fixture.services, &fixture.project, &fixture.other);
    let template = fixture.template(other, "Theirs").await;
    let view = services.views(other.id).await.unwrap()[0].id;
    let environment = template
        .environment_id
        .unwrap_or(services.environments(other.id, &ListOptions::default()).await.unwrap()[0].id);
    refused(services.find::<AccessKey>(project.id, fixture.none_key(other).await).await, Kind::NotFound);
    refused(services.find::<Repository>(project.id, template.repository_id).await, Kind::NotFound);
    refused(services.find::<Template>(project.id, template.id).await, Kind::NotFound);
    refused(services.find::<View>(project.id, view).await, Kind::NotFound);
    refused(services.find::<Environment>(project.id, environment).await, Kind::NotFound);
    assert!(services.find::<Template>(other.id, template.id).await.is_ok());
}

#[tokio::test]
async fn a_body_for_another_project_stores_nothing_anywhere() {
    let fixture = Fixture::new().await;
    let (services, user, project, other) = (&fixture.services, fixture.user(), &fixture.project, &fixture.other);
    let before = (fixture.census(project).await, fixture.census(other).await);
    refused(services.create_key(user, project.id, key(other, "x")).await, Kind::Invalid);
    let repository = Repository {
        name: "x".into(),
        project_id: other.id,
        git_url: "file:///x".into(),
        git_branch: "main".into(),
        ssh_key_id: fixture.none_key(other).await,
        ..Repository::default()
    };
    refused(services.create_repository(user, project.id, repository).await, Kind::Invalid);
    let environment = Environment { name: "x".into(), project_id: other.id, ..Environment::default() };
    refused(services.create_environment(user, project.id, environment).await, Kind::Invalid);
    let view = View { title: "x".into(), project_id: other.id, ..View::default() };
    refused(services.create_view(user, project.id, view).await, Kind::Invalid);
    let inventory =
        Inventory { name: "x".into(), project_id: other.id, r#type: InventoryType::Static, ..Inventory::default() };
    refused(services.create_inventory(user, project.id, inventory).await, Kind::Invalid);
    assert_eq!((fixture.census(project).await, fixture.census(other).await), before);
}

#[tokio::test]
async fn a_key_is_changed_by_its_own_path_only() {
    let fixture = Fixture::new().await;
    let (services, user, project, other) = (&fixture.services, fixture.user(), &fixture.project, &fixture.other);
    let mine = services.create_key(user, project.id, key(project, "Mine")).await.unwrap();
    let theirs = services.create_key(user, other.id, key(other, "Theirs")).await.unwrap();
    let owned = services.find::<AccessKey>(project.id, mine.id).await.unwrap();
    for body in [
        AccessKey { id: theirs.id, project_id: Some(other.id), override_secret: true, ..key(other, "Stolen") },
        AccessKey { id: theirs.id, project_id: Some(project.id), ..key(project, "Stolen") },
        AccessKey { id: mine.id, ..key(other, "Stolen") },
    ] {
        refused(services.update_key(user, &owned, body).await, Kind::Invalid);
    }
    let stored = services.find::<AccessKey>(other.id, theirs.id).await.unwrap();
    assert_eq!(stored.name, "Theirs");
    // Without id and project the path counts; without override the secret stays.
    let body = AccessKey { name: "Renamed".into(), ..AccessKey::default() };
    services.update_key(user, &owned, body).await.unwrap();
    let stored = services.find::<AccessKey>(project.id, mine.id).await.unwrap().into_inner();
    assert_eq!(stored.name, "Renamed");
    assert_eq!(services.open(stored).await.unwrap().login_password.password.expose(), "s3cret");
}

#[tokio::test]
async fn no_answer_holds_a_secret_and_the_database_only_its_cipher() {
    let fixture = Fixture::new().await;
    let (services, user, project) = (&fixture.services, fixture.user(), &fixture.project);
    let created = services.create_key(user, project.id, key(project, "Key")).await.unwrap();
    let listed = services.keys(project.id, &ListOptions::default()).await.unwrap();
    for text in [serde_json::to_string(&created).unwrap(), serde_json::to_string(&listed).unwrap()] {
        assert!(!text.contains("s3cret") && !text.contains("bob"), "{text}");
    }
    let stored = services.find::<AccessKey>(project.id, created.id).await.unwrap();
    let secret = stored.secret.as_ref().unwrap().expose();
    assert!(!secret.contains("s3cret") && secret.len() > 40, "{secret}");
}

#[tokio::test]
async fn templates_take_nothing_from_another_project() {
    let fixture = Fixture::new().await;
    let (services, user, project, other) = (&fixture.services, fixture.user(), &fixture.project, &fixture.other);
    let mine = fixture.template(project, "Mine").await;
    let theirs = fixture.template(other, "Theirs").await;
    let their_key = services.create_key(user, other.id, key(other, "Vault")).await.unwrap();
    let their_inventory =
        Inventory { name: "Hosts".into(), project_id: other.id, r#type: InventoryType::Static, ..Inventory::default() };
    let their_inventory = services.create_inventory(user, other.id, their_inventory).await.unwrap();
    let their_view = services.views(other.id).await.unwrap()[0].id;
    let their_environment = services.environments(other.id, &ListOptions::default()).await.unwrap()[0].id;
    let vault = TemplateVault {
        r#type: TemplateVaultType::Password,
        vault_key_id: Some(their_key.id),
        ..TemplateVault::default()
    };
    let bodies = [
        Template { repository_id: theirs.repository_id, ..mine.clone() },
        Template { inventory_id: Some(their_inventory.id), ..mine.clone() },
        Template { environment_id: Some(their_environment), ..mine.clone() },
        Template { view_id: Some(their_view), ..mine.clone() },
        Template { r#type: TemplateType::Deploy, build_template_id: Some(theirs.id), ..mine.clone() },
        Template { vaults: vec![vault], ..mine.clone() },
    ];
    let before = (fixture.census(project).await, fixture.census(other).await);
    let owned = services.find::<Template>(project.id, mine.id).await.unwrap();
    for body in bodies {
        refused(services.create_template(user, project.id, body.clone()).await, Kind::Invalid);
        refused(services.update_template(user, &owned, body).await, Kind::Invalid);
    }
    refused(
        services.create_template(user, project.id, Template { app: "nosuch".into(), ..mine.clone() }).await,
        Kind::Invalid,
    );
    assert_eq!((fixture.census(project).await, fixture.census(other).await), before);
    assert_eq!(services.template(project.id, mine.id).await.unwrap(), mine);
}

#[tokio::test]
async fn a_copied_template_leaves_the_vaults_of_the_original() {
    let fixture = Fixture::new().await;
    let (services, user, project) = (&fixture.services, fixture.user(), &fixture.project);
    let vault_key = services.create_key(user, project.id, key(project, "Vault")).await.unwrap();
    let vault = TemplateVault {
        r#type: TemplateVaultType::Password,
        vault_key_id: Some(vault_key.id),
        name: Some("v".into()),
        ..TemplateVault::default()
    };
    let body = Template { vaults: vec![vault], app: TemplateApp::Terraform, ..fixture.template(project, "T").await };
    let original = services.create_template(user, project.id, body).await.unwrap();
    let original = services.template(project.id, original.id).await.unwrap();
    // A Terraform template without an inventory gets a workspace of its own.
    let workspace = services.find::<Inventory>(project.id, original.inventory_id.unwrap()).await.unwrap();
    assert_eq!((workspace.template_id, &workspace.r#type), (Some(original.id), &InventoryType::TerraformWorkspace));
    let copy =
        services.create_template(user, project.id, Template { inventory_id: None, ..original.clone() }).await.unwrap();
    let copy = services.template(project.id, copy.id).await.unwrap();
    assert_eq!(
        (copy.vaults.len(), services.template(project.id, original.id).await.unwrap().vaults),
        (1, original.vaults.clone())
    );
    // And a vault of another template cannot be named in a change.
    let owned = services.find::<Template>(project.id, original.id).await.unwrap();
    let body = Template { vaults: copy.vaults, ..original.clone() };
    refused(services.update_template(user, &owned, body).await, Kind::Invalid);
}

#[tokio::test]
async fn a_view_stays_in_its_project() {
    let fixture = Fixture::new().await;
    let (services, user, project, other) = (&fixture.services, fixture.user(), &fixture.project, &fixture.other);
    let view = services.views(project.id).await.unwrap().remove(0);
    let owned = services.find::<View>(project.id, view.id).await.unwrap();
    let moved = View { project_id: other.id, ..view.clone() };
    refused(services.update_view(user, &owned, moved).await, Kind::Invalid);
    assert_eq!(
        (services.views(project.id).await.unwrap().len(), services.views(other.id).await.unwrap().len()),
        (1, 1)
    );
    // Positions of views of another project are passed over.
    let theirs = services.views(other.id).await.unwrap().remove(0);
    let positions = [(theirs.id.to_string(), Some(9))].into();
    services.set_view_positions(project.id, &positions).await.unwrap();
    assert_eq!(services.views(other.id).await.unwrap()[0], theirs);
}

#[tokio::test]
async fn addresses_that_git_would_misread_are_refused() {
    let fixture = Fixture::new().await;
    let (services, user, project) = (&fixture.services, fixture.user(), &fixture.project);
    let good = fixture.repository(project).await;
    let owned = services.find::<Repository>(project.id, good.id).await.unwrap();
    let before = fixture.census(project).await;
    for (url, branch) in [
        ("--upload-pack=touch /tmp/x", "main"),
        ("ext::sh -c whoami", "main"),
        ("ssh://-oProxyCommand=x/a", "main"),
        ("https://host/a\nb", "main"),
        ("file:///srv/repository", "--upload-pack=x"),
    ] {
        let body = Repository { git_url: url.into(), git_branch: branch.into(), ..good.clone() };
        refused(services.create_repository(user, project.id, body.clone()).await, Kind::Invalid);
        refused(services.update_repository(user, &owned, body).await, Kind::Invalid);
    }
    assert_eq!(fixture.census(project).await, before);
}

#[tokio::test]
async fn a_refused_secret_changes_nothing_of_its_environment() {
    let fixture = Fixture::new().await;
    let (services, user, project) = (&fixture.services, fixture.user(), &fixture.project);
    let secret = |id: semaphore_model::AccessKeyId, operation| EnvironmentSecret {
        id,
        name: "TOKEN".into(),
        secret: "hidden".into(),
        r#type: EnvironmentSecretType::Environment,
        operation,
    };
    let environment = |name: &str, secret| Environment {
        name: name.into(),
        project_id: project.id,
        secrets: vec![secret],
        ..Environment::default()
    };
    let create = EnvironmentSecretOperation::Create;
    let body = environment("First", secret(0.into(), create.clone()));
    let first = services.create_environment(user, project.id, body).await.unwrap();
    let second = services
        .create_environment(user, project.id, environment("Second", secret(0.into(), create.clone())))
        .await
        .unwrap();
    let of_second = services.find::<Environment>(project.id, second.id).await.unwrap();
    let foreign = services.environment_with_secrets(of_second).await.unwrap().secrets[0].id;
    let plain = fixture.none_key(project).await;

    let before = fixture.census(project).await;
    let owned = services.find::<Environment>(project.id, first.id).await.unwrap();
    for id in [foreign, plain] {
        for operation in [EnvironmentSecretOperation::Update, EnvironmentSecretOperation::Delete] {
            let body = Environment { id: first.id, ..environment("Renamed", secret(id, operation)) };
            refused(services.update_environment(user, &owned, body).await, Kind::NotFound);
        }
    }
    let odd = EnvironmentSecret { r#type: "file".into(), ..secret(0.into(), create) };
    refused(services.create_environment(user, project.id, environment("Third", odd)).await, Kind::Invalid);
    assert_eq!(fixture.census(project).await, before);
    assert_eq!(services.find::<Environment>(project.id, first.id).await.unwrap().name, "First");
}

#[tokio::test]
async fn an_inventory_file_outside_the_repository_is_refused_at_once() {
    let fixture = Fixture::new().await;
    let (services, user, project) = (&fixture.services, fixture.user(), &fixture.project);
    let body = |path: &str| Inventory {
        name: "File".into(),
        project_id: project.id,
        r#type: InventoryType::File,
        inventory: path.into(),
        ..Inventory::default()
    };
    for path in ["/etc/passwd", "../../etc/passwd"] {
        refused(services.create_inventory(user, project.id, body(path)).await, Kind::Invalid);
    }
    services.create_inventory(user, project.id, body("inventory/hosts")).await.unwrap();
}

#[tokio::test]
async fn a_demo_project_has_its_examples() {
    let fixture = Fixture::new().await;
    let body = NewProject { name: "Demo".into(), demo: true, ..NewProject::default() };
    let demo = fixture.services.create_project(&fixture.admin, body).await.unwrap();
    assert_eq!(fixture.census(&demo).await, [2, 1, 3, 1, 4, 8, 1]);
    assert_eq!(fixture.census(&fixture.project).await, [1, 0, 0, 1, 1, 0, 1]);
}
