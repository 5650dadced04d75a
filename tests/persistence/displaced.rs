//! The directory of the database is moved away under a running server, and comes back.

use std::{fs, time::Duration};

use semaphore_tests::{Options, Project, Server, git_repository, wait_until};
use serde_json::json;

#[test]
fn a_database_that_is_moved_away_is_told_and_nothing_is_lost_when_it_comes_back() {
    let mut server = Server::prepared(Options::default());
    let (place, away) = (server.directory().join("place"), server.directory().join("away"));
    fs::create_dir(&place).unwrap();
    fs::copy(server.database(), place.join("database.sqlite")).unwrap();
    server.change_config(&json!({"sqlite": {"host": place.join("database.sqlite")}}));
    server.start_again();
    let (told, repository) = (server.directory().join("told"), server.directory().join("repository"));
    let script = format!(
        "seq -f 'line %.0f' 1 1000\nuntil [ -e {} ]; do sleep 0.05; done\nseq -f 'line %.0f' 1001 50000\n",
        told.display()
    );
    git_repository(&repository, &[("lines.sh", &script)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "lines.sh");
    let task = project.start(&admin, template);
    let path = format!("/api/project/{}/tasks", project.id);
    wait_until("the first lines are stored", Duration::from_mins(1), || {
        admin.output(project.id, task).iter().any(|line| line == "line 1000").then_some(())
    });

    fs::rename(&place, &away).unwrap();
    fs::write(&told, "").unwrap();
    // The task has more lines, and nobody to store them.
    wait_until("the task cannot store its lines", Duration::from_mins(1), || {
        server.log().contains("a step of a task is not stored yet").then_some(())
    });
    assert!(server.log().contains("is not there any more"), "{}", server.log());
    let body = json!({"template_id": template, "project_id": project.id});
    let refused = admin.post(&path, &body).expect(503).json();
    assert!(refused["error"].as_str().unwrap().contains("moved or removed: nothing was stored"), "{refused}");
    // Another file in its place is not taken for it.
    fs::create_dir(&place).unwrap();
    fs::copy(away.join("database.sqlite"), place.join("database.sqlite")).unwrap();
    let refused = admin.post(&path, &body).expect(503).json();
    assert!(refused["error"].as_str().unwrap().contains("replaced by another one"), "{refused}");
    assert_eq!(admin.get(&format!("{path}/{task}")).expect(200).json()["status"], "running");

    fs::remove_dir_all(&place).unwrap();
    fs::rename(&away, &place).unwrap();
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success");
    let lines: Vec<String> =
        admin.output(project.id, task).into_iter().filter(|line| line.starts_with("line ")).collect();
    assert!(lines == (1..=50_000).map(|number| format!("line {number}")).collect::<Vec<_>>(), "{} lines", lines.len());
    let next = project.start(&admin, template);
    assert_eq!(admin.wait_for_end(project.id, next)["status"], "success");
    assert_eq!(admin.get(&path).expect(200).json().as_array().unwrap().len(), 2);
    assert!(server.stop().success());
}
