//! API tokens: what is stored of them, how one is named, and when it is worth nothing.

use semaphore_tests::Server;
use serde_json::{Value, json};

use crate::world::World;

fn make(world: &World) -> String {
    world.admin.post("/api/user/tokens", &json!({})).expect(201).json()["id"].as_str().unwrap().to_owned()
}

fn bearer(server: &Server, token: &str) -> u16 {
    let header = format!("Bearer {token}");
    server.anonymous().send_with("GET", "/api/user", None, &[("Authorization", &header)]).status
}

fn delete(world: &World, named: &str) -> u16 {
    world.admin.delete(&format!("/api/user/tokens/{named}")).status
}

fn listed(world: &World) -> Vec<Value> {
    let rows = world.admin.get("/api/user/tokens").expect(200).json();
    rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
}

/// A JSON Web Token that was made with an API token.
fn exchange(server: &Server, token: &str) -> String {
    let header = format!("Bearer {token}");
    let made = server.anonymous().send_with("POST", "/api/auth/token", Some("{}"), &[("Authorization", &header)]);
    made.expect(201).json()["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_hashed_token_works_until_it_is_deleted() {
    let world = World::with(json!({"auth": {"api_tokens": "hashed"}}));
    let (token, kept) = (make(&world), make(&world));
    assert_eq!(world.value("select count(*) from user__token"), 0);
    let stored = world.server.sql("select digest, prefix from rs_api_token");
    assert!(stored.len() == 2 && !json!(stored).to_string().contains(&token), "{stored:?}");
    assert_eq!([bearer(&world.server, &token), bearer(&world.server, &token.to_uppercase())], [200, 200]);
    assert!(listed(&world).contains(&json!(token[..8])), "{:?}", listed(&world));
    // Its digest opens nothing, and neither does what is shown of it.
    let digest = stored.iter().find(|row| row[1] == token[..8]).unwrap()[0].as_str().unwrap().to_owned();
    assert_eq!([bearer(&world.server, &digest), bearer(&world.server, &token[..8])], [401, 401]);
    let exchanged = exchange(&world.server, &token);
    assert_eq!(bearer(&world.server, &exchanged), 200);

    assert_eq!([delete(&world, &token[..7]), delete(&world, &token[..9])], [400, 204]);
    assert_eq!(bearer(&world.server, &token), 200, "nine characters cannot be compared");
    assert_eq!(delete(&world, &token[..8]), 204);
    assert_eq!([bearer(&world.server, &token), bearer(&world.server, &exchanged)], [401, 401]);
    assert_eq!((delete(&world, &kept), bearer(&world.server, &kept)), (204, 401), "named by all of it");
    assert_eq!(listed(&world), Vec::<Value>::new());
}

#[test]
fn a_text_that_begins_several_tokens_deletes_none() {
    let world = World::new();
    let token = make(&world);
    let twin = format!("{}{}", &token[..8], "a".repeat(36));
    let row = format!(
        "insert into user__token (id, created, expired, user_id) select '{twin}', created, 0, user_id from user__token"
    );
    world.server.change_database(&row);
    let refusal = world.admin.delete(&format!("/api/user/tokens/{}", &token[..8])).expect(400);
    assert!(refusal.body.contains("several of your tokens"), "{}", refusal.body);
    for wildcard in ["%25%25%25%25%25%25%25%25", "%25aaaaaaaa"] {
        assert_eq!(delete(&world, wildcard), 400, "{wildcard}");
    }
    assert_eq!(delete(&world, "________"), 204);
    assert_eq!(listed(&world).len(), 2);
    assert_eq!((delete(&world, &twin), bearer(&world.server, &token)), (204, 200));
    assert_eq!((delete(&world, &token[..8]), bearer(&world.server, &token)), (204, 401));
    // Another person's token is nobody else's to delete.
    world.user("carol");
    let token = make(&world);
    let carol = world.server.client("carol", semaphore_tests::PASSWORD);
    carol.delete(&format!("/api/user/tokens/{token}")).expect(204);
    assert_eq!(bearer(&world.server, &token), 200);
}

fn said(world: &World, arguments: &[&str]) -> String {
    let mut command = world.server.command(arguments);
    let output = command.arg("--config").arg(world.server.config_path()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn tokens_are_hardened_while_the_server_runs_and_the_way_back_names_them() {
    let mut world = World::new();
    let tokens = [make(&world), make(&world)];
    let old = make(&world);
    world.server.change_database(&format!("update user__token set expired = 1 where id = '{old}'"));
    let exchanged = exchange(&world.server, &tokens[0]);
    let told = said(&world, &["token", "harden"]);
    assert!(told.contains("2 API tokens are stored as digests") && told.contains("auth.api_tokens"), "{told}");
    assert_eq!(world.value("select count(*) from user__token where not expired"), 0);
    for token in &tokens {
        assert_eq!(bearer(&world.server, token), 200);
        assert!(!told.contains(token.as_str()), "{told}");
    }
    assert_eq!([bearer(&world.server, &exchanged), bearer(&world.server, &old)], [200, 401]);
    assert!(said(&world, &["token", "harden"]).contains("0 API tokens"));
    world.server.restart();
    assert_eq!(bearer(&world.server, &tokens[1]), 200);
    let told = said(&world, &["migrate", "--return-check"]);
    for token in &tokens {
        assert!(told.contains(&format!("API token {}... of admin stops working", &token[..8])), "{told}");
    }
    assert_eq!((delete(&world, &tokens[0][..8]), bearer(&world.server, &tokens[0])), (204, 401));
}
