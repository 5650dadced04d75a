//! The way back: how each step that can be undone is undone, newest first.
//!
//! What a step added goes with everything in it; what it took away comes back empty. Reference: it knows a way back to
//! 2.13.0 (SQLite: to 2.15.1) and none before that. Two of its steps have no way back although nothing is in the way (2.14.5,
//! 2.14.7), and on MySQL it drops columns that foreign keys hold, which fails half-way: here both work.

use super::{Step, drop_references, every, mysql, postgres, sqlite};

/// The ways back.
pub(in crate::migration) const STEPS: &[Step] = &[
    Step {
        version: "2.17.15",
        statements: &[
            postgres("drop index if exists task__output_task_id_idx"),
            postgres("drop index if exists task_template_id_idx"),
            postgres("drop index if exists task_project_id_idx"),
            every("alter table access_key drop column source_storage_type"),
        ],
    },
    Step {
        version: "2.17.2",
        statements: &[
            every("alter table project__schedule drop column delete_after_run"),
            every("alter table project__schedule drop column type"),
            every("alter table project__schedule drop column run_at"),
        ],
    },
    Step { version: "2.17.1", statements: &[every("drop table project__template_role"), every("drop table role")] },
    Step {
        version: "2.17.0",
        statements: &[
            // The view that the step made for each project, unless somebody uses it; the next way up makes it again.
            every(
                "delete from project__view where type = 'all' and position = -1 \
                 and id not in (select view_id from project__template where view_id is not null)",
            ),
            every("alter table project__view drop column sort_reverse"),
            every("alter table project__view drop column sort_column"),
            every("alter table project__view drop column filter"),
            every("alter table project__view drop column type"),
            every("alter table project__view drop column hidden"),
        ],
    },
    Step {
        version: "2.16.50",
        statements: &[mysql("alter table project__terraform_inventory_state modify state text not null")],
    },
    Step {
        version: "2.16.8",
        statements: &[
            sqlite(
                "alter table task__stage add start_output_id integer references task__output(id) on delete set null",
            ),
            sqlite("alter table task__stage add end_output_id integer references task__output(id) on delete set null"),
            sqlite("create index task__stage__start_output_id on task__stage (start_output_id)"),
            sqlite("create index task__stage__end_output_id on task__stage (end_output_id)"),
            postgres(
                "alter table task__stage \
                 add start_output_id bigint references task__output(id) on delete set null, \
                 add end_output_id bigint references task__output(id) on delete set null",
            ),
            mysql(
                "alter table task__stage add start_output_id bigint, add end_output_id bigint, \
                 add constraint task__stage_ibfk_2 foreign key (start_output_id) \
                 references task__output(id) on delete set null, \
                 add constraint task__stage_ibfk_3 foreign key (end_output_id) \
                 references task__output(id) on delete set null",
            ),
            drop_references("task__output", "stage_id"),
            every("alter table task__output drop column stage_id"),
        ],
    },
    Step { version: "2.16.3", statements: &[every("drop table project__invite")] },
    Step {
        version: "2.16.2",
        statements: &[
            drop_references("project__schedule", "task_params_id"),
            every("alter table project__schedule drop column task_params_id"),
            drop_references("project__integration", "task_params_id"),
            every("alter table project__integration drop column task_params_id"),
            every("alter table project__integration add task_params text"),
            every("drop table project__task_params"),
        ],
    },
    Step { version: "2.16.1", statements: &[every("alter table project__template drop column allow_parallel_tasks")] },
    Step {
        version: "2.16.0",
        statements: &[
            drop_references("project", "default_secret_storage_id"),
            every("alter table project drop column default_secret_storage_id"),
            drop_references("project__environment", "secret_storage_id"),
            every("alter table project__environment drop column secret_storage_id"),
            every("alter table project__environment drop column secret_storage_key_prefix"),
            drop_references("access_key", "storage_id"),
            every("alter table access_key drop column storage_id"),
            drop_references("access_key", "source_storage_id"),
            every("alter table access_key drop column source_storage_id"),
            every("alter table access_key drop column source_storage_key"),
            every("drop table project__secret_storage"),
            every("alter table access_key drop column owner"),
            every("alter table access_key drop column plain"),
        ],
    },
    Step { version: "2.15.4", statements: &[every("alter table task__ansible_error drop column host")] },
    Step {
        version: "2.15.3",
        statements: &[every("drop table task__ansible_error"), every("drop table task__ansible_host")],
    },
    Step { version: "2.15.2", statements: &[every("drop table user__email_otp")] },
    Step { version: "2.15.1", statements: &[every("alter table project__inventory drop column runner_tag")] },
    Step { version: "2.15.0", statements: &[every("drop table task__stage_result"), every("drop table task__stage")] },
    Step {
        version: "2.14.12",
        statements: &[
            postgres("drop index task__output_time_idx"),
            mysql("drop index task__output_time_idx on task__output"),
        ],
    },
    Step { version: "2.14.7", statements: &[] },
    Step {
        version: "2.14.5",
        statements: &[
            postgres("alter table `option` alter value drop not null"),
            mysql("alter table `option` modify value varchar(1000)"),
        ],
    },
    Step {
        version: "2.14.1",
        statements: &[every("alter table project__integration_extract_value drop column variable_type")],
    },
    Step {
        version: "2.14.0",
        statements: &[
            every("alter table project__template drop column allow_override_branch_in_task"),
            every("alter table task add diff boolean not null default false"),
            every("alter table task add debug boolean not null default false"),
            every("alter table task add dry_run boolean not null default false"),
            every("alter table task add hosts_limit varchar(255) not null default ''"),
            every("alter table runner drop column touched"),
            every("alter table runner drop column cleaning_requested"),
        ],
    },
];

/// How this step is undone, if it can be.
pub(in crate::migration) fn of(version: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.version == version)
}
