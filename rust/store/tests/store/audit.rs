//! Audit records: made with their event or not at all, there when the project is gone, told by one server at a time.

use crate::fixture::{Database, stories};
use crate::story::Project;
use semaphore_model::{Event, ProjectId};
use semaphore_store::{ServerPresence, Store};
use std::time::Duration;

stories! { records_are_those_of_the_events, one_server_tells_until_it_is_gone }

fn event(project: ProjectId, text: &str) -> Event {
    Event { project_id: Some(project), description: Some(text.to_owned()), ..Event::default() }
}

async fn texts(store: &Store) -> Vec<String> {
    let records = store.next_audit_records(100).await.unwrap();
    records.iter().map(|record| serde_json::from_str::<Event>(&record.event).unwrap().description.unwrap()).collect()
}

async fn records_are_those_of_the_events(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await.id;
    store.insert_event(event(project, "before")).await.unwrap();
    assert!(texts(&store).await.is_empty(), "nobody asked for records");
    store.keep_for_audit();
    store.insert_event(event(project, "first")).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.insert_event(event(project, "taken back")).await.unwrap();
    transaction.rollback().await.unwrap();
    store.insert_event(event(project, "second")).await.unwrap();
    store.delete_project(project).await.unwrap();
    assert_eq!(texts(&store).await, ["first", "second"]);
    let first = store.next_audit_records(1).await.unwrap().remove(0);
    store.remove_audit_record(first.id).await.unwrap();
    assert_eq!((texts(&store).await, store.count_audit_records().await.unwrap()), (vec!["second".to_owned()], 1));
}

async fn one_server_tells_until_it_is_gone(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    for id in ["one", "two", "three"] {
        let (id, host) = (id.to_owned(), String::new());
        let lease = Duration::from_secs(9);
        let server = ServerPresence { id, host, pid: 7, beat: 0, lease, max_parallel_tasks: 4 };
        store.register_server(&server).await.unwrap();
    }
    let claims = ["one", "two", "three"].map(|id| store.claim_audit(id));
    let claims = futures_util::future::join_all(claims).await;
    // One that is refused by the database asks again.
    let tellers = claims.into_iter().filter(|claimed| matches!(claimed, Ok(true))).count();
    assert_eq!(tellers, 1);
    let mut first = None;
    for id in ["one", "two", "three"] {
        if store.claim_audit(id).await.unwrap() {
            assert!(first.replace(id).is_none(), "two servers tell");
        }
    }
    let first = first.unwrap();
    let heir = if first == "one" { "two" } else { "one" };
    store.remove_server(first).await.unwrap();
    assert!(store.claim_audit(heir).await.unwrap());
    assert!(!store.claim_audit(first).await.unwrap());
    store.release_audit(heir).await.unwrap();
    assert!(store.claim_audit("three").await.unwrap());
}
