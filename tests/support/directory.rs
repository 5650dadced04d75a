//! The configuration that leads a server to an LDAP directory of the test's own.

use semaphore_test_machine::ldap::{BASE, Directory, READER, READER_PASSWORD};
use serde_json::{Value, json};

/// The keys, with others laid over them; `null` removes one.
pub fn ldap_config(directory: &Directory, over: &Value) -> Value {
    let mut config = json!({
        "ldap_enable": true, "ldap_server": directory.address(), "ldap_binddn": READER, "ldap_bindpassword": READER_PASSWORD,
        "ldap_searchdn": format!("ou=people,{BASE}"), "ldap_searchfilter": "(&(objectClass=inetOrgPerson)(uid=%s))"
    });
    crate::server::merge(&mut config, over);
    config
}
