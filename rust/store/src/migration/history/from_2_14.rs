//! Versions 2.14.0 to 2.17.15.

use super::{Step, drop_references, every, mysql, postgres};

pub(super) const STEPS: &[Step] = &[
    Step {
        version: "2.14.0",
        statements: &[
            every("alter table project__template add allow_override_branch_in_task boolean not null default false"),
            every("alter table task drop column diff"),
            every("alter table task drop column debug"),
            every("alter table task drop column dry_run"),
            every("alter table task drop column hosts_limit"),
            every("alter table runner add touched datetime"),
            every("alter table runner add cleaning_requested datetime"),
        ],
    },
    Step {
        version: "2.14.1",
        statements: &[
            every("alter table project__integration_extract_value add variable_type varchar(255)"),
            every("update project__integration_extract_value set variable_type = 'environment'"),
        ],
    },
    Step {
        version: "2.14.5",
        statements: &[
            every("update `option` set value = '' where value is null"),
            postgres("alter table `option` alter value set not null"),
            mysql("alter table `option` modify value varchar(1000) not null"),
        ],
    },
    // A step of BoltDB; here only its name.
    Step { version: "2.14.7", statements: &[] },
    Step { version: "2.14.12", statements: &[every("create index task__output_time_idx on task__output (`time`)")] },
    Step {
        version: "2.15.0",
        statements: &[
            every(
                "create table task__stage (
                    id integer primary key autoincrement,
                    task_id int not null,
                    start datetime null,
                    start_output_id bigint,
                    `end` datetime null,
                    end_output_id bigint,
                    type varchar(100),
                    foreign key (task_id) references task(id) on delete cascade,
                    foreign key (start_output_id) references task__output(id) on delete set null,
                    foreign key (end_output_id) references task__output(id) on delete set null
                )",
            ),
            every(
                "create table task__stage_result (
                    id integer primary key autoincrement,
                    task_id int not null,
                    stage_id int not null,
                    json text,
                    foreign key (task_id) references task(id) on delete cascade,
                    foreign key (stage_id) references task__stage(id) on delete cascade
                )",
            ),
        ],
    },
    Step { version: "2.15.1", statements: &[every("alter table project__inventory add runner_tag varchar(255)")] },
    Step {
        version: "2.15.2",
        statements: &[every(
            "create table user__email_otp (
                id integer primary key autoincrement,
                user_id int not null,
                code varchar(250) not null,
                created datetime not null,
                unique (code),
                foreign key (user_id) references `user`(id) on delete cascade
            )",
        )],
    },
    Step {
        version: "2.15.3",
        statements: &[
            every(
                "create table task__ansible_error (
                    id integer primary key autoincrement,
                    task_id int not null,
                    project_id int not null,
                    task varchar(250) not null,
                    error varchar(1000) not null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (task_id) references task(id) on delete cascade
                )",
            ),
            every(
                "create table task__ansible_host (
                    id integer primary key autoincrement,
                    task_id int not null,
                    project_id int not null,
                    host varchar(250) not null,
                    failed int not null,
                    ignored int not null,
                    changed int not null,
                    ok int not null,
                    rescued int not null,
                    skipped int not null,
                    unreachable int not null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (task_id) references task(id) on delete cascade
                )",
            ),
        ],
    },
    Step { version: "2.15.4", statements: &[every("alter table task__ansible_error add host varchar(250)")] },
    // Secrets of environments get their own owner; until here it was a prefix of their name.
    Step {
        version: "2.16.0",
        statements: &[
            every("alter table access_key add owner varchar(20) not null default ''"),
            every("alter table access_key add plain text"),
            every(
                "update access_key set owner = case when name like 'var.%' then 'variable' else 'environment' end \
                 where environment_id is not null and (name like 'var.%' or name like 'env.%')",
            ),
            every(
                "create table project__secret_storage (
                    id integer primary key autoincrement,
                    project_id int not null,
                    name varchar(100) not null,
                    type varchar(20) not null,
                    params text,
                    readonly boolean not null default false,
                    foreign key (project_id) references project(id) on delete cascade
                )",
            ),
            every(
                "alter table access_key \
                 add storage_id int null references project__secret_storage(id) on delete cascade",
            ),
            every("alter table access_key add source_storage_id int null references project__secret_storage(id)"),
            every("alter table access_key add source_storage_key varchar(1000)"),
            every(
                "alter table project__environment \
                 add secret_storage_id int null references project__secret_storage(id)",
            ),
            every("alter table project__environment add secret_storage_key_prefix varchar(1000)"),
            every("alter table project add default_secret_storage_id int null references project__secret_storage(id)"),
        ],
    },
    Step {
        version: "2.16.1",
        statements: &[every("alter table project__template add allow_parallel_tasks boolean not null default false")],
    },
    Step {
        version: "2.16.2",
        statements: &[
            every(
                "create table project__task_params (
                    id integer primary key autoincrement,
                    environment text,
                    project_id int not null,
                    arguments text,
                    inventory_id int,
                    git_branch varchar(255),
                    params text,
                    version varchar(20),
                    message varchar(250),
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (inventory_id) references project__inventory(id) on delete cascade
                )",
            ),
            every("alter table project__integration drop column task_params"),
            every("alter table project__schedule add task_params_id int references project__task_params(id)"),
            every("alter table project__integration add task_params_id int references project__task_params(id)"),
        ],
    },
    Step {
        version: "2.16.3",
        statements: &[every(
            "create table project__invite (
                id integer primary key autoincrement,
                project_id int not null,
                user_id int,
                email varchar(255),
                role varchar(50) not null,
                status varchar(50) not null default 'pending',
                token varchar(255) not null,
                inviter_user_id int not null,
                created datetime not null,
                expires_at datetime null,
                accepted_at datetime null,
                foreign key (project_id) references project(id) on delete cascade,
                foreign key (user_id) references `user`(id) on delete cascade,
                foreign key (inviter_user_id) references `user`(id) on delete cascade,
                unique (token),
                unique (project_id, user_id),
                unique (project_id, email)
            )",
        )],
    },
    // Lines know their stage, stages no longer know their first and last line.
    Step {
        version: "2.16.8",
        statements: &[
            every("alter table task__output add stage_id int null references task__stage(id)"),
            drop_references("task__stage", "start_output_id"),
            drop_references("task__stage", "end_output_id"),
            every("alter table task__stage drop column start_output_id"),
            every("alter table task__stage drop column end_output_id"),
        ],
    },
    // A text of PostgreSQL has no limit.
    Step {
        version: "2.16.50",
        statements: &[mysql("alter table project__terraform_inventory_state modify state longtext not null")],
    },
    Step {
        version: "2.17.0",
        statements: &[
            every("alter table project__view add hidden boolean not null default false"),
            every("alter table project__view add type varchar(20) not null default ''"),
            every("alter table project__view add filter varchar(1000)"),
            every("alter table project__view add sort_column varchar(100)"),
            every("alter table project__view add sort_reverse boolean not null default false"),
            every(
                "insert into project__view (project_id, title, position, hidden, type) \
                 select id, 'All', -1, false, 'all' from project \
                 where id not in (select project_id from project__view where type = 'all') order by id",
            ),
        ],
    },
    Step {
        version: "2.17.1",
        statements: &[
            every(
                "create table role (
                    slug varchar(100) primary key not null,
                    name varchar(100) not null,
                    permissions bigint not null default 0,
                    project_id int,
                    foreign key (project_id) references project(id) on delete cascade
                )",
            ),
            every(
                "create table project__template_role (
                    id integer primary key autoincrement,
                    template_id int not null,
                    role_slug varchar(100) not null,
                    project_id int not null,
                    permissions bigint not null default 0,
                    foreign key (template_id) references project__template(id) on delete cascade,
                    foreign key (role_slug) references role(slug) on delete cascade,
                    foreign key (project_id) references project(id) on delete cascade,
                    unique (template_id, role_slug)
                )",
            ),
        ],
    },
    Step {
        version: "2.17.2",
        statements: &[
            every("alter table project__schedule add run_at datetime null"),
            every("alter table project__schedule add type varchar(20) not null default ''"),
            every("alter table project__schedule add delete_after_run boolean not null default false"),
        ],
    },
    Step {
        version: "2.17.15",
        statements: &[
            every("alter table access_key add source_storage_type varchar(10)"),
            every("update access_key set source_storage_type = 'vault' where source_storage_id is not null"),
            every(
                "update access_key set source_storage_type = 'env' \
                 where source_storage_id is null and source_storage_key is not null",
            ),
            postgres("create index if not exists task__output_task_id_idx on task__output (task_id)"),
            postgres("create index if not exists task_template_id_idx on task (template_id)"),
            postgres("create index if not exists task_project_id_idx on task (project_id)"),
        ],
    },
];
