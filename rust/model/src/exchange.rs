//! Entities as whole documents: what is stored of an entity, with the fields that answers of the API never show.
//!
//! What it is for: taking entities over to another program or database without loss (the structs of the Go module, copies
//! between databases, checksums). Not for answers: a document holds hashes, tokens and encrypted secrets as they are stored.
//!
//! A document is the JSON of the API plus the hidden fields under their own names. What an entity only shows (the newest
//! task of a template) is left out.

use crate::{
    AccessKey, ApiToken, Environment, Event, Integration, IntegrationAlias, IntegrationExtractValue,
    IntegrationMatcher, Inventory, Project, ProjectInvite, ProjectUser, Repository, Role, Runner, Schedule,
    SecretStorage, ServerOption, Session, Task, TaskOutput, TaskParams, TaskStage, Template, TemplateRole,
    TemplateVault, User, UserEmailOtp, UserTotp, View,
};
use serde::de::Error as _;
use serde_json::{Error, Map, Value};

/// An entity that has a whole document.
pub trait Exchange: Sized {
    /// Name of the kind, such as `access_key`.
    const KIND: &'static str;

    /// The document.
    ///
    /// # Errors
    /// Never for the entities here; they all have JSON.
    fn to_document(&self) -> Result<Value, Error>;

    /// The entity of a document. Unknown members are passed over, missing ones have their default.
    ///
    /// # Errors
    /// If a member has another type than the entity's field.
    fn from_document(document: Value) -> Result<Self, Error>;
}

/// Takes a member out; null counts as missing.
fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    members.remove(name).filter(|value| !value.is_null())
}

/// Declares kinds: `Type "kind" { hidden fields; fields with an entity that hides something; what is only shown }`.
macro_rules! exchange {
    ($($name:ident $kind:literal { $($hidden:ident),*; $($nested:ident),*; $($shown:literal),* })*) => {$(
        impl Exchange for $name {
            const KIND: &'static str = $kind;

            fn to_document(&self) -> Result<Value, Error> {
                #[allow(unused_mut, reason = "not every kind hides something")]
                let mut document = serde_json::to_value(self)?;
                if let Value::Object(_members) = &mut document {
                    $(_members.insert(stringify!($hidden).to_owned(), serde_json::to_value(&self.$hidden)?);)*
                    $(if let Some(nested) = &self.$nested {
                        _members.insert(stringify!($nested).to_owned(), nested.to_document()?);
                    })*
                    $(_members.remove($shown);)*
                }
                Ok(document)
            }

            #[allow(unused_mut, reason = "not every kind hides something")]
            fn from_document(document: Value) -> Result<Self, Error> {
                let Value::Object(mut members) = document else {
                    return Err(Error::custom("expected an object"));
                };
                $(let $hidden = take(&mut members, stringify!($hidden));)*
                $(let $nested = take(&mut members, stringify!($nested));)*
                $(members.remove($shown);)*
                let mut entity: Self = serde_json::from_value(Value::Object(members))?;
                $(if let Some(value) = $hidden { entity.$hidden = serde_json::from_value(value)?; })*
                $(entity.$nested = $nested.map(Exchange::from_document).transpose()?;)*
                Ok(entity)
            }
        }
    )*};
}

exchange! {
    User "user" { password; totp, email_otp; }
    UserTotp "user_totp" { recovery_hash; ; }
    UserEmailOtp "user_email_otp" { ; ; }
    Project "project" { ; ; }
    ProjectUser "project_user" { ; ; }
    ProjectInvite "project_invite" { token; ; }
    Role "role" { ; ; }
    TemplateRole "template_role" { ; ; }
    AccessKey "access_key" { secret, storage_id, environment_id, user_id; ; }
    SecretStorage "secret_storage" { ; ; }
    Repository "repository" { ; ; }
    Inventory "inventory" { ; ; }
    Environment "environment" { ; ; }
    Template "template" { ; ; "last_task" }
    TemplateVault "template_vault" { ; ; }
    View "view" { ; ; }
    Task "task" { ; ; }
    TaskParams "task_params" { id, project_id; ; }
    TaskOutput "task_output" { continued; ; }
    TaskStage "task_stage" { ; ; }
    Schedule "schedule" { last_commit_hash; task_params; }
    Integration "integration" { ; task_params; }
    IntegrationMatcher "integration_matcher" { ; ; }
    IntegrationExtractValue "integration_extract_value" { ; ; }
    IntegrationAlias "integration_alias" { id; ; }
    Runner "runner" { token, public_key; ; }
    Session "session" { ; ; }
    ApiToken "api_token" { ; ; }
    Event "event" { id; ; }
    ServerOption "option" { ; ; }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Secret, SecretStorageId, TaskParamsId};

    #[test]
    fn what_answers_hide_is_in_the_document() {
        let key = AccessKey {
            name: "deploy".into(),
            secret: Some(Secret::new("encrypted")),
            storage_id: Some(SecretStorageId(3)),
            ..AccessKey::default()
        };
        assert!(!serde_json::to_string(&key).unwrap().contains("encrypted"));
        let document = key.to_document().unwrap();
        assert_eq!((&document["secret"], &document["storage_id"]), (&"encrypted".into(), &3.into()));
        assert_eq!(AccessKey::from_document(document).unwrap(), key);

        let params = TaskParams { id: TaskParamsId(7), message: "again".into(), ..TaskParams::default() };
        let schedule = Schedule { task_params: Some(params), ..Schedule::default() };
        let document = schedule.to_document().unwrap();
        assert_eq!(document["task_params"]["id"], 7);
        assert_eq!(Schedule::from_document(document).unwrap(), schedule);
    }

    #[test]
    fn a_member_of_another_type_is_an_error() {
        let error = Runner::from_document(serde_json::json!({"token": 5})).unwrap_err();
        assert!(error.to_string().contains("expected a string"), "{error}");
        assert!(Runner::from_document(serde_json::json!([])).is_err());
    }
}
