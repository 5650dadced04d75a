//! `projects`: a project as a file, and files as projects, in the format that the Go server reads and writes, too.
//!
//! Reference: the texts on stdout and the exit codes. Unlike there a file is written whole or not at all, a backup is restored
//! whole or not at all, and two projects of one name are not mistaken for each other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use semaphore_model::{Project, ProjectId, User};
use semaphore_service::Services;

use super::{
    installation_arguments::{ExportProject, ImportProjects, ProjectCommand},
    output::{say, show_error},
    start::{self, ConfigSource},
    user::Refusal,
    write_file::write_file,
};

/// That no file was imported; everything was said already.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no project was imported")]
pub(super) struct NothingImported;

pub(super) fn run(source: &ConfigSource, command: &ProjectCommand) -> anyhow::Result<()> {
    match command {
        ProjectCommand::Export(arguments) => {
            check_export(arguments)?;
            start::with_services(source, async |_config, services| export(&services, arguments).await)
        }
        ProjectCommand::Import(arguments) => {
            check_import(arguments)?;
            start::with_services(source, async |_config, services| import(&services, arguments).await)
        }
    }
}

fn refusal(command: &str, complaints: &[&str]) -> Result<(), Refusal> {
    if complaints.is_empty() {
        return Ok(());
    }
    let complaints = complaints.join("\n");
    Err(Refusal(format!("{complaints}\nUse command `semaphore project {command} --help` for details.")))
}

fn check_export(arguments: &ExportProject) -> Result<(), Refusal> {
    let complaint = match (arguments.project_id, arguments.project_name.as_str()) {
        (0, "") => "Argument --project-id or --project-name required",
        (0, _) | (_, "") => return Ok(()),
        _ => "Only one of --project-id or --project-name can be specified",
    };
    refusal("export", &[complaint])
}

fn check_import(arguments: &ImportProjects) -> Result<(), Refusal> {
    let has_file = !arguments.file.is_empty();
    let has_directory = !arguments.dir.is_empty();
    let mut complaints = Vec::new();
    if !has_file && !has_directory {
        complaints.push("Argument --dir or --file required");
    }
    if has_file && has_directory {
        complaints.push("Only one of --dir or --file can be specified");
    }
    if has_directory && !arguments.project_name.is_empty() {
        complaints.push("Option --project-name can only be used with --file, not --dir");
    }
    refusal("import", &complaints)
}

async fn export(services: &Services, arguments: &ExportProject) -> anyhow::Result<()> {
    let project = find(services, arguments).await?;
    let backup = services.backup(&project, arguments.extended).await.context("Failed to create backup")?;
    let text = serde_json::to_string_pretty(&backup)?;
    if arguments.file.is_empty() || arguments.file == "-" {
        return Ok(say(&text)?);
    }
    let file = Path::new(&arguments.file);
    write_file(file, text.as_bytes()).with_context(|| format!("Failed to write file {}", file.display()))?;
    Ok(say(&format!("Project exported to {}", file.display()))?)
}

async fn find(services: &Services, arguments: &ExportProject) -> anyhow::Result<Project> {
    if arguments.project_id != 0 {
        return match services.project_by_hand(ProjectId(arguments.project_id)).await {
            Err(error) if error.is_not_found() => {
                show_error(&anyhow::anyhow!("there is no project with the id {}", arguments.project_id));
                // Reference: what its database says.
                Err(Refusal("Failed to create backup: no rows in result set".to_owned()).into())
            }
            found => Ok(found?),
        };
    }
    let name = &arguments.project_name;
    let mut found = services.projects_named(name).await?;
    if found.len() > 1 {
        let ids: Vec<String> = found.iter().map(|project| project.id.to_string()).collect();
        let ids = ids.join(", ");
        return Err(
            Refusal(format!("Several projects are called '{name}': choose one with --project-id ({ids})")).into()
        );
    }
    found.pop().ok_or_else(|| Refusal(format!("Project with name '{name}' not found")).into())
}

async fn import(services: &Services, arguments: &ImportProjects) -> anyhow::Result<()> {
    let owner = services.owner_by_hand().await.context("cannot resolve user for import")?;
    let mut files = Vec::new();
    if arguments.file.is_empty() {
        collect(Path::new(&arguments.dir), &mut files);
    } else {
        files.push(PathBuf::from(&arguments.file));
    }
    if files.is_empty() {
        return Err(Refusal("No backup files found to import".to_owned()).into());
    }
    files.sort();
    let name = Some(arguments.project_name.as_str()).filter(|name| !name.is_empty());
    let mut imported = 0;
    for file in &files {
        match import_file(services, &owner, file, name).await {
            Ok(()) => {
                imported += 1;
                say(&format!("Imported project from {}", file.display()))?;
            }
            Err(error) => show_error(&error.context(format!("failed to import {}", file.display()))),
        }
    }
    if imported == 0 {
        return Err(NothingImported.into());
    }
    Ok(say(&format!("Project(s) imported: {imported}/{}", files.len()))?)
}

async fn import_file(services: &Services, owner: &User, file: &Path, name: Option<&str>) -> anyhow::Result<()> {
    let text = fs::read(file)?;
    services.restore_by_hand(owner, &text, name).await?;
    Ok(())
}

/// Files below a directory whose names look like those of backups, or the file that stands in its place. Reference: what cannot be
/// read is passed over, and no link to a directory is followed.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    if directory.is_file() && is_called_like_a_backup(directory) {
        files.push(directory.to_owned());
    }
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, files);
        } else if is_called_like_a_backup(&path) {
            files.push(path);
        }
    }
}

fn is_called_like_a_backup(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    [".json", ".backup", ".bk"].iter().any(|end| name.ends_with(end))
}
