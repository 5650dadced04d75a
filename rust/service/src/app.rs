//! The apps that templates can run: configured ones, those found on the machine, and changes stored as options.
//!
//! Not for running them (engine). Reference: `util.App`, `LookupDefaultApps`, `api/apps.go`. Invariant: an id is made of
//! letters, digits and underscores, because its options are named `apps.<id>.<field>`.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    services::Services,
};

/// How an app is shown and started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct App {
    /// Whether templates may use it.
    pub active: bool,
    /// Order in lists, highest first.
    pub priority: i64,
    /// Name for people; empty = the web page's own.
    pub title: String,
    /// Icon of the web page.
    pub icon: String,
    /// Colour in light mode.
    pub color: String,
    /// Colour in dark mode.
    pub dark_color: String,
    /// Program instead of the app's own.
    pub path: String,
    /// Arguments before the script instead of the app's own.
    pub args: Option<Vec<String>>,
}

/// An app with its id, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AppWithId {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// Its id.
    pub id: String,
}

/// Apps that become active when their program is found. Reference: `appCommands`.
const COMMANDS: [(&str, &str); 5] = [
    ("ansible", "ansible-playbook"),
    ("terraform", "terraform"),
    ("tofu", "tofu"),
    ("terragrunt", "terragrunt"),
    ("bash", "bash"),
];

/// Priorities of the apps that are always listed. Reference: `appPriorities`.
const PRIORITIES: [(&str, i64); 7] = [
    ("ansible", 1000),
    ("terraform", 900),
    ("terragrunt", 850),
    ("tofu", 800),
    ("bash", 700),
    ("powershell", 600),
    ("python", 500),
];

/// Apps by id. Shared by all requests; changes by administrators take effect at once.
#[derive(Debug, Default)]
pub struct AppCatalog(RwLock<BTreeMap<String, App>>);

impl AppCatalog {
    /// A catalog of the configured apps, the stored options and the default apps.
    ///
    /// `options` are dotted keys with their values; `is_installed` tells whether a program is found on the machine.
    pub fn new(
        mut apps: BTreeMap<String, App>,
        options: &[(String, String)],
        is_installed: impl Fn(&str) -> bool,
    ) -> Self {
        for (key, value) in options {
            if let Some((id, field)) = key.strip_prefix("apps.").and_then(|rest| rest.split_once('.')) {
                apply(apps.entry(id.to_owned()).or_default(), field, value);
            }
        }
        for (id, command) in COMMANDS {
            if !apps.contains_key(id) && is_installed(command) {
                apps.insert(id.to_owned(), App { active: true, ..App::default() });
            }
        }
        for (id, priority) in PRIORITIES {
            let app = apps.entry(id.to_owned()).or_default();
            if app.priority <= 0 {
                app.priority = priority;
            }
        }
        Self(RwLock::new(apps))
    }

    /// All apps, highest priority first.
    pub fn list(&self) -> Vec<AppWithId> {
        let apps = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<_> = apps.iter().map(|(id, app)| AppWithId { app: app.clone(), id: id.clone() }).collect();
        list.sort_by_key(|entry| std::cmp::Reverse(entry.app.priority));
        list
    }

    /// The app with this id.
    pub fn get(&self, id: &str) -> Option<App> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Whether there is an app with this id.
    pub fn contains(&self, id: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    fn change(&self, id: &str, field: &str, value: &str) {
        let mut apps = self.0.write().unwrap_or_else(PoisonError::into_inner);
        apply(apps.entry(id.to_owned()).or_default(), field, value);
    }

    fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Sets one field from the text of an option; texts that do not fit and unknown fields are left out.
fn apply(app: &mut App, field: &str, value: &str) {
    match field {
        "active" => app.active = matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes"),
        "priority" => app.priority = value.parse().unwrap_or(app.priority),
        "title" => value.clone_into(&mut app.title),
        "icon" => value.clone_into(&mut app.icon),
        "color" => value.clone_into(&mut app.color),
        "dark_color" => value.clone_into(&mut app.dark_color),
        "path" => value.clone_into(&mut app.path),
        // Reference: a text that is no list is one argument.
        "args" => app.args = Some(serde_json::from_str(value).unwrap_or_else(|_| vec![value.to_owned()])),
        _ => {}
    }
}

impl Services {
    /// The app with this id; 404 with a text if there is none.
    pub fn get_app(&self, id: &str) -> Result<App> {
        self.apps.get(id).ok_or_else(|| Error::new(crate::Kind::NotFound, "app not found"))
    }

    /// Stores an app. Reference: empty texts remove the stored option but stay in effect until the next start.
    pub async fn set_app(&self, id: &str, app: &App) -> Result<()> {
        check_id(id)?;
        let args = match app.args.as_deref() {
            None | Some([]) => String::new(),
            Some(args) => {
                serde_json::to_string(args).map_err(|error| Error::internal("cannot write arguments", error))?
            }
        };
        let fields = [
            ("active", app.active.to_string()),
            ("priority", app.priority.to_string()),
            ("title", app.title.clone()),
            ("icon", app.icon.clone()),
            ("color", app.color.clone()),
            ("dark_color", app.dark_color.clone()),
            ("path", app.path.clone()),
            ("args", args),
        ];
        let mut transaction = self.store.begin().await?;
        for (field, value) in &fields {
            let key = format!("apps.{id}.{field}");
            if value.is_empty() {
                transaction.delete_options(&key).await?;
            } else {
                transaction.set_option(&key, value).await?;
            }
        }
        transaction.commit().await?;
        for (field, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            self.apps.change(id, field, value);
        }
        Ok(())
    }

    /// Switches an app on or off.
    pub async fn set_app_active(&self, id: &str, active: bool) -> Result<()> {
        check_id(id)?;
        let value = active.to_string();
        self.store.set_option(&format!("apps.{id}.active"), &value).await?;
        self.apps.change(id, "active", &value);
        Ok(())
    }

    /// Removes an app and what is stored about it; one that does not exist is no error.
    pub async fn delete_app(&self, id: &str) -> Result<()> {
        check_id(id)?;
        self.store.delete_options(&format!("apps.{id}")).await?;
        self.apps.remove(id);
        Ok(())
    }
}

/// Reference: an id with other characters answered 500 after a part of it was stored.
fn check_id(id: &str) -> Result<()> {
    let good = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if good { Ok(()) } else { Err(Error::invalid("an app id is made of letters, digits and underscores")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_apps_are_added_below_configured_and_stored_ones() {
        let configured = BTreeMap::from([("bash".to_owned(), App { title: "Mine".to_owned(), ..App::default() })]);
        let options = [
            ("apps.python.active".to_owned(), "true".to_owned()),
            ("apps.custom.args".to_owned(), r#"["-n"]"#.to_owned()),
            ("apps.custom.priority".to_owned(), "50".to_owned()),
            ("other.key".to_owned(), "x".to_owned()),
        ];
        let catalog = AppCatalog::new(configured, &options, |program| program == "terraform" || program == "bash");
        let ids: Vec<_> = catalog.list().into_iter().map(|entry| entry.id).collect();
        assert_eq!(ids, ["ansible", "terraform", "terragrunt", "tofu", "bash", "powershell", "python", "custom"]);
        let active: Vec<_> =
            catalog.list().into_iter().filter(|entry| entry.app.active).map(|entry| entry.id).collect();
        assert_eq!(active, ["terraform", "python"], "a configured app is not switched on by being installed");
        assert_eq!(catalog.get("custom").and_then(|app| app.args), Some(vec!["-n".to_owned()]));
        assert!(!catalog.contains("nosuch"));
    }
}
