//! Versions 0.0.0 to 2.7.13.

use super::{Step, drop_references, every, postgres};

pub(super) const STEPS: &[Step] = &[
    Step {
        version: "0.0.0",
        statements: &[
            every(
                "create table `user` (
                    id integer primary key autoincrement,
                    created datetime not null,
                    username varchar(255) not null,
                    name varchar(255) not null,
                    email varchar(255) not null,
                    password varchar(255) not null,
                    unique (username),
                    unique (email)
                )",
            ),
            every(
                "create table project (
                    id integer primary key autoincrement,
                    created datetime not null,
                    name varchar(255) not null
                )",
            ),
            every(
                "create table project__user (
                    project_id int not null,
                    user_id int not null,
                    admin boolean not null default false,
                    unique (project_id, user_id),
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (user_id) references `user`(id) on delete cascade
                )",
            ),
            every(
                "create table access_key (
                    id integer primary key autoincrement,
                    name varchar(255) not null,
                    type varchar(255) not null,
                    project_id int,
                    `key` text,
                    secret text,
                    foreign key (project_id) references project(id) on delete set null
                )",
            ),
            every(
                "create table project__repository (
                    id integer primary key autoincrement,
                    project_id int not null,
                    git_url text not null,
                    ssh_key_id int not null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (ssh_key_id) references access_key(id)
                )",
            ),
            every(
                "create table project__inventory (
                    id integer primary key autoincrement,
                    project_id int not null,
                    type varchar(255) not null,
                    key_id int,
                    inventory longtext not null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (key_id) references access_key(id)
                )",
            ),
            every(
                "create table project__environment (
                    id integer primary key autoincrement,
                    project_id int not null,
                    password varchar(255),
                    json longtext not null,
                    foreign key (project_id) references project(id) on delete cascade
                )",
            ),
            every(
                "create table project__template (
                    id integer primary key autoincrement,
                    ssh_key_id int not null,
                    project_id int not null,
                    inventory_id int not null,
                    repository_id int not null,
                    environment_id int,
                    playbook varchar(255) not null,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (ssh_key_id) references access_key(id),
                    foreign key (inventory_id) references project__inventory(id),
                    foreign key (repository_id) references project__repository(id),
                    foreign key (environment_id) references project__environment(id)
                )",
            ),
            every(
                "create table project__template_schedule (
                    template_id int primary key,
                    cron_format varchar(255) not null,
                    foreign key (template_id) references project__template(id) on delete cascade
                )",
            ),
            every(
                "create table task (
                    id integer primary key autoincrement,
                    template_id int not null,
                    status varchar(255) not null,
                    playbook varchar(255) not null,
                    environment longtext,
                    foreign key (template_id) references project__template(id) on delete cascade
                )",
            ),
            every(
                "create table task__output (
                    task_id int not null,
                    task varchar(255) not null,
                    `time` datetime not null,
                    output longtext not null,
                    unique (task_id, `time`),
                    foreign key (task_id) references task(id) on delete cascade
                )",
            ),
        ],
    },
    Step {
        version: "1.0.0",
        statements: &[
            every("alter table task add debug boolean not null default false"),
            every("alter table project__template add arguments text"),
            every("alter table project__template add override_args boolean not null default false"),
            every("alter table project__inventory add ssh_key_id int null references access_key(id)"),
        ],
    },
    Step {
        version: "1.2.0",
        statements: &[every(
            "create table user__token (
                id varchar(32) not null primary key,
                created datetime not null,
                expired boolean not null default false,
                user_id int not null,
                foreign key (user_id) references `user`(id) on delete cascade
            )",
        )],
    },
    Step {
        version: "1.3.0",
        statements: &[
            every("alter table project__environment add name varchar(255)"),
            every("alter table project__inventory add name varchar(255)"),
            every("alter table project__repository add name varchar(255)"),
        ],
    },
    Step {
        version: "1.4.0",
        statements: &[
            every(
                "create table event (
                    project_id int,
                    object_id int,
                    object_type varchar(20) default '',
                    description text,
                    created datetime not null
                )",
            ),
            every("alter table task add created datetime null"),
            every("alter table task add start datetime null"),
            every("alter table task add `end` datetime null"),
        ],
    },
    Step {
        version: "1.5.0",
        statements: &[
            every(
                "create table session (
                    id integer primary key autoincrement,
                    user_id int not null,
                    created datetime not null,
                    last_active datetime not null,
                    ip varchar(15) not null default '',
                    user_agent text not null,
                    expired boolean not null default false
                )",
            ),
            every("create index user_id on session (user_id)"),
            every("create index expired on session (expired)"),
        ],
    },
    Step {
        version: "1.6.0",
        statements: &[
            every("alter table project__environment add removed boolean default false"),
            every("alter table project__inventory add removed boolean default false"),
            every("alter table project__repository add removed boolean default false"),
            every("alter table access_key add removed boolean default false"),
        ],
    },
    Step { version: "1.7.0", statements: &[every("alter table task add user_id int")] },
    Step { version: "1.8.0", statements: &[every("alter table task add dry_run boolean not null default false")] },
    Step { version: "1.9.0", statements: &[every("alter table project__template add alias varchar(100)")] },
    // Lines get an id. The new table keeps the names of keys that an added column would not give.
    Step {
        version: "2.2.1",
        statements: &[
            every("alter table task__output rename to task__output_backup"),
            every(
                "create table task__output (
                    id integer primary key autoincrement,
                    task_id int not null,
                    task varchar(255) not null,
                    `time` datetime not null,
                    output longtext not null,
                    foreign key (task_id) references task(id) on delete cascade
                )",
            ),
            every(
                "insert into task__output (task_id, task, `time`, output) \
                 select task_id, task, `time`, output from task__output_backup order by task_id, `time`",
            ),
            every("drop table task__output_backup"),
        ],
    },
    Step {
        version: "2.3.0",
        statements: &[
            every("alter table `user` add alert boolean not null default false"),
            every("alter table project add alert boolean not null default false"),
            every("alter table `user` add `external` boolean not null default false"),
        ],
    },
    Step {
        version: "2.3.1",
        statements: &[
            every("alter table session rename to session_backup"),
            every(
                "create table session (
                    id integer primary key autoincrement,
                    user_id int not null,
                    created datetime not null,
                    last_active datetime not null,
                    ip varchar(39) not null default '',
                    user_agent text not null,
                    expired boolean not null default false
                )",
            ),
            every(
                "insert into session (id, user_id, created, last_active, ip, user_agent, expired) \
                 select id, user_id, created, last_active, ip, user_agent, expired from session_backup",
            ),
            postgres(
                "select setval(pg_get_serial_sequence('session', 'id'), \
                 (select coalesce(max(id), 0) + 1 from session), false)",
            ),
            every("drop table session_backup"),
            every("create index expired on session (expired)"),
            every("create index user_id on session (user_id)"),
        ],
    },
    Step {
        version: "2.3.2",
        statements: &[
            every("alter table user__token rename to user__token_backup"),
            every(
                "create table user__token (
                    id varchar(44) not null primary key,
                    created datetime not null,
                    expired boolean not null default false,
                    user_id int not null,
                    foreign key (user_id) references `user`(id) on delete cascade
                )",
            ),
            every(
                "insert into user__token (id, created, expired, user_id) \
                 select id, created, expired, user_id from user__token_backup",
            ),
            every("drop table user__token_backup"),
        ],
    },
    Step { version: "2.4.0", statements: &[every("alter table project add alert_chat varchar(10) default ''")] },
    Step { version: "2.5.0", statements: &[every("alter table `user` add admin boolean not null default true")] },
    Step { version: "2.5.2", statements: &[every("alter table task add arguments text")] },
    Step { version: "2.7.1", statements: &[every("alter table task add project_id int null references project(id)")] },
    Step { version: "2.7.4", statements: &[every("alter table event add user_id int null references `user`(id)")] },
    Step {
        version: "2.7.6",
        statements: &[every(
            "update task set project_id = (select t.project_id from project__template t where t.id = task.template_id) \
             where project_id is null",
        )],
    },
    Step {
        version: "2.7.8",
        statements: &[
            drop_references("project__inventory", "key_id"),
            every("alter table project__inventory drop column key_id"),
            drop_references("project__template", "ssh_key_id"),
            every("alter table project__template drop column ssh_key_id"),
        ],
    },
    Step {
        version: "2.7.9",
        statements: &[
            every("alter table project__template add description longtext"),
            every("alter table project__template add removed boolean not null default false"),
        ],
    },
    Step { version: "2.7.10", statements: &[every("alter table access_key drop column `key`")] },
    Step {
        version: "2.7.12",
        statements: &[
            every("alter table project__inventory add become_key_id int references access_key(id)"),
            every("alter table project__template add vault_key_id int references access_key(id)"),
        ],
    },
    Step {
        version: "2.7.13",
        statements: &[
            every("drop table project__template_schedule"),
            every(
                "create table project__schedule (
                    id integer primary key autoincrement,
                    template_id int references project__template(id) on delete cascade,
                    project_id int not null references project(id) on delete cascade,
                    cron_format varchar(255) not null
                )",
            ),
        ],
    },
];
