//! Entities go to the structs of the Go module and back without loss: those of the databases that the Go server made, and
//! those that Go fills with every field set.

use crate::fixture::{Database, stories};
use semaphore_model::{Exchange, *};
use semaphore_store::{AccessKeyFilter, InventoryFilter, ListOptions, Page, Store, TaskFilter, TemplateFilter};
use semaphore_test_machine::{missing, project_root};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs the Go half with these lines; answers its lines, or none if Go is not installed.
fn go(mode: &str, lines: &[Value]) -> Option<Vec<Value>> {
    let mut command = Command::new("go");
    command.args(["run", "./internal/modelcheck", mode]).current_dir(project_root().join("go")).env("CGO_ENABLED", "0");
    let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = started else {
        missing("Go is not installed");
        return None;
    };
    let mut input = child.stdin.take().unwrap();
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    let writer = std::thread::spawn(move || input.write_all(text.join("\n").as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().ok();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Compares the line that came back.
type Check = Box<dyn Fn(&Value)>;

/// Entities on their way: the lines for Go, and what must come back.
#[derive(Default)]
struct Journey {
    lines: Vec<Value>,
    checks: Vec<Check>,
}

impl Journey {
    fn add<T: Exchange + PartialEq + Debug + 'static>(&mut self, entities: impl IntoIterator<Item = T>) {
        for entity in entities {
            let document = entity.to_document().unwrap();
            assert_eq!(T::from_document(document.clone()).unwrap(), entity);
            self.lines.push(json!({"kind": T::KIND, "document": document.clone()}));
            self.checks.push(Box::new(move |returned| {
                assert_eq!(returned["document"], document, "{}", T::KIND);
                assert_eq!(T::from_document(returned["document"].clone()).unwrap(), entity);
            }));
        }
    }

    /// The kinds that there are.
    fn travel(self) -> BTreeSet<String> {
        let Some(returned) = go("echo", &self.lines) else { return BTreeSet::new() };
        assert_eq!(returned.len(), self.lines.len());
        for (check, line) in self.checks.iter().zip(&returned) {
            check(line);
        }
        self.lines.iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
    }
}

async fn entities_of_an_installation_travel(database: Database) {
    let Some((store, _kept)) = database.recorded().await else { return };
    let mut journey = Journey::default();
    let options = ListOptions::default();
    for user in store.list_users("", &options).await.unwrap() {
        let user = store.get_user(user.id).await.unwrap();
        journey.add(user.totp.clone());
        journey.add(store.list_api_tokens(user.id).await.unwrap());
        journey.add(store.list_events_for_user(user.id, Page::default()).await.unwrap());
        journey.add([user]);
    }
    journey.add(store.list_projects().await.unwrap().iter().cloned());
    journey.add(store.list_runners().await.unwrap());
    journey.add(store.list_global_roles().await.unwrap());
    journey.add(store.list_options("").await.unwrap());
    for project in [1, 2].map(ProjectId) {
        add_project(&mut journey, &store, project).await;
    }
    let kinds = journey.travel();
    if !kinds.is_empty() {
        let expected = "access_key api_token environment event integration integration_alias integration_extract_value \
             integration_matcher inventory option project project_invite project_user repository role runner schedule secret_storage \
             task task_output task_stage template template_role template_vault user user_totp view";
        assert_eq!(kinds, expected.split_whitespace().map(str::to_owned).collect());
    }
}

async fn add_project(journey: &mut Journey, store: &Store, project: ProjectId) {
    let options = ListOptions::default();
    let members = store.list_project_users(project, &options).await.unwrap();
    journey.add(members.into_iter().map(|member| ProjectUser {
        project_id: project,
        user_id: member.user.id,
        role: member.role,
    }));
    let invites = store.list_project_invites(project, &options).await.unwrap();
    journey.add(invites.into_iter().map(|invite| invite.invite));
    journey.add(store.list_project_roles(project).await.unwrap());
    journey.add(store.list_access_keys(project, AccessKeyFilter::Shared, &options).await.unwrap());
    journey.add(store.list_secret_storages(project).await.unwrap());
    journey.add(store.list_repositories(project, &options).await.unwrap());
    journey.add(store.list_inventories(project, &InventoryFilter::default(), &options).await.unwrap());
    journey.add(store.list_environments(project, &options).await.unwrap());
    journey.add(store.list_views(project).await.unwrap());
    journey.add(store.list_schedules_with_params(project).await.unwrap());
    for integration in store.list_integrations_with_params(project, &options).await.unwrap() {
        journey.add(store.list_integration_matchers(project, integration.id).await.unwrap());
        journey.add(store.list_integration_values(project, integration.id, &options).await.unwrap());
        journey.add(store.list_integration_aliases(project, Some(integration.id)).await.unwrap());
        journey.add([integration]);
    }
    for listed in store.list_templates(project, UserId(1), &TemplateFilter::default(), &options).await.unwrap() {
        let template = store.get_template(project, listed.template.id).await.unwrap();
        let template = Template { last_task: None, ..template };
        journey.add(template.vaults.clone());
        journey.add(store.list_template_roles(project, template.id).await.unwrap());
        journey.add([template]);
    }
    for task in store.list_tasks(project, &TaskFilter::default(), Page::first(1000)).await.unwrap() {
        journey.add(store.list_task_output(project, task.task.id, Page::default()).await.unwrap());
        journey.add(store.list_task_stages(project, task.task.id).await.unwrap());
        journey.add([task.task]);
    }
}

/// Every field of every kind, made in Go: to Rust, and back to Go, which compares.
#[test]
fn entities_that_go_made_travel() {
    let Some(lines) = go("fill", &[]) else { return };
    let returned: Vec<Value> = lines
        .iter()
        .map(|line| {
            let document = through_rust(line["kind"].as_str().unwrap(), line["document"].clone());
            json!({"kind": line["kind"], "variant": line["variant"], "document": document})
        })
        .collect();
    go("compare", &returned).unwrap();
    let kinds: BTreeSet<_> = lines.iter().map(|line| line["kind"].to_string()).collect();
    assert_eq!((lines.len(), kinds.len()), (90, 30));

    let mut spoiled = returned[0].clone();
    spoiled["document"]["id"] = 0.into();
    let refused = std::panic::catch_unwind(|| go("compare", &[spoiled]));
    assert!(refused.is_err(), "Go compares nothing");
}

fn through_rust(kind: &str, document: Value) -> Value {
    macro_rules! through {
        ($($entity:ident)*) => {
            match kind {
                $(<$entity as Exchange>::KIND => $entity::from_document(document).unwrap().to_document().unwrap(),)*
                other => panic!("Rust has no kind {other}"),
            }
        };
    }
    through!(
        User UserTotp UserEmailOtp Project ProjectUser ProjectInvite Role TemplateRole AccessKey SecretStorage Repository Inventory Environment
        Template TemplateVault View Task TaskParams TaskOutput TaskStage Schedule Integration IntegrationMatcher
        IntegrationExtractValue IntegrationAlias Runner Session ApiToken Event ServerOption
    )
}

stories! {
    entities_of_an_installation_travel,
}
