//! The log of what came to integrations: what is kept of a request and what is not, who reads it, and doing it once more.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use semaphore_tests::{Client, PASSWORD, Project};
use serde_json::{Value, json};

use crate::{
    automation::{address, send},
    world::World,
};

/// An integration of the project with these members over the usual ones; its id.
fn integration(world: &World, members: &Value) -> i64 {
    let mut body = json!({"name": "Door", "project_id": world.project().id, "template_id": world.template("hello.sh")});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    world.admin.post(&world.path("/integrations"), &body).expect(201).id()
}

/// One whose sender has to bring the token `topsecret` in `X-Door`, with an address of its own; id and path of the address.
fn guarded(world: &World) -> (i64, String) {
    let key = world.project().key(&world.admin, "login_password", &json!({"login": "u", "password": "topsecret"}));
    let id = integration(world, &json!({"auth_method": "token", "auth_header": "X-Door", "auth_secret_id": key}));
    let door = address(world, &format!("/integrations/{id}/aliases"));
    (id, door)
}

/// Posts bytes of an announced length; the status of the answer.
fn raw(world: &World, path: &str, length: usize, body: &[u8]) -> u16 {
    let mut connection = TcpStream::connect(("127.0.0.1", world.server.port())).unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    connection.write_all(body).unwrap();
    let mut line = String::new();
    BufReader::new(connection).read_line(&mut line).unwrap();
    line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {line:?}"))
}

fn log(world: &World, integration: i64) -> String {
    world.path(&format!("/integrations/{integration}/deliveries"))
}

fn deliveries(world: &World, integration: i64) -> Vec<Value> {
    world.admin.get(&log(world, integration)).expect(200).json().as_array().unwrap().clone()
}

/// A rule or a value of an integration.
fn rule(world: &World, integration: i64, kind: &str, mut body: Value) -> i64 {
    body["integration_id"] = integration.into();
    let path = world.path(&format!("/integrations/{integration}/{kind}"));
    world.admin.post(&path, &body).json()["id"].as_i64().expect("the rule is made")
}

#[test]
fn a_request_leaves_what_became_of_it_and_nothing_that_is_secret() {
    let world = World::new();
    let (id, door) = guarded(&world);
    assert_eq!(deliveries(&world, id), [Value::Null; 0]);
    let body = r#"{"marker":"words of the sender"}"#;
    let headers = [
        ("X-Door", "topsecret"),
        ("X-Event", "push of somebody"),
        ("Authorization", "Basic c29tZWJvZHk6cHc="),
        ("Cookie", "session=of-elsewhere"),
        ("X-Hub-Signature-256", "sha256=0123456789"),
    ];
    send(&world, &format!("{door}?from=elsewhere"), body, &headers).expect(204);
    send(&world, &door, body, &[("X-Door", "a wrong token")]).expect(204);
    send(&world, &door, body, &[]).expect(204);

    let found = deliveries(&world, id);
    let of = |key: &str| found.iter().map(|row| row[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("outcome"), ["refused", "refused", "started"]);
    assert_eq!(of("status"), [204, 204, 204]);
    assert_eq!(of("address"), ["127.0.0.1", "127.0.0.1", "127.0.0.1"]);
    assert_eq!((of("method"), of("body_bytes")), (vec![json!("POST"); 3], vec![json!(body.len()); 3]));
    assert!(found[0]["message"].as_str().unwrap().contains("X-Door with its proof is missing"), "{found:?}");
    assert!(found[1]["message"].as_str().unwrap().contains("the secret is another one"), "{found:?}");
    let task = world.value("select id from task");
    assert_eq!(of("task_id"), [Value::Null, Value::Null, task]);

    let page = world.admin.get(&format!("{}?before={}&limit=1", log(&world, id), found[0]["id"])).expect(200).json();
    assert_eq!(page, json!([found[1]]));
    world.admin.get(&format!("{}?limit=many", log(&world, id))).expect(400);

    let whole = world.admin.get(&format!("{}/{}", log(&world, id), found[2]["id"])).expect(200).json();
    assert_eq!(
        (&whole["body"], &whole["query"], &whole["id"]),
        (&json!(body), &json!("from=elsewhere"), &found[2]["id"])
    );
    let value = |name: &str| {
        let headers = whole["headers"].as_array().unwrap();
        headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(value("x-event"), Some(json!("push of somebody")));
    assert_eq!(value("content-type"), Some(json!("application/json")));
    for name in ["x-door", "authorization", "cookie", "x-hub-signature-256"] {
        assert_eq!(value(name), None, "{name}");
        assert!(whole["headers_left_out"].as_array().unwrap().contains(&json!(name)), "{whole}");
    }
    // What the sender wrote can be read neither in the files of the database nor in the log of the server.
    let mut stored = Vec::new();
    for ending in ["", "-wal"] {
        let path = format!("{}{ending}", world.server.database().display());
        stored.extend(fs::read(path).unwrap_or_default());
    }
    let is_stored = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(is_stored("the secret is another one"), "the log is looked for in the wrong place");
    for text in
        ["words of the sender", "push of somebody", "from=elsewhere", "a wrong token", "topsecret", "of-elsewhere"]
    {
        assert!(!is_stored(text), "{text} is stored in clear");
        assert!(!world.server.log().contains(text), "{text} is in the log of the server");
    }
}

#[test]
fn each_integration_at_the_address_of_the_project_says_what_became_of_a_request() {
    let world = World::new();
    let door = address(&world, "/integrations/aliases");
    let searching = |name: &str, event: Option<&str>| {
        let id = integration(&world, &json!({"name": name, "searchable": true}));
        if let Some(event) = event {
            let matcher =
                json!({"name": "Event", "match_type": "header", "method": "equals", "key": "X-Event", "value": event});
            rule(&world, id, "matchers", matcher);
        }
        id
    };
    let (push, also, tag, bare) = (
        searching("Push", Some("push")),
        searching("Also", Some("push")),
        searching("Tag", Some("tag")),
        searching("Bare", None),
    );
    let key = world.project().key(&world.admin, "login_password", &json!({"login": "u", "password": "topsecret"}));
    let github = integration(&world, &json!({"searchable": true, "auth_method": "github", "auth_secret_id": key}));
    send(&world, &door, "{}", &[("X-Event", "push"), ("X-Hub-Signature-256", "sha256=00")]).expect(204);
    let only = |id: i64| {
        let found = deliveries(&world, id);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    let outcomes = [push, also, tag, bare, github].map(|id| only(id)["outcome"].clone());
    assert_eq!(outcomes, ["started", "started", "no_match", "no_match", "refused"]);
    assert_ne!(only(push)["task_id"], only(also)["task_id"]);
    assert!(only(tag)["message"].as_str().unwrap().contains("`Event`"), "{}", only(tag));
    assert!(only(bare)["message"].as_str().unwrap().contains("no rules"), "{}", only(bare));
    assert!(only(github)["message"].as_str().unwrap().contains("X-Hub-Signature-256"), "{}", only(github));
    assert_eq!(world.value("select count(*) from rs_delivery"), 1, "what was sent is kept once");
    // Through an integration that it did not come to, it is not there.
    let other = integration(&world, &json!({}));
    world.admin.get(&format!("{}/{}", log(&world, other), only(push)["id"])).expect(404);
    // With the integration goes what became of it there.
    world.admin.delete(&world.path(&format!("/integrations/{push}"))).expect(204);
    assert_eq!(world.value("select count(*) from rs_delivery_verdict"), 4);
}

#[test]
fn a_replay_does_it_again_as_things_are_now() {
    let world = World::new();
    let (id, door) = guarded(&world);
    let value =
        json!({"name": "r", "value_source": "body", "body_data_type": "json", "key": "ref", "variable": "branch"});
    let value = rule(&world, id, "values", value);
    send(&world, &door, r#"{"ref":"main","commit":"abc"}"#, &[("X-Door", "a wrong token")]).expect(204);
    assert_eq!(world.value("select count(*) from task"), 0);
    let refused = deliveries(&world, id)[0].clone();
    let replay = |delivery: &Value| {
        world.admin.post(&format!("{}/{}/replay", log(&world, id), delivery["id"]), &json!({})).expect(201).json()
    };
    let first = replay(&refused);
    assert_eq!(
        (&first["outcome"], &first["replay_of"], &first["status"]),
        (&json!("started"), &refused["id"], &Value::Null)
    );
    let admin = world.admin.get("/api/user").expect(200).id();
    assert_eq!(first["user_id"], admin);
    let task = world.server.sql("select id, user_id, integration_id, environment from task");
    assert_eq!(task, [[first["task_id"].clone(), json!(admin), json!(id), json!(r#"{"branch":"main"}"#)]]);
    // A replay can be repeated as well, and what the integration takes out of a request is what it takes now.
    let path = world.path(&format!("/integrations/{id}/values/{value}"));
    let mut changed = world.admin.get(&path).expect(200).json();
    (changed["key"], changed["variable"]) = (json!("commit"), json!("revision"));
    world.admin.put(&path, &changed).expect(204);
    let second = replay(&first);
    let query = format!("select environment from task where id = {}", second["task_id"]);
    assert_eq!(world.value(&query), r#"{"revision":"abc"}"#);
    assert_eq!(
        deliveries(&world, id).iter().map(|row| row["id"].clone()).collect::<Vec<_>>(),
        [second["id"].clone(), first["id"].clone(), refused["id"].clone()]
    );

    // What came to the address of the project is still looked at by the rules.
    let searching = integration(&world, &json!({"name": "Push", "searchable": true}));
    let matcher = rule(
        &world,
        searching,
        "matchers",
        json!({"name": "Event", "match_type": "header", "method": "equals", "key": "X-Event", "value": "push"}),
    );
    let all = address(&world, "/integrations/aliases");
    send(&world, &all, "{}", &[("X-Event", "tag")]).expect(204);
    let came = deliveries(&world, searching)[0].clone();
    assert_eq!(came["outcome"], "no_match");
    let again = |outcome: &str| {
        let path = format!("{}/{}/replay", log(&world, searching), came["id"]);
        let made = world.admin.post(&path, &json!({})).expect(201).json();
        assert_eq!(made["outcome"], outcome, "{made}");
    };
    again("no_match");
    let path = world.path(&format!("/integrations/{searching}/matchers/{matcher}"));
    let mut changed = world.admin.get(&path).expect(200).json();
    changed["value"] = json!("tag");
    world.admin.put(&path, &changed).expect(204);
    again("started");
}

#[test]
fn a_body_that_is_too_large_is_not_kept_and_one_that_is_no_text_is() {
    let world = World::new();
    let id = integration(&world, &json!({}));
    let door = address(&world, &format!("/integrations/{id}/aliases"));
    send(&world, &door, &"x".repeat(256 * 1024 + 1), &[]).expect(204);
    let large = deliveries(&world, id)[0].clone();
    assert_eq!((&large["outcome"], &large["body_bytes"]), (&json!("started"), &json!(256 * 1024 + 1)));
    let path = format!("{}/{}", log(&world, id), large["id"]);
    assert_eq!(world.admin.get(&path).expect(200).json()["body"], Value::Null);
    let said = world.admin.post(&format!("{path}/replay"), &json!({})).expect(409).json();
    assert!(said["error"].as_str().unwrap().contains("256 KiB"), "{said}");
    assert_eq!(deliveries(&world, id).len(), 1, "nothing was repeated");

    send(&world, &door, &"y".repeat(256 * 1024), &[]).expect(204);
    let path = format!("{}/{}", log(&world, id), deliveries(&world, id)[0]["id"]);
    assert_eq!(world.admin.get(&path).expect(200).json()["body"].as_str().unwrap().len(), 256 * 1024);
    world.server.anonymous().send("GET", &format!("{door}?{}", "a".repeat(100)), None).expect(204);
    assert_eq!(deliveries(&world, id)[0]["method"], "GET");
    // More than the server reads at all: answered with a refusal, and told.
    assert_eq!(raw(&world, &door, (16 << 20) + 1, b""), 413);
    let refused = deliveries(&world, id)[0].clone();
    assert_eq!((&refused["outcome"], &refused["status"]), (&json!("failed"), &json!(413)), "{refused}");
    assert_eq!(raw(&world, &door, 4, &[0xff, 0, 0xfe, b'a']), 204);
    let bytes = deliveries(&world, id)[0].clone();
    let bytes = world.admin.get(&format!("{}/{}", log(&world, id), bytes["id"])).expect(200).json();
    assert_eq!((&bytes["body"], &bytes["body_is_base64"]), (&json!("/wD+YQ=="), &json!(true)), "{bytes}");
}

#[test]
fn strangers_fill_a_small_place_only() {
    let world = World::new();
    let (id, door) = guarded(&world);
    send(&world, &door, "{}", &[("X-Door", "topsecret")]).expect(204);
    for _ in 0..90 {
        let status = send(&world, &door, "{}", &[("X-Door", "a wrong token")]).status;
        assert!(matches!(status, 204 | 429), "{status}");
    }
    let found = world.admin.get(&format!("{}?limit=200", log(&world, id))).expect(200).json();
    let count = |outcome: &str| found.as_array().unwrap().iter().filter(|row| row["outcome"] == outcome).count();
    assert_eq!((count("started"), count("refused") + count("limited")), (1, 60), "{found}");
    assert!(count("limited") > 0, "{found}");
    let limited = found.as_array().unwrap().iter().find(|row| row["outcome"] == "limited").unwrap();
    assert_eq!(limited["status"], 429);
}

#[test]
fn only_those_who_may_change_an_integration_read_its_log_and_only_runners_repeat() {
    let world = World::new();
    let id = integration(&world, &json!({}));
    let door = address(&world, &format!("/integrations/{id}/aliases"));
    send(&world, &door, "{}", &[]).expect(204);
    let delivery = deliveries(&world, id)[0]["id"].clone();
    world.admin.post(&world.path("/roles"), &json!({"slug": "keeper", "name": "Keeper", "permissions": 4})).expect(201);
    let member = |name: &str, role: &str| -> Client {
        let user = world.user(name);
        if !role.is_empty() {
            world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": role})).expect(204);
        }
        world.server.client(name, PASSWORD)
    };
    let (list, one) = (log(&world, id), format!("{}/{delivery}", log(&world, id)));
    for (name, role, reads, repeats) in [
        ("outsider", "", 404, 404),
        ("guest", "guest", 403, 403),
        ("runner", "task_runner", 403, 403),
        ("keeper", "keeper", 200, 403),
        ("manager", "manager", 200, 201),
    ] {
        let client = member(name, role);
        let statuses = [client.get(&list).status, client.get(&one).status];
        assert_eq!(statuses, [reads; 2], "{name}");
        assert_eq!(client.post(&format!("{one}/replay"), &json!({})).status, repeats, "{name}");
    }
    assert_eq!(world.value("select count(*) from task"), 2);
    // Through another project it is not there.
    let other = Project::create(&world.admin, "/srv/nothing");
    let foreign = format!("/api/project/{}/integrations/{id}/deliveries", other.id);
    for path in [foreign.clone(), format!("{foreign}/{delivery}")] {
        world.admin.get(&path).expect(404);
    }
    world.admin.post(&format!("{foreign}/{delivery}/replay"), &json!({})).expect(404);
    world.admin.post(&format!("{list}/999999/replay"), &json!({})).expect(404);
}

#[test]
fn without_its_tables_a_request_does_what_it_does_and_they_are_made_again() {
    let world = World::new();
    let id = integration(&world, &json!({}));
    let door = address(&world, &format!("/integrations/{id}/aliases"));
    world.server.change_database("drop table rs_delivery");
    world.server.change_database("drop table rs_delivery_verdict");
    assert_eq!(deliveries(&world, id), [Value::Null; 0]);
    send(&world, &door, "{}", &[]).expect(204);
    assert_eq!(world.value("select count(*) from task"), 1);
    assert_eq!(deliveries(&world, id).len(), 1);
}
