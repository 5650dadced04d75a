//! Signing in with accounts that live elsewhere: a real LDAP directory, a real OpenID Connect provider, and what groups give.

use semaphore_test_machine::{
    ldap::{BASE, Directory},
    oidc::Provider,
};
use semaphore_tests::{Client, Options, PASSWORD, Page, Server, ldap_config, visit};
use serde_json::{Value, json};

fn login(server: &Server, login: &str, password: &str) -> u16 {
    server.anonymous().post("/api/auth/login", &json!({"auth": login, "password": password})).status
}

#[test]
fn people_of_a_directory_log_in_with_their_password_there() {
    let Some(directory) = Directory::start() else { return };
    let server = Server::with_config(ldap_config(&directory, &json!({})));
    // A capital in the login name is lowered, as in the reference.
    let ann = server.client("Ann", "password of ann");
    let shown = ann.get("/api/user").expect(200).json();
    assert_eq!(
        (&shown["username"], &shown["name"], &shown["email"], &shown["external"], &shown["admin"]),
        (&json!("ann"), &json!("Ann Example"), &json!("ann@example.test"), &json!(true), &json!(false))
    );
    server.client("bob", "password of bob");
    server.client("ann", "password of ann");
    assert_eq!(server.sql("select count(*) from user where external"), [[json!(2)]], "each has one account");
    for (name, password) in [
        ("ann", "password of bob"),
        // A directory takes a bind without a password for an anonymous one, which succeeds.
        ("ann", ""),
        ("a*", "password of ann"),
        ("ann)(uid=*", "password of ann"),
        ("*", "password of ann"),
        ("nobody", "password of ann"),
        // The account of that name has a password here.
        ("admin", "password of another admin"),
        ("admin", ""),
    ] {
        assert_eq!(login(&server, name, password), 401, "{name:?} {password:?}");
    }
    // Local accounts go on, whatever the directory knows under their name; also without a directory.
    server.admin();
    drop(directory);
    server.admin();
    assert_eq!(login(&server, "ann", "password of ann"), 503);
    assert!(!server.log().contains("password of"), "a password is in the log");
}

#[test]
fn groups_of_a_directory_give_rights_and_take_only_their_own_away() {
    let Some(directory) = Directory::start() else { return };
    let rules = json!({
        "developers": {"admin": true, "source": "ldap"},
        format!("cn=operators,ou=groups,{BASE}"): {"projects": {"1": "manager", "By name": "guest", "3": "owner", "Nowhere": "guest"}},
    });
    let config = json!({"auth": {"group_roles": rules}});
    let mut server = Server::with_config(ldap_config(&directory, &config));
    let admin = server.admin();
    for name in ["First", "By name", "By hand"] {
        admin.post("/api/projects", &json!({"name": name})).expect(201);
    }
    let ann = server.client("ann", "password of ann");
    let user = ann.get("/api/user").expect(200).json();
    assert_eq!(user["admin"], true);
    let id = user["id"].as_i64().unwrap();
    let role = |project: i64| {
        let query = format!("select role from project__user where project_id = {project} and user_id = {id}");
        server.sql(&query).first().map(|row| row[0].clone())
    };
    assert_eq!([role(1), role(2), role(3)], [Some(json!("manager")), Some(json!("guest")), Some(json!("owner"))]);

    // By hand: another role in the third project, and bob is a member of the second before he ever logs in.
    admin.put(&format!("/api/project/3/users/{id}"), &json!({"role": "task_runner"})).expect(204);
    let body = json!({"name": "Bob", "username": "bob", "email": "bob@example.test", "external": true});
    let bob = admin.post("/api/users", &body).expect(201).id();
    admin.post("/api/project/2/users", &json!({"user_id": bob, "role": "owner"})).expect(204);
    server.client("bob", "password of bob");
    assert_eq!(
        server
            .sql(&format!("select project_id, role from project__user where user_id = {bob} order by project_id"))
            .len(),
        3
    );
    let by_hand = format!("select role from project__user where user_id = {bob} and project_id = 2");
    assert_eq!(server.sql(&by_hand), [[json!("owner")]]);

    // Out of both groups: the dry run says so, and the log-in does it.
    directory.change(&format!(
        "dn: cn=developers,ou=groups,{BASE}\nchangetype: delete\n\ndn: cn=operators,ou=groups,{BASE}\nchangetype: modify\ndelete: member\nmember: uid=ann,ou=people,{BASE}\n"
    ));
    let explain = |arguments: &[&str]| {
        let output =
            server.command(&["auth", "explain"]).args(arguments).arg("--config").arg(server.config_path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = explain(&["ann"]);
    for part in [
        "not in group developers",
        "no administrator any more",
        "\"First\": removed",
        "changed to task_runner by hand and stays",
    ] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    assert_eq!(role(1), Some(json!("manager")), "the dry run changed something");
    let told = explain(&["admin", "--group", "developers"]);
    assert!(told.contains("has a password here: groups change nothing"), "{told}");
    server.client("ann", "password of ann");
    assert_eq!([role(1), role(2), role(3)], [None, None, Some(json!("task_runner"))]);
    // The session from before lost the rights with it.
    assert_eq!(ann.get("/api/user").expect(200).json()["admin"], false);
    ann.get("/api/project/1").expect(404);
    ann.get("/api/project/3").expect(200);
    server.restart();
    assert_eq!(server.sql("select count(*) from rs_mapped_admin"), [[json!(0)]]);
}

fn base(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port())
}

/// The way to the provider: the address there and the cookie to keep.
fn depart(server: &Server, provider: &str, query: &str) -> (String, String) {
    let page = visit(&format!("{}/api/auth/oidc/{provider}/login{query}", base(server)), "", None);
    assert_eq!((page.status, page.cookies.len()), (307, 1), "{} {}", page.location, page.reason);
    (page.location, page.cookies[0].split(';').next().unwrap().to_owned())
}

/// The way back from the provider, as somebody.
fn back_from(address: &str, subject: &str) -> String {
    let page = visit(address, "", Some(&format!("sub={subject}")));
    assert_eq!(page.status, 302, "the provider refuses {address}");
    page.location
}

/// The whole way; the page that ends it.
fn sign_in(server: &Server, provider: &str, subject: &str, query: &str) -> Page {
    let (address, cookie) = depart(server, provider, query);
    visit(&back_from(&address, subject), &cookie, None)
}

/// The account behind the session that a page gave.
fn account(server: &Server, page: &Page) -> Value {
    let session = page.cookies.iter().find(|cookie| cookie.starts_with("semaphore="));
    let session = session.unwrap_or_else(|| panic!("no session: {} {}", page.location, page.reason));
    let session = session.split(';').next().unwrap();
    Client::new(server.port()).send_with("GET", "/api/user", None, &[("Cookie", session)]).expect(200).json()
}

/// A server whose public address is where the test reaches it.
fn server_with(config: impl Fn(&str) -> Value) -> Server {
    let mut server = Server::prepared(Options::default());
    let own = base(&server);
    let mut keys = config(&own);
    keys["web_host"] = json!(own);
    server.change_config(&keys);
    server.start_again();
    server
}

#[test]
fn people_of_a_provider_sign_in_and_stay_who_they_are() {
    let people = [
        json!({"sub": "1", "email": "eve@example.test", "preferred_username": "eve", "given_name": "Eve", "groups": ["staff"]}),
        json!({"sub": "2", "email": "eve@example.test", "preferred_username": "impostor"}),
        json!({"sub": "3", "email": "admin@example.com", "preferred_username": "third"}),
        json!({"sub": "4", "email": "new@example.test", "email_verified": false, "preferred_username": "fourth"}),
    ];
    let Some(provider) = Provider::start(&people.map(|person| person.to_string())) else { return };
    let server = server_with(|own| {
        let entry = json!({"provider_url": provider.address(), "client_id": "semaphore", "client_secret": "secret/&%",
            "name_claim": "{{ .given_name }} of {{ .sub }} | preferred_username"});
        let mut path = entry.clone();
        path["return_via_state"] = json!(false);
        path["redirect_url"] = json!(format!("{own}/api/auth/oidc/path/redirect"));
        json!({"oidc_providers": {"main": entry, "path": path},
            "auth": {"group_roles": {"staff": {"admin": true, "source": "main"}}}})
    });
    let own = base(&server);

    let page = sign_in(&server, "main", "1", "?return=/project/7/history%3Ft%3D1");
    assert_eq!(
        (page.status, page.location.as_str()),
        (307, format!("{own}/project/7/history?t=1").as_str()),
        "{}",
        page.reason
    );
    assert!(page.cookies.iter().all(|cookie| cookie.contains("HttpOnly; SameSite=Lax")), "{:?}", page.cookies);
    let eve = account(&server, &page);
    assert_eq!(
        (&eve["username"], &eve["name"], &eve["email"], &eve["external"], &eve["admin"]),
        (&json!("eve"), &json!("Eve of 1"), &json!("eve@example.test"), &json!(true), &json!(true))
    );
    let page = sign_in(&server, "path", "1", "?return_to=/project/7");
    assert_eq!(page.location, format!("{own}/project/7"), "{}", page.reason);
    assert_eq!(account(&server, &page)["id"], eve["id"]);
    assert_eq!(server.sql("select issuer, subject, provider from rs_oidc_subject").len(), 1);
    for foreign in ["?return=//evil.test", "?return=https://evil.test/", "?return=.evil.test", "?return=/%5Cevil.test"]
    {
        assert_eq!(sign_in(&server, "main", "1", foreign).location, format!("{own}/"), "{foreign}");
    }

    // Another identity with the same address, the address of a local account, an address that is not verified.
    let login_page = format!("{own}/auth/login");
    for (subject, reason) in
        [("2", "belongs to another identity"), ("3", "conflicts with local user"), ("4", "is not verified")]
    {
        let page = sign_in(&server, "main", subject, "");
        assert_eq!((page.location.as_str(), page.cookies.len()), (login_page.as_str(), 0), "{subject}");
        assert!(page.reason.contains(reason), "{subject}: {}", page.reason);
    }

    // What somebody else saw of the way back is worth nothing: another browser, another attempt, the state as the cookie.
    let (address, cookie) = depart(&server, "main", "");
    let back = back_from(&address, "1");
    let (_, other) = depart(&server, "main", "");
    for stranger in ["", other.as_str(), "oauthstate=", "oauthstate=guess"] {
        let page = visit(&back, stranger, None);
        assert_eq!((page.location.as_str(), page.cookies.len()), (login_page.as_str(), 0), "{stranger}");
    }
    assert!(
        visit(&back.replace("/main/", "/path/"), &cookie, None).cookies.is_empty(),
        "the state of one provider served another"
    );
    // A code of another attempt comes with the nonce of that one.
    let (second, second_cookie) = depart(&server, "main", "");
    let code = |address: &str| address.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let second_back = back_from(&second, "1");
    let mixed = second_back.replace(&code(&second_back), &code(&back));
    let page = visit(&mixed, &second_cookie, None);
    assert!(page.cookies.is_empty() && page.reason.contains("another attempt"), "{}", page.reason);
    assert!(address.contains("code_challenge=") && address.contains("code_challenge_method=S256"), "{address}");
    assert!(!server.log().contains("secret/&%"), "a secret is in the log");
    // Refused by the person.
    let (address, cookie) = depart(&server, "main", "");
    let state = address.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let denied = format!("{own}/api/auth/oidc/main/redirect?error=access_denied&error_description=no&state={state}");
    let page = visit(&denied, &cookie, None);
    assert_eq!((page.reason.as_str(), page.cookies.len()), ("the provider refuses: access_denied no", 0));
    assert_eq!(server.sql("select count(*) from user where external"), [[json!(1)]]);
    server.client("admin", PASSWORD);
}

/// A server that sends browsers to a provider, with its public address below a path.
fn automatic(provider: &Provider, prefix: &str) -> (Server, String) {
    let mut server = Server::prepared(Options { prefix: prefix.to_owned(), ..Options::default() });
    let own = format!("{}{prefix}", base(&server));
    let entry = |more: Value| {
        let mut entry =
            json!({"provider_url": provider.address(), "client_id": "semaphore", "client_secret": "secret"});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    server.change_config(&json!({"web_host": own, "oidc_providers": {
        "first": entry(json!({"order": 1})), "chosen": entry(json!({"order": 2, "auto_redirect": true}))}}));
    server.start_again();
    (server, own)
}

#[test]
fn a_browser_without_a_session_is_sent_to_the_chosen_provider() {
    let people = [json!({"sub": "1", "email": "eve@example.test", "preferred_username": "eve"})];
    let Some(provider) = Provider::start(&people.map(|person| person.to_string())) else { return };
    for prefix in ["", "/below"] {
        let (_server, own) = automatic(&provider, prefix);
        let open = |path: &str, cookie: &str| visit(&format!("{own}{path}"), cookie, None);
        let login = format!("{own}/api/auth/oidc/chosen/login");

        let page = open("/project/7/history?t=1", "");
        let expected = format!("{login}?return=%2Fproject%2F7%2Fhistory%3Ft%3D1");
        assert_eq!((page.status, page.location.as_str()), (307, expected.as_str()));
        let page = visit(&page.location, "", None);
        let cookie = page.cookies[0].split(';').next().unwrap().to_owned();
        let back = back_from(&page.location, "1");
        let page = visit(&back, &cookie, None);
        assert_eq!(page.location, format!("{own}/project/7/history?t=1"), "{}", page.reason);
        let session = page.cookies.iter().find(|cookie| cookie.starts_with("semaphore=")).expect("a session");
        let session = session.split(';').next().unwrap();
        assert_eq!(open("/project/7/history", session).status, 200, "with a session the page is shown");

        for (path, location) in [
            ("/", login.clone()),
            ("/auth/login", login.clone()),
            ("/auth/login?return=/project/3", format!("{login}?return=%2Fproject%2F3")),
        ] {
            assert_eq!(open(path, "semaphore=broken").location, location, "{path}");
        }
        // The page for whoever has a password here, and what is no page.
        assert_eq!([open("/auth/login?local", "").status, open("/api/auth/login", "").status], [200, 200]);
        assert_eq!([open("/favicon.png", "").location, open("/api/user", "").location], ["", ""]);
        // Who was refused, and who logged out, stays here.
        assert_eq!(visit(&back, "oauthstate=other", None).location, format!("{own}/auth/login?local"));
        let out = visit(&format!("{own}/api/auth/logout"), session, Some(""));
        let stay = out.cookies.iter().find(|cookie| cookie.starts_with("semaphore_local=")).expect("a cookie");
        assert_eq!(open("/", stay.split(';').next().unwrap()).status, 200);
        assert_eq!(open("/", session).location, login, "the session has ended");
    }
}
