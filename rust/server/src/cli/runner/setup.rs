//! `runner setup`: asks what a new runner needs, writes its configuration, registers it.
//!
//! Invariant: a configuration that is there is kept under another name. Reference: `InteractiveRunnerSetup`, the questions.

use std::path::PathBuf;

use anyhow::Context;
use semaphore_model::Secret;
use serde_json::{Map, Value};

use super::register::register_with;
use crate::cli::{
    output::say,
    setup::questions,
    start::{self, ConfigSource},
    write_file::{directory_of, write_and_keep_old, write_new_file},
};

/// Name of a runner's configuration. Reference: the same.
const FILE_NAME: &str = "config.runner.json";

/// What was answered.
struct Answers {
    server: String,
    settings: Map<String, Value>,
    registration_token: Secret,
}

pub(super) fn run(source: &ConfigSource) -> anyhow::Result<()> {
    let Answers { server, settings, registration_token } = ask()?;
    let path = if let Some(path) = &source.path {
        path.clone()
    } else {
        let directory = std::env::current_dir().context("cannot find the working directory")?;
        let directory = directory.to_str().context("the path of the working directory is no text")?.to_owned();
        PathBuf::from(questions::value("Config output directory", &directory, |_| None)?).join(FILE_NAME)
    };
    let mut document = Map::new();
    if !server.is_empty() {
        document.insert("web_host".to_owned(), server.into());
    }
    document.insert("runner".to_owned(), settings.into());
    write(&path, document)?;
    let mut config = start::runner_config(&ConfigSource { path: Some(path.clone()), ..ConfigSource::default() })?;
    if !registration_token.is_empty() {
        config.runner_registration_token = registration_token;
        start::runtime()?.block_on(register_with(&config)).context("runner registration failed")?;
    }
    let path = path.display();
    say(&format!(
        " Re-launch this program pointing to the configuration file\n\n./semaphore runner start --config {path}\n"
    ))?;
    say(&format!(" To run as daemon:\n\nnohup ./semaphore runner start --config {path} &\n"))?;
    Ok(())
}

fn ask() -> anyhow::Result<Answers> {
    let any = |_: &str| None;
    let given = |complaint: &'static str| move |text: &str| text.is_empty().then(|| complaint.to_owned());
    let server = questions::value("Semaphore server URL", "", any)?;
    let mut settings = Map::new();
    let mut keep = |name: &str, text: String| {
        if !text.is_empty() {
            settings.insert(name.to_owned(), text.into());
        }
    };
    let mut registration_token = Secret::default();
    if questions::is_wanted("Do you want to store token in external file?")? {
        keep("token_file", questions::value("Path to the file where runner token will be stored", "", any)?);
    }
    if questions::is_wanted("Do you have runner's token?")? {
        keep("token", required("Enter valid runner token")?.into_inner());
        if questions::is_wanted("Do you have runner's private key file?")? {
            let question = "Enter path to the private key file";
            keep("private_key_file", questions::value(question, "", given("is no path"))?);
        }
    } else if questions::is_wanted("Do you want to register new runner on the server?")? {
        registration_token = required("Enter runner registration token")?;
        let question = "Enter path to the private key file (will be generated if not exists)";
        keep("private_key_file", questions::value(question, "", given("is no path"))?);
    }
    Ok(Answers { server, settings, registration_token })
}

/// A secret that must be given; a terminal does not show it.
fn required(question: &str) -> anyhow::Result<Secret> {
    loop {
        let given = questions::secret(question, "")?;
        if !given.is_empty() {
            return Ok(given);
        }
        say("It must not be empty. Please answer again.")?;
    }
}

fn write(path: &std::path::Path, document: Map<String, Value>) -> anyhow::Result<()> {
    let directory = directory_of(path);
    say(&format!("Running: mkdir -p {}..", directory.display()))?;
    let cannot = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(&directory).with_context(cannot)?;
    let text = serde_json::to_string_pretty(&Value::Object(document))? + "\n";
    if path.exists() {
        let kept = write_and_keep_old(path, text.as_bytes()).with_context(cannot)?;
        say(&format!("The configuration that was there is in {}", kept.display()))?;
    } else {
        write_new_file(path, text.as_bytes()).with_context(cannot)?;
    }
    Ok(say(&format!("Configuration written to {}..", path.display()))?)
}
