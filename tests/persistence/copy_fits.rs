//! SQLite takes texts of any length, the servers do not: a copy tells before it writes, and shortens only what people read.

use semaphore_test_machine::database::Kind;
use semaphore_tests::{PASSWORD, Project};

use crate::{installation::Installation, text};

fn long_texts_are_told_before_anything_is_written(kind: Kind) {
    let Some(mut source) = Installation::on(None) else { return };
    let Some(target) = Installation::on(Some(kind)) else { return };
    let account = ["--login", "admin", "--name", "Admin", "--email", "admin@example.test", "--password", PASSWORD];
    source.run(&[&["user", "add", "--admin"][..], &account[..]].concat());
    source.server.start_again();
    let admin = source.server.admin();
    let project = Project::create(&admin, "/nowhere");
    let template = project.template(&admin, "bash", "run.sh");
    source.server.stop();
    let (message, branch) = ("ü".repeat(300), "b".repeat(300));
    source.execute(&format!(
        "insert into task (id, template_id, project_id, status, playbook, environment, created, message) \
         values (1, {template}, {}, 'success', '', '{{}}', '2024-05-06 07:08:09', '{message}')",
        project.id
    ));
    source.execute(&format!("update project__template set git_branch = '{branch}' where id = {template}"));

    let copy = |more: &[&str]| {
        let mut command = source.server.command(&["database", "copy", "--to-config"]);
        command.arg(target.server.config_path()).args(more).arg("--config").arg(source.server.config_path());
        command.output().unwrap()
    };
    for more in [&["--dry-run"][..], &[]] {
        let refused = copy(more);
        let said = text(&refused);
        let reason = format!("project__template [{template}]: git_branch has 300 letters, 255 are allowed");
        assert!(refused.status.code() == Some(1) && said.contains(&reason), "{said}");
        assert!(said.contains("nothing was changed") && said.contains("hint: shorten them"), "{said}");
        if more.is_empty() {
            assert_eq!(target.rows("select cast(count(*) as char(20)) from project")[0].trim(), "0");
        }
    }

    source.execute(&format!("update project__template set git_branch = 'main' where id = {template}"));
    for more in [&["--dry-run"][..], &[]] {
        let done = copy(more);
        let said = text(&done);
        assert!(done.status.success() && said.contains("message was shortened to 250 letters"), "{said}");
    }
    assert_eq!(target.rows("select message from task")[0].trim(), "ü".repeat(250));
}

#[test]
fn long_texts_are_told_before_anything_is_written_to_postgres() {
    long_texts_are_told_before_anything_is_written(Kind::Postgres);
}

#[test]
fn long_texts_are_told_before_anything_is_written_to_mariadb() {
    long_texts_are_told_before_anything_is_written(Kind::MariaDb);
}
