//! How many queries a list needs, counted by the database itself.

use crate::fixture::server_options;
use crate::story::Project;
use semaphore_model::{Task, Template};
use semaphore_store::{ListOptions, ServerKind, Store, TemplateFilter};
use semaphore_test_machine::database::{Kind, Server};

fn selects(server: &Server) -> i64 {
    let row = server.execute("mysql", "show global status like 'Com_select'");
    row[0].split_whitespace().last().unwrap().parse().unwrap()
}

#[tokio::test]
async fn templates_with_their_last_tasks_need_as_many_queries_as_one() {
    // A server of its own: it counts for all who use it.
    let Some(server) = Server::start(Kind::MariaDb) else { return };
    let options = server_options(&server, ServerKind::MySql, "counted");
    let store = Store::open_server(&options).await.unwrap();
    let project = Project::make(&store).await;
    let list = async |expected: usize| {
        let before = selects(&server);
        let (filter, order) = (TemplateFilter::default(), ListOptions::default());
        let found = store.list_templates(project.id, project.owner.id, &filter, &order).await.unwrap();
        assert_eq!(found.len(), expected);
        assert!(found.iter().all(|template| template.template.last_task.is_some()));
        selects(&server) - before
    };
    project.start_task(&store).await;
    let few = list(1).await;
    for number in 0..200 {
        let template = Template { name: format!("Template {number}"), ..project.template.clone() };
        let template = store.insert_template(template).await.unwrap();
        for _ in 0..2 {
            let task = Task { project_id: project.id, template_id: template.id, ..Task::default() };
            store.insert_task(task).await.unwrap();
        }
    }
    let many = list(201).await;
    assert!((1..=4).contains(&few) && many == few, "{few} queries for one template, {many} for 201");
    store.close().await;
}
