//! What starts tasks and what stands beside them: schedules, integrations, runners, invitations, roles, secret storages,
//! states of Terraform. Each is made, read, changed, listed and removed, and never by way of another project.

use crate::fixture::{Database, stories};
use crate::story::{Project, user};
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{
    Integration, IntegrationAlias, IntegrationAuthMethod, IntegrationBodyType, IntegrationExtractValue,
    IntegrationMatchMethod, IntegrationMatcher, IntegrationSource, IntegrationVariableType, Permissions, ProjectId,
    ProjectInvite, ProjectInviteStatus, ProjectRole, Role, Runner, RunnerTag, Schedule, ScheduleType, Secret,
    SecretStorage, SecretStorageType, TaskParams, TemplateRole, TerraformAlias, TerraformState,
};
use semaphore_store::{ListOptions, Page, ScheduleFire, Store, StoreError};
use serde_json::json;

/// Nothing of it belongs to this one.
const OTHER: ProjectId = ProjectId(99);

fn now() -> DateTime<Utc> {
    semaphore_model::time::truncate_to_second(Utc::now())
}

pub(crate) fn nightly(project: &Project) -> Schedule {
    Schedule {
        project_id: project.id,
        template_id: project.template.id,
        cron_format: "0 3 * * *".into(),
        name: "Nightly".into(),
        active: true,
        task_params: Some(TaskParams {
            project_id: project.id,
            environment: r#"{"a":"1"}"#.into(),
            git_branch: Some("dev".into()),
            inventory_id: Some(project.inventory.id),
            params: json!({"tags": ["a"]}).as_object().unwrap().clone(),
            ..TaskParams::default()
        }),
        ..Schedule::default()
    }
}

async fn schedules(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let nightly = store.insert_schedule(nightly(&project)).await.unwrap();
    let once = Schedule {
        project_id: project.id,
        template_id: project.template.id,
        r#type: ScheduleType::RunAt,
        run_at: Some(now() + TimeDelta::days(1)),
        delete_after_run: true,
        ..Schedule::default()
    };
    let once = store.insert_schedule(once).await.unwrap();
    let on_commit = Schedule {
        project_id: project.id,
        template_id: project.template.id,
        cron_format: "@hourly".into(),
        repository_id: Some(project.repository.id),
        ..Schedule::default()
    };
    let on_commit = store.insert_schedule(on_commit).await.unwrap();

    let found = store.get_schedule(project.id, nightly.id).await.unwrap();
    assert_eq!(json!(found), json!(nightly));
    assert_eq!(json!(store.get_schedule(project.id, once.id).await.unwrap()), json!(once));
    let listed = store.list_schedules(project.id).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.schedule.id).collect::<Vec<_>>(), [nightly.id, once.id]);
    assert_eq!((listed[0].tpl_name.as_str(), &listed[0].schedule.task_params), ("Hello", &None));
    let of_template = store.list_commit_schedules(project.id, project.template.id).await.unwrap();
    assert_eq!(of_template.iter().map(|one| one.id).collect::<Vec<_>>(), [on_commit.id]);
    assert_eq!(store.list_all_schedules().await.unwrap().len(), 3);

    let moment = ScheduleFire { due: now(), period: None, commit: Some("abc"), server: "one:1" };
    assert!(crate::task_start::fire(&store, &on_commit, moment).await.is_some());
    let found = store.get_schedule(project.id, on_commit.id).await.unwrap();
    assert_eq!(found.last_commit_hash.as_deref(), Some("abc"));
    store.update_schedule(&found).await.unwrap();
    assert_eq!(store.get_schedule(project.id, on_commit.id).await.unwrap().last_commit_hash, None);

    store.set_schedule_active(project.id, nightly.id, false).await.unwrap();
    let mut changed = store.get_schedule(project.id, nightly.id).await.unwrap();
    assert!(!changed.active);
    changed.task_params = Some(TaskParams { message: "again".into(), ..TaskParams::default() });
    store.update_schedule(&changed).await.unwrap();
    let found = store.get_schedule(project.id, nightly.id).await.unwrap();
    assert_eq!(json!(found.task_params), json!({"message": "again"}));
    changed.task_params = None;
    store.update_schedule(&changed).await.unwrap();
    assert_eq!(store.get_schedule(project.id, nightly.id).await.unwrap().task_params, None);

    assert!(store.get_schedule(OTHER, once.id).await.unwrap_err().is_not_found());
    assert!(store.set_schedule_active(OTHER, once.id, false).await.unwrap_err().is_not_found());
    let elsewhere = Schedule { project_id: OTHER, ..once.clone() };
    assert!(store.update_schedule(&elsewhere).await.unwrap_err().is_not_found());
    assert!(store.delete_schedule(OTHER, once.id).await.unwrap_err().is_not_found());
    store.delete_schedule(project.id, once.id).await.unwrap();
    assert!(store.get_schedule(project.id, once.id).await.unwrap_err().is_not_found());
}

/// Parameters come and go with what they belong to; a row that nothing refers to would stay for ever.
async fn parameters_leave_no_row_behind(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let mut schedule = store.insert_schedule(nightly(&project)).await.unwrap();
    let integration = Integration {
        name: "Hook".into(),
        project_id: project.id,
        template_id: project.template.id,
        task_params: Some(TaskParams { message: "hook".into(), ..TaskParams::default() }),
        ..Integration::default()
    };
    let mut integration = store.insert_integration(integration).await.unwrap();
    let rows = async || kept.execute("select 'row' from project__task_params").await.len();
    assert_eq!(rows().await, 2);
    schedule.task_params = None;
    store.update_schedule(&schedule).await.unwrap();
    assert_eq!(rows().await, 1);
    integration.task_params = Some(TaskParams { version: Some("1.0".into()), ..TaskParams::default() });
    store.update_integration(&integration).await.unwrap();
    let found = store.get_integration(project.id, integration.id).await.unwrap();
    assert_eq!(json!(found.task_params), json!({"version": "1.0"}));
    assert_eq!(rows().await, 1);
    store.delete_integration(project.id, integration.id).await.unwrap();
    assert_eq!(rows().await, 0);
}

async fn integrations(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let hook = |name: &str| Integration {
        name: name.into(),
        project_id: project.id,
        template_id: project.template.id,
        auth_method: IntegrationAuthMethod::Hmac,
        auth_secret_id: Some(project.key.id),
        auth_header: "X-Signature".into(),
        searchable: true,
        ..Integration::default()
    };
    assert!(matches!(store.insert_integration(hook("")).await, Err(StoreError::Invalid(_))));
    let push = store.insert_integration(hook("Push")).await.unwrap();
    let tag = store.insert_integration(hook("A tag")).await.unwrap();
    assert_eq!(store.get_integration(project.id, push.id).await.unwrap(), push);
    let names = async |options: &ListOptions| {
        let list = store.list_integrations(project.id, options).await.unwrap();
        list.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&ListOptions::default()).await, ["A tag", "Push"]);
    assert_eq!(names(&ListOptions { descending: true, ..ListOptions::default() }).await, ["Push", "A tag"]);
    assert_eq!(names(&ListOptions { page: Page { count: 1, offset: 1 }, ..ListOptions::default() }).await, ["Push"]);
    let changed = Integration { auth_method: IntegrationAuthMethod::None, auth_secret_id: None, ..push.clone() };
    store.update_integration(&changed).await.unwrap();
    assert_eq!(store.get_integration(project.id, push.id).await.unwrap(), changed);
    assert!(store.get_integration(OTHER, push.id).await.unwrap_err().is_not_found());
    assert!(store.delete_integration(OTHER, push.id).await.unwrap_err().is_not_found());

    rules_of(&store, &project, &push).await;

    let single = IntegrationAlias {
        alias: "abc".into(),
        project_id: project.id,
        integration_id: Some(push.id),
        ..IntegrationAlias::default()
    };
    let single = store.insert_integration_alias(single).await.unwrap();
    let whole = IntegrationAlias { alias: "def".into(), project_id: project.id, ..IntegrationAlias::default() };
    let whole = store.insert_integration_alias(whole).await.unwrap();
    let again = store.insert_integration_alias(IntegrationAlias { alias: "abc".into(), ..whole.clone() }).await;
    assert!(matches!(again, Err(StoreError::Duplicate { .. })));
    let listed = store.list_integration_aliases(project.id, Some(push.id)).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&single));
    assert_eq!(store.list_integration_aliases(project.id, None).await.unwrap(), std::slice::from_ref(&whole));
    assert_eq!(store.get_integration_alias("abc").await.unwrap(), single);
    assert!(store.delete_integration_alias(OTHER, whole.id).await.unwrap_err().is_not_found());
    store.delete_integration_alias(project.id, whole.id).await.unwrap();
    assert!(store.get_integration_alias("def").await.unwrap_err().is_not_found());

    store.delete_integration(project.id, push.id).await.unwrap();
    assert!(store.get_integration_alias("abc").await.unwrap_err().is_not_found());
    assert!(store.list_integration_matchers(project.id, push.id).await.unwrap().is_empty());
    assert_eq!(store.get_integration(project.id, tag.id).await.unwrap().name, "A tag");
}

async fn rules_of(store: &Store, project: &Project, integration: &Integration) {
    let matcher = IntegrationMatcher {
        integration_id: integration.id,
        name: "is push".into(),
        match_type: IntegrationSource::Header,
        method: IntegrationMatchMethod::Equals,
        key: "X-Event".into(),
        value: "push".into(),
        ..IntegrationMatcher::default()
    };
    let empty = IntegrationMatcher { key: String::new(), ..matcher.clone() };
    assert!(matches!(store.insert_integration_matcher(project.id, empty).await, Err(StoreError::Invalid(_))));
    assert!(store.insert_integration_matcher(OTHER, matcher.clone()).await.unwrap_err().is_not_found());
    let mut matcher = store.insert_integration_matcher(project.id, matcher).await.unwrap();
    matcher.method = IntegrationMatchMethod::Contains;
    store.update_integration_matcher(project.id, &matcher).await.unwrap();
    assert!(store.update_integration_matcher(OTHER, &matcher).await.unwrap_err().is_not_found());
    assert_eq!(store.get_integration_matcher(project.id, integration.id, matcher.id).await.unwrap(), matcher);
    assert!(store.get_integration_matcher(OTHER, integration.id, matcher.id).await.unwrap_err().is_not_found());
    assert!(store.list_integration_matchers(OTHER, integration.id).await.unwrap().is_empty());

    let value = IntegrationExtractValue {
        integration_id: integration.id,
        name: "commit".into(),
        value_source: IntegrationSource::Body,
        body_data_type: IntegrationBodyType::Json,
        key: "commit.id".into(),
        variable: "commit_id".into(),
        variable_type: IntegrationVariableType::Environment,
        ..IntegrationExtractValue::default()
    };
    assert!(store.insert_integration_value(OTHER, value.clone()).await.unwrap_err().is_not_found());
    let mut value = store.insert_integration_value(project.id, value).await.unwrap();
    value.variable_type = IntegrationVariableType::Task;
    store.update_integration_value(project.id, &value).await.unwrap();
    assert!(store.update_integration_value(OTHER, &value).await.unwrap_err().is_not_found());
    assert_eq!(store.get_integration_value(project.id, integration.id, value.id).await.unwrap(), value);
    let listed = store.list_integration_values(project.id, integration.id, &ListOptions::default()).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&value));
    assert!(store.delete_integration_value(OTHER, integration.id, value.id).await.unwrap_err().is_not_found());
    store.delete_integration_value(project.id, integration.id, value.id).await.unwrap();
    assert!(store.get_integration_value(project.id, integration.id, value.id).await.unwrap_err().is_not_found());

    let second = store.insert_integration_matcher(project.id, matcher.clone()).await.unwrap();
    assert!(store.delete_integration_matcher(OTHER, integration.id, second.id).await.unwrap_err().is_not_found());
    store.delete_integration_matcher(project.id, integration.id, second.id).await.unwrap();
    let listed = store.list_integration_matchers(project.id, integration.id).await.unwrap();
    assert_eq!(listed, [matcher]);
}

async fn runners(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let runner = |token: &str, project_id| Runner {
        token: Secret::new(token),
        project_id,
        name: token.to_uppercase(),
        max_parallel_tasks: 2,
        active: true,
        tag: "gpu".into(),
        public_key: Some("pem".into()),
        ..Runner::default()
    };
    let global = store.insert_runner(runner("one", None)).await.unwrap();
    let own = store.insert_runner(runner("two", Some(project.id))).await.unwrap();
    assert_eq!(store.get_runner(global.id).await.unwrap(), global);
    assert_eq!(store.get_runner_by_token(&"two".into()).await.unwrap(), own);
    assert!(store.get_runner_by_token(&"three".into()).await.unwrap_err().is_not_found());
    assert_eq!(store.list_runners().await.unwrap(), [own.clone(), global.clone()]);
    assert_eq!(store.list_project_runners(project.id).await.unwrap(), std::slice::from_ref(&own));
    assert!(store.get_project_runner(project.id, global.id).await.unwrap_err().is_not_found());
    assert_eq!(store.get_project_runner(project.id, own.id).await.unwrap(), own);
    let tags = store.list_runner_tags(project.id).await.unwrap();
    assert_eq!(tags, [RunnerTag { tag: "gpu".into(), number_of_runners: 1 }]);

    let time = now();
    store.touch_runner(own.id, time).await.unwrap();
    store.request_runner_cleaning(own.id, time).await.unwrap();
    let changed = Runner {
        name: "Renamed".into(),
        active: false,
        webhook: "http://hook.test".into(),
        max_parallel_tasks: 0,
        tag: String::new(),
        touched: Some(time),
        cleaning_requested: Some(time),
        ..own
    };
    store.update_runner(&changed).await.unwrap();
    assert_eq!(store.get_runner(changed.id).await.unwrap(), changed);
    assert!(store.list_runner_tags(project.id).await.unwrap().is_empty());
    store.delete_runner(changed.id).await.unwrap();
    assert!(store.delete_runner(changed.id).await.unwrap_err().is_not_found());
    assert!(store.touch_runner(changed.id, time).await.unwrap_err().is_not_found());
}

async fn invitations(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let guest = store.insert_user(user("guest")).await.unwrap();
    let invite = |token: &str| ProjectInvite {
        project_id: project.id,
        role: ProjectRole::Guest,
        token: Secret::new(token),
        inviter_user_id: project.owner.id,
        created: now(),
        ..ProjectInvite::default()
    };
    let by_user = ProjectInvite { user_id: Some(guest.id), ..invite("one") };
    let by_user = store.insert_project_invite(by_user).await.unwrap();
    let by_mail = ProjectInvite {
        email: Some("new@example.test".into()),
        created: now() + TimeDelta::seconds(5),
        expires_at: Some(now() + TimeDelta::days(1)),
        ..invite("two")
    };
    let by_mail = store.insert_project_invite(by_mail).await.unwrap();
    let again = ProjectInvite { user_id: Some(guest.id), ..invite("three") };
    assert!(matches!(store.insert_project_invite(again).await, Err(StoreError::Duplicate { .. })));

    assert_eq!(store.get_project_invite(project.id, by_mail.id).await.unwrap(), by_mail);
    assert_eq!(store.get_project_invite_by_token(&"one".into()).await.unwrap(), by_user);
    assert!(store.get_project_invite(OTHER, by_mail.id).await.unwrap_err().is_not_found());
    let listed = store.list_project_invites(project.id, &ListOptions::default()).await.unwrap();
    assert_eq!(listed.iter().map(|one| &one.invite).collect::<Vec<_>>(), [&by_user, &by_mail]);
    assert_eq!(listed[0].inviter_user.username, "owner");
    assert_eq!(listed[0].user.as_ref().unwrap().email, "guest@example.test");
    assert_eq!(listed[1].user, None);
    let by_role = ListOptions { sort: Some("name".into()), ..ListOptions::default() };
    assert!(matches!(store.list_project_invites(project.id, &by_role).await, Err(StoreError::Invalid(_))));

    let accepted = ProjectInvite { status: ProjectInviteStatus::Accepted, accepted_at: Some(now()), ..by_user.clone() };
    assert!(store.change_pending_invite(&accepted).await.unwrap());
    assert_eq!(store.get_project_invite(project.id, by_user.id).await.unwrap(), accepted);
    assert!(store.delete_project_invite(OTHER, by_user.id).await.unwrap_err().is_not_found());
    store.delete_project_invite(project.id, by_user.id).await.unwrap();
    assert_eq!(store.list_project_invites(project.id, &ListOptions::default()).await.unwrap().len(), 1);
}

async fn roles(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let auditor =
        Role { slug: "auditor".into(), name: "Auditor".into(), permissions: Permissions(1), project_id: None };
    store.insert_role(&auditor).await.unwrap();
    assert!(matches!(store.insert_role(&auditor).await, Err(StoreError::Duplicate { .. })));
    let nameless = Role { slug: "x".into(), ..Role::default() };
    assert!(matches!(store.insert_role(&nameless).await, Err(StoreError::Invalid(_))));
    let own = Role { slug: "own".into(), project_id: Some(project.id), ..auditor.clone() };
    store.insert_role(&own).await.unwrap();
    let renamed = Role { name: "Renamed".into(), permissions: Permissions(5), ..own };
    store.update_role(&renamed).await.unwrap();
    assert_eq!(store.list_project_roles(project.id).await.unwrap(), std::slice::from_ref(&renamed));
    assert_eq!(store.list_global_roles().await.unwrap(), std::slice::from_ref(&auditor));

    let added = TemplateRole {
        role_slug: "auditor".into(),
        template_id: project.template.id,
        project_id: project.id,
        permissions: Permissions(4),
        ..TemplateRole::default()
    };
    let elsewhere = TemplateRole { project_id: OTHER, ..added.clone() };
    assert!(store.insert_template_role(elsewhere).await.unwrap_err().is_not_found());
    let mut added = store.insert_template_role(added).await.unwrap();
    assert!(matches!(store.insert_template_role(added.clone()).await, Err(StoreError::Duplicate { .. })));
    added.permissions = Permissions(1);
    store.update_template_role(&added).await.unwrap();
    assert_eq!(store.get_template_role(project.id, project.template.id, added.id).await.unwrap(), added);
    assert!(store.delete_template_role(OTHER, project.template.id, added.id).await.unwrap_err().is_not_found());
    store.delete_role("auditor").await.unwrap();
    assert!(store.delete_role("auditor").await.unwrap_err().is_not_found());
    assert!(store.list_template_roles(project.id, project.template.id).await.unwrap().is_empty());
}

async fn secret_storages(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let vault = SecretStorage {
        project_id: project.id,
        name: "Vault".into(),
        r#type: SecretStorageType::Vault,
        params: json!({"url": "http://vault.test"}).as_object().cloned(),
        ..SecretStorage::default()
    };
    let vault = store.insert_secret_storage(vault).await.unwrap();
    let bare = SecretStorage { params: None, name: "Bare".into(), ..vault.clone() };
    let bare = store.insert_secret_storage(bare).await.unwrap();
    assert_eq!(store.list_secret_storages(project.id).await.unwrap(), [vault.clone(), bare.clone()]);
    let changed = SecretStorage { readonly: true, params: Some(serde_json::Map::new()), ..vault };
    store.update_secret_storage(&changed).await.unwrap();
    assert_eq!(store.get_secret_storage(project.id, changed.id).await.unwrap(), changed);
    assert!(store.get_secret_storage(OTHER, changed.id).await.unwrap_err().is_not_found());
    assert!(store.delete_secret_storage(OTHER, bare.id).await.unwrap_err().is_not_found());
    store.delete_secret_storage(project.id, bare.id).await.unwrap();
    assert_eq!(store.list_secret_storages(project.id).await.unwrap(), [changed]);
}

async fn states_of_terraform(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let inventory = project.inventory.id;
    let alias = TerraformAlias {
        project_id: project.id,
        inventory_id: inventory,
        auth_key_id: project.key.id,
        alias: "abc".into(),
    };
    store.insert_terraform_alias(&alias).await.unwrap();
    assert!(matches!(store.insert_terraform_alias(&alias).await, Err(StoreError::Duplicate { .. })));
    assert_eq!(store.get_terraform_alias("abc").await.unwrap(), alias);
    assert_eq!(store.list_terraform_aliases(project.id, inventory).await.unwrap(), std::slice::from_ref(&alias));
    store.update_terraform_alias(&alias).await.unwrap();
    assert!(store.delete_terraform_alias(OTHER, inventory, "abc").await.unwrap_err().is_not_found());
    store.delete_terraform_alias(project.id, inventory, "abc").await.unwrap();
    assert!(store.get_terraform_alias("abc").await.unwrap_err().is_not_found());

    let version = |text: &str| TerraformState {
        created: now(),
        task_id: Some(task.id),
        project_id: project.id,
        inventory_id: inventory,
        state: text.into(),
        ..TerraformState::default()
    };
    let first = store.insert_terraform_state(version(r#"{"serial":1}"#)).await.unwrap();
    let second = store.insert_terraform_state(version(r#"{"serial":2}"#)).await.unwrap();
    let listed = store.list_terraform_states(project.id, inventory, Page::default()).await.unwrap();
    assert_eq!(listed, [second.clone(), first.clone()]);
    assert_eq!(store.list_terraform_states(project.id, inventory, Page::first(1)).await.unwrap(), [second]);
    assert_eq!(store.get_terraform_state(project.id, inventory, first.id).await.unwrap(), first);
    assert!(store.get_terraform_state(OTHER, inventory, first.id).await.unwrap_err().is_not_found());
    store.delete_terraform_state(project.id, inventory, first.id).await.unwrap();
    assert!(store.get_terraform_state(project.id, inventory, first.id).await.unwrap_err().is_not_found());
}

stories! {
    schedules,
    parameters_leave_no_row_behind,
    integrations,
    runners,
    invitations,
    roles,
    secret_storages,
    states_of_terraform,
}
