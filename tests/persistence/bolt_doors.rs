//! What the world outside holds of an installation on Bolt, after its import: cookies of browsers, API tokens, addresses of
//! integrations, links in texts. Ids that Bolt gives once in each project are others in SQL; nobody outside notices.

use std::{collections::BTreeMap, path::Path, process::Command};

use semaphore_test_machine::bolt::{Bucket, write};
use semaphore_tests::{Answer, Client, Server, project_root};
use serde_json::{Value, json};

use crate::{installation::Installation, migrate, prepared, recorded_json, text};

/// What the Go server, on a Bolt file, put into the cookies of the first sessions of these users with the keys of the recorded
/// installation: encrypted gob. On Bolt the sessions of each user begin with 1.
const COOKIES: [(i64, &str); 3] = [
    (1, "tuf3PDE_6t4TPudUX_L8ukyQAM2IxQ2hflLQ2NQyw53ceaQTwtRzfw--c7hgSdqR1_BLm_yZrqT_6osz66W_ig=="),
    (2, "0myBgURRZKLE3Jnvdz-6_uu0kkHHKYcwmCUJV8Rbz5ZI6KopqLtsUU9HgCmMamxWRMJdR9n63PyLAlhYxoO-6Q=="),
    (4, "yfYWvEUKD-PrzqDiSYeoAt_1aPU-Z9F4Apin5XpsNwzfLbUlpBjP4mNZnj1dObIqa7__9bkY0_oagwsv7C628w=="),
];

/// The cookie around it, made now: a cookie counts for 30 days.
fn cookie(content: &str) -> String {
    const SIGN: &str = "import base64, hashlib, hmac, sys, time\n\
        stamp = str(int(time.time()))\n\
        mac = hmac.new(base64.b64decode(sys.argv[1]), f'semaphore|{stamp}|{sys.argv[2]}'.encode(), hashlib.sha256).digest()\n\
        print(base64.urlsafe_b64encode(f'{stamp}|{sys.argv[2]}|'.encode() + mac).decode())";
    let config = recorded_json("config.json");
    let key = config["cookie_hash"].as_str().unwrap();
    let done = Command::new("python3").args(["-c", SIGN, key, content]).output().expect("python3");
    assert!(done.status.success(), "{}", text(&done));
    format!("semaphore={}", String::from_utf8(done.stdout).unwrap().trim())
}

fn asked_with(server: &Server, cookie: &str, method: &str, path: &str) -> Answer {
    Client::new(server.port()).send_with(method, path, None, &[("Cookie", cookie)])
}

/// Browsers stay logged in, each as its own user, and log out one by one; the recorded addresses start their tasks.
pub(crate) fn sessions_and_addresses_go_on(world: &mut Installation) {
    world.execute("update session set last_active = current_timestamp");
    let cookies = COOKIES.map(|(user, content)| (user, cookie(content)));
    for (user, cookie) in &cookies {
        let found = asked_with(&world.server, cookie, "GET", "/api/user").expect(200).json();
        assert_eq!(found["id"], *user, "{found}");
    }
    // Logging out ends this log-in, not the one that has its old number now.
    asked_with(&world.server, &cookies[2].1, "POST", "/api/auth/logout").expect(204);
    assert_eq!(
        [0, 1, 2].map(|at| asked_with(&world.server, &cookies[at].1, "GET", "/api/user").status),
        [200, 200, 401]
    );

    let secrets = recorded_json("secrets.json");
    let token = format!("Bearer {}", secrets["admin_token"].as_str().unwrap());
    let addresses = world.rows("select alias from project__integration_alias where integration_id is null");
    assert_eq!(addresses.len(), 1);
    let body =
        json!({"ref": {"name": "main"}, "commit": {"id": "abc123"}, "repo": 1, "limit": "localhost"}).to_string();
    let sent = |body: &str| {
        let path = format!("/api/integrations/{}", addresses[0]);
        world.server.anonymous().send_with("POST", &path, Some(body), &[("X-Event", "push")]).expect(204);
        let tasks =
            world.server.anonymous().send_with("GET", "/api/project/1/tasks", None, &[("Authorization", &token)]);
        tasks.expect(200).json()
    };
    let refused = sent(&body.replace("main", "dev"));
    let tasks = sent(&body);
    assert_eq!(tasks.as_array().unwrap().len(), refused.as_array().unwrap().len() + 1, "rules decide as before");
    assert_eq!((&tasks[0]["integration_id"], &tasks[0]["template_id"]), (&json!(1), &json!(1)), "{}", tasks[0]);
    world.server.stop();
}

fn numbered(documents: &[Value]) -> Bucket {
    Bucket::numbered(documents.iter().cloned())
}

/// Projects with the same numbers for everything; the second one's addresses, links and rules are the interesting ones.
fn two_projects(path: &Path) {
    let versions = std::fs::read(project_root().join("tests/conformance/fixtures/schema/migrations.json")).unwrap();
    let versions: Value = serde_json::from_slice(&versions).unwrap();
    let version = |row: &Value| (row.as_str().unwrap().as_bytes().to_vec(), b"{}".to_vec());
    let versions =
        Bucket { sequence: 0, keys: versions["mysql"]["latest"].as_array().unwrap().iter().map(version).collect() };
    let time = "2024-05-06T07:08:09Z";
    let person = |name: &str| json!({"username": name, "name": name, "email": format!("{name}@example.test"), "password": "x", "admin": true, "created": time});
    let mut users = numbered(&[person("ann"), person("ben")]);
    for (index, value) in users.keys.values_mut().enumerate() {
        let mut user: Value = serde_json::from_slice(value).unwrap();
        user["id"] = json!(index + 1);
        *value = user.to_string().into_bytes();
    }
    let token = |user: i64, id: &str| {
        let document = json!({"id": id, "created": time, "expired": false, "user_id": user});
        Bucket { sequence: 0, keys: BTreeMap::from([(id.as_bytes().to_vec(), document.to_string().into_bytes())]) }
    };
    let mut buckets = BTreeMap::from([
        ("migrations".to_owned(), versions),
        ("user".to_owned(), users),
        ("user__token_0000000001".to_owned(), token(1, "token-of-ann-token-of-ann-token-of-ann-0001=")),
        ("user__token_0000000002".to_owned(), token(2, "token-of-ben-token-of-ben-token-of-ben-0001=")),
        (
            "project".to_owned(),
            numbered(&[
                json!({"id": 1, "name": "One", "created": time}),
                json!({"id": 2, "name": "Two", "created": time}),
            ]),
        ),
    ]);
    for project in [1, 2] {
        let own = |table: &str| format!("{table}_{project:010}");
        let id = |document: Value| {
            let mut document = document;
            document["id"] = json!(1);
            document["project_id"] = json!(project);
            numbered(&[document])
        };
        let rule = json!({"name": "Only this", "match_type": "body", "method": "equals", "body_data_type": "json",
            "key": "project", "value": project.to_string(), "integration_id": 1});
        let value = json!({"name": "Version", "value_source": "body", "body_data_type": "json", "key": "version",
            "variable": format!("VERSION_{project}"), "variable_type": "environment", "integration_id": 1});
        let template = json!({"name": format!("Template of {project}"), "repository_id": 1, "environment_id": 1,
            "inventory_id": 1, "playbook": "run.sh", "app": "bash", "type": "",
            "description": format!("see /project/{project}/templates/1/tasks?t=2147483646")});
        let hook = json!({"name": "Hook", "template_id": 1, "auth_method": "", "auth_header": "", "searchable": true});
        let address = |alias: &str, integration: Value| json!({"alias": alias, "integration_id": integration});
        let rows = [
            ("access_key", json!({"name": "None", "type": "none"})),
            ("project__repository", json!({"name": "R", "git_url": "/nowhere", "git_branch": "", "ssh_key_id": 1})),
            ("project__environment", json!({"name": "E", "json": "{}"})),
            ("project__inventory", json!({"name": "I", "type": "none", "inventory": ""})),
            ("project__template", template),
            ("project__integration", hook),
            ("project__integration_matcher", rule),
            ("project__integration_extract_value", value),
            ("project__integration_alias", address(&format!("address-of-{project}"), Value::Null)),
            ("project__user", json!({"user_id": project, "role": "owner"})),
        ];
        buckets.extend(rows.map(|(table, row)| (own(table), id(row))));
        buckets.insert(
            format!("session_{project:010}"),
            numbered(&[json!({"id": 1, "user_id": project, "created": time,
            "last_active": "2099-01-01T00:00:00Z", "ip": "", "user_agent": "", "verified": true})]),
        );
    }
    write(path, &buckets);
}

#[test]
fn what_is_numbered_in_each_project_is_found_from_outside() {
    let mut server = prepared(&json!({}));
    let file = server.directory().join("two.boltdb");
    two_projects(&file);
    let done = migrate(&server, &file, &[]);
    assert!(done.status.success(), "{}", text(&done));
    let now = |kind: &str| {
        let text = format!("select new_id from rs_import_map where kind = '{kind}' and scope = 2 and old_id = 1");
        server.sql(&text)[0][0].as_i64().unwrap()
    };
    let (template, integration) = (now("project__template"), now("project__integration"));
    assert!(template != 1 && integration != 1, "both projects have a number 1");
    server.start_again();

    for (user, content) in &COOKIES[..2] {
        assert_eq!(asked_with(&server, &cookie(content), "GET", "/api/user").expect(200).json()["id"], *user);
    }
    let as_token = |name: &str, method: &str, path: &str| {
        let header = format!("Bearer token-of-{name}-token-of-{name}-token-of-{name}-0001=");
        server.anonymous().send_with(method, path, None, &[("Authorization", &header)])
    };
    assert_eq!(as_token("ann", "GET", "/api/user").expect(200).json()["id"], 1);
    assert_eq!(as_token("ben", "GET", "/api/user").expect(200).json()["id"], 2);

    let shown = as_token("ben", "GET", &format!("/api/project/2/templates/{template}")).expect(200).json();
    assert_eq!(shown["name"], "Template of 2");
    assert!(
        shown["description"].as_str().unwrap().contains(&format!("/project/2/templates/{template}/tasks")),
        "{shown}"
    );

    let tasks = |project: i64| as_token("ann", "GET", &format!("/api/project/{project}/tasks")).expect(200).json();
    let send = |address: &str, project: i64| {
        let body = json!({"project": project, "version": "1.2"}).to_string();
        server.anonymous().send_with("POST", &format!("/api/integrations/{address}"), Some(&body), &[]).expect(204);
    };
    // The rule of the second project is the second one's: what fits the first starts nothing.
    send("address-of-2", 1);
    assert_eq!((tasks(1), tasks(2)), (json!([]), json!([])));
    send("address-of-2", 2);
    assert_eq!(tasks(1), json!([]));
    let started = tasks(2);
    assert_eq!(started.as_array().unwrap().len(), 1, "{started}");
    assert_eq!((&started[0]["template_id"], &started[0]["integration_id"]), (&json!(template), &json!(integration)));
    assert!(started[0]["environment"].as_str().unwrap().contains("\"VERSION_2\":\"1.2\""), "{started}");
    send("address-of-1", 1);
    assert_eq!((tasks(1)[0]["template_id"].clone(), tasks(2).as_array().unwrap().len()), (json!(1), 1));
}
