//! Each entity is made, read, changed, listed and removed, and the rules between them hold.

use crate::fixture::{self, Database, stories};
use chrono::{DateTime, Utc};
use semaphore_model::{
    AccessKey, AccessKeyOwner, AccessKeyType, ApiToken, Environment, Event, EventObject, Inventory, InventoryType,
    Permissions, ProjectId, ProjectRole, ProjectUser, Repository, Secret, Session, SessionId, SurveyVariable, Task,
    TaskStatus, Template, TemplateApp, TemplateVault, TemplateVaultType, User, UserId, View, ViewType,
};
use semaphore_store::{
    AccessKeyFilter, InventoryFilter, ListOptions, Page, SessionActivity, SqliteOptions, Store, StoreError, TaskFilter,
    TemplateFilter,
};

/// A project with one of everything a template needs.
pub(crate) struct Project {
    pub(crate) id: ProjectId,
    pub(crate) owner: User,
    pub(crate) key: AccessKey,
    pub(crate) repository: Repository,
    pub(crate) inventory: Inventory,
    pub(crate) environment: Environment,
    pub(crate) template: Template,
}

impl Project {
    pub(crate) async fn make(store: &Store) -> Self {
        let owner = store.insert_user(user("owner")).await.unwrap();
        let project = semaphore_model::Project { name: "First".into(), ..semaphore_model::Project::default() };
        let id = store.insert_project_with_owner(project, owner.id).await.unwrap().id;
        let key = AccessKey { name: "None".into(), project_id: Some(id), ..AccessKey::default() };
        let key = store.insert_access_key(key).await.unwrap();
        let repository = Repository {
            name: "Main".into(),
            project_id: id,
            git_url: "/srv/repository".into(),
            ssh_key_id: key.id,
            ..Repository::default()
        };
        let repository = store.insert_repository(repository).await.unwrap();
        let inventory = Inventory {
            name: "Local".into(),
            project_id: id,
            inventory: "localhost".into(),
            r#type: InventoryType::Static,
            ssh_key_id: Some(key.id),
            ..Inventory::default()
        };
        let inventory = store.insert_inventory(inventory).await.unwrap();
        let environment =
            Environment { name: "Empty".into(), project_id: id, json: "{}".into(), ..Environment::default() };
        let environment = store.insert_environment(environment).await.unwrap();
        let template = Template {
            name: "Hello".into(),
            project_id: id,
            playbook: "hello.sh".into(),
            app: TemplateApp::Bash,
            repository_id: repository.id,
            inventory_id: Some(inventory.id),
            environment_id: Some(environment.id),
            ..Template::default()
        };
        let template = store.insert_template(template).await.unwrap();
        Self { id, owner, key, repository, inventory, environment, template }
    }

    pub(crate) fn task(&self) -> Task {
        Task {
            project_id: self.id,
            template_id: self.template.id,
            user_id: Some(self.owner.id),
            created: now(),
            ..Task::default()
        }
    }

    pub(crate) async fn start_task(&self, store: &Store) -> Task {
        store.insert_task(self.task()).await.unwrap()
    }
}

/// The present in whole seconds, which is all that MySQL keeps.
fn now() -> DateTime<Utc> {
    semaphore_model::time::truncate_to_second(Utc::now())
}

pub(crate) fn user(login: &str) -> User {
    User {
        username: login.into(),
        name: format!("Name of {login}"),
        email: format!("{login}@example.test"),
        password: Secret::new("hash"),
        ..User::default()
    }
}

fn sorted(column: &str, descending: bool) -> ListOptions {
    ListOptions { sort: Some(column.into()), descending, ..ListOptions::default() }
}

async fn users(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let ann = store.insert_user(user("ann")).await.unwrap();
    let bob = store.insert_user(user("b_b")).await.unwrap();
    assert_eq!(ann.created.timestamp_subsec_nanos(), 0);
    assert_eq!(store.get_user(ann.id).await.unwrap(), ann);
    assert_eq!(store.get_user_by_login_or_email("", "ann@example.test").await.unwrap(), ann);
    assert_eq!(store.get_user_by_login_or_email("b_b", "").await.unwrap().id, bob.id);
    // Reference: MySQL's own comparison does not tell small letters from capitals.
    let other_case = store.get_user_by_login_or_email("ANN", "").await;
    assert_eq!(other_case.is_ok(), database == Database::MariaDb);
    assert_eq!(store.count_users().await.unwrap(), 2);
    assert!(matches!(store.insert_user(user("ann")).await, Err(StoreError::Duplicate { .. })));
    let nameless = User { name: String::new(), ..user("x") };
    assert_eq!(store.insert_user(nameless).await.unwrap_err().to_string(), "Name cannot be empty");

    let names = |users: Vec<User>| users.into_iter().map(|user| user.username).collect::<Vec<_>>();
    assert_eq!(names(store.list_users("", &sorted("username", true)).await.unwrap()), ["b_b", "ann"]);
    assert_eq!(names(store.list_users("b_", &ListOptions::default()).await.unwrap()), ["b_b"]);
    assert!(store.list_users("b%", &ListOptions::default()).await.unwrap().is_empty());
    let error = store.list_users("", &sorted("password", false)).await.unwrap_err();
    assert_eq!(error.to_string(), "invalid sort column");

    let mut changed = ann.clone();
    changed.name = "Ann".into();
    changed.admin = true;
    changed.password = Secret::new("not written");
    store.update_user(&changed).await.unwrap();
    store.update_user_password(ann.id, &Secret::new("new hash")).await.unwrap();
    let found = store.get_user(ann.id).await.unwrap();
    assert_eq!((found.name.as_str(), found.admin, found.password.expose()), ("Ann", true, "new hash"));
    assert_eq!(store.list_administrators().await.unwrap().len(), 1);

    let totp = store.insert_user_totp(ann.id, &"otpauth://x".into(), &"recovery".into()).await.unwrap();
    assert_eq!(store.get_user(ann.id).await.unwrap().totp, Some(totp.clone()));
    assert!(matches!(
        store.insert_user_totp(ann.id, &"otpauth://y".into(), &"r".into()).await,
        Err(StoreError::Duplicate { .. })
    ));
    store.delete_user_totp(ann.id, totp.id).await.unwrap();
    assert!(store.get_user(ann.id).await.unwrap().totp.is_none());
    assert!(store.update_user(&User { id: UserId(99), ..changed }).await.unwrap_err().is_not_found());
}

async fn a_user_with_sessions_tasks_and_events_can_go(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let session = Session { user_id: project.owner.id, created: now(), ..Session::default() };
    let session = store.insert_session(session).await.unwrap();
    let event = Event { user_id: Some(project.owner.id), project_id: Some(project.id), ..Event::default() };
    store.insert_event(event).await.unwrap();
    store.delete_user(project.owner.id).await.unwrap();
    assert_eq!(store.get_task(project.id, task.id).await.unwrap().user_id, None);
    assert!(store.get_session_identity(project.owner.id, session.id).await.unwrap_err().is_not_found());
    assert_eq!(store.list_events_for_project(project.id, Page::default()).await.unwrap()[0].user_id, None);
    assert!(store.delete_user(project.owner.id).await.unwrap_err().is_not_found());
}

async fn sessions_and_tokens(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let ann = store.insert_user(user("ann")).await.unwrap();
    let now = now();
    let session = Session {
        user_id: ann.id,
        created: now,
        last_active: now,
        ip: "127.0.0.1".into(),
        user_agent: "test".into(),
        ..Session::default()
    };
    let session = store.insert_session(session).await.unwrap();
    let identity = store.get_session_identity(ann.id, session.id).await.unwrap();
    assert_eq!((identity.session.as_ref(), &identity.user), (Some(&session), &ann));
    assert!(store.get_session_identity(UserId(9), session.id).await.unwrap_err().is_not_found());
    assert!(store.get_session(ann.id, SessionId(9)).await.unwrap_err().is_not_found());

    // What is kept in memory gives way to every write.
    let later = now + chrono::TimeDelta::minutes(5);
    let activity = SessionActivity { user_id: ann.id, session_id: session.id, last_active: later };
    store.touch_sessions(&[activity]).await.unwrap();
    let identity = store.get_session_identity(ann.id, session.id).await.unwrap();
    assert_eq!(identity.session.as_ref().map(|session| session.last_active), Some(later));
    store.update_user(&User { name: "Ann".into(), ..ann.clone() }).await.unwrap();
    assert_eq!(store.get_session_identity(ann.id, session.id).await.unwrap().user.name, "Ann");
    store.verify_session(ann.id, session.id).await.unwrap();
    assert!(store.get_session(ann.id, session.id).await.unwrap().verified);
    store.expire_session(ann.id, session.id).await.unwrap();
    assert!(store.get_session_identity(ann.id, session.id).await.unwrap_err().is_not_found());

    let token = ApiToken { id: "abcdefg_hijk=".into(), user_id: ann.id, ..ApiToken::default() };
    let token = store.insert_api_token(token).await.unwrap();
    assert_eq!(store.get_token_identity(&token.id).await.unwrap().token, Some(token.clone()));
    assert_eq!(store.list_api_tokens(ann.id).await.unwrap(), std::slice::from_ref(&token));
    store.expire_api_token(ann.id, &token.id).await.unwrap();
    assert!(store.get_token_identity(&token.id).await.unwrap_err().is_not_found());
    assert!(store.delete_api_token(ann.id, &"abcdefgxhijk=".into()).await.unwrap_err().is_not_found());
    store.delete_api_token(ann.id, &token.id).await.unwrap();
    assert_eq!(store.list_api_tokens(ann.id).await.unwrap(), []);
}

#[tokio::test]
async fn writes_of_another_process_are_seen_within_a_second() {
    let (store, directory) = fixture::empty().await;
    let ann = store.insert_user(user("ann")).await.unwrap();
    let project = semaphore_model::Project { name: "Old".into(), ..semaphore_model::Project::default() };
    store.insert_project_with_owner(project, ann.id).await.unwrap();
    assert_eq!(store.list_projects_for_user(ann.id).await.unwrap()[0].name, "Old");
    let other = Store::open(SqliteOptions::new(directory.path().join("database.sqlite"))).await.unwrap();
    let mut project = other.list_projects().await.unwrap()[0].clone();
    project.name = "New".into();
    other.update_project(&project).await.unwrap();
    let clock = std::time::Instant::now();
    while store.list_projects_for_user(ann.id).await.unwrap()[0].name != "New" {
        assert!(clock.elapsed().as_secs_f32() < 1.5, "still unseen");
        tokio::task::yield_now().await;
    }
}

async fn projects_and_members(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let bob = store.insert_user(user("bob")).await.unwrap();
    let access = store.get_project_access(project.id, project.owner.id).await.unwrap();
    assert_eq!((access.role.clone(), access.permissions), (ProjectRole::Owner, Permissions::ALL));
    let outside = store.get_project_access(project.id, bob.id).await.unwrap();
    assert!(!outside.is_member() && outside.permissions == Permissions::NONE);
    assert!(store.get_project_access(ProjectId(99), bob.id).await.unwrap_err().is_not_found());

    let mut member = ProjectUser { project_id: project.id, user_id: bob.id, role: ProjectRole::Guest };
    store.insert_project_user(&member).await.unwrap();
    assert!(matches!(store.insert_project_user(&member).await, Err(StoreError::Duplicate { .. })));
    member.role = ProjectRole::Manager;
    store.update_project_user(&member).await.unwrap();
    assert_eq!(store.get_project_user(project.id, bob.id).await.unwrap(), member);
    let members = store.list_project_users(project.id, &sorted("role", true)).await.unwrap();
    assert_eq!(members.iter().map(|member| member.role.as_str()).collect::<Vec<_>>(), ["owner", "manager"]);
    assert_eq!(store.count_project_users_with_role(project.id, &ProjectRole::Owner).await.unwrap(), 1);
    assert_eq!(store.list_projects_for_user(bob.id).await.unwrap().len(), 1);
    store.delete_project_user(project.id, bob.id).await.unwrap();
    assert!(store.list_projects_for_user(bob.id).await.unwrap().is_empty());

    let changed = semaphore_model::Project {
        id: project.id,
        name: "Renamed".into(),
        alert: true,
        alert_chat: Some("chat".into()),
        max_parallel_tasks: 2,
        ..semaphore_model::Project::default()
    };
    store.update_project(&changed).await.unwrap();
    let found = store.get_project(project.id).await.unwrap();
    assert_eq!((found.name.as_str(), found.alert, found.max_parallel_tasks), ("Renamed", true, 2));
    assert!(Utc::now() - found.created < chrono::TimeDelta::minutes(1));
}

async fn a_project_goes_with_everything_in_it(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let deploy = Template { build_template_id: Some(project.template.id), ..project.template.clone() };
    store.insert_template(deploy).await.unwrap();
    let event = Event { project_id: Some(project.id), ..Event::default() };
    store.insert_event(event).await.unwrap();
    store.delete_project(project.id).await.unwrap();
    assert!(store.get_project(project.id).await.unwrap_err().is_not_found());
    assert!(store.get_task(project.id, task.id).await.unwrap_err().is_not_found());
    assert!(store.list_projects_for_user(project.owner.id).await.unwrap().is_empty());
    assert!(store.list_events(Page::default()).await.unwrap().is_empty());
    assert!(store.delete_project(project.id).await.unwrap_err().is_not_found());
}

async fn an_unfinished_transaction_leaves_nothing(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let ann = store.insert_user(user("ann")).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let project = transaction.insert_project(semaphore_model::Project::default()).await.unwrap();
    let stranger = ProjectUser { project_id: project.id, user_id: UserId(99), role: ProjectRole::Owner };
    assert!(matches!(transaction.insert_project_user(&stranger).await, Err(StoreError::Referenced { .. })));
    drop(transaction);
    assert!(store.list_projects().await.unwrap().is_empty());
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_project(semaphore_model::Project::default()).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(store.list_projects().await.unwrap().is_empty());
    assert!(store.insert_project_with_owner(semaphore_model::Project::default(), UserId(99)).await.is_err());
    assert!(store.list_projects().await.unwrap().is_empty());
    store.insert_project_with_owner(semaphore_model::Project::default(), ann.id).await.unwrap();
    assert_eq!(store.list_projects().await.unwrap().len(), 1);
}

async fn keys(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let key = AccessKey {
        name: "Login".into(),
        r#type: AccessKeyType::LoginPassword,
        project_id: Some(project.id),
        secret: Some("encrypted".into()),
        ..AccessKey::default()
    };
    let key = store.insert_access_key(key).await.unwrap();
    assert_eq!(store.get_access_key(project.id, key.id).await.unwrap(), key);
    assert!(store.get_access_key(ProjectId(99), key.id).await.unwrap_err().is_not_found());
    let secret = AccessKey {
        name: "token".into(),
        r#type: AccessKeyType::String,
        owner: AccessKeyOwner::Variable,
        environment_id: Some(project.environment.id),
        ..key.clone()
    };
    let secret = store.insert_access_key(secret).await.unwrap();
    let names = |keys: Vec<AccessKey>| keys.into_iter().map(|key| key.name).collect::<Vec<_>>();
    let options = ListOptions::default();
    let list = store.list_access_keys(project.id, AccessKeyFilter::Shared, &sorted("name", true)).await.unwrap();
    assert_eq!(names(list), ["None", "Login"]);
    let filter = AccessKeyFilter::Environment(project.environment.id);
    assert_eq!(names(store.list_access_keys(project.id, filter, &options).await.unwrap()), ["token"]);
    assert_eq!(store.list_access_keys(project.id, AccessKeyFilter::All, &options).await.unwrap().len(), 3);

    let mut changed = AccessKey { name: "Renamed".into(), secret: Some("other".into()), ..key.clone() };
    store.update_access_key(project.id, &changed).await.unwrap();
    let found = store.get_access_key(project.id, key.id).await.unwrap();
    assert_eq!((found.name.as_str(), found.secret), ("Renamed", Some("encrypted".into())));
    changed.override_secret = true;
    assert!(store.update_access_key(ProjectId(99), &changed).await.unwrap_err().is_not_found());
    store.update_access_key(project.id, &changed).await.unwrap();
    assert_eq!(store.get_access_key(project.id, key.id).await.unwrap().secret, Some("other".into()));

    let refs = store.list_access_key_referrers(project.id, project.key.id).await.unwrap();
    assert_eq!((refs.inventories.len(), refs.repositories.len(), refs.templates.len()), (1, 1, 0));
    assert!(matches!(store.delete_access_key(project.id, project.key.id).await, Err(StoreError::Referenced { .. })));
    assert!(store.list_access_key_referrers(project.id, key.id).await.unwrap().is_empty());
    store.delete_access_key(project.id, key.id).await.unwrap();
    assert!(store.get_access_key(project.id, key.id).await.unwrap_err().is_not_found());
    let free = Environment { name: "Free".into(), project_id: project.id, ..Environment::default() };
    let free = store.insert_environment(free).await.unwrap();
    let bound = AccessKey { environment_id: Some(free.id), ..secret };
    let bound = store.insert_access_key(bound).await.unwrap();
    store.delete_environment(project.id, free.id).await.unwrap();
    assert!(store.get_access_key(project.id, bound.id).await.unwrap_err().is_not_found());
}

async fn repositories_inventories_environments_and_views(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let options = ListOptions::default();

    let repository = Repository {
        git_url: "https://example.test/a.git".into(),
        git_branch: "dev".into(),
        ..project.repository.clone()
    };
    store.update_repository(&repository).await.unwrap();
    assert_eq!(store.list_repositories(project.id, &options).await.unwrap(), std::slice::from_ref(&repository));
    let moved = Repository { project_id: ProjectId(99), ..repository.clone() };
    assert!(store.update_repository(&moved).await.unwrap_err().is_not_found());
    assert!(matches!(store.delete_repository(project.id, repository.id).await, Err(StoreError::Referenced { .. })));
    assert_eq!(store.list_repository_referrers(project.id, repository.id).await.unwrap().templates[0].name, "Hello");

    let inventory = Inventory { runner_tag: Some("tag".into()), name: "Changed".into(), ..project.inventory.clone() };
    store.update_inventory(&inventory).await.unwrap();
    assert_eq!(store.get_inventory(project.id, inventory.id).await.unwrap(), inventory);
    let of_template = Inventory { template_id: Some(project.template.id), ..inventory.clone() };
    let of_template = store.insert_inventory(of_template).await.unwrap();
    let mut filter = InventoryFilter::default();
    assert_eq!(store.list_inventories(project.id, &filter, &options).await.unwrap(), std::slice::from_ref(&inventory));
    filter.template_id = Some(project.template.id);
    assert_eq!(
        store.list_inventories(project.id, &filter, &options).await.unwrap(),
        std::slice::from_ref(&of_template)
    );
    filter.any_template = true;
    filter.types = vec![InventoryType::File, InventoryType::Static];
    assert_eq!(store.list_inventories(project.id, &filter, &options).await.unwrap().len(), 2);
    assert!(matches!(store.delete_inventory(project.id, inventory.id).await, Err(StoreError::Referenced { .. })));
    store.delete_inventory(project.id, of_template.id).await.unwrap();

    let mut environment =
        Environment { json: "{\"a\":1}".into(), env: Some("{}".into()), ..project.environment.clone() };
    store.update_environment(&environment).await.unwrap();
    assert_eq!(store.list_environments(project.id, &options).await.unwrap(), [environment.clone()]);
    environment.json = "no".into();
    let error = store.update_environment(&environment).await.unwrap_err();
    assert_eq!(error.to_string(), "Extra variables must be valid JSON");
    assert!(matches!(store.delete_environment(project.id, environment.id).await, Err(StoreError::Referenced { .. })));
    assert_eq!(store.list_environment_referrers(project.id, environment.id).await.unwrap().templates.len(), 1);

    let view =
        |title: &str, position| View { project_id: project.id, title: title.into(), position, ..View::default() };
    let all = store.insert_view(View { r#type: ViewType::All, ..view("All", 0) }).await.unwrap();
    let build = store.insert_view(view("Build", 1)).await.unwrap();
    store.update_view_positions(project.id, &[(all.id, 5), (build.id, 2)]).await.unwrap();
    store.update_view_positions(ProjectId(99), &[(all.id, 0)]).await.unwrap();
    let titles: Vec<String> = store.list_views(project.id).await.unwrap().into_iter().map(|view| view.title).collect();
    assert_eq!(titles, ["Build", "All"]);
    let changed = View { hidden: true, sort_column: Some("name".into()), sort_reverse: true, position: 2, ..build };
    store.update_view(&changed).await.unwrap();
    assert_eq!(store.get_view(project.id, changed.id).await.unwrap(), changed);
    store.delete_view(project.id, changed.id).await.unwrap();
    assert!(store.delete_view(project.id, changed.id).await.unwrap_err().is_not_found());
}

async fn templates(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let vault = TemplateVault {
        r#type: TemplateVaultType::Password,
        vault_key_id: Some(project.key.id),
        name: Some("v".into()),
        script: Some("ignored".into()),
        ..TemplateVault::default()
    };
    let template = Template {
        name: "Ansible".into(),
        app: TemplateApp::Ansible,
        vaults: vec![vault.clone(), TemplateVault { name: Some("w".into()), ..vault }],
        survey_vars: vec![SurveyVariable { name: "who".into(), required: true, ..SurveyVariable::default() }],
        task_params: serde_json::json!({"limit": ["a"]}).as_object().unwrap().clone(),
        autorun: true,
        arguments: Some("[]".into()),
        ..project.template.clone()
    };
    let template = store.insert_template(template).await.unwrap();
    let mut found = store.get_template(project.id, template.id).await.unwrap();
    assert_eq!((found.vaults.len(), found.vaults[0].script.as_ref(), found.last_task.as_ref()), (2, None, None));
    assert_eq!(
        (&found.survey_vars, &found.task_params, found.autorun),
        (&template.survey_vars, &template.task_params, true)
    );
    found.vaults.remove(0);
    found.vaults[0].r#type = TemplateVaultType::Script;
    found.vaults[0].script = Some("echo".into());
    found.description = Some("text".into());
    store.update_template(&found).await.unwrap();
    assert_eq!(
        store.get_template(project.id, template.id).await.unwrap().vaults,
        [TemplateVault { vault_key_id: None, ..found.vaults[0].clone() }]
    );
    store.update_template_description(project.id, template.id, "other").await.unwrap();
    assert_eq!(store.get_plain_template(project.id, template.id).await.unwrap().description, Some("other".into()));
    let error = store.update_template(&Template { name: String::new(), ..found.clone() }).await.unwrap_err();
    assert_eq!(error.to_string(), "template name can not be empty");

    let task = project.start_task(&store).await;
    let all = TemplateFilter::default();
    let list = store.list_templates(project.id, project.owner.id, &all, &sorted("name", true)).await.unwrap();
    assert_eq!(list.iter().map(|item| item.template.name.as_str()).collect::<Vec<_>>(), ["Hello", "Ansible"]);
    let last = list[0].template.last_task.as_ref().unwrap();
    assert_eq!((last.task.id, last.user_name.as_deref()), (task.id, Some("Name of owner")));
    assert!(list[1].template.last_task.is_none() && !list[1].template.autorun);
    assert_eq!(list[0].template.tasks, 1);
    let bash = TemplateFilter { app: Some(TemplateApp::Bash), ..TemplateFilter::default() };
    let list = store.list_templates(project.id, project.owner.id, &bash, &ListOptions::default()).await.unwrap();
    assert_eq!(list.len(), 1);

    let deploy = Template { build_template_id: Some(project.template.id), autorun: true, ..project.template.clone() };
    let deploy = store.insert_template(deploy).await.unwrap();
    assert_eq!(store.list_autorun_templates(project.id, project.template.id).await.unwrap()[0].id, deploy.id);
    assert_eq!(store.list_template_referrers(project.id, project.template.id).await.unwrap().templates.len(), 1);
    assert!(matches!(store.delete_template(project.id, project.template.id).await, Err(StoreError::Referenced { .. })));
    store.delete_template(project.id, deploy.id).await.unwrap();
    store.delete_template(project.id, project.template.id).await.unwrap();
    assert!(store.get_task(project.id, task.id).await.unwrap_err().is_not_found());
}

async fn tasks(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let first = Task { limit: "a,b".into(), message: "hi".into(), ..project.task() };
    let mut first = store.insert_task(first).await.unwrap();
    let found = store.get_task(project.id, first.id).await.unwrap();
    assert_eq!((found.limit.as_str(), &found.params["limit"]), ("", &serde_json::json!(["a", "b"])));
    assert_eq!((found.created, found.status), (first.created, TaskStatus::Waiting));
    first.status = TaskStatus::Success;
    first.start = Some(now());
    first.end = first.start;
    first.commit_hash = Some("abc".into());
    first.commit_message = "message".into();
    store.update_task(&first).await.unwrap();
    let found = store.get_task(project.id, first.id).await.unwrap();
    assert_eq!((found.status, found.end, found.commit_message.as_str()), (first.status, first.end, "message"));

    let second = Task { build_task_id: Some(first.id), ..project.task() };
    let second = store.insert_task(second).await.unwrap();
    let all = TaskFilter::default();
    let list = store.list_tasks(project.id, &all, Page::default()).await.unwrap();
    assert_eq!(list.iter().map(|task| task.task.id).collect::<Vec<_>>(), [second.id, first.id]);
    assert_eq!(list[0].build_task.as_ref().map(|task| task.id), Some(first.id));
    assert_eq!((list[0].tpl_alias.as_str(), list[0].tpl_playbook.as_str()), ("Hello", "hello.sh"));
    let waiting = TaskFilter { statuses: vec![TaskStatus::Waiting, TaskStatus::Running], ..TaskFilter::default() };
    assert_eq!(store.list_tasks(project.id, &waiting, Page::first(5)).await.unwrap().len(), 1);
    assert_eq!(store.list_unfinished_tasks().await.unwrap()[0].id, second.id);
    let days = store.list_task_statistics(project.id, &semaphore_store::TaskStatisticsFilter::default()).await.unwrap();
    assert_eq!((days.len(), days[0].count_by_status["success"], days[0].count_by_status["waiting"]), (1, 1, 1));

    assert!(store.delete_task(ProjectId(99), first.id).await.unwrap_err().is_not_found());
    store.delete_task(project.id, first.id).await.unwrap();
    assert_eq!(store.get_task(project.id, second.id).await.unwrap().build_task_id, None);
    assert!(store.update_task(&first).await.unwrap_err().is_not_found());
    let elsewhere = Task { template_id: semaphore_model::TemplateId(99), ..project.task() };
    assert!(store.insert_task(elsewhere).await.is_err());
}

async fn old_finished_tasks_give_way_and_running_ones_stay(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let running = store.insert_task(Task { status: TaskStatus::Running, ..project.task() }).await.unwrap();
    let mut last = running.id;
    for _ in 0..6 {
        last = store.insert_task(Task { status: TaskStatus::Success, ..project.task() }).await.unwrap().id;
        for id in store.list_tasks_beyond_limit(project.template.id, 3, 100).await.unwrap() {
            assert!(store.remove_finished_task(id).await.unwrap());
        }
    }
    assert!(!store.remove_finished_task(running.id).await.unwrap());
    let ids: Vec<i32> = store
        .list_tasks(project.id, &TaskFilter::default(), Page::default())
        .await
        .unwrap()
        .iter()
        .map(|task| task.task.id.0)
        .collect();
    assert_eq!(ids, [last.0, last.0 - 1, last.0 - 2, running.id.0]);
    assert_eq!(store.get_template(project.id, project.template.id).await.unwrap().tasks, 4);
}

async fn events_and_options(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let bob = store.insert_user(user("bob")).await.unwrap();
    let task = store.insert_task(Task { playbook: "own.yml".into(), ..project.task() }).await.unwrap();
    let event = Event {
        user_id: Some(project.owner.id),
        project_id: Some(project.id),
        object_type: Some(EventObject::Task),
        object_id: Some(task.id.0),
        description: Some("started".into()),
        ..Event::default()
    };
    store.insert_event(event).await.unwrap();
    store.insert_event(Event { description: Some("global".into()), ..Event::default() }).await.unwrap();
    let events = store.list_events_for_user(project.owner.id, Page::default()).await.unwrap();
    assert_eq!(
        events.iter().map(|event| event.description.as_deref().unwrap()).collect::<Vec<_>>(),
        ["global", "started"]
    );
    assert_eq!((events[1].object_name.as_str(), events[1].username.as_deref()), ("own.yml", Some("owner")));
    assert_eq!(events[1].project_name.as_deref(), Some("First"));
    assert_eq!(store.list_events_for_user(bob.id, Page::default()).await.unwrap().len(), 1);
    assert_eq!(store.list_events_for_project(project.id, Page::first(1)).await.unwrap().len(), 1);
    assert_eq!(store.list_events(Page::first(1)).await.unwrap()[0].description.as_deref(), Some("global"));

    store.set_option("apps.bash.active", "true").await.unwrap();
    store.set_option("apps.bash.active", "false").await.unwrap();
    store.set_option("apps.bashful", "x").await.unwrap();
    assert_eq!(store.get_option("apps.bash.active").await.unwrap().as_deref(), Some("false"));
    assert_eq!(store.list_options("apps.bash").await.unwrap().len(), 1);
    assert_eq!(store.list_options("").await.unwrap().len(), 2);
    assert_eq!(store.delete_options("apps.bash").await.unwrap(), 1);
    assert_eq!(store.delete_options("a-b").await.unwrap_err().to_string(), "invalid key format");
    assert_eq!(store.get_option("apps.bash.active").await.unwrap(), None);
}

stories! {
    users,
    a_user_with_sessions_tasks_and_events_can_go,
    sessions_and_tokens,
    projects_and_members,
    a_project_goes_with_everything_in_it,
    an_unfinished_transaction_leaves_nothing,
    keys,
    repositories_inventories_environments_and_views,
    templates,
    tasks,
    old_finished_tasks_give_way_and_running_ones_stay,
    events_and_options,
}
