//! A database made by the Go server answers as the Go server answered.

use crate::fixture::{self, Database, Kept, stories};
use semaphore_model::{
    AccessKeyId, EnvironmentId, IntegrationAlias, IntegrationId, InventoryId, Permissions, ProjectId, RepositoryId,
    RunnerId, ScheduleId, TaskId, TemplateId, TemplateWithPermissions, UserId, ViewId,
};
use semaphore_store::{
    AccessKeyFilter, InventoryFilter, ListOptions, Page, SqliteOptions, Store, TaskFilter, TaskStatisticsFilter,
    TemplateFilter,
};
use serde_json::{Value, json};

struct Recorded {
    store: Store,
    answers: Value,
    store_only: Value,
    secrets: Value,
    /// Paths whose answer differs from one run of the Go server to the next: compared as sets.
    unstable: Vec<String>,
    /// PostgreSQL gave these lists to the Go server in whatever order.
    unordered: bool,
    _kept: Kept,
    compared: usize,
}

fn sort_lists(value: &mut Value) {
    match value {
        Value::Array(items) => items.sort_by_key(Value::to_string),
        Value::Object(members) => members.values_mut().for_each(sort_lists),
        _ => {}
    }
}

impl Recorded {
    async fn open(database: Database) -> Option<Self> {
        let (store, kept) = database.recorded().await?;
        let folder = database.folder();
        let mut expected = fixture::json(&format!("db/{folder}/expected.json"));
        let (answers, store_only) = (expected["admin"].take(), expected["store_only"].take());
        let secrets = fixture::json(&format!("db/{folder}/secrets.json"));
        let unstable = fixture::json("db/unstable_answers.json");
        let unstable = unstable[format!("open/{folder}")].as_array().into_iter().flatten();
        let unstable = unstable.filter_map(|path| Some(path.as_str()?.to_owned())).collect();
        Some(Self {
            store,
            answers,
            store_only,
            secrets,
            unstable,
            unordered: database == Database::Postgres,
            _kept: kept,
            compared: 0,
        })
    }

    fn check(&mut self, path: &str, found: impl Into<Value>) {
        let answer = &self.answers[path];
        assert_eq!(answer["status"], 200, "{path}");
        let (mut found, mut answer) = (found.into(), answer["body"].clone());
        if self.unordered && path.ends_with("/refs") || self.unstable.iter().any(|known| known == path) {
            sort_lists(&mut found);
            sort_lists(&mut answer);
        }
        assert_eq!(found, answer, "{path}");
        self.compared += 1;
    }

    /// The answer has the whole address, of which the end is stored.
    fn check_aliases(&mut self, path: &str, aliases: &[IntegrationAlias]) {
        let answer = &self.answers[path];
        assert_eq!(answer["status"], 200, "{path}");
        let expected: Vec<(i64, &str)> = answer["body"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alias| (alias["id"].as_i64().unwrap(), alias["url"].as_str().unwrap().rsplit('/').next().unwrap()))
            .collect();
        let found: Vec<_> = aliases.iter().map(|alias| (i64::from(alias.id.0), alias.alias.as_str())).collect();
        assert_eq!(found, expected, "{path}");
        self.compared += 1;
    }

    /// The ids of the recorded paths `prefix/{id}` without further parts.
    fn ids(&self, prefix: &str) -> Vec<i32> {
        let paths = self.answers.as_object().unwrap().keys();
        paths.filter_map(|path| path.strip_prefix(prefix)?.strip_prefix('/')?.parse().ok()).collect()
    }
}

async fn users_projects_and_events_are_those_recorded(database: Database) {
    let Some(mut recorded) = Recorded::open(database).await else { return };
    let store = recorded.store.clone();
    recorded.check("/api/users", json!(store.list_users("", &ListOptions::default()).await.unwrap()));
    for id in recorded.ids("/api/users") {
        recorded.check(&format!("/api/users/{id}"), json!(store.get_user(UserId(id)).await.unwrap()));
    }
    recorded.check("/api/projects", json!(*store.list_projects().await.unwrap()));
    recorded.check("/api/events", json!(store.list_events_for_user(UserId(1), Page::default()).await.unwrap()));
    for id in [1, 2].map(ProjectId) {
        let access = store.get_project_access(id, UserId(1)).await.unwrap();
        recorded.check(&format!("/api/project/{id}"), json!(access.project));
        let role = json!({"role": access.role, "permissions": access.permissions});
        recorded.check(&format!("/api/project/{id}/role"), role);
        let members = store.list_project_users(id, &ListOptions::default()).await.unwrap();
        let members: Vec<Value> = members
            .iter()
            .map(|member| {
                let user = &member.user;
                json!({"id": user.id, "username": user.username, "name": user.name, "role": member.role})
            })
            .collect();
        recorded.check(&format!("/api/project/{id}/users"), json!(members));
        let events = store.list_events_for_project(id, Page::default()).await.unwrap();
        recorded.check(&format!("/api/project/{id}/events"), json!(events));
    }
    assert!(recorded.compared > 10);
}

async fn resources_are_those_recorded(database: Database) {
    let Some(mut recorded) = Recorded::open(database).await else { return };
    let store = recorded.store.clone();
    let options = ListOptions::default();
    for project in [1, 2].map(ProjectId) {
        let base = format!("/api/project/{project}");
        let keys = store.list_access_keys(project, AccessKeyFilter::Shared, &options).await.unwrap();
        recorded.check(&format!("{base}/keys"), json!(keys));
        let list = store.list_repositories(project, &options).await.unwrap();
        recorded.check(&format!("{base}/repositories"), json!(list));
        let list = store.list_inventories(project, &InventoryFilter::default(), &options).await.unwrap();
        recorded.check(&format!("{base}/inventory"), json!(list));
        recorded
            .check(&format!("{base}/environment"), json!(store.list_environments(project, &options).await.unwrap()));
        recorded.check(&format!("{base}/views"), json!(store.list_views(project).await.unwrap()));
        for id in recorded.ids(&format!("{base}/keys")) {
            let refs = store.list_access_key_referrers(project, AccessKeyId(id)).await.unwrap();
            recorded.check(&format!("{base}/keys/{id}/refs"), json!(refs));
            let key = store.get_access_key(project, AccessKeyId(id)).await.unwrap();
            recorded.check(&format!("{base}/keys/{id}"), json!(key));
        }
        for id in recorded.ids(&format!("{base}/repositories")) {
            let refs = store.list_repository_referrers(project, RepositoryId(id)).await.unwrap();
            recorded.check(&format!("{base}/repositories/{id}/refs"), json!(refs));
            let repository = store.get_repository(project, RepositoryId(id)).await.unwrap();
            recorded.check(&format!("{base}/repositories/{id}"), json!(repository));
        }
        for id in recorded.ids(&format!("{base}/inventory")) {
            let refs = store.list_inventory_referrers(project, InventoryId(id)).await.unwrap();
            recorded.check(&format!("{base}/inventory/{id}/refs"), json!(refs));
            let inventory = store.get_inventory(project, InventoryId(id)).await.unwrap();
            recorded.check(&format!("{base}/inventory/{id}"), json!(inventory));
        }
        for id in recorded.ids(&format!("{base}/environment")) {
            let refs = store.list_environment_referrers(project, EnvironmentId(id)).await.unwrap();
            recorded.check(&format!("{base}/environment/{id}/refs"), json!(refs));
        }
        for id in recorded.ids(&format!("{base}/views")) {
            recorded.check(&format!("{base}/views/{id}"), json!(store.get_view(project, ViewId(id)).await.unwrap()));
        }
    }
    assert!(recorded.compared > 60, "{}", recorded.compared);
}

async fn templates_and_tasks_are_those_recorded(database: Database) {
    let Some(mut recorded) = Recorded::open(database).await else { return };
    let store = recorded.store.clone();
    let options = ListOptions::default();
    for project in [1, 2].map(ProjectId) {
        let base = format!("/api/project/{project}");
        let all = TemplateFilter::default();
        let templates = store.list_templates(project, UserId(1), &all, &options).await.unwrap();
        recorded.check(&format!("{base}/templates"), json!(templates));
        for id in recorded.ids(&format!("{base}/views")) {
            let filter = TemplateFilter { view_id: Some(ViewId(id)), ..TemplateFilter::default() };
            let templates = store.list_templates(project, UserId(1), &filter, &options).await.unwrap();
            recorded.check(&format!("{base}/views/{id}/templates"), json!(templates));
        }
        for id in recorded.ids(&format!("{base}/templates")) {
            let id = TemplateId(id);
            let template = store.get_template(project, id).await.unwrap();
            let answer = TemplateWithPermissions { template, permissions: Some(Permissions::ALL) };
            recorded.check(&format!("{base}/templates/{id}"), json!(answer));
            let refs = store.list_template_referrers(project, id).await.unwrap();
            recorded.check(&format!("{base}/templates/{id}/refs"), json!(refs));
            let filter = TaskFilter { template_id: Some(id), ..TaskFilter::default() };
            let tasks = store.list_tasks(project, &filter, Page::first(1000)).await.unwrap();
            recorded.check(&format!("{base}/templates/{id}/tasks"), json!(tasks));
            let filter = TaskStatisticsFilter { template_id: Some(id), ..TaskStatisticsFilter::default() };
            let days = store.list_task_statistics(project, &filter).await.unwrap();
            recorded.check(&format!("{base}/templates/{id}/stats"), json!(days));
        }
        let tasks = store.list_tasks(project, &TaskFilter::default(), Page::first(1000)).await.unwrap();
        recorded.check(&format!("{base}/tasks"), json!(tasks));
        for id in recorded.ids(&format!("{base}/tasks")) {
            let id = TaskId(id);
            recorded.check(&format!("{base}/tasks/{id}"), json!(store.get_task(project, id).await.unwrap()));
            recorded
                .check(&format!("{base}/tasks/{id}/stages"), json!(store.list_task_stages(project, id).await.unwrap()));
            let lines = store.list_task_output(project, id, Page::default()).await.unwrap();
            recorded.check(&format!("{base}/tasks/{id}/output"), json!(lines));
        }
    }
    assert!(recorded.compared > 100, "{}", recorded.compared);
}

async fn what_starts_tasks_is_as_recorded(database: Database) {
    let Some(mut recorded) = Recorded::open(database).await else { return };
    let store = recorded.store.clone();
    let options = ListOptions::default();
    recorded.check("/api/runners", json!(store.list_runners().await.unwrap()));
    for id in recorded.ids("/api/runners") {
        let runner = store.get_runner(RunnerId(id)).await.unwrap();
        // Reference: a runner of a project is not found here.
        if runner.project_id.is_none() {
            recorded.check(&format!("/api/runners/{id}"), json!(runner));
        }
        assert_eq!(store.get_runner_by_token(&runner.token).await.unwrap(), runner);
    }
    for project in [1, 2].map(ProjectId) {
        let base = format!("/api/project/{project}");
        recorded.check(&format!("{base}/runners"), json!(store.list_project_runners(project).await.unwrap()));
        // The community edition answers an empty list, whatever is stored.
        let list = store.list_secret_storages(project).await.unwrap();
        let kinds: Vec<_> = list.iter().map(|storage| (storage.r#type.as_str(), storage.readonly)).collect();
        let expected = if project.0 == 1 { vec![("vault", true), ("dvls", false)] } else { Vec::new() };
        assert_eq!(kinds, expected);
        recorded.check(&format!("{base}/schedules"), json!(store.list_schedules(project).await.unwrap()));
        let all = store.list_schedules_with_params(project).await.unwrap();
        for id in recorded.ids(&format!("{base}/schedules")).into_iter().map(ScheduleId) {
            let schedule = store.get_schedule(project, id).await.unwrap();
            assert_eq!(all.iter().find(|listed| listed.id == id), Some(&schedule));
            recorded.check(&format!("{base}/schedules/{id}"), json!(schedule));
        }
        for id in recorded.ids(&format!("{base}/templates")) {
            let list = store.list_commit_schedules(project, TemplateId(id)).await.unwrap();
            recorded.check(&format!("{base}/templates/{id}/schedules"), json!(list));
        }
        recorded
            .check(&format!("{base}/integrations"), json!(store.list_integrations(project, &options).await.unwrap()));
        let all = store.list_integrations_with_params(project, &options).await.unwrap();
        for id in recorded.ids(&format!("{base}/integrations")).into_iter().map(IntegrationId) {
            let path = format!("{base}/integrations/{id}");
            let integration = store.get_integration(project, id).await.unwrap();
            assert_eq!(all.iter().find(|listed| listed.id == id), Some(&integration));
            recorded.check(&path, json!(integration));
            let list = store.list_integration_matchers(project, id).await.unwrap();
            recorded.check(&format!("{path}/matchers"), json!(list));
            for matcher in list {
                let one = store.get_integration_matcher(project, id, matcher.id).await.unwrap();
                recorded.check(&format!("{path}/matchers/{}", matcher.id), json!(one));
            }
            let list = store.list_integration_values(project, id, &options).await.unwrap();
            recorded.check(&format!("{path}/values"), json!(list));
            for value in list {
                let one = store.get_integration_value(project, id, value.id).await.unwrap();
                recorded.check(&format!("{path}/values/{}", value.id), json!(one));
            }
            let ends = store.list_integration_aliases(project, Some(id)).await.unwrap();
            recorded.check_aliases(&format!("{path}/aliases"), &ends);
        }
        let ends = store.list_integration_aliases(project, None).await.unwrap();
        recorded.check_aliases(&format!("{base}/integrations/aliases"), &ends);
    }
    assert!(recorded.compared > 60, "{}", recorded.compared);
}

/// What the community edition has no routes for was read back by the Go server's own store.
async fn invitations_and_roles_are_those_recorded(database: Database) {
    let Some(recorded) = Recorded::open(database).await else { return };
    let known = &recorded.store_only["readback"][0];
    let store = &recorded.store;
    for project in [1, 2].map(ProjectId) {
        let mut found = json!(store.list_project_invites(project, &ListOptions::default()).await.unwrap());
        // They have one time, so their order is chance.
        let mut expected = known[format!("invites_{project}")].clone();
        sort_lists(&mut found);
        sort_lists(&mut expected);
        assert_eq!(found, expected);
        let roles = json!(store.list_project_roles(project).await.unwrap());
        assert_eq!(roles, known[format!("roles_{project}")]);
    }
    assert_eq!(json!(store.list_global_roles().await.unwrap()), known["roles_global"]);
    let given = store.list_template_roles(ProjectId(1), TemplateId(1)).await.unwrap();
    assert_eq!(json!(given), json!([recorded.store_only["role_perms"][0]["v"]]));
}

async fn tokens_of_the_go_server_open_the_door(database: Database) {
    let Some(recorded) = Recorded::open(database).await else { return };
    let token = recorded.secrets["admin_token"].as_str().unwrap().into();
    let identity = recorded.store.get_token_identity(&token).await.unwrap();
    assert_eq!((identity.user.username.as_str(), identity.user.admin), ("admin", true));
    assert!(identity.session.is_none());
    assert!(recorded.store.get_token_identity(&"nobody".into()).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_time_the_go_server_cannot_read_back_is_no_obstacle() {
    let (path, _directory) = fixture::copy("quirks/run_at_with_offset.sqlite");
    let store = Store::open(SqliteOptions::new(path)).await.unwrap();
    assert_eq!(store.list_projects().await.unwrap().len(), 2);
}

stories! {
    users_projects_and_events_are_those_recorded,
    resources_are_those_recorded,
    templates_and_tasks_are_those_recorded,
    what_starts_tasks_is_as_recorded,
    invitations_and_roles_are_those_recorded,
    tokens_of_the_go_server_open_the_door,
}
