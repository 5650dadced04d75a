//! Versions 2.9.6 to 2.13.0.

use super::{Step, drop_references, every, mysql, postgres};

pub(super) const STEPS: &[Step] = &[
    Step {
        version: "2.9.6",
        statements: &[every(
            "create table runner (
                id integer primary key autoincrement,
                project_id int,
                token varchar(255) not null,
                webhook varchar(1000) not null default '',
                max_parallel_tasks int not null default 0,
                foreign key (project_id) references project(id) on delete cascade
            )",
        )],
    },
    Step {
        version: "2.9.46",
        statements: &[every("alter table project__template add app varchar(50) not null default ''")],
    },
    // A first shape of integrations, which the next step throws away.
    Step {
        version: "2.9.60",
        statements: &[
            every(
                "create table project__integration (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    project_id int not null,
                    template_id int not null,
                    auth_method varchar(15) not null default 'none',
                    auth_secret_id int,
                    auth_header varchar(255),
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (template_id) references project__template(id) on delete cascade,
                    foreign key (auth_secret_id) references access_key(id) on delete set null
                )",
            ),
            every(
                "create table project__integration_extractor (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    integration_id int not null,
                    foreign key (integration_id) references project__integration(id) on delete cascade
                )",
            ),
            every(
                "create table project__integration_extract_value (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    extractor_id int not null,
                    value_source varchar(255) not null,
                    body_data_type varchar(255),
                    `key` varchar(255),
                    variable varchar(255),
                    foreign key (extractor_id) references project__integration_extractor(id) on delete cascade
                )",
            ),
            every(
                "create table project__integration_matcher (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    extractor_id int not null,
                    match_type varchar(255),
                    method varchar(255),
                    body_data_type varchar(255),
                    `key` varchar(510),
                    value varchar(510),
                    foreign key (extractor_id) references project__integration_extractor(id) on delete cascade
                )",
            ),
        ],
    },
    Step {
        version: "2.9.61",
        statements: &[
            every("drop table project__integration_matcher"),
            every("drop table project__integration_extract_value"),
            every("drop table project__integration_extractor"),
            every("drop table project__integration"),
            every(
                "create table project__integration (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    project_id int not null,
                    template_id int not null,
                    auth_method varchar(15) not null default 'none',
                    auth_secret_id int,
                    auth_header varchar(255),
                    searchable boolean not null default false,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (template_id) references project__template(id) on delete cascade,
                    foreign key (auth_secret_id) references access_key(id) on delete set null
                )",
            ),
            every(
                "create table project__integration_extract_value (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    integration_id int not null,
                    value_source varchar(255) not null,
                    body_data_type varchar(255),
                    `key` varchar(255),
                    variable varchar(255),
                    foreign key (integration_id) references project__integration(id) on delete cascade
                )",
            ),
            every(
                "create table project__integration_matcher (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    integration_id int not null,
                    match_type varchar(255),
                    method varchar(255),
                    body_data_type varchar(255),
                    `key` varchar(510),
                    value varchar(510),
                    foreign key (integration_id) references project__integration(id) on delete cascade
                )",
            ),
            every(
                "create table project__integration_alias (
                    id integer primary key autoincrement,
                    alias varchar(50) not null,
                    project_id int not null,
                    integration_id int,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (integration_id) references project__integration(id) on delete cascade,
                    unique (alias)
                )",
            ),
        ],
    },
    Step {
        version: "2.9.62",
        statements: &[
            every("alter table project add type varchar(20) default ''"),
            every("alter table task add inventory_id int null references project__inventory(id) on delete set null"),
            every(
                "alter table project__inventory \
                 add holder_id int null references project__template(id) on delete set null",
            ),
            every("create table `option` (`key` varchar(255) primary key not null, value varchar(255) not null)"),
        ],
    },
    Step {
        version: "2.9.70",
        statements: &[
            postgres("alter table project__template alter inventory_id drop not null"),
            mysql("alter table project__template modify inventory_id int"),
            postgres("alter table `option` alter value type varchar(1000), alter value drop not null"),
            mysql("alter table `option` modify value varchar(1000)"),
        ],
    },
    Step {
        version: "2.9.97",
        statements: &[every(
            "alter table task add integration_id int null references project__integration(id) on delete set null",
        )],
    },
    Step {
        version: "2.9.100",
        statements: &[every(
            "alter table project__inventory \
             add repository_id int null references project__repository(id) on delete set null",
        )],
    },
    Step {
        version: "2.10.12",
        statements: &[
            every("alter table project__template add tasks int not null default 0"),
            every("alter table project__schedule add name varchar(100) not null default ''"),
            every("alter table project__schedule add active boolean not null default true"),
        ],
    },
    Step {
        version: "2.10.15",
        statements: &[
            every(
                "alter table access_key \
                 add environment_id int null references project__environment(id) on delete cascade",
            ),
            every("alter table access_key add user_id int null references `user`(id) on delete cascade"),
            every("alter table project__integration add task_params text"),
            every("alter table task add schedule_id int null references project__schedule(id) on delete set null"),
        ],
    },
    Step {
        version: "2.10.16",
        statements: &[
            every("update project__template set app = 'ansible' where app = ''"),
            // PostgreSQL keeps the default of before.
            mysql("alter table project__template modify app varchar(50) not null"),
        ],
    },
    // A template can have several vault passwords.
    Step {
        version: "2.10.24",
        statements: &[
            every(
                "create table project__template_vault (
                    id integer primary key autoincrement,
                    project_id int not null,
                    template_id int not null,
                    vault_key_id int not null,
                    name varchar(255),
                    unique (template_id, vault_key_id, name),
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (template_id) references project__template(id) on delete cascade,
                    foreign key (vault_key_id) references access_key(id) on delete cascade
                )",
            ),
            every(
                "insert into project__template_vault (template_id, project_id, vault_key_id) \
                 select id, project_id, vault_key_id from project__template where vault_key_id is not null order by id",
            ),
            drop_references("project__template", "vault_key_id"),
            every("alter table project__template drop column vault_key_id"),
        ],
    },
    Step {
        version: "2.10.26",
        statements: &[
            every("alter table runner add name varchar(100) not null default ''"),
            every("alter table runner add active boolean not null default true"),
        ],
    },
    Step {
        version: "2.10.28",
        statements: &[
            every("alter table task add git_branch varchar(255)"),
            every("alter table project__template add git_branch varchar(255)"),
        ],
    },
    Step {
        version: "2.10.33",
        statements: &[
            postgres("alter table project__template_vault alter vault_key_id drop not null"),
            mysql("alter table project__template_vault modify vault_key_id int"),
            every("alter table project__template_vault add type varchar(20) not null default 'password'"),
            every("alter table project__template_vault add script text"),
        ],
    },
    Step {
        version: "2.10.46",
        statements: &[
            every("alter table project__template add task_params text"),
            every("alter table task add params text"),
        ],
    },
    Step {
        version: "2.11.5",
        statements: &[
            every(
                "create table project__terraform_inventory_alias (
                    alias varchar(100) primary key,
                    project_id int not null,
                    inventory_id int not null,
                    auth_key_id int not null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (inventory_id) references project__inventory(id) on delete cascade,
                    foreign key (auth_key_id) references access_key(id)
                )",
            ),
            every(
                "create table project__terraform_inventory_state (
                    id integer primary key autoincrement,
                    project_id int not null,
                    inventory_id int not null,
                    state text not null,
                    created datetime not null,
                    task_id int,
                    foreign key (task_id) references task(id) on delete set null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (inventory_id) references project__inventory(id) on delete cascade
                )",
            ),
            postgres("alter table project__inventory rename holder_id to template_id"),
            mysql("alter table project__inventory change holder_id template_id int"),
        ],
    },
    Step {
        version: "2.12.0",
        statements: &[
            every(
                "create table user__totp (
                    id integer primary key autoincrement,
                    user_id int not null,
                    url varchar(250) not null,
                    recovery_hash varchar(250) not null,
                    created datetime not null,
                    unique (user_id),
                    foreign key (user_id) references `user`(id) on delete cascade
                )",
            ),
            every("alter table session add verification_method int not null default 0"),
            every("alter table session add verified boolean not null default false"),
        ],
    },
    Step {
        version: "2.12.3",
        statements: &[
            every("alter table task__output drop column task"),
            postgres("alter table task__output alter id type bigint"),
            mysql("alter table task__output modify id bigint not null autoincrement"),
        ],
    },
    Step { version: "2.12.4", statements: &[every("alter table `user` add pro boolean not null default false")] },
    Step { version: "2.12.5", statements: &[every("alter table runner add public_key text")] },
    Step {
        version: "2.12.15",
        statements: &[
            postgres("alter table project__schedule alter last_commit_hash type varchar(64)"),
            mysql("alter table project__schedule modify last_commit_hash varchar(64)"),
            postgres("alter table task alter commit_hash type varchar(64)"),
            mysql("alter table task modify commit_hash varchar(64)"),
        ],
    },
    Step {
        version: "2.13.0",
        statements: &[
            every("alter table runner add tag varchar(200) not null default ''"),
            every("alter table project__template add runner_tag varchar(50)"),
        ],
    },
];
