//! Invitations: who may accept one, for how long, and how often.

use semaphore_tests::{Client, PASSWORD};
use serde_json::{Value, json};

use crate::world::World;

fn accept(client: &Client, sent: &Value) -> u16 {
    client.post("/api/invites/accept", &json!({"token": sent["token"]})).status
}

#[test]
fn an_invitation_is_for_one_person_and_one_time() {
    let world = World::with(json!({"teams": {"invite_type": "both"}}));
    let invited = world.user("invited");
    world.user("stranger");
    let (owner, stranger) = (&world.admin, world.server.client("stranger", PASSWORD));
    let path = world.path("/invites");

    let sent = owner.post(&path, &json!({"user_id": invited, "role": "guest"})).expect(201).json();
    owner.post(&path, &json!({"user_id": invited, "role": "guest"})).expect(409);
    owner.post(&path, &json!({"user_id": 987_654, "role": "guest"})).expect(400);
    owner.post(&path, &json!({"username": "nobody", "role": "guest"})).expect(400);
    owner.post(&path, &json!({"user_id": invited, "email": "a@example.com", "role": "guest"})).expect(400);
    owner.post(&path, &json!({"email": "no address", "role": "guest"})).expect(400);
    owner.post(&path, &json!({"email": "a@example.com", "role": "king"})).expect(400);
    let past = json!({"email": "a@example.com", "role": "guest", "expires_at": "2020-01-01T00:00:00Z"});
    owner.post(&path, &past).expect(400);

    assert_eq!(accept(&stranger, &sent), 403);
    stranger.post("/api/invites/accept", &json!({"token": "guessed"})).expect(404);
    world.server.anonymous().post("/api/invites/accept", &json!({"token": sent["token"]})).expect(401);
    let invited = world.server.client("invited", PASSWORD);
    // Two at the same time: one membership, one refusal.
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let both = [scope.spawn(|| accept(&invited, &sent)), scope.spawn(|| accept(&invited, &sent))];
        both.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(answers.contains(&200) && answers.contains(&400), "{answers:?}");
    owner.post(&path, &json!({"username": "invited", "role": "owner"})).expect(409);

    // By address: whoever has it, in whichever letters.
    let sent = owner.post(&path, &json!({"email": "Stranger@Example.com", "role": "manager"})).expect(201).json();
    assert_eq!(accept(&invited, &sent), 403);
    assert_eq!(accept(&stranger, &sent), 200);
    assert_eq!(stranger.get(&world.path("/role")).expect(200).json()["role"], "manager");
}

#[test]
fn an_invitation_that_is_over_opens_nothing() {
    let world = World::new();
    let user = world.user("late");
    let late = world.server.client("late", PASSWORD);
    let sent = world.admin.post(&world.path("/invites"), &json!({"user_id": user, "role": "guest"})).expect(201).json();
    // A week has passed.
    world.server.change_database("update project__invite set expires_at = '2020-01-01 00:00:00'");
    assert_eq!(world.listed(&world.path("/invites"), sent["id"].as_i64().unwrap()).unwrap()["status"], "expired");
    assert_eq!(accept(&late, &sent), 400);
    late.get(&world.path("")).expect(404);
    world.admin.put(&world.path(&format!("/invites/{}", sent["id"])), &json!({"status": "pending"})).expect(400);
}

#[test]
fn whoever_does_not_manage_members_sees_and_sends_no_invitations() {
    let world = World::new();
    let (user, invited) = (world.user("manager"), world.user("invited"));
    world.admin.post(&world.path("/users"), &json!({"user_id": user, "role": "manager"})).expect(204);
    let manager = world.server.client("manager", PASSWORD);
    let sent =
        world.admin.post(&world.path("/invites"), &json!({"user_id": invited, "role": "guest"})).expect(201).id();
    manager.get(&world.path("/invites")).expect(403);
    manager.get(&world.path(&format!("/invites/{sent}"))).expect(403);
    manager.post(&world.path("/invites"), &json!({"user_id": user, "role": "owner"})).expect(403);
    manager.delete(&world.path(&format!("/invites/{sent}"))).expect(403);
}

#[test]
fn only_the_configured_kind_of_invitation_is_sent() {
    for (allowed, user, email) in [("username", 201, 400), ("email", 400, 201)] {
        let world = World::with(json!({"teams": {"invite_type": allowed}}));
        let id = world.user("invited");
        world.admin.post(&world.path("/invites"), &json!({"user_id": id, "role": "guest"})).expect(user);
        world.admin.post(&world.path("/invites"), &json!({"email": "x@example.com", "role": "guest"})).expect(email);
    }
}
