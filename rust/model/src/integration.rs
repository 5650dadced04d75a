//! Integrations: requests from outside that start a template, what they must contain, and what is taken from them.

use crate::id::{
    AccessKeyId, IntegrationAliasId, IntegrationExtractValueId, IntegrationId, IntegrationMatcherId, ProjectId,
    TemplateId,
};
use crate::open_enum::open_enum;
use crate::task_params::TaskParams;
use crate::validation::ValidationError;
use serde::{Deserialize, Serialize};

open_enum! {
    /// How the sender of a request proves itself.
    IntegrationAuthMethod {
        /// Not at all.
        None = "",
        /// By GitHub's signature.
        GitHub = "github",
        /// By a token in a header.
        Token = "token",
        /// By an HMAC of the body in a header.
        Hmac = "hmac",
        /// By Bitbucket's signature.
        Bitbucket = "bitbucket",
        /// By login and password.
        Basic = "basic",
    }
}

open_enum! {
    /// Where a value of a request is.
    IntegrationSource {
        /// Nowhere yet.
        Unset = "",
        /// In a header.
        Header = "header",
        /// In the body.
        Body = "body",
    }
}

open_enum! {
    /// How a value is compared.
    IntegrationMatchMethod {
        /// Not yet said.
        Unset = "",
        /// It is the same.
        Equals = "equals",
        /// It is not the same.
        Unequals = "unequals",
        /// It is a part.
        Contains = "contains",
    }
}

open_enum! {
    /// How a body is read.
    IntegrationBodyType {
        /// Not yet said.
        Unset = "",
        /// As JSON; the key is a path.
        Json = "json",
        /// As text.
        Text = "string",
    }
}

open_enum! {
    /// Where a value that was taken goes.
    IntegrationVariableType {
        /// Not yet said; into the variables, as with `environment`.
        Unset = "",
        /// Into the task's variables.
        Environment = "environment",
        /// Into the task's parameters.
        Task = "task",
    }
}

open_enum! {
    /// What became of a request at an integration. Ours.
    DeliveryOutcome {
        /// It started a task.
        Started = "started",
        /// A rule of the integration is not met.
        NoMatch = "no_match",
        /// It lacks the proof that the integration asks for.
        Refused = "refused",
        /// It came after too many wrong proofs.
        Limited = "limited",
        /// Its task could not be started, or it could not be read.
        Failed = "failed",
    }
}

/// A door for requests from outside that starts a template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Integration {
    /// Row of `project__integration`.
    pub id: IntegrationId,
    /// Name for people.
    pub name: String,
    /// Its project.
    pub project_id: ProjectId,
    /// What it starts.
    pub template_id: TemplateId,
    /// How the sender proves itself.
    pub auth_method: IntegrationAuthMethod,
    /// The key with the secret for that.
    pub auth_secret_id: Option<AccessKeyId>,
    /// The header with the proof.
    pub auth_header: String,
    /// Whether the alias of the project finds it (by its matchers).
    pub searchable: bool,
    /// What its tasks get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_params: Option<TaskParams>,
}

impl Integration {
    /// Checks the name.
    pub fn validate(&self) -> Result<(), ValidationError> {
        named(&self.name)
    }
}

/// What a request must contain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct IntegrationMatcher {
    /// Row of `project__integration_matcher`.
    pub id: IntegrationMatcherId,
    /// Its integration.
    pub integration_id: IntegrationId,
    /// Name for people.
    pub name: String,
    /// Where the value is.
    pub match_type: IntegrationSource,
    /// How it is compared.
    pub method: IntegrationMatchMethod,
    /// How the body is read.
    pub body_data_type: IntegrationBodyType,
    /// Header, or path in the body.
    pub key: String,
    /// What it is compared with.
    pub value: String,
}

impl IntegrationMatcher {
    /// Checks that nothing is missing.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.match_type == IntegrationSource::Unset {
            return Err(ValidationError::new("No Match Type set"));
        }
        if self.key.is_empty() {
            return Err(ValidationError::new("No key set"));
        }
        if self.value.is_empty() {
            return Err(ValidationError::new("No value set"));
        }
        named(&self.name)
    }
}

/// What is taken from a request for the task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct IntegrationExtractValue {
    /// Row of `project__integration_extract_value`.
    pub id: IntegrationExtractValueId,
    /// Its integration.
    pub integration_id: IntegrationId,
    /// Name for people.
    pub name: String,
    /// Where the value is.
    pub value_source: IntegrationSource,
    /// How the body is read.
    pub body_data_type: IntegrationBodyType,
    /// Header, or path in the body.
    pub key: String,
    /// Name that the task sees.
    pub variable: String,
    /// Where it goes.
    pub variable_type: IntegrationVariableType,
}

impl IntegrationExtractValue {
    /// Checks that nothing is missing.
    pub fn validate(&self) -> Result<(), ValidationError> {
        if self.value_source == IntegrationSource::Unset {
            return Err(ValidationError::new("No Value Source defined"));
        }
        named(&self.name)?;
        match (&self.value_source, &self.body_data_type) {
            (IntegrationSource::Body, IntegrationBodyType::Unset) => {
                Err(ValidationError::new("Value Source but no body data type set"))
            }
            (IntegrationSource::Body, IntegrationBodyType::Json) if self.key.is_empty() => {
                Err(ValidationError::new("No Key set for JSON Body Data extraction."))
            }
            (IntegrationSource::Header, _) if self.key.is_empty() => {
                Err(ValidationError::new("Value Source set but no Key set"))
            }
            _ => Ok(()),
        }
    }
}

fn named(name: &str) -> Result<(), ValidationError> {
    if name.is_empty() { Err(ValidationError::new("No Name set for integration")) } else { Ok(()) }
}

/// The secret end of an address that requests go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct IntegrationAlias {
    /// Row of `project__integration_alias`.
    #[serde(skip)]
    pub id: IntegrationAliasId,
    /// The end of the address.
    pub alias: String,
    /// Its project.
    pub project_id: ProjectId,
    /// Its integration; none for all searchable ones of the project.
    pub integration_id: Option<IntegrationId>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_missing_is_named_as_the_reference_does() {
        let refusal = |value: &IntegrationExtractValue| value.validate().err().map(|error| error.to_string());
        let mut value = IntegrationExtractValue::default();
        assert_eq!(refusal(&value).unwrap(), "No Value Source defined");
        value.value_source = IntegrationSource::Body;
        assert_eq!(refusal(&value).unwrap(), "No Name set for integration");
        value.name = "commit".into();
        assert_eq!(refusal(&value).unwrap(), "Value Source but no body data type set");
        value.body_data_type = IntegrationBodyType::Json;
        assert_eq!(refusal(&value).unwrap(), "No Key set for JSON Body Data extraction.");
        value.body_data_type = IntegrationBodyType::Text;
        assert_eq!(refusal(&value), None);
        value.value_source = IntegrationSource::Header;
        assert_eq!(refusal(&value).unwrap(), "Value Source set but no Key set");

        let refusal = |matcher: &IntegrationMatcher| matcher.validate().err().map(|error| error.to_string());
        let mut matcher = IntegrationMatcher::default();
        assert_eq!(refusal(&matcher).unwrap(), "No Match Type set");
        matcher.match_type = IntegrationSource::Header;
        assert_eq!(refusal(&matcher).unwrap(), "No key set");
        matcher.key = "X-Event".into();
        assert_eq!(refusal(&matcher).unwrap(), "No value set");
        matcher.value = "push".into();
        assert_eq!(refusal(&matcher).unwrap(), "No Name set for integration");
        matcher.name = "push".into();
        assert_eq!(refusal(&matcher), None);
    }
}
