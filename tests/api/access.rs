//! Who may call what, straight from the routing table: nobody gets in without a session, nobody into a foreign project.

use semaphore_server::http::{access::Access, routes::routes};
use semaphore_tests::PASSWORD;

use crate::world::World;

/// A path of the table with the project's id and ids that exist nowhere.
fn filled(world: &World, path: &str) -> String {
    let project = world.project().id.to_string();
    path.split('/')
        .map(|part| match part {
            "{project_id}" => project.as_str(),
            part if part.starts_with('{') => "987654",
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn without_a_session_there_is_nothing_but_public_routes() {
    let world = World::new();
    let nobody = world.server.anonymous();
    let mut open = Vec::new();
    for route in routes().iter().filter(|r| !matches!(r.access, Access::Public | Access::Secret)) {
        let answer = nobody.send(route.method, &filled(&world, route.path), (route.method != "GET").then_some("{}"));
        if answer.status != 401 {
            open.push(format!("{} {}", answer.request, answer.status));
        }
    }
    assert!(open.is_empty(), "answered without a session: {open:#?}");
}

#[test]
fn a_foreign_project_is_as_if_it_were_not_there() {
    let world = World::new();
    world.user("outsider");
    let outsider = world.server.client("outsider", PASSWORD);
    let mut open = Vec::new();
    for route in routes().iter().filter(|r| matches!(r.access, Access::Project(_))) {
        let answer = outsider.send(route.method, &filled(&world, route.path), (route.method != "GET").then_some("{}"));
        if answer.status != 404 {
            open.push(format!("{} {}", answer.request, answer.status));
        }
    }
    assert!(open.is_empty(), "answered to somebody who is not a member: {open:#?}");
}

#[test]
fn administrators_only_means_administrators_only() {
    let world = World::new();
    world.user("ordinary");
    let ordinary = world.server.client("ordinary", PASSWORD);
    let mut open = Vec::new();
    for route in routes().iter().filter(|r| matches!(r.access, Access::Admin)) {
        let answer = ordinary.send(route.method, &filled(&world, route.path), (route.method != "GET").then_some("{}"));
        if !matches!(answer.status, 401 | 403) {
            open.push(format!("{} {}", answer.request, answer.status));
        }
    }
    assert!(open.is_empty(), "answered to somebody who is not an administrator: {open:#?}");
}
