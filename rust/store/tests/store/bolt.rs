//! The reader of Bolt files: whole ones, damaged ones, and those of older versions.

use crate::fixture::{empty, fixtures};
use semaphore_model::{ProjectId, RepositoryId, SessionId, TaskId, TemplateId, UserId};
use semaphore_store::bolt::{BoltError, BoltFile, Cursor};
use semaphore_store::transfer::{ImportOptions, Report, TransferError};
use semaphore_test_machine::bolt::{Bucket, write};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

/// Keys with their values.
type Contents = Vec<(Vec<u8>, Vec<u8>)>;

/// All keys and values of a bucket; `None` if it is not there.
fn contents(file: &BoltFile, bucket: &str) -> Result<Option<Contents>, BoltError> {
    let Some(bucket) = file.bucket(bucket)? else { return Ok(None) };
    let mut cursor = Cursor::new(file, &bucket)?;
    let mut all = Vec::new();
    while let Some(entry) = cursor.next()? {
        all.push((entry.key, entry.value));
    }
    Ok(Some(all))
}

#[test]
fn branches_overflow_and_inline_buckets_are_read() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("test.boltdb");
    let mut large = Bucket { sequence: 7, ..Bucket::default() };
    for number in 0..3000_u32 {
        large.keys.insert(format!("{number:06}").into_bytes(), vec![b'x'; (number % 97) as usize]);
    }
    large.keys.insert(b"001500-long".to_vec(), vec![b'y'; 100_000]);
    let small = Bucket { sequence: 2, keys: BTreeMap::from([(b"a".to_vec(), b"1".to_vec())]) };
    let buckets = BTreeMap::from([
        ("empty".to_owned(), Bucket::default()),
        ("large".to_owned(), large.clone()),
        ("small".to_owned(), small.clone()),
    ]);
    write(&path, &buckets);
    let file = BoltFile::open(&path).unwrap();
    for (name, bucket) in &buckets {
        let expected: Vec<_> = bucket.keys.clone().into_iter().collect();
        assert_eq!(contents(&file, name).unwrap(), Some(expected), "{name}");
        assert_eq!(file.bucket(name).unwrap().unwrap().sequence, bucket.sequence);
    }
    assert_eq!(contents(&file, "other").unwrap(), None);
    let bucket = file.bucket("large").unwrap().unwrap();
    for (wanted, found) in [("001500-", "001500-long"), ("0021", "002100"), ("", "000000"), ("002999", "002999")] {
        let entry = Cursor::at(&file, &bucket, wanted.as_bytes()).unwrap().next().unwrap().unwrap();
        assert_eq!(String::from_utf8(entry.key).unwrap(), found);
    }
    assert!(Cursor::at(&file, &bucket, b"003").unwrap().next().unwrap().is_none());
}

#[test]
fn what_is_no_bolt_file_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    let whole = std::fs::read(fixtures().join("db/bolt/database.boltdb")).unwrap();
    let mut swapped = whole.clone();
    swapped[16..20].reverse();
    swapped[4096 + 16..4096 + 20].reverse();
    let cases: [(&[u8], &str); 4] = [
        (b"", "too short"),
        (&[7; 9000], "not that of a Bolt file"),
        (&whole[..60], "too short"),
        (&swapped, "another byte order"),
    ];
    for (bytes, expected) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = BoltFile::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // The other head still counts.
    let mut half = whole;
    half[20] ^= 1;
    std::fs::write(&path, &half).unwrap();
    BoltFile::open(&path).unwrap();
}

#[test]
fn a_file_in_use_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    std::fs::copy(fixtures().join("db/bolt/database.boltdb"), &path).unwrap();
    let server = std::fs::File::open(&path).unwrap();
    server.lock().unwrap();
    assert!(matches!(BoltFile::open(&path), Err(BoltError::InUse { .. })));
    server.unlock().unwrap();
    BoltFile::open(&path).unwrap();
}

/// Every bucket of a file that may be damaged: whatever comes, it comes soon and without a panic.
fn read_all(file: &BoltFile) -> Result<u64, BoltError> {
    let mut cursor = Cursor::new(file, &file.root())?;
    let mut count = 0;
    while let Some(entry) = cursor.next()? {
        if entry.is_bucket {
            let name = String::from_utf8_lossy(&entry.key).into_owned();
            count += contents(file, &name)?.map_or(0, |keys| keys.len() as u64);
        }
    }
    Ok(count)
}

#[test]
fn damaged_files_end_with_an_error() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    let whole = std::fs::read(fixtures().join("db/bolt/database.boltdb")).unwrap();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    let (mut errors, mut reads) = (0, 0);
    for round in 0..400 {
        let mut bytes = whole.clone();
        match round % 4 {
            0 => bytes.truncate(next(bytes.len())),
            // The head of a page: its kind, its count, its overflow, its children.
            1 => (0..8).for_each(|_| bytes[(2 + next(254)) * 4096 + next(64)] = next(256) as u8),
            2 => (0..200).for_each(|_| bytes[8192 + next(whole.len() - 8192)] = next(256) as u8),
            // A page in the place of another one.
            _ => {
                let (from, to) = (2 + next(254), 2 + next(254));
                bytes.copy_within(from * 4096..(from + 1) * 4096, to * 4096);
                bytes[to * 4096..to * 4096 + 8].copy_from_slice(&(to as u64).to_le_bytes());
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        match BoltFile::open(&path).and_then(|file| read_all(&file)) {
            Ok(count) => {
                reads += 1;
                assert!(count < 100_000);
            }
            Err(error) => {
                errors += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(errors > 100 && reads > 10, "{errors} errors, {reads} reads");
}

fn versions(without: &[&str]) -> Bucket {
    let text = std::fs::read_to_string(fixtures().join("schema/migrations.json")).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    let mut bucket = Bucket::default();
    let all = known["mysql"]["latest"].as_array().unwrap().iter().filter_map(Value::as_str);
    for version in all.filter(|version| !without.contains(version)) {
        bucket.keys.insert(version.as_bytes().to_vec(), b"{}".to_vec());
    }
    bucket
}

fn object(value: &Value, number: i64) -> Bucket {
    Bucket { sequence: number.unsigned_abs(), ..Bucket::default() }.with(number, value)
}

async fn import(path: &Path) -> (semaphore_store::Store, TempDir, Report) {
    let (store, directory) = empty().await;
    let file = BoltFile::open(path).unwrap();
    let report = store.import_bolt(&file, &ImportOptions::default(), &mut |_| {}).await.unwrap();
    (store, directory, report)
}

fn user(name: &str, email: &str) -> Value {
    json!({"created": "2020-01-01T00:00:00Z", "username": name, "name": name, "email": email, "password": "x", "admin": true})
}

fn project(id: i64) -> Value {
    json!({"id": id, "name": format!("Project {id}"), "created": "2020-01-01T00:00:00Z"})
}

#[tokio::test]
async fn a_file_of_an_old_version_is_brought_to_the_newest_one() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("old.boltdb");
    let old = ["2.8.26", "2.8.40", "2.8.91", "2.10.12", "2.10.16", "2.10.24", "2.10.33", "2.17.0", "2.17.15"];
    let buckets = [
        ("migrations", versions(&old)),
        ("user", Bucket::numbered([user("ann", "ann@example.test")])),
        ("project", object(&project(1), 1)),
        ("project__user_0000000001", Bucket::default().with(1, &json!({"project_id": 1, "user_id": 1, "admin": true}))),
        (
            "access_key_0000000001",
            Bucket::numbered([json!({"id": 1, "name": "None", "type": "none", "project_id": 1})]),
        ),
        (
            "project__repository_0000000001",
            object(
                &json!({"id": 1, "name": "R", "project_id": 1, "git_url": "git@host:a.git#stable", "ssh_key_id": 1.0}),
                1,
            ),
        ),
        (
            "project__template_0000000001",
            object(
                &json!({"id": 3, "alias": "Deploy", "project_id": 1, "repository_id": 1, "playbook": "site.yml", "vault_key_id": 1}),
                3,
            ),
        ),
        (
            "project__schedule_0000000001",
            object(&json!({"id": 1, "project_id": 1, "template_id": 3, "cron_format": "* * * * *"}), 1),
        ),
    ];
    write(&path, &buckets.into_iter().map(|(name, bucket)| (name.to_owned(), bucket)).collect());
    let (store, _kept, report) = import(&path).await;
    assert_eq!(report.notes, [""; 0]);
    let repository = store.get_repository(ProjectId(1), RepositoryId(1)).await.unwrap();
    assert_eq!((repository.git_url.as_str(), repository.git_branch.as_str()), ("git@host:a.git", "stable"));
    let template = store.get_template(ProjectId(1), TemplateId(3)).await.unwrap();
    let shown = json!(template);
    assert_eq!(
        (&shown["name"], &shown["app"], &shown["vaults"][0]["type"]),
        (&json!("Deploy"), &json!("ansible"), &json!("password"))
    );
    assert_eq!(shown["vaults"][0]["vault_key_id"], 1);
    let access = store.get_project_access(ProjectId(1), UserId(1)).await.unwrap();
    assert_eq!(json!(access.role), "owner");
    let views = json!(store.list_views(ProjectId(1)).await.unwrap());
    assert_eq!(
        (&views[0]["title"], &views[0]["type"], &views[0]["position"]),
        (&json!("All"), &json!("all"), &json!(-1))
    );
    let schedules = json!(store.list_schedules(ProjectId(1)).await.unwrap());
    assert_eq!(schedules[0]["active"], true);
}

#[tokio::test]
async fn a_file_of_a_newer_server_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("new.boltdb");
    let mut versions = versions(&[]);
    versions.keys.insert(b"2.99.1".to_vec(), b"{}".to_vec());
    write(&path, &BTreeMap::from([("migrations".to_owned(), versions)]));
    let (store, _kept) = empty().await;
    let file = BoltFile::open(&path).unwrap();
    let error = store.import_bolt(&file, &ImportOptions::default(), &mut |_| {}).await.unwrap_err();
    assert!(
        matches!(&error, TransferError::Bolt(BoltError::UnknownVersions { versions, .. }) if versions == &["2.99.1"])
    );
}

/// What SQL would refuse: users of the same name, what belongs to nothing, keys that are gone.
#[tokio::test]
async fn what_sql_refuses_is_settled_and_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("torn.boltdb");
    let template = |id: i64, repository: i64| {
        json!({"id": id, "name": format!("T{id}"), "project_id": 2, "repository_id": repository, "inventory_id": 9, "playbook": "a.sh",
            "app": "bash", "description": "see /project/2/templates/1"})
    };
    let task = |number: i64, template: i64| {
        json!({"id": number, "template_id": template, "project_id": 2, "status": "success", "playbook": "", "user_id": 7,
            "environment": "", "created": "2021-01-01T00:00:00Z", "message": format!("/project/2/templates/1?t={number}")})
    };
    let event = json!({"project_id": 2, "object_id": 2_147_483_646, "object_type": "task", "created": "2021-01-01T00:00:00Z",
        "description": "Task ID 2147483646 (T1) finished"});
    let line = |text: &str| json!({"id": 0, "task_id": 2_147_483_646, "time": "2021-01-01T00:00:00.5Z", "output": text, "stage_id": 0});
    let buckets = [
        ("migrations", versions(&[])),
        ("user", Bucket::numbered([user("ann", "a@example.test"), user("Ann", "a@example.test")])),
        ("project", object(&project(1), 1).with(2, &project(2))),
        (
            "project__template_0000000001",
            object(&json!({"id": 1, "name": "T", "project_id": 1, "repository_id": 4}), 1),
        ),
        ("project__template_0000000002", object(&template(1, 0), 1).with(2, &template(2, 0))),
        (
            "access_key_0000000003",
            Bucket::numbered([json!({"id": 1, "name": "None", "type": "none", "project_id": 3})]),
        ),
        (
            "task",
            Bucket::default().with(2_147_483_646, &task(2_147_483_646, 1)).with(2_147_483_645, &task(2_147_483_645, 5)),
        ),
        ("events", Bucket::default().with(2_147_483_646, &event)),
        ("task__output_2147483646", Bucket::numbered([line("one"), line("two")])),
        ("task__output_2147483645", Bucket::numbered([line("lost")])),
        ("session_0000000001", Bucket::numbered([session(1)])),
        ("session_0000000002", Bucket::numbered([session(2)])),
        ("something", Bucket::numbered([json!({})])),
    ];
    write(&path, &buckets.into_iter().map(|(name, bucket)| (name.to_owned(), bucket)).collect());
    let (store, _kept, report) = import(&path).await;
    let users = store.list_users("", &semaphore_store::ListOptions::default()).await.unwrap();
    let names: Vec<_> = users.iter().map(|user| (user.username.as_str(), user.email.as_str())).collect();
    assert_eq!(names, [("ann", "a@example.test"), ("Ann-2", "a@example.test-2")]);
    // The templates of project 1 keep their ids, those of project 2 follow behind all.
    let template = json!(store.get_template(ProjectId(2), TemplateId(3)).await.unwrap());
    assert_eq!((&template["name"], &template["description"]), (&json!("T1"), &json!("see /project/2/templates/3")));
    let task = json!(store.get_task(ProjectId(2), TaskId(1)).await.unwrap());
    assert_eq!((&task["template_id"], &task["message"]), (&json!(3), &json!("/project/2/templates/3?t=1")));
    let lines = store.list_task_output(ProjectId(2), TaskId(1), semaphore_store::Page::default()).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.output.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let events = json!(store.list_events_for_project(ProjectId(2), semaphore_store::Page::default()).await.unwrap());
    assert_eq!((&events[0]["object_id"], &events[0]["description"]), (&json!(1), &json!("Task ID 1 (T1) finished")));
    let notes = |table: &str| report.tables.iter().find(|found| found.table == table).unwrap().notes.clone();
    assert_eq!(notes("access_key"), BTreeMap::from([("left out: what it belongs to is gone".to_owned(), 1)]));
    assert!(notes("task__output").keys().any(|note| note.starts_with("left out")), "{report:?}");
    assert!(notes("project__template").keys().any(|note| note.starts_with("inventory_id is empty now")), "{report:?}");
    for told in ["user 2: another user has the same username", "stands in for it", "bucket something"] {
        assert!(report.notes.iter().any(|note| note.contains(told)), "{told}: {:?}", report.notes);
    }
    // The cookie of the second user's browser still says "session 1".
    let identity = store.get_session_identity(UserId(2), SessionId(1)).await.unwrap();
    assert_eq!(identity.user.username, "Ann-2");
    assert_eq!(store.get_session_identity(UserId(1), SessionId(1)).await.unwrap().user.username, "ann");
    store.expire_session(UserId(2), SessionId(1)).await.unwrap();
    assert!(store.get_session_identity(UserId(2), SessionId(1)).await.unwrap_err().is_not_found());
    assert!(store.expire_session(UserId(2), SessionId(5)).await.unwrap_err().is_not_found());
    store.get_session_identity(UserId(1), SessionId(1)).await.unwrap();
    // What comes next is numbered behind everything that was there.
    let next =
        store.insert_session(semaphore_model::Session { user_id: UserId(1), ..Default::default() }).await.unwrap();
    assert_eq!(next.id, SessionId(3));
}

fn session(user: i64) -> Value {
    json!({"id": 1, "user_id": user, "created": "2021-01-01T00:00:00Z", "last_active": "2021-01-01T00:00:00Z", "ip": "::1",
        "user_agent": "browser", "expired": false, "verification_method": 0, "verified": true})
}
