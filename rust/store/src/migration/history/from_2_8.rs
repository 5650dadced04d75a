//! Versions 2.8.0 to 2.8.91.

use super::{Step, every, mysql, mysql_if_there, postgres};

pub(super) const STEPS: &[Step] = &[
    Step {
        version: "2.8.0",
        statements: &[
            every("alter table project__template add type varchar(10) not null default ''"),
            every("alter table task add message varchar(250) not null default ''"),
            every("alter table project__template add start_version varchar(20)"),
            every("alter table project__template add build_template_id int references project__template(id)"),
            every("alter table task add version varchar(20)"),
            every("alter table task add commit_hash varchar(40)"),
            every("alter table task add commit_message varchar(100) not null default ''"),
        ],
    },
    Step { version: "2.8.1", statements: &[every("alter table task add build_task_id int references task(id)")] },
    Step { version: "2.8.7", statements: &[every("alter table task drop column arguments")] },
    Step {
        version: "2.8.8",
        statements: &[
            every(
                "create table project__view (
                    id integer primary key autoincrement,
                    title varchar(100) not null,
                    project_id int not null,
                    position int not null,
                    foreign key (project_id) references project(id) on delete cascade
                )",
            ),
            every("alter table project__template add view_id int references project__view(id) on delete set null"),
        ],
    },
    // The reference leaves the events of before in the renamed table.
    Step {
        version: "2.8.20",
        statements: &[
            every("alter table event rename to event_backup_5784568"),
            every(
                "create table event (
                    id integer primary key autoincrement,
                    project_id int,
                    object_id int,
                    object_type varchar(20) default '',
                    description text,
                    created datetime not null,
                    user_id int,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (user_id) references `user`(id) on delete set null
                )",
            ),
        ],
    },
    Step {
        version: "2.8.25",
        statements: &[
            every("alter table project__template add survey_vars longtext"),
            every("alter table project__template add autorun boolean default false"),
            every(
                "alter table project__schedule \
                 add repository_id int null references project__repository(id) on delete set null",
            ),
            every("alter table project__schedule add last_commit_hash varchar(40)"),
        ],
    },
    // What followed a `#` in the address of a repository becomes its branch.
    Step {
        version: "2.8.26",
        statements: &[
            every("alter table project__repository add git_branch varchar(255) not null default ''"),
            postgres(
                "update project__repository set git_url = split_part(git_url, '#', 1), \
                 git_branch = case when position('#' in git_url) > 0 then split_part(git_url, '#', 2) else 'master' end",
            ),
            // The order matters: the second assignment sees what the first one did.
            mysql(
                "update project__repository set git_branch = if(locate('#', git_url) > 0, \
                 substring_index(substring_index(git_url, '#', 2), '#', -1), 'master'), \
                 git_url = substring_index(git_url, '#', 1)",
            ),
        ],
    },
    Step {
        version: "2.8.36",
        statements: &[
            every("alter table project__template add allow_override_args_in_task boolean not null default false"),
            every("alter table task add arguments text"),
            every("alter table project__template drop column override_args"),
        ],
    },
    // Schedules of templates and projects that are gone go; the rest gets columns that cannot be empty.
    Step {
        version: "2.8.38",
        statements: &[
            every(
                "delete from project__schedule where template_id is null \
                 or template_id not in (select id from project__template) \
                 or project_id not in (select id from project)",
            ),
            every(
                "update project__schedule set repository_id = null where repository_id is not null \
                 and repository_id not in (select id from project__repository)",
            ),
            every("alter table project__schedule rename to project__schedule_backup_8436583"),
            every(
                "create table project__schedule (
                    id integer primary key autoincrement,
                    template_id int not null,
                    project_id int not null,
                    cron_format varchar(255) not null,
                    repository_id int,
                    last_commit_hash varchar(40),
                    foreign key (template_id) references project__template(id) on delete cascade,
                    foreign key (project_id) references project(id) on delete cascade,
                    foreign key (repository_id) references project__repository(id)
                )",
            ),
            every(
                "insert into project__schedule \
                 (id, template_id, project_id, cron_format, repository_id, last_commit_hash) \
                 select id, template_id, project_id, cron_format, repository_id, last_commit_hash \
                 from project__schedule_backup_8436583",
            ),
            postgres(
                "select setval(pg_get_serial_sequence('project__schedule', 'id'), \
                 (select coalesce(max(id), 0) + 1 from project__schedule), false)",
            ),
            every("drop table project__schedule_backup_8436583"),
        ],
    },
    // Templates that were only marked as removed are removed.
    Step {
        version: "2.8.39",
        statements: &[
            every(
                "alter table task add constraint task_build_task_id_fk_y38rt \
                 foreign key (build_task_id) references task(id) on delete set null",
            ),
            postgres(
                "update project__template set build_template_id = null \
                 where build_template_id in (select id from project__template where removed)",
            ),
            mysql(
                "update project__template deploy join project__template build on build.id = deploy.build_template_id \
                 set deploy.build_template_id = null where build.removed",
            ),
            every("delete from project__template where removed"),
            every("alter table project__template drop column removed"),
        ],
    },
    Step {
        version: "2.8.40",
        statements: &[
            // A template without a name of its own had none that could be shown either.
            every("update project__template set alias = '' where alias is null"),
            postgres("alter table project alter alert_chat type varchar(30)"),
            mysql("alter table project modify alert_chat varchar(30)"),
            postgres("alter table project__template alter alias set not null"),
            postgres("alter table project__template rename alias to name"),
            mysql("alter table project__template change alias name varchar(100) not null"),
            every("alter table project__inventory drop column removed"),
            every("alter table project__environment drop column removed"),
            every("alter table access_key drop column removed"),
            every("alter table project__repository drop column removed"),
        ],
    },
    // The key of 2.8.1, which 2.8.39 made once more with another rule.
    Step {
        version: "2.8.42",
        statements: &[
            postgres("alter table task drop constraint if exists task_build_task_id_fkey"),
            mysql_if_there("alter table task drop foreign key task_ibfk_3"),
        ],
    },
    Step {
        version: "2.8.51",
        statements: &[
            every("alter table project add max_parallel_tasks int not null default 0"),
            every("alter table project__template add suppress_success_alerts boolean not null default false"),
        ],
    },
    Step {
        version: "2.8.57",
        statements: &[
            every("alter table project__environment add env longtext"),
            every("alter table task add hosts_limit varchar(255) not null default ''"),
        ],
    },
    Step { version: "2.8.58", statements: &[every("alter table task add diff boolean not null default false")] },
    Step {
        version: "2.8.91",
        statements: &[
            every("alter table project__user add role varchar(50) not null default 'manager'"),
            every("update project__user set role = 'owner' where admin"),
            every("alter table project__user drop column admin"),
        ],
    },
];
