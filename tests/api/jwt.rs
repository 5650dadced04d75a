//! Our JSON Web Tokens: what they open, what ends them, and what is none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use semaphore_tests::{Client, PASSWORD, Server};
use serde_json::{Value, json};

fn asks(server: &Server, token: &str) -> u16 {
    asks_for(server, "GET", "/api/user", token).status
}

fn asks_for(server: &Server, method: &str, path: &str, token: &str) -> semaphore_tests::Answer {
    let body = (method == "POST").then_some("{}");
    server.anonymous().send_with(method, path, body, &[("Authorization", &format!("Bearer {token}"))])
}

fn issue(client: &Client) -> String {
    client.post("/api/auth/token", &json!({})).expect(201).json()["token"].as_str().unwrap().to_owned()
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// The token with another header or claims under the old signature.
fn forged(token: &str, index: usize, change: impl Fn(&mut Value)) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut value = part(token, index);
    change(&mut value);
    parts[index] = URL_SAFE_NO_PAD.encode(value.to_string());
    parts.join(".")
}

#[test]
fn a_token_lives_as_long_as_what_it_was_made_with() {
    let mut server = Server::start();
    let admin = server.admin();
    let token = issue(&admin);
    assert_eq!(asks_for(&server, "GET", "/api/user", &token).expect(200).json()["username"], "admin");
    let (header, claims) = (part(&token, 0), part(&token, 1));
    assert_eq!((&header["alg"], &claims["aud"], &claims["sub"]), (&json!("ES256"), &json!("api"), &json!("1")));
    let seconds = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=15 * 60).contains(&seconds), "{seconds} s");
    // The published key is the one that signs; its private half is nowhere in clear.
    let keys = server.anonymous().get("/.well-known/jwks.json").expect(200).json();
    let key = &keys["keys"][0];
    assert_eq!((&key["kid"], &key["alg"], &key["use"]), (&header["kid"], &json!("ES256"), &json!("sig")));
    assert!(key.get("d").is_none());
    let sealed = server.sql("select sealed from rs_jwt_key")[0][0].as_str().unwrap().to_owned();
    assert!(!sealed.contains("LS0tLS1CRUdJTi") && !sealed.contains("PRIVATE"), "the private key is stored readable");
    assert_eq!(asks_for(&server, "POST", "/api/auth/token", &token).status, 403, "a token made another one");

    // An API token makes tokens that end with it.
    let api = admin.post("/api/user/tokens", &json!({})).expect(201).json()["id"].as_str().unwrap().to_owned();
    let answer = asks_for(&server, "POST", "/api/auth/token", &api).expect(201).json();
    let by_api = answer["token"].as_str().unwrap().to_owned();
    assert!(!part(&by_api, 1).to_string().contains(&api), "the API token is readable in the token");
    server.restart();
    assert_eq!([asks(&server, &token), asks(&server, &by_api)], [200, 200], "after a restart");
    let admin = server.admin();
    admin.delete(&format!("/api/user/tokens/{api}")).expect(204);
    assert_eq!([asks(&server, &token), asks(&server, &by_api)], [200, 401]);

    // A log-out ends the tokens of that session only; a change of password ends all.
    let second = server.client("admin", PASSWORD);
    let of_second = issue(&second);
    second.post("/api/auth/logout", &json!({})).expect(204);
    assert_eq!([asks(&server, &token), asks(&server, &of_second)], [200, 401]);
    admin.post("/api/users/1/password", &json!({"password": "another password"})).expect(204);
    assert_eq!(asks(&server, &token), 401);
}

#[test]
fn what_is_no_token_of_ours_opens_nothing() {
    let server = Server::start();
    let admin = server.admin();
    let token = issue(&admin);
    assert_eq!(asks(&server, &token), 200);
    let cut = |token: &str| format!("{}.", token.rsplit_once('.').unwrap().0);
    let none = forged(&token, 0, |header| header["alg"] = json!("none"));
    for (what, forged) in [
        ("alg none", none.clone()),
        ("alg none, no signature", cut(&none)),
        ("no signature", cut(&token)),
        ("alg HS256", forged(&token, 0, |header| header["alg"] = json!("HS256"))),
        ("no kid", forged(&token, 0, |header| drop(header.as_object_mut().unwrap().remove("kid")))),
        ("another kid", forged(&token, 0, |header| header["kid"] = json!("unknown"))),
        ("another aud", forged(&token, 1, |claims| claims["aud"] = json!("tasks"))),
        ("a task's", forged(&token, 1, |claims| claims["sub"] = json!("task:1"))),
        ("another user's", forged(&token, 1, |claims| claims["sub"] = json!("2"))),
        ("longer", forged(&token, 1, |claims| claims["exp"] = json!(4_000_000_000_i64))),
        ("lowered", token.to_lowercase()),
        ("dots only", "..".to_owned()),
    ] {
        assert_eq!(asks(&server, &forged), 401, "{what}");
    }
    assert_eq!(asks(&server, &token), 200);
}
