//! The shapes of our own tables beside the output of tasks. Rules for steps: `own.rs`.
//!
//! Not for what is done with them: `task_output_mark.rs`, `retention_rule.rs`, `task_archive.rs`.

use super::own::Step;

/// One table each, in the order of their making.
pub(super) const STEPS: &[Step] = &[
    // How far the output of a task is stored: the highest number of a line, the time of the last one, the bytes of all texts.
    // `in_order`: the order of insertion is that of time, so that nobody has to look again.
    Step {
        version: "1.task_output_mark",
        table: "rs_task_output_mark",
        statements: &["create table if not exists rs_task_output_mark (
            task_id integer not null primary key,
            number bigint not null,
            bytes bigint not null,
            time datetime not null,
            in_order bigint not null,
            foreign key (task_id) references task(id) on delete cascade
        )"],
    },
    // What is kept of a project, or of one of its templates. Null: no limit.
    Step {
        version: "1.retention_rule",
        table: "rs_retention_rule",
        statements: &["create table if not exists rs_retention_rule (
            project_id integer not null,
            template_id integer null,
            max_age_days bigint null,
            max_tasks bigint null,
            max_bytes bigint null,
            unique (project_id, template_id),
            foreign key (project_id) references project(id) on delete cascade,
            foreign key (template_id) references project__template(id) on delete cascade
        )"],
    },
    // Output that lies in compressed chunks. `state` says which of the two, rows or chunks, is to be read.
    Step {
        version: "1.task_archive",
        table: "rs_task_archive",
        statements: &["create table if not exists rs_task_archive (
            task_id integer not null primary key,
            state varchar(16) not null,
            number_of_lines bigint not null,
            changed datetime not null,
            foreign key (task_id) references task(id) on delete cascade
        )"],
    },
    Step {
        version: "1.task_archive_chunk",
        table: "rs_task_archive_chunk",
        statements: &["create table if not exists rs_task_archive_chunk (
            task_id integer not null,
            number integer not null,
            first_line bigint not null,
            number_of_lines bigint not null,
            last_id bigint not null,
            content longblob not null,
            primary key (task_id, number),
            foreign key (task_id) references task(id) on delete cascade
        )"],
    },
];
