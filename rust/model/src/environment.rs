//! Variables a task gets.

use crate::access_key::AccessKeyOwner;
use crate::id::{AccessKeyId, EnvironmentId, ProjectId, SecretStorageId};
use crate::json;
use crate::open_enum::open_enum;
use crate::secret::Secret;
use crate::validation::ValidationError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

open_enum! {
    /// What a request wants done with a secret of an environment.
    EnvironmentSecretOperation {
        /// Nothing; also what answers carry.
        None = "",
        /// Add it.
        Create = "create",
        /// Change it.
        Update = "update",
        /// Remove it.
        Delete = "delete",
    }
}

open_enum! {
    /// How a task gets a secret of an environment.
    EnvironmentSecretType {
        /// Unset.
        Unset = "",
        /// As an extra variable.
        Variable = "var",
        /// As a variable of the process.
        Environment = "env",
    }
}

impl EnvironmentSecretType {
    /// The owner its key has; none for an unknown type.
    pub fn key_owner(&self) -> Option<AccessKeyOwner> {
        match self {
            Self::Variable => Some(AccessKeyOwner::Variable),
            Self::Environment => Some(AccessKeyOwner::Environment),
            Self::Unset | Self::Other(_) => None,
        }
    }

    /// The type of a key with this owner; none for a key that is no secret of an environment.
    pub fn from_key_owner(owner: &AccessKeyOwner) -> Option<Self> {
        match owner {
            AccessKeyOwner::Variable => Some(Self::Variable),
            AccessKeyOwner::Environment => Some(Self::Environment),
            _ => None,
        }
    }
}

/// A secret of an environment, in requests and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct EnvironmentSecret {
    /// Row of `access_key`.
    pub id: AccessKeyId,
    /// How a task gets it.
    pub r#type: EnvironmentSecretType,
    /// Name of the variable.
    pub name: String,
    /// The value; empty in answers.
    pub secret: Secret,
    /// What to do with it; empty in answers.
    pub operation: EnvironmentSecretOperation,
}

impl EnvironmentSecret {
    /// Checks the type.
    pub fn validate(&self) -> Result<(), ValidationError> {
        match self.r#type {
            EnvironmentSecretType::Variable | EnvironmentSecretType::Environment => Ok(()),
            _ if self.secret.is_empty() => Err(ValidationError::new("missing secret")),
            _ => Err(ValidationError::new("invalid environment secret type")),
        }
    }
}

/// A group of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Environment {
    /// Row of `project__environment`.
    pub id: EnvironmentId,
    /// Name for people.
    pub name: String,
    /// Its project.
    pub project_id: ProjectId,
    /// Old password of an Ansible vault. Reference: readable by every member.
    pub password: Option<String>,
    /// Extra variables: a JSON object as text.
    pub json: String,
    /// Variables of the process: a flat JSON object as text.
    pub env: Option<String>,
    /// Secrets: wanted changes in requests, names in answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<EnvironmentSecret>,
    /// Where its secrets are kept; none for the database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_storage_id: Option<SecretStorageId>,
    /// Path in that storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_storage_key_prefix: Option<String>,
}

impl Environment {
    /// Checks name, extra variables and process variables.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.name.is_empty() {
            return Err(ValidationError::new("Environment name can not be empty"));
        }
        check_object(&self.json, false).map_err(|rule| ValidationError::new(format!("Extra variables {rule}")))?;
        let env = self.env.as_deref().unwrap_or_default();
        check_object(env, true).map_err(|rule| ValidationError::new(format!("Environment variables {rule}")))
    }
}

/// Checks a text that must be empty or a JSON object; `null` counts as an empty object, as it does for Go.
fn check_object(text: &str, scalar_values: bool) -> Result<(), &'static str> {
    if text.is_empty() {
        return Ok(());
    }
    let object = match json::parse_text(text) {
        Ok(Value::Object(object)) => object,
        Ok(Value::Null) => return Ok(()),
        _ => return Err("must be valid JSON"),
    };
    for (key, value) in &object {
        if key.is_empty() {
            return Err("key can not be empty");
        }
        if scalar_values && (value.is_array() || value.is_object()) {
            return Err("values must be scalar");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_variables_are_refused_with_the_text_of_the_reference() {
        let table = [
            ("", "{}", "{}", Some("Environment name can not be empty")),
            ("x", "{}", "{}", None),
            ("x", "", "", None),
            ("x", "null", "null", None),
            ("x", "not json", "{}", Some("Extra variables must be valid JSON")),
            ("x", "[1]", "{}", Some("Extra variables must be valid JSON")),
            ("x", "{} x", "{}", Some("Extra variables must be valid JSON")),
            ("x", "{\"\":1}", "{}", Some("Extra variables key can not be empty")),
            ("x", "{\"a\":[1]}", "zzz", Some("Environment variables must be valid JSON")),
            ("x", "{}", "{\"a\":[1]}", Some("Environment variables values must be scalar")),
            ("x", "{}", "{\"a\":null,\"b\":1.5}", None),
        ];
        for (name, json, env, message) in table {
            let environment =
                Environment { name: name.into(), json: json.into(), env: Some(env.into()), ..Environment::default() };
            let found = environment.validate().err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), message, "{json} {env}");
        }
    }
}
