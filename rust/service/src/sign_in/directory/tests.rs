//! The half-hourly look at the directory, which no test can wait for from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use semaphore_test_machine::ldap::{BASE, Directory, READER, READER_PASSWORD};

use crate::{
    auth::Client,
    error::Kind,
    fixture::Fixture,
    group_mapping::GroupRule,
    sign_in::{LdapSettings, claim::ClaimNames},
};

fn settings(directory: &Directory) -> LdapSettings {
    LdapSettings {
        server: directory.address(),
        tls: false,
        ca_file: None,
        tls_skip_verify: false,
        bind_dn: READER.to_owned(),
        bind_password: READER_PASSWORD.into(),
        search_dn: format!("ou=people,{BASE}"),
        search_filter: "(uid=%s)".to_owned(),
        mappings: ClaimNames { username: "uid".into(), name: "cn".into(), email: "mail".into() },
        group_attribute: "memberOf".to_owned(),
        group_search_dn: String::new(),
        group_search_filter: String::new(),
    }
}

#[tokio::test]
async fn who_leaves_a_group_or_the_directory_loses_the_rights_without_logging_in() {
    let Some(directory) = Directory::start() else { return };
    let mut fixture = Fixture::new().await;
    let project = fixture.project.id;
    let services = &mut fixture.services;
    services.settings.sign_in.ldap = Some(settings(&directory));
    let rule = |project: &str| GroupRule {
        projects: BTreeMap::from([(project.to_owned(), "manager".to_owned().into())]),
        ..GroupRule::default()
    };
    services.settings.sign_in.group_roles = BTreeMap::from([
        ("operators".to_owned(), rule(&project.to_string())),
        ("developers".to_owned(), GroupRule { admin: true, ..GroupRule::default() }),
    ]);
    let services = &fixture.services;
    let client = Client { address: "", user_agent: "" };
    let cookie = services.login("ann", "password of ann", client).await.unwrap();
    let credentials = crate::auth::Credentials { authorization: "", cookie: &cookie };
    let ann = services.authenticate(&credentials).await.unwrap();
    assert!(ann.admin);
    let is_member = async || services.store.get_project_user(project, ann.id).await.is_ok();
    assert!(is_member().await);

    directory.change(&format!("dn: cn=developers,ou=groups,{BASE}\nchangetype: delete\n"));
    services.refresh_directory_rights().await.unwrap();
    let ann = services.authenticate(&credentials).await.unwrap();
    assert!(!ann.admin && is_member().await, "only the right of the group that is gone goes");

    directory.change(&format!("dn: uid=ann,ou=people,{BASE}\nchangetype: delete\n"));
    services.refresh_directory_rights().await.unwrap();
    assert!(!is_member().await);
    assert_eq!(services.authenticate(&credentials).await.unwrap_err().kind, Kind::Unauthenticated);

    // A directory that does not answer takes nothing away.
    services.login("bob", "password of bob", client).await.unwrap();
    let bob = services.find_user("bob", "").await.unwrap();
    drop(directory);
    assert_eq!(services.refresh_directory_rights().await.unwrap_err().kind, Kind::Unavailable);
    assert!(services.store.get_project_user(project, bob.id).await.is_ok());
}

#[tokio::test]
async fn who_comes_into_a_group_gets_its_rights_without_logging_in_again() {
    let Some(directory) = Directory::start() else { return };
    let mut fixture = Fixture::new().await;
    fixture.services.settings.sign_in.ldap = Some(settings(&directory));
    let rule = GroupRule { admin: true, ..GroupRule::default() };
    fixture.services.settings.sign_in.group_roles = BTreeMap::from([("late".to_owned(), rule)]);
    let services = &fixture.services;
    let cookie = services.login("bob", "password of bob", Client { address: "", user_agent: "" }).await.unwrap();
    let credentials = crate::auth::Credentials { authorization: "", cookie: &cookie };
    // An account from elsewhere that the directory does not know stays signed in.
    let stranger = services.store.get_user(services.authenticate(&credentials).await.unwrap().id).await.unwrap();
    let stranger = semaphore_model::User {
        username: "stranger".to_owned(),
        email: "stranger@example.test".to_owned(),
        ..stranger
    };
    let stranger = services.store.insert_user(stranger).await.unwrap();
    let client = Client { address: "", user_agent: "" };
    let other = services.start_session(&stranger, client, crate::auth::Entry::Provider).await.unwrap();
    services.refresh_directory_rights().await.unwrap();
    assert!(!services.authenticate(&credentials).await.unwrap().admin);

    directory.change(&format!(
        "dn: cn=late,ou=groups,{BASE}\nchangetype: add\nobjectClass: groupOfNames\ncn: late\nmember: uid=bob,ou=people,{BASE}\n"
    ));
    services.refresh_directory_rights().await.unwrap();
    assert!(services.authenticate(&credentials).await.unwrap().admin);
    let other = crate::auth::Credentials { authorization: "", cookie: &other };
    assert!(!services.authenticate(&other).await.unwrap().admin);
}
