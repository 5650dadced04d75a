//! The description of the API: it is the committed one, it is served, and each parameter of a query in it does something.

use std::{collections::BTreeSet, fs};

use semaphore_server::http::openapi::{Version, document};
use semaphore_test_machine::{git::Repository, git_http};
use semaphore_tests::{Options, Server, project_root};
use serde_json::{Value, json};

use crate::world::World;

/// Set by `make openapi`: the committed document is written instead of compared.
const WRITE: &str = "SEMAPHORE_WRITE_OPENAPI";

#[test]
fn the_committed_document_is_the_one_of_this_build() {
    let path = project_root().join("docs/reference/openapi.json");
    let now = String::from_utf8(document(Version::V31).to_vec()).unwrap();
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, &now).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == now {
        return;
    }
    let line = committed.lines().zip(now.lines()).position(|(old, new)| old != new).unwrap_or_default();
    let at = |text: &str| text.lines().nth(line).unwrap_or_default().trim().to_owned();
    panic!(
        "docs/reference/openapi.json differs from line {} on: {:?} is now {:?}. If the change is meant: make openapi",
        line + 1,
        at(&committed),
        at(&now)
    );
}

#[test]
fn document_and_page_are_served_to_everybody_below_the_prefix_too() {
    for prefix in ["", "/semaphore"] {
        let config =
            if prefix.is_empty() { json!({}) } else { json!({"web_host": format!("http://localhost{prefix}")}) };
        let server = Server::with(Options { config, prefix: prefix.to_owned(), ..Options::default() });
        let nobody = server.anonymous();
        let read = |path: &str| nobody.get(&format!("{prefix}{path}")).expect(200);
        assert_eq!(read("/api/openapi.json").body.as_bytes(), &*document(Version::V31));
        let old = read("/api/openapi.json?version=3.0").json();
        assert_eq!(old["openapi"], "3.0.3");
        assert!(!old.to_string().contains("\"null\""), "OpenAPI 3.0 has no type null");
        for page in ["/swagger", "/swagger/"] {
            let page = read(page);
            assert_eq!(page.content_type.as_deref(), Some("text/html; charset=utf-8"));
            assert!(page.body.contains(&format!("<base href=\"{prefix}/\">")), "{}", page.body);
        }
        assert!(read("/swagger/page.js").body.contains("api/openapi.json"));
        assert_eq!(read("/swagger/page.css").content_type.as_deref(), Some("text/css; charset=utf-8"));
        nobody.get(&format!("{prefix}/swagger/page.html")).expect(404);
    }
}

// ---------------------------------------------------------------- parameters of queries

/// Paths, names of their parameters, and what proves that they count.
type Case = (&'static str, &'static [&'static str], fn(&World, &str));

const PROJECT: &str = "/api/project/{project_id}";

const CASES: &[Case] = &[
    ("/api/openapi.json", &["version"], |world, path| {
        assert_eq!(world.admin.get(&format!("{path}?version=3.0")).json()["openapi"], "3.0.3");
        assert_eq!(world.admin.get(&format!("{path}?version=3.1")).json()["openapi"], "3.1.1");
    }),
    ("/api/users", &["s"], |world, path| {
        for login in ["anna", "bert"] {
            world.user(login);
        }
        assert_eq!(names(world, path, "s=an", "username"), ["anna"]);
    }),
    ("/users", &["sort", "order"], |world, path| {
        for login in ["carla", "dirk"] {
            let body = json!({"user_id": world.user(login), "role": "guest"});
            world.admin.post(path, &body).expect(204);
        }
        sorted_by(world, path, "username", "username");
    }),
    ("/invites", &["sort", "order"], |world, path| {
        for (login, role) in [("emil", "owner"), ("frida", "guest")] {
            world.admin.post(path, &json!({"user_id": world.user(login), "role": role})).expect(201);
        }
        sorted_by(world, path, "role", "role");
    }),
    ("/keys", &["sort", "order"], |world, path| named(world, path, &json!({"type": "none"}))),
    ("/repositories", &["sort", "order"], |world, path| {
        named(world, path, &json!({"git_url": "/nowhere", "git_branch": "main", "ssh_key_id": world.project().key}));
    }),
    ("/environment", &["sort", "order"], |world, path| named(world, path, &json!({"json": "{}"}))),
    ("/templates", &["sort", "order"], |world, path| named(world, path, &template(world, "bash"))),
    ("/templates", &["app"], |world, path| {
        world.admin.post(path, &with_name(&template(world, "python"), "a python")).expect(201);
        assert_eq!(names(world, path, "app=python", "name"), ["a python"]);
    }),
    ("/views/{view_id}/templates", &["sort", "order"], |world, path| {
        let view = world
            .admin
            .post(&world.path("/views"), &json!({"project_id": world.project().id, "title": "View", "position": 0}))
            .expect(201)
            .id();
        for name in ["a viewed", "b viewed"] {
            let mut body = with_name(&template(world, "bash"), name);
            body["view_id"] = view.into();
            world.admin.post(&world.path("/templates"), &body).expect(201);
        }
        sorted_by(world, &path.replace("{view_id}", &view.to_string()), "name", "name");
    }),
    ("/inventory", &["sort", "order"], |world, path| named(world, path, &inventory(world, "static"))),
    ("/inventory", &["app", "template_id"], |world, path| {
        let owner = world.template("hello.sh");
        let mut body = with_name(&inventory(world, "tofu-workspace"), "a workspace");
        world.admin.post(path, &body).expect(201);
        assert_eq!(names(world, path, "app=tofu", "name"), ["a workspace"]);
        assert!(!names(world, path, "app=ansible", "name").contains(&"a workspace".to_owned()));
        body["name"] = "owned".into();
        body["template_id"] = owner.into();
        world.admin.post(path, &body).expect(201);
        assert_eq!(names(world, path, &format!("template_id={owner}"), "name"), ["owned"]);
        assert!(!names(world, path, "", "name").contains(&"owned".to_owned()));
    }),
    ("/repositories/{repository_id}/branches", &["extended"], |world, path| {
        let directory = tempfile::tempdir().unwrap();
        let work = Repository::create(directory.path().join("work"));
        work.commit("first", &[("a", "1")]);
        work.new_branch("feature/one");
        let (git, bare) = (git_http::Server::start(), work.publish(directory.path().join("bare.git")));
        let url = git.serve("branches", bare.path(), git_http::Access::Anyone);
        let id = world.project().add_repository(&world.admin, &url, "main", world.project().key);
        let branches = |query: &str| {
            let path = path.replace("{repository_id}", &id.to_string());
            world.admin.get(&format!("{path}?{query}")).expect(200).json()
        };
        assert!(branches("extended=true").as_array().unwrap().contains(&json!("feature/one")));
        assert!(branches("").as_array().unwrap().contains(&json!("one")));
    }),
    ("/integrations", &["sort", "order"], |world, path| {
        named(world, path, &json!({"template_id": world.template("hello.sh")}));
    }),
    ("/integrations/{integration_id}/values", &["sort", "order"], |world, path| {
        let body =
            json!({"project_id": world.project().id, "name": "sorted", "template_id": world.template("hello.sh")});
        let integration = world.admin.post(&world.path("/integrations"), &body).expect(201).id();
        let value = json!({"integration_id": integration, "value_source": "header", "key": "X-A", "variable": "a", "variable_type": "environment"});
        named(world, &path.replace("{integration_id}", &integration.to_string()), &value);
    }),
    ("/tasks/last", &["limit"], |world, path| one_of_the_last(world, path)),
    ("/templates/{template_id}/tasks/last", &["limit"], |world, path| {
        one_of_the_last(world, &with_template(world, path));
    }),
    ("/stats", &["start", "end", "user_id"], |world, path| statistics(world, path)),
    ("/templates/{template_id}/stats", &["start", "end", "user_id"], |world, path| {
        statistics(world, &with_template(world, path));
    }),
    ("/roles", &["mode"], |world, path| {
        world
            .admin
            .post("/api/roles", &json!({"slug": "everywhere", "name": "Everywhere", "permissions": 1}))
            .expect(201);
        assert!(names(world, path, "", "slug").is_empty());
        assert_eq!(names(world, path, "mode=merge", "slug"), ["everywhere"]);
    }),
];

/// Parameters whose effect other tests need more than a list for.
const ELSEWHERE: &[(&str, &[&str], &str)] = &[
    ("/api/auth/oidc/{provider}/login", &["return", "return_to"], "accounts_elsewhere.rs"),
    ("/api/auth/oidc/{provider}/redirect", &["state", "code", "error", "error_description"], "accounts_elsewhere.rs"),
    (
        "/api/auth/oidc/{provider}/redirect/{redirect_path}",
        &["state", "code", "error", "error_description"],
        "accounts_elsewhere.rs",
    ),
    ("/api/ws", &["partial"], "../tasks/websocket.rs"),
    ("/api/ws", &["v", "since"], "../tasks/websocket_v2.rs"),
    ("/api/terraform/{alias}", &["ID"], "effects_machines.rs"),
    ("/backup", &["extended"], "automation.rs"),
    ("/integrations/{integration_id}/deliveries", &["before", "limit"], "deliveries.rs"),
    ("/tasks/{task_id}/events", &["since"], "../tasks/sse.rs"),
    ("/tasks/{task_id}/output", &["limit", "offset", "tail", "since_id"], "output.rs"),
    ("/tasks/{task_id}/output/search", &["q", "ignore_case", "after_line", "limit"], "output.rs"),
    ("/tasks/{task_id}/stages", &["extended"], "../tasks/preflight.rs"),
];

fn whole(path: &str) -> String {
    if path.starts_with("/api/") { path.to_owned() } else { format!("{PROJECT}{path}") }
}

#[test]
fn each_parameter_of_a_query_counts() {
    let world = World::new();
    for (path, _, case) in CASES {
        let path = whole(path).replace("{project_id}", &world.project().id.to_string());
        case(&world, &path);
    }
}

#[test]
fn each_parameter_of_a_query_has_its_case() {
    let tested = CASES.iter().map(|(path, names, _)| (whole(path), *names));
    let elsewhere = ELSEWHERE.iter().map(|(path, names, _)| (whole(path), *names));
    let cases: BTreeSet<(String, String)> = tested
        .chain(elsewhere)
        .flat_map(|(path, names)| names.iter().map(move |name| (path.clone(), (*name).to_owned())))
        .collect();
    let document: Value = serde_json::from_slice(&document(Version::V31)).unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] == "query" {
                    described.insert((path.clone(), parameter["name"].as_str().unwrap().to_owned()));
                }
            }
        }
    }
    assert_eq!(described, cases, "described parameters, and those with a case");
    for (_, _, file) in ELSEWHERE {
        assert!(project_root().join("tests/api").join(file).exists(), "{file}");
    }
}

/// One column of a list.
fn names(world: &World, path: &str, query: &str, column: &str) -> Vec<String> {
    let rows = world.admin.get(&format!("{path}?{query}")).expect(200).json();
    rows.as_array().unwrap().iter().map(|row| row[column].as_str().unwrap_or_default().to_owned()).collect()
}

/// The list comes in both orders of a column.
#[track_caller]
fn sorted_by(world: &World, path: &str, sort: &str, column: &str) {
    let up = names(world, path, &format!("sort={sort}&order=asc"), column);
    let mut down = names(world, path, &format!("sort={sort}&order=desc"), column);
    let distinct: BTreeSet<_> = up.iter().collect();
    assert!(distinct.len() > 1, "{path}: too little to sort: {up:?}");
    assert!(up.is_sorted(), "{path}: {up:?}");
    down.reverse();
    assert!(down.is_sorted() && down.len() == up.len(), "{path}: {down:?}");
}

/// Makes objects with different names, then lists them in both orders.
#[track_caller]
fn named(world: &World, path: &str, body: &Value) {
    for name in ["sorted b", "sorted a", "sorted c"] {
        let mut body = with_name(body, name);
        body["project_id"] = world.project().id.into();
        let answer = world.admin.post(path, &body);
        assert!(matches!(answer.status, 200 | 201), "{}: {}", answer.request, answer.body);
    }
    sorted_by(world, path, "name", "name");
}

fn with_name(body: &Value, name: &str) -> Value {
    let mut body = body.clone();
    body["name"] = name.into();
    body
}

fn template(world: &World, app: &str) -> Value {
    world.project().template_body(app, "hello.sh")
}

fn inventory(world: &World, kind: &str) -> Value {
    let project = world.project();
    json!({"project_id": project.id, "type": kind, "inventory": "default", "ssh_key_id": project.key})
}

fn with_template(world: &World, path: &str) -> String {
    let task = world.ended_task();
    let template = world.value(&format!("select template_id from task where id = {task}"));
    path.replace("{template_id}", &template.to_string())
}

fn one_of_the_last(world: &World, path: &str) {
    let template = if path.contains("/templates/") { path.split('/').nth(5) } else { None };
    let template = template.map_or_else(|| world.template("hello.sh"), |id| id.parse().unwrap());
    for _ in 0..2 {
        let task = world.project().start(&world.admin, template);
        world.admin.wait_for_end(world.project().id, task);
    }
    let count = |query: &str| world.admin.get(&format!("{path}?{query}")).expect(200).json().as_array().unwrap().len();
    assert_eq!(count("limit=1"), 1);
    assert!(count("limit=2") == 2 && count("") >= 2);
}

fn statistics(world: &World, path: &str) {
    world.ended_task();
    let days = |query: &str| world.admin.get(&format!("{path}?{query}")).expect(200).json().as_array().unwrap().len();
    assert_eq!(days("start=2020-01-01&end=2100-01-01&user_id=1"), 1);
    assert_eq!(days("start=2100-01-01"), 0);
    assert_eq!(days("end=2020-01-01"), 0);
    assert_eq!(days("user_id=987654"), 0);
}
