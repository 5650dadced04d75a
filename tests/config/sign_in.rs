//! The keys of log-ins from elsewhere: each seen by who gets in, or by what the server says about why nobody does.

use semaphore_test_machine::ldap::{BASE, Directory};
use semaphore_tests::{Server, ldap_config};
use serde_json::{Value, json};

use super::refused;

/// A server that lets people of a directory in, with keys laid over the usual ones.
fn server(over: impl Fn(&Directory) -> Value) -> Option<(Server, Directory)> {
    let directory = Directory::start()?;
    let server = Server::with_config(ldap_config(&directory, &over(&directory)));
    Some((server, directory))
}

fn login(server: &Server, name: &str, password: &str) -> u16 {
    server.anonymous().post("/api/auth/login", &json!({"auth": name, "password": password})).status
}

fn ann(server: &Server) -> u16 {
    login(server, "ann", "password of ann")
}

/// How ann's log-in ends with each of two settings; the log of the second one.
fn good_and_bad(good: impl Fn(&Directory) -> Value, bad: impl Fn(&Directory) -> Value, status: u16) -> Option<String> {
    let (first, directory) = server(good)?;
    assert_eq!(ann(&first), 204, "{}", first.log());
    let second = Server::with_config(ldap_config(&directory, &bad(&directory)));
    assert_eq!(ann(&second), status, "{}", second.log());
    Some(second.log())
}

pub(crate) fn enable() {
    good_and_bad(|_| json!({}), |_| json!({"ldap_enable": false}), 401);
}

pub(crate) fn address() {
    if let Some(log) = good_and_bad(|_| json!({}), |_| json!({"ldap_server": "127.0.0.1:1"}), 503) {
        assert!(log.contains("cannot connect to 127.0.0.1:1"), "{log}");
    }
}

fn with_tls(directory: &Directory, more: &Value) -> Value {
    let mut keys = json!({"ldap_server": directory.tls_address(), "ldap_needtls": true});
    for (key, value) in more.as_object().unwrap() {
        keys[key] = value.clone();
    }
    keys
}

pub(crate) fn needtls() {
    let good = |directory: &Directory| with_tls(directory, &json!({"ldap_ca_file": directory.certificate()}));
    // The port that speaks TLS, without TLS.
    good_and_bad(good, |directory| json!({"ldap_server": directory.tls_address()}), 503);
}

pub(crate) fn ca_file() {
    let good = |directory: &Directory| with_tls(directory, &json!({"ldap_ca_file": directory.certificate()}));
    if let Some(log) = good_and_bad(good, |directory| with_tls(directory, &json!({})), 503) {
        assert!(log.contains("ldap_ca_file") && log.contains("ldap_tls_skip_verify"), "{log}");
    }
}

pub(crate) fn skip_verify() {
    let good = |directory: &Directory| with_tls(directory, &json!({"ldap_tls_skip_verify": true}));
    good_and_bad(good, |directory| with_tls(directory, &json!({})), 503);
}

pub(crate) fn bind_dn() {
    let bad = |_: &Directory| json!({"ldap_binddn": format!("cn=stranger,{BASE}")});
    if let Some(log) = good_and_bad(|_| json!({}), bad, 503) {
        assert!(log.contains("ldap_binddn \"cn=stranger,") || log.contains("cn=stranger"), "{log}");
    }
}

pub(crate) fn bind_password() {
    if let Some(log) = good_and_bad(|_| json!({}), |_| json!({"ldap_bindpassword": "a wrong secret"}), 503) {
        assert!(log.contains("ldap_binddn") && !log.contains("a wrong secret"), "{log}");
    }
}

pub(crate) fn search_dn() {
    good_and_bad(|_| json!({}), |_| json!({"ldap_searchdn": format!("ou=groups,{BASE}")}), 401);
}

pub(crate) fn search_filter() {
    good_and_bad(|_| json!({}), |_| json!({"ldap_searchfilter": "(&(uid=%s)(sn=bob))"}), 401);
    // One that finds the same entry for everybody.
    let Some((server, _directory)) = server(|_| json!({"ldap_searchfilter": "(uid=ann)"})) else { return };
    assert_eq!([ann(&server), login(&server, "somebody", "password of ann")], [503, 503]);
    assert!(server.log().contains("ldap_searchfilter has no %s"), "{}", server.log());
}

/// A field of ann's account under a mapping.
fn mapped(mapping: &Value, field: &str, value: &str) {
    let Some((server, _directory)) = server(|_| json!({"ldap_mappings": mapping})) else { return };
    let account = server.client("ann", "password of ann").get("/api/user").expect(200).json();
    assert_eq!(account[field], value);
}

/// The reference asks for this attribute and does nothing with it: any value lets people in.
pub(crate) fn mapping_dn() {
    mapped(&json!({"dn": "description"}), "username", "ann");
}

pub(crate) fn mapping_mail() {
    mapped(&json!({"mail": "missing | {{ .uid }}@mapped.test"}), "email", "ann@mapped.test");
    let Some((server, _directory)) = server(|_| json!({"ldap_mappings": {"mail": "missing"}})) else { return };
    assert_eq!(ann(&server), 401);
    assert!(server.log().contains("ldap_mappings") && server.log().contains("'missing'"), "{}", server.log());
}

pub(crate) fn mapping_uid() {
    mapped(&json!({"uid": "mail"}), "username", "ann@example.test");
}

pub(crate) fn mapping_cn() {
    mapped(&json!({"cn": "sn"}), "name", "ann");
}

/// Whether a group makes ann an administrator.
fn is_admin(group: &str, over: &Value) -> Option<bool> {
    let mut keys = json!({"auth": {"group_roles": {group: {"admin": true}}}});
    for (key, value) in over.as_object().unwrap() {
        keys[key] = value.clone();
    }
    let (server, _directory) = server(|_| keys.clone())?;
    Some(server.client("ann", "password of ann").get("/api/user").expect(200).json()["admin"] == true)
}

pub(crate) fn group_attribute() {
    let Some(by_default) = is_admin("developers", &json!({})) else { return };
    assert!(by_default);
    assert_eq!(is_admin("developers", &json!({"ldap_group_attribute": "description"})), Some(false));
}

pub(crate) fn group_search_dn() {
    let place = format!("ou=groups,{BASE}");
    let over = json!({"ldap_group_attribute": "description", "ldap_group_searchdn": place});
    assert_ne!(is_admin("developers", &over), Some(false));
}

pub(crate) fn group_search_filter() {
    let place = format!("ou=groups,{BASE}");
    let over = json!({"ldap_group_attribute": "description", "ldap_group_searchdn": place,
        "ldap_group_searchfilter": "(&(member=%s)(cn=oper*))"});
    assert_ne!(is_admin("developers", &over), Some(true));
    assert_ne!(is_admin("operators", &over), Some(false));
}

pub(crate) fn group_roles() {
    assert_ne!(is_admin("operators", &json!({})), Some(false));
    assert_ne!(is_admin("strangers", &json!({})), Some(true));
    let said = refused(json!({"auth": {"group_roles": {"staff": {"administrator": true}}}}));
    assert!(said.contains("auth.group_roles") && said.contains("administrator"), "{said}");
}

pub(crate) fn oidc_providers() {
    let secret = "a secret that nobody sees";
    let endpoint = json!({"auth": "https://id.example.test/auth?tenant=1", "token": "https://id.example.test/token"});
    let server = Server::with_config(json!({"oidc_providers": {
        "late": {"display_name": "Late", "order": 2, "color": "red", "icon": "x", "client_id": "me", "client_secret": secret,
            "ENDPOINT": endpoint, "scopes": ["openid"]},
        "early": {"display_name": "Early", "order": 1, "endpoint": endpoint},
    }}));
    let shown = server.anonymous().get("/api/auth/login").expect(200).json();
    assert_eq!(
        shown["oidc_providers"],
        json!([{"id": "early", "name": "Early", "color": "", "icon": ""}, {"id": "late", "name": "Late", "color": "red", "icon": "x"}])
    );
    let answer = server.anonymous().get("/api/auth/oidc/late/login");
    assert_eq!(answer.status, 307, "{}", answer.body);
    let said = refused(json!({"oidc_providers": {"one": {"client_secret": secret, "order": "first"}}}));
    assert!(said.contains("oidc_providers") && said.contains("order") && !said.contains(secret), "{said}");
}
