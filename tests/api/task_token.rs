//! The token of a task: what it says, who can check it, and that it opens nothing here.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use semaphore_server::http::{access::Access, routes::routes};
use semaphore_tests::{Project, Server, git_repository};
use serde_json::{Value, json};

const AUDIENCE: &str = "https://vault.example.com";

/// A server, a project, and the token of a task of it.
fn with_token(limit: u64) -> (Server, Project, i64, String) {
    let config = json!({"auth": {"task_jwt": {"audience": AUDIENCE}}, "max_task_duration_sec": limit});
    let server = Server::with_config(config);
    let (repository, kept) = (server.directory().join("repository"), server.directory().join("kept"));
    let script =
        format!("echo \"shown $SEMAPHORE_TASK_JWT\"\nprintf %s \"$SEMAPHORE_TASK_JWT\" > {}\n", kept.display());
    git_repository(&repository, &[("keep.sh", &script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, lines) = project.run(&admin, "bash", "keep.sh");
    assert_eq!(row["status"], "success", "{lines:?}");
    assert!(lines.contains(&"shown ***".to_owned()), "{lines:?}");
    let token = std::fs::read_to_string(kept).unwrap();
    (server, project, row["id"].as_i64().unwrap(), token)
}

/// The claims of a token that is good for this audience, checked with the published keys.
fn claims(server: &Server, token: &str, audience: &str) -> jsonwebtoken::errors::Result<Value> {
    let keys: JwkSet =
        serde_json::from_str(&server.anonymous().get("/.well-known/jwks.json").expect(200).body).unwrap();
    let header = jsonwebtoken::decode_header(token)?;
    let key = keys.find(&header.kid.expect("a kid")).expect("the key is published");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub", "nbf"]);
    Ok(jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?.claims)
}

#[test]
fn others_can_check_it_and_it_ends_with_the_task() {
    let (server, project, task, token) = with_token(600);
    let claims_here = claims(&server, &token, AUDIENCE).unwrap();
    assert!(claims(&server, &token, "api").is_err(), "our own audience is in it");
    let template = server.admin().get(&format!("/api/project/{}/tasks/{task}", project.id)).expect(200).json();
    for (name, expected) in [
        ("sub", json!(format!("task:{task}"))),
        ("project_id", json!(project.id)),
        ("template_id", template["template_id"].clone()),
        ("user_id", json!(1)),
    ] {
        assert_eq!(claims_here[name], expected, "{name}");
    }
    let seconds = claims_here["exp"].as_i64().unwrap() - claims_here["iat"].as_i64().unwrap();
    assert_eq!(seconds, 600);
    assert!(!server.log().contains(&token), "a token is in the log");
    let stored = server.sql("select count(*) from task__output where output like '%eyJ%'");
    assert_eq!(stored[0][0], 0, "a token is in the output");
}

#[test]
fn it_opens_no_route_of_ours() {
    let (server, project, _, token) = with_token(0);
    let published: Value = server.anonymous().get("/.well-known/jwks.json").expect(200).json();
    let header = jsonwebtoken::decode_header(&token).unwrap();
    // With the public key for the secret of another algorithm, and for our own audience.
    let public = published["keys"][0]["x"].as_str().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let own = json!({"iss": "http://localhost", "aud": "api", "sub": "1", "sid": "session:1", "jti": "x", "iat": now, "exp": now + 60});
    let forged = jsonwebtoken::encode(
        &Header { kid: header.kid, ..Header::new(Algorithm::HS256) },
        &own,
        &EncodingKey::from_secret(public.as_bytes()),
    );
    let forged = forged.unwrap();
    let nobody = server.anonymous();
    let mut open = Vec::new();
    for route in routes().iter().filter(|route| !matches!(route.access, Access::Public)) {
        let parts = route.path.split('/').map(|part| match part {
            "{project_id}" => project.id.to_string(),
            part if part.starts_with('{') => "1".to_owned(),
            part => part.to_owned(),
        });
        let path = parts.collect::<Vec<_>>().join("/");
        for token in [&token, &forged] {
            let bearer = format!("Bearer {token}");
            let body = (route.method != "GET").then_some("{}");
            let headers = [("Authorization", bearer.as_str()), ("X-Runner-Token", token.as_str())];
            let status = nobody.send_with(route.method, &path, body, &headers).status;
            let is_closed = status == 401 || matches!(route.access, Access::Secret) && status == 404;
            if !is_closed {
                open.push(format!("{} {path}: {status}", route.method));
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
}
