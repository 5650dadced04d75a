//! Role by route, straight from the routing table: what the access level of a row says is what happens.
//!
//! Every row is called by everybody with ids that exist nowhere, so that a call that is let through changes nothing. What a
//! call that is let through does is in `effects.rs`; single objects of other projects are in the service's own tests.

use std::collections::BTreeMap;

use semaphore_server::http::{
    access::Access,
    routes::{RouteInfo, routes},
};
use semaphore_tests::{Client, PASSWORD};
use serde_json::json;

use crate::world::World;

/// The permission to manage members.
const MANAGE_USERS: i64 = 8;

/// The permission to manage resources.
const MANAGE_RESOURCES: i64 = 4;

/// Rows without an id of an object that a caller who is let through would carry out.
const CARRIED_OUT: &[(&str, &str)] = &[
    ("DELETE", "/api/project/{project_id}"),
    ("DELETE", "/api/project/{project_id}/me"),
    ("DELETE", "/api/project/{project_id}/cache"),
    ("DELETE", "/api/cache"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/user/tokens"),
];

/// Rows of the reference that answer 401 to a caller who is known but not an administrator.
const ANSWER_401: &[(&str, &str)] = &[
    ("POST", "/api/users"),
    ("POST", "/api/projects"),
    ("POST", "/api/projects/restore"),
    ("PUT", "/api/users/{user_id}"),
    ("DELETE", "/api/users/{user_id}"),
    ("POST", "/api/users/{user_id}/password"),
    ("POST", "/api/users/{user_id}/2fas/totp"),
    ("GET", "/api/users/{user_id}/2fas/totp/{totp_id}/qr"),
    ("DELETE", "/api/users/{user_id}/2fas/totp/{totp_id}"),
];

/// Whether a row that only reads is refused to a member with these permissions, because of what it tells.
fn does_not_read(path: &str, own: i64) -> bool {
    match path.strip_prefix("/api/project/{project_id}").unwrap_or_default() {
        // Addresses of people outside.
        "/invites" | "/invites/{invite_id}" => own & MANAGE_USERS == 0,
        // What strangers sent.
        path if path.starts_with("/integrations/{integration_id}/deliveries") => own & MANAGE_RESOURCES == 0,
        // Everything at once.
        "/backup" => own == 0,
        _ => false,
    }
}

/// Somebody who calls.
struct Person {
    name: &'static str,
    client: Client,
    /// An API token that is sent instead of a session.
    token: Option<String>,
    admin: bool,
    /// What they may do in the project; none for somebody who is no member.
    permissions: Option<i64>,
}

impl Person {
    fn call(&self, method: &str, path: &str) -> u16 {
        // No body of any row: a call that is let through stops there, if not at an id before.
        let body = (!matches!(method, "GET" | "HEAD")).then_some("{\"broken\": ");
        match &self.token {
            None => self.client.send(method, path, body).status,
            Some(token) => {
                let authorization = format!("Bearer {token}");
                self.client.send_with(method, path, body, &[("Authorization", &authorization)]).status
            }
        }
    }

    /// What the access level says about this person: the refusal, or none.
    fn refusal(&self, route: &RouteInfo) -> Option<u16> {
        match route.access {
            Access::Public | Access::Secret => None,
            _ if self.name == "nobody" => Some(401),
            Access::Session => None,
            Access::Admin => (!self.admin).then_some(403),
            Access::Project(_) if self.admin => None,
            Access::Project(needed) => match self.permissions {
                None => Some(404),
                Some(own) if route.writes || !matches!(route.method, "GET" | "HEAD") => {
                    (own & needed.0 != needed.0).then_some(403)
                }
                Some(own) => does_not_read(route.path, own).then_some(403),
            },
        }
    }
}

/// The path with the project's id and ids that exist nowhere.
fn filled(world: &World, path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{project_id}" => world.project().id.to_string(),
        part if part.starts_with('{') => "987654".to_owned(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn people(world: &World) -> Vec<Person> {
    let role = json!({"slug": "half", "name": "Half", "permissions": 5 | 8});
    world.admin.post(&world.path("/roles"), &role).expect(201);
    let member = |name: &'static str, role: &str, permissions: Option<i64>| {
        let id = world.user(name);
        if permissions.is_some() {
            world.admin.post(&world.path("/users"), &json!({"user_id": id, "role": role})).expect(204);
        }
        let client = world.server.client(name, PASSWORD);
        Person { name, client, token: None, admin: false, permissions }
    };
    let owner = member("owner", "owner", Some(15));
    let token = owner.client.post("/api/user/tokens", &json!({})).expect(201).json()["id"].as_str().unwrap().to_owned();
    let with_token = Person {
        name: "token of the owner",
        client: world.server.anonymous(),
        token: Some(token),
        admin: false,
        permissions: Some(15),
    };
    let outside = |name, client, admin| Person { name, client, token: None, admin, permissions: None };
    vec![
        outside("nobody", world.server.anonymous(), false),
        member("outsider", "", None),
        member("guest", "guest", Some(0)),
        member("task runner", "task_runner", Some(1)),
        member("manager", "manager", Some(5)),
        member("custom", "half", Some(13)),
        owner,
        with_token,
        outside("administrator", world.server.client("admin", PASSWORD), true),
    ]
}

#[test]
fn every_role_gets_what_the_table_says_on_every_route() {
    let world = World::new();
    let people = people(&world);
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for route in routes() {
        let path = filled(&world, route.path);
        let methods = [Some(route.method), route.answers_head.then_some("HEAD")];
        for (person, method) in people.iter().flat_map(|one| methods.into_iter().flatten().map(move |m| (one, m))) {
            let row = (route.method, route.path);
            let refusal = person.refusal(route);
            if refusal.is_none() && CARRIED_OUT.contains(&row) {
                continue;
            }
            let status = person.call(method, &path);
            let good = match refusal {
                Some(refusal) => status == refusal,
                // Not the table's refusal: the use case itself may still refuse an ordinary user.
                None if matches!(route.access, Access::Session) && !person.admin && ANSWER_401.contains(&row) => {
                    matches!(status, 400 | 401 | 404)
                }
                None if matches!(route.access, Access::Public | Access::Secret) => true,
                None => status != 401 && status != 403,
            };
            *seen.entry(person.name).or_default() += 1;
            if !good {
                wrong.push(format!("{} {method} {}: {status}, not {refusal:?}", person.name, route.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen.len() == people.len() && seen.values().all(|calls| *calls > 150), "too little was called: {seen:?}");
}

/// The table's walk asks for a task that is not there. With one that runs the answer has no end: whoever may not read is refused
/// at once all the same, HEAD comes back, and with the task the answer ends.
#[test]
fn the_stream_of_a_task_is_refused_by_role_and_ends_with_the_task() {
    let world = World::new();
    let people = people(&world);
    let template = world.template("sleep.sh");
    let task = world.admin.post(&world.path("/tasks"), &json!({"template_id": template})).expect(201).id();
    let path = world.path(&format!("/tasks/{task}/events"));
    for person in &people {
        let expected = match (person.name, person.permissions) {
            ("nobody", _) => 401,
            ("administrator", _) | (_, Some(_)) => 200,
            (_, None) => 404,
        };
        assert_eq!(person.call("HEAD", &path), expected, "HEAD by {}", person.name);
        if expected != 200 {
            assert_eq!(person.call("GET", &path), expected, "GET by {}", person.name);
        }
    }
    std::thread::scope(|scope| {
        let readers: Vec<_> = people
            .iter()
            .filter(|person| person.admin || person.permissions.is_some())
            .map(|person| (person.name, scope.spawn(|| person.call("GET", &path))))
            .collect();
        world.admin.post(&world.path(&format!("/tasks/{task}/stop")), &json!({"force": true})).expect(204);
        for (name, reader) in readers {
            assert_eq!(reader.join().unwrap(), 200, "GET by {name}");
        }
    });
}

#[test]
fn a_secret_of_a_program_opens_nothing_else_and_nothing_else_opens_its_routes() {
    let world = World::new();
    let runner = world.admin.post("/api/runners", &json!({"name": "r"})).expect(201).json();
    let token = runner["token"].as_str().unwrap();
    let nobody = world.server.anonymous();
    let bearer = format!("Bearer {token}");
    for header in [("X-Runner-Token", token), ("Authorization", bearer.as_str())] {
        nobody.send_with("GET", "/api/projects", None, &[header]).expect(401);
    }
    for route in routes().iter().filter(|route| matches!(route.access, Access::Secret)) {
        let body = (route.method != "GET").then_some("{}");
        let answer = world.admin.send(route.method, &filled(&world, route.path), body);
        assert!(matches!(answer.status, 401 | 404), "{}: an administrator's session opens it", answer.request);
    }
}
