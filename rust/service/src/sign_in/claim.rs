//! From claims (or attributes) to a person: which of them is the login name, the name and the e-mail address.
//!
//! An expression is a list of alternatives between `|`: names of claims, or a text with `{{ ... }}` in it. The first that has a
//! value counts. Pure. Reference: `parseClaim`, where a template that names an absent claim writes `<no value>`; here such an
//! alternative has no value.

use rand::RngCore;
use serde_json::{Map, Value};

use super::{Person, claim_template};

/// The claims of somebody by name.
pub type Claims = Map<String, Value>;

/// Which claims make a person; each is an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// Of the login name.
    pub username: String,
    /// Of the name for people.
    pub name: String,
    /// Of the e-mail address.
    pub email: String,
}

/// What a person without a name is called. Reference: the same.
const NAMELESS: &str = "Anonymous";

/// The value of an expression; `None` if no alternative has one.
pub fn evaluate(expression: &str, claims: &Claims) -> Option<String> {
    expression.split('|').map(str::trim).filter(|part| !part.is_empty()).find_map(|part| {
        if part.contains("{{") {
            return claim_template::render(part, claims).filter(|text| !text.is_empty());
        }
        look_up(part, claims).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    })
}

/// The claim of this name. Attributes of a directory differ in case from what was asked for.
pub(super) fn look_up<'a>(name: &str, claims: &'a Claims) -> Option<&'a Value> {
    claims.get(name).or_else(|| claims.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Every name of a claim that an expression may read.
pub(super) fn names(expression: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | ';');
    expression.split(|letter| !is_part(letter)).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The person whom the claims describe; the error names the expression of the e-mail address, the one that must have a value.
///
/// Reference: without a login name it is a random one, without a name `Anonymous`.
pub fn person(names: &ClaimNames, claims: &Claims) -> Result<Person, String> {
    let email = evaluate(&names.email, claims);
    let email = email.ok_or_else(|| format!("claim '{}' missing or has bad format", names.email))?;
    Ok(Person {
        username: evaluate(&names.username, claims).unwrap_or_else(random_name),
        name: evaluate(&names.name, claims).unwrap_or_else(|| NAMELESS.to_owned()),
        email,
        groups: Vec::new(),
    })
}

/// The texts of a claim that is a list of texts or one text.
pub fn texts(name: &str, claims: &Claims) -> Vec<String> {
    match look_up(name, claims) {
        Some(Value::String(text)) if !text.is_empty() => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn random_name() -> String {
    format!("{:016x}", rand::rng().next_u64())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        let text = r#"{"sub": "u-1", "email": "ann@example.com", "given_name": "Ann", "family_name": "O'Hara", "number": 7,
            "ratio": 1.5, "verified": true, "empty": "", "address": {"country": "NO"}, "https://x/y": "odd", "groups": ["a", "b"]}"#;
        serde_json::from_str(text).unwrap()
    }

    /// What the Go server answers, where it answers something sensible.
    #[test]
    fn expressions_have_the_values_of_the_reference() {
        for (expression, value) in [
            ("email", Some("ann@example.com")),
            ("missing", None),
            ("", None),
            ("empty", None),
            ("number", None),
            ("missing | email", Some("ann@example.com")),
            (" | empty | sub", Some("u-1")),
            ("missing | {{ .sub }}@example.org", Some("u-1@example.org")),
            ("{{ .given_name }} {{ .family_name }}", Some("Ann O'Hara")),
            ("{{.number}}-{{ .ratio }}-{{ .verified }}", Some("7-1.5-true")),
            ("{{ .address.country }}", Some("NO")),
            (r#"{{ index . "https://x/y" }}"#, Some("odd")),
            (r"{{ index .groups 1 }}", Some("b")),
            (r#"{{ printf "%s:%d" .sub .number }}"#, Some("u-1:7")),
            ("{{ if .empty }}x{{ else }}y{{ end }}", Some("y")),
            ("{{ if .sub }}{{ .sub }}{{ else if .number }}n{{ end }}!", Some("u-1!")),
            ("{{ with .address }}{{ .country }}{{ end }}", Some("NO")),
            ("a {{- .sub -}} b", Some("au-1b")),
            ("{{/* a note */}}{{ .sub }}", Some("u-1")),
            (r#"{{ or .empty "x" }}{{ and .sub .number }}{{ not .empty }}"#, Some("x7true")),
            (r#"{{ if eq .sub "u-1" }}same{{ end }}"#, Some("same")),
            ("{{ (index .groups 0) }}{{ len .groups }}", Some("a2")),
            // Defects of the reference: it writes "<no value>".
            ("{{ .missing }} | email", Some("ann@example.com")),
            // Not understood: no value.
            ("{{ .sub", None),
            ("{{ nonsense .sub }}", None),
            ("{{ if .sub }}x", None),
            ("{{ end }}", None),
        ] {
            assert_eq!(evaluate(expression, &claims()).as_deref(), value, "{expression}");
        }
    }

    #[test]
    fn only_the_address_is_demanded() {
        let names = |email: &str| ClaimNames { username: "nick".into(), name: "full".into(), email: email.into() };
        let ann = person(&names("email"), &claims()).unwrap();
        assert_eq!((ann.email.as_str(), ann.name.as_str(), ann.username.len()), ("ann@example.com", "Anonymous", 16));
        assert_eq!(person(&names("mail"), &claims()), Err("claim 'mail' missing or has bad format".to_owned()));
    }

    #[test]
    fn a_list_of_texts_may_be_one_text() {
        assert_eq!(texts("groups", &claims()), ["a", "b"]);
        assert_eq!(texts("sub", &claims()), ["u-1"]);
        assert!(texts("number", &claims()).is_empty());
    }
}
