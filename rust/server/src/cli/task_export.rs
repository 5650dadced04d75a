//! `task export`: a task as one JSON document, however long its output is. Ours.

use std::io::Write;

use anyhow::Context;
use semaphore_model::{ProjectId, TaskId};
use semaphore_service::Services;
use semaphore_store::OutputCursor;

use super::{
    arguments::ExportTask,
    output::say,
    start::{self, ConfigSource},
    write_file::Draft,
};

pub(super) fn run(source: &ConfigSource, wanted: &ExportTask) -> anyhow::Result<()> {
    start::with_services(source, async |_config, services| {
        let Some(path) = &wanted.file else {
            return write(&services, wanted, &mut std::io::stdout().lock()).await;
        };
        let cannot = || format!("cannot write {}", path.display());
        let mut file = Draft::of(path).with_context(cannot)?;
        write(&services, wanted, &mut file).await?;
        file.finish().with_context(cannot)?;
        Ok(say(&format!("Task {} exported to {}", wanted.id, path.display()))?)
    })
}

/// Writes the document piece by piece: the output is never in memory as a whole.
async fn write(services: &Services, wanted: &ExportTask, document: &mut impl Write) -> anyhow::Result<()> {
    let (project, id) = (ProjectId(wanted.project_id), TaskId(wanted.id));
    let missing = || format!("project {project} has no task {id}, or it cannot be read");
    let task = services.task(project, id).await.with_context(missing)?;
    let stages = services.task_stages(project, id).await?;
    writeln!(document, "{{\"task\":{},", serde_json::to_string(&task)?)?;
    write!(document, "\"stages\":{},\n\"output\":[", serde_json::to_string(&stages)?)?;
    let mut after = OutputCursor::default();
    let mut separator = "\n";
    loop {
        let (lines, next) = services.task_output_chunk(id, after).await?;
        if lines.is_empty() {
            break;
        }
        for line in lines {
            write!(document, "{separator}{}", serde_json::to_string(&line)?)?;
            separator = ",\n";
        }
        after = next;
    }
    document.write_all(b"]}\n")?;
    Ok(document.flush()?)
}
