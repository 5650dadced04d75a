//! The shapes of our own tables for tasks that survive, schedules, webhooks, alerts and sign-in. Rules for steps: `own.rs`.
//!
//! Not for what is done with them: each table has its entity file. Where a row names a task beside its own purpose (a fire, a
//! delivery) there is no foreign key: the row has to outlive the task, and ids of tasks are used once.
//! `unique (a, id)` is an index: the three databases share no other words for one inside a table.

use super::own::Step;

macro_rules! table {
    ($version:literal, $table:literal, $columns:literal) => {
        Step {
            version: $version,
            table: $table,
            statements: &[concat!("create table if not exists ", $table, " (", $columns, ")")],
        }
    };
}

/// One table each, in the order of their making.
pub(super) const STEPS: &[Step] = &[
    // Which server a task belongs to, from its first moment to its final status, and whether it runs. The first shape of this
    // table was never written to.
    Step {
        version: "2.task_lease",
        table: "rs_task_lease",
        statements: &[
            "drop table if exists rs_task_lease",
            "create table if not exists rs_task_lease (
                task_id integer not null primary key,
                owner varchar(64) not null,
                previous_owner varchar(64) not null,
                project_id integer not null,
                template_id integer not null,
                running integer not null,
                acquired datetime not null,
                unique (owner, running, task_id),
                unique (project_id, running, template_id, task_id),
                foreign key (task_id) references task(id) on delete cascade
            )",
        ],
    },
    // The servers that are there. `beat` grows for as long as one lives: who watches it needs no clock but its own.
    table!(
        "1.server",
        "rs_server",
        "id varchar(64) not null primary key,
        host varchar(255) not null,
        pid bigint not null,
        beat bigint not null,
        lease_seconds bigint not null,
        max_parallel_tasks bigint not null,
        started datetime not null"
    ),
    // What somebody wants of a task that belongs to another server than the one that was asked.
    table!(
        "1.task_command",
        "rs_task_command",
        "id integer primary key autoincrement,
        task_id integer not null,
        action varchar(16) not null,
        created datetime not null,
        foreign key (task_id) references task(id) on delete cascade"
    ),
    // What a waiting task needs and its row lacks; encrypted like keys, gone with its final status.
    table!(
        "1.task_secret",
        "rs_task_secret",
        "task_id integer not null primary key,
        sealed longtext not null,
        created datetime not null,
        foreign key (task_id) references task(id) on delete cascade"
    ),
    table!(
        "1.schedule_policy",
        "rs_schedule_policy",
        "schedule_id integer not null primary key,
        misfire varchar(16) not null,
        overlap varchar(16) not null,
        foreign key (schedule_id) references project__schedule(id) on delete cascade"
    ),
    // The primary key is the promise: one fire per due time, on however many servers.
    table!(
        "1.schedule_fire",
        "rs_schedule_fire",
        "schedule_id integer not null,
        due datetime not null,
        fired datetime not null,
        server varchar(64) not null,
        outcome varchar(32) not null,
        task_id integer null,
        primary key (schedule_id, due),
        foreign key (schedule_id) references project__schedule(id) on delete cascade"
    ),
    table!(
        "1.event_detail",
        "rs_event_detail",
        "event_id integer not null primary key,
        address varchar(64) not null,
        action varchar(32) not null,
        foreign key (event_id) references event(id) on delete cascade"
    ),
    // What came to the address of an integration, or (without one) of the project. What the sender wrote is encrypted; secret
    // headers are left out of it. A replay names what it repeats and who asked. The first shape was never written to.
    Step {
        version: "2.delivery",
        table: "rs_delivery",
        statements: &[
            "drop table if exists rs_delivery",
            "create table if not exists rs_delivery (
                id integer primary key autoincrement,
                project_id integer not null,
                integration_id integer null,
                is_proven integer not null,
                alias varchar(100) not null,
                received datetime not null,
                address varchar(64) not null,
                method varchar(16) not null,
                status integer null,
                milliseconds bigint not null,
                body_bytes bigint not null,
                replay_of integer null,
                user_id integer null,
                sealed longtext not null,
                unique (project_id, integration_id, is_proven, id),
                foreign key (project_id) references project(id) on delete cascade,
                foreign key (integration_id) references project__integration(id) on delete cascade
            )",
        ],
    },
    // What became of it at each integration that listens there.
    table!(
        "1.delivery_verdict",
        "rs_delivery_verdict",
        "delivery_id integer not null,
        integration_id integer not null,
        outcome varchar(32) not null,
        message longtext not null,
        task_id integer null,
        primary key (delivery_id, integration_id),
        unique (integration_id, delivery_id),
        foreign key (integration_id) references project__integration(id) on delete cascade"
    ),
    // Without a template the rule is the project's.
    table!(
        "1.alert_rule",
        "rs_alert_rule",
        "id integer primary key autoincrement,
        project_id integer not null,
        template_id integer null,
        channel varchar(32) not null,
        occasion varchar(16) not null,
        unique (project_id, template_id, channel),
        foreign key (project_id) references project(id) on delete cascade,
        foreign key (template_id) references project__template(id) on delete cascade"
    ),
    // One row per message to send, made with the status; the unique words are what makes it sent once.
    table!(
        "1.alert_outbox",
        "rs_alert_outbox",
        "id integer primary key autoincrement,
        task_id integer not null,
        channel varchar(32) not null,
        status varchar(32) not null,
        recipient varchar(255) not null,
        attempts integer not null,
        next_attempt datetime null,
        claimed_by varchar(64) null,
        claimed_until datetime null,
        sent datetime null,
        failure longtext null,
        unique (task_id, channel, status, recipient),
        foreign key (task_id) references task(id) on delete cascade"
    ),
    // What happened, to be told outside; a row is removed when it was taken. No foreign key: it has to outlive the project.
    table!(
        "1.audit_outbox",
        "rs_audit_outbox",
        "id integer primary key autoincrement,
        event_id bigint not null,
        record longtext not null"
    ),
    // Which of several servers tells it.
    table!(
        "1.audit_teller",
        "rs_audit_teller",
        "number integer not null primary key,
        owner varchar(64) not null"
    ),
    // `account` is a digest: it is what a stranger typed, of any length.
    table!(
        "1.login_throttle",
        "rs_login_throttle",
        "kind varchar(16) not null,
        account varchar(64) not null,
        address varchar(64) not null,
        failures integer not null,
        last_failure datetime not null,
        blocked_until datetime null,
        primary key (kind, account, address)"
    ),
    // Memberships that a group mapping made: only these it may change or take away.
    table!(
        "1.mapped_role",
        "rs_mapped_role",
        "project_id integer not null,
        user_id integer not null,
        source varchar(64) not null,
        group_name longtext not null,
        role varchar(50) not null,
        granted datetime not null,
        primary key (project_id, user_id),
        foreign key (project_id) references project(id) on delete cascade,
        foreign key (user_id) references `user`(id) on delete cascade"
    ),
    table!(
        "1.mapped_admin",
        "rs_mapped_admin",
        "user_id integer not null primary key,
        source varchar(64) not null,
        group_name longtext not null,
        granted datetime not null,
        foreign key (user_id) references `user`(id) on delete cascade"
    ),
    table!(
        "1.oidc_subject",
        "rs_oidc_subject",
        "issuer varchar(255) not null,
        subject varchar(255) not null,
        user_id integer not null,
        provider varchar(64) not null,
        created datetime not null,
        last_login datetime not null,
        primary key (issuer, subject),
        foreign key (user_id) references `user`(id) on delete cascade"
    ),
    // The private half is encrypted like keys of projects. Between the two times a key only verifies.
    table!(
        "1.jwt_key",
        "rs_jwt_key",
        "key_id varchar(64) not null primary key,
        algorithm varchar(16) not null,
        sealed longtext not null,
        public_jwk longtext not null,
        created datetime not null,
        signs_until datetime not null,
        verifies_until datetime not null"
    ),
    // A token that only its owner can tell: SHA-256 in hexadecimal, and the beginning of the token to name it by.
    table!(
        "1.api_token",
        "rs_api_token",
        "digest varchar(64) not null primary key,
        prefix varchar(8) not null,
        user_id integer not null,
        created datetime not null,
        last_used datetime null,
        unique (user_id, digest),
        foreign key (user_id) references `user`(id) on delete cascade"
    ),
    // One lock per state; `information` is Terraform's own JSON, given back to whom it refuses.
    table!(
        "1.terraform_lock",
        "rs_terraform_lock",
        "inventory_id integer not null primary key,
        lock_id varchar(255) not null,
        information longtext not null,
        created datetime not null,
        foreign key (inventory_id) references project__inventory(id) on delete cascade"
    ),
    // The process that a running task has for itself, and which servers can reach it.
    table!(
        "1.task_host",
        "rs_task_host",
        "task_id integer not null primary key,
        place varchar(64) not null,
        directory longtext not null,
        foreign key (task_id) references task(id) on delete cascade"
    ),
    table!(
        "1.inventory_policy",
        "rs_inventory_policy",
        "inventory_id integer not null primary key,
        exclusive integer not null,
        foreign key (inventory_id) references project__inventory(id) on delete cascade"
    ),
    // The remote runner that has a task, also one that has ended while the runner works on it. No reference to the runner: its
    // removal has to be seen.
    table!(
        "1.task_runner",
        "rs_task_runner",
        "task_id integer not null primary key,
        runner_id integer not null,
        alias varchar(64) not null,
        stage integer not null,
        changed datetime not null,
        heard datetime null,
        unique (runner_id, task_id),
        foreign key (task_id) references task(id) on delete cascade"
    ),
    // Reports of remote runners that came to a server which does not have their task.
    table!(
        "1.runner_report",
        "rs_runner_report",
        "id integer primary key autoincrement,
        task_id integer not null,
        body longtext not null,
        created datetime not null,
        unique (task_id, id),
        foreign key (task_id) references task(id) on delete cascade"
    ),
    // How many tasks a remote runner would begin now beside those that it has reported, in its own words. No reference to the
    // runner: writing it down would keep other servers from the runner's row.
    table!(
        "1.runner_room",
        "rs_runner_room",
        "runner_id integer not null primary key,
        room integer not null"
    ),
];
