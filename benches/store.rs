//! The database at scale, on SQLite in a temporary directory: storing and reading the output of a task, and the list of templates.
//!
//! `cargo bench -p semaphore-benches --bench store`; `TMPDIR` says on which disk. What is not in here: the log pipeline, HTTP.

#![expect(clippy::expect_used, reason = "a benchmark that cannot start must stop")]

use chrono::{DateTime, TimeDelta, Utc};
use divan::{Bencher, counter::ItemsCount};
use semaphore_benches::line;
use semaphore_model::{
    AccessKey, Environment, Inventory, InventoryType, Project, ProjectId, Repository, Task, TaskId, TaskOutput,
    TaskStatus, Template, TemplateApp, TemplateId, User, UserId,
};
use semaphore_store::{ListOptions, OutputRange, OutputSearch, SqliteOptions, Store, TaskStep, TemplateFilter};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Lines of one task.
const LINES: usize = 1_000_000;
/// Lines of one step: what the log pipeline hands over at a time of lines as long as these (256 KiB).
const STEP: usize = 3_600;
/// Templates of a project.
const TEMPLATES: usize = 1_000;

fn main() {
    divan::main();
}

/// A store in a directory of its own, with a project and a template.
struct World {
    runtime: Runtime,
    store: Store,
    owner: UserId,
    project: ProjectId,
    template: Template,
    _directory: TempDir,
}

impl World {
    fn new() -> Self {
        // As the server: its writer must not wait for the thread that waits for it.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("database.sqlite");
        let (store, owner, project, template) = runtime.block_on(async {
            let store = Store::open(SqliteOptions::new(path)).await.expect("a database");
            let (owner, project, template) = furnish(&store).await.expect("a project");
            (store, owner, project, template)
        });
        Self { runtime, store, owner, project, template, _directory: directory }
    }

    fn task(&self, template: TemplateId) -> TaskId {
        let task = Task { project_id: self.project, template_id: template, ..Task::default() };
        self.runtime.block_on(self.store.insert_task(task)).expect("a task").id
    }

    /// Stores the lines of a task and, last, its final status, each as a running task does.
    fn store_lines(&self, task_id: TaskId, lines: &[TaskOutput]) {
        self.runtime.block_on(async {
            let mut first = 1;
            for lines in lines.chunks(STEP) {
                self.store.store_task_step(&self.step(task_id, lines, first)).await.expect("lines are stored");
                first += lines.len() as i64;
            }
            let end = Some(Utc::now());
            let step = TaskStep { status: Some((TaskStatus::Success, end, end)), ..self.step(task_id, &[], first) };
            self.store.store_task_step(&step).await.expect("the status is stored");
        });
    }

    fn step<'a>(&self, task_id: TaskId, lines: &'a [TaskOutput], first: i64) -> TaskStep<'a> {
        TaskStep {
            project_id: self.project,
            task_id,
            user_id: None,
            lines,
            first_line: Some(first),
            status: None,
            commit: None,
            event: None,
            stages: &[],
            problem: None,
            owner: None,
            alerts: &[],
            host: None,
            is_left_to_runner: false,
        }
    }
}

async fn furnish(store: &Store) -> semaphore_store::Result<(UserId, ProjectId, Template)> {
    let owner =
        User { username: "owner".into(), name: "Owner".into(), email: "owner@example.com".into(), ..User::default() };
    let owner = store.insert_user(owner).await?;
    let project = Project { name: "Bench".into(), ..Project::default() };
    let id = store.insert_project_with_owner(project, owner.id).await?.id;
    let key = AccessKey { name: "None".into(), project_id: Some(id), ..AccessKey::default() };
    let key = store.insert_access_key(key).await?;
    let repository = Repository {
        name: "Main".into(),
        project_id: id,
        git_url: "/srv/repository".into(),
        ssh_key_id: key.id,
        ..Repository::default()
    };
    let repository = store.insert_repository(repository).await?;
    let inventory = Inventory {
        name: "Local".into(),
        project_id: id,
        r#type: InventoryType::Static,
        ssh_key_id: Some(key.id),
        ..Inventory::default()
    };
    let inventory = store.insert_inventory(inventory).await?;
    let environment = Environment { name: "Empty".into(), project_id: id, json: "{}".into(), ..Environment::default() };
    let environment = store.insert_environment(environment).await?;
    let template = Template {
        name: "Hello".into(),
        project_id: id,
        playbook: "hello.sh".into(),
        app: TemplateApp::Bash,
        repository_id: repository.id,
        inventory_id: Some(inventory.id),
        environment_id: Some(environment.id),
        ..Template::default()
    };
    Ok((owner.id, id, store.insert_template(template).await?))
}

/// Lines as they are read: many share one time.
fn lines(count: usize) -> Vec<TaskOutput> {
    let start: DateTime<Utc> = Utc::now();
    (0..count)
        .map(|number| TaskOutput {
            time: start + TimeDelta::microseconds(number as i64 / 7 * 11),
            output: line(number),
            ..TaskOutput::default()
        })
        .collect()
}

/// From the first line to the final status on disk.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn store_a_million_lines(bencher: Bencher<'_, '_>) {
    let lines = lines(LINES);
    bencher
        .counter(ItemsCount::new(LINES))
        .with_inputs(|| {
            let world = World::new();
            let task = world.task(world.template.id);
            (world, task)
        })
        .bench_local_values(|(world, task)| {
            world.store_lines(task, &lines);
            world
        });
}

/// A world with a task of a million lines.
fn full() -> (World, TaskId) {
    let world = World::new();
    let task = world.task(world.template.id);
    world.store_lines(task, &lines(LINES));
    (world, task)
}

#[divan::bench]
fn read_the_last_500_of_a_million(bencher: Bencher<'_, '_>) {
    let (world, task) = full();
    let range = OutputRange { limit: 500, from_end: true, ..OutputRange::default() };
    bencher.bench_local(|| {
        let found = world.runtime.block_on(world.store.list_task_output_range(task, range)).expect("lines");
        assert_eq!(found.len(), 500);
    });
}

#[divan::bench]
fn read_500_in_the_middle_of_a_million(bencher: Bencher<'_, '_>) {
    let (world, task) = full();
    let range = OutputRange { limit: 500, offset: 500_000, ..OutputRange::default() };
    bencher.bench_local(|| {
        let found = world.runtime.block_on(world.store.list_task_output_range(task, range)).expect("lines");
        assert_eq!(found.len(), 500);
    });
}

/// Every line is looked at; one has the text.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn search_a_million(bencher: Bencher<'_, '_>) {
    let (world, task) = full();
    let search = OutputSearch { text: format!("line {} of", LINES - 1), limit: 10, ..OutputSearch::default() };
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| {
        let found = world.runtime.block_on(world.store.search_task_output(task, &search)).expect("hits");
        assert_eq!(found.hits.len(), 1);
    });
}

/// What the page of a project asks for: all templates with their last tasks.
#[divan::bench]
fn list_1000_templates_with_last_tasks(bencher: Bencher<'_, '_>) {
    let world = World::new();
    world.runtime.block_on(async {
        for number in 0..TEMPLATES {
            let template = Template { name: format!("Template {number}"), ..world.template.clone() };
            let template = world.store.insert_template(template).await.expect("a template");
            for _ in 0..3 {
                let task = Task { project_id: world.project, template_id: template.id, ..Task::default() };
                world.store.insert_task(task).await.expect("a task");
            }
        }
    });
    let (filter, options) = (TemplateFilter::default(), ListOptions::default());
    bencher.bench_local(|| {
        let found = world.runtime.block_on(world.store.list_templates(world.project, world.owner, &filter, &options));
        assert_eq!(found.expect("templates").len(), TEMPLATES + 1);
    });
}
