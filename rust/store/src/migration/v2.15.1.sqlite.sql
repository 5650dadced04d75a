-- The schema the history of SQLite databases begins with.

create table access_key (
    id integer primary key autoincrement,
    name varchar(255) not null,
    type varchar(255) not null,
    project_id integer references project(id) on delete set null,
    secret text,
    environment_id integer references project__environment(id) on delete cascade,
    user_id integer references `user`(id) on delete cascade
);

create table event (
    id integer primary key autoincrement,
    project_id integer references project(id) on delete cascade,
    object_id integer,
    object_type varchar(20) default '',
    description text,
    created datetime not null,
    user_id integer references `user`(id) on delete set null
);

create table event_backup_5784568 (
    project_id integer,
    object_id integer,
    object_type varchar(20) default '',
    description text,
    created datetime not null,
    user_id integer references `user`(id) on delete set null
);

create table `option` (
    `key` varchar(255) not null primary key,
    value varchar(1000) not null
);

create table project (
    id integer primary key autoincrement,
    created datetime not null,
    name varchar(255) not null,
    alert integer not null default 0,
    alert_chat varchar(30),
    max_parallel_tasks integer not null default 0,
    type varchar(20) default ''
);

create table project__environment (
    id integer primary key autoincrement,
    project_id integer not null references project(id) on delete cascade,
    password varchar(255),
    json text not null,
    name varchar(255),
    env text
);

create table project__integration (
    id integer primary key autoincrement,
    name varchar(255) not null,
    project_id integer not null references project(id) on delete cascade,
    template_id integer not null references project__template(id) on delete cascade,
    auth_method varchar(15) not null default 'none',
    auth_secret_id integer references access_key(id) on delete set null,
    auth_header varchar(255),
    searchable integer not null default 0,
    task_params text
);

create table project__integration_alias (
    id integer primary key autoincrement,
    alias varchar(50) not null unique,
    project_id integer not null references project(id) on delete cascade,
    integration_id integer references project__integration(id) on delete cascade
);

create table project__integration_extract_value (
    id integer primary key autoincrement,
    name varchar(255) not null,
    integration_id integer not null references project__integration(id) on delete cascade,
    value_source varchar(255) not null,
    body_data_type varchar(255),
    `key` varchar(255),
    variable varchar(255),
    variable_type varchar(255)
);

create table project__integration_matcher (
    id integer primary key autoincrement,
    name varchar(255) not null,
    integration_id integer not null references project__integration(id) on delete cascade,
    match_type varchar(255),
    method varchar(255),
    body_data_type varchar(255),
    `key` varchar(510),
    value varchar(510)
);

create table project__inventory (
    id integer primary key autoincrement,
    project_id integer not null references project(id) on delete cascade,
    type varchar(255) not null,
    inventory text not null,
    ssh_key_id integer references access_key(id),
    name varchar(255),
    become_key_id integer references access_key(id),
    template_id integer references project__template(id) on delete set null,
    repository_id integer references project__repository(id) on delete set null,
    runner_tag varchar(255)
);

create table project__repository (
    id integer primary key autoincrement,
    project_id integer not null references project(id) on delete cascade,
    git_url text not null,
    ssh_key_id integer not null references access_key(id),
    name varchar(255),
    git_branch varchar(255) not null default ''
);

create table project__schedule (
    id integer primary key autoincrement,
    template_id integer not null references project__template(id) on delete cascade,
    project_id integer not null references project(id) on delete cascade,
    cron_format varchar(255) not null,
    repository_id integer references project__repository(id),
    last_commit_hash varchar(64),
    name varchar(100) not null default '',
    active integer not null default 1
);

create table project__template (
    id integer primary key autoincrement,
    project_id integer not null references project(id) on delete cascade,
    inventory_id integer references project__inventory(id),
    repository_id integer not null references project__repository(id),
    environment_id integer references project__environment(id),
    playbook varchar(255) not null,
    arguments text,
    name varchar(100) not null,
    description text,
    type varchar(10) not null default '',
    start_version varchar(20),
    build_template_id integer references project__template(id),
    view_id integer references project__view(id) on delete set null,
    survey_vars text,
    autorun integer default 0,
    allow_override_args_in_task integer not null default 0,
    suppress_success_alerts integer not null default 0,
    app varchar(50) not null,
    tasks integer not null default 0,
    git_branch varchar(255),
    task_params text,
    runner_tag varchar(50),
    allow_override_branch_in_task integer not null default 0
);

create table project__template_vault (
    id integer primary key autoincrement,
    project_id integer not null references project(id) on delete cascade,
    template_id integer not null references project__template(id) on delete cascade,
    vault_key_id integer references access_key(id) on delete cascade,
    name varchar(255),
    type varchar(20) not null default 'password',
    script text,
    unique (template_id, vault_key_id, name)
);

create table project__terraform_inventory_alias (
    alias varchar(100) primary key,
    project_id integer not null references project(id) on delete cascade,
    inventory_id integer not null references project__inventory(id) on delete cascade,
    auth_key_id integer not null references access_key(id)
);

create table project__terraform_inventory_state (
    id integer primary key autoincrement,
    project_id integer not null references project(id) on delete cascade,
    inventory_id integer not null references project__inventory(id) on delete cascade,
    state text not null,
    created datetime not null,
    task_id integer references task(id) on delete set null
);

create table project__user (
    project_id integer not null references project(id) on delete cascade,
    user_id integer not null references `user`(id) on delete cascade,
    role varchar(50) not null default 'manager',
    unique (project_id, user_id)
);

create table project__view (
    id integer primary key autoincrement,
    title varchar(100) not null,
    project_id integer not null references project(id) on delete cascade,
    position integer not null
);

create table runner (
    id integer primary key autoincrement,
    project_id integer references project(id) on delete cascade,
    token varchar(255) not null,
    webhook varchar(1000) not null default '',
    max_parallel_tasks integer not null default 0,
    name varchar(100) not null default '',
    active integer not null default 1,
    public_key text,
    tag varchar(200) not null default '',
    touched datetime,
    cleaning_requested datetime
);

create table session (
    id integer primary key autoincrement,
    user_id integer not null references `user`(id),
    created datetime not null,
    last_active datetime not null,
    ip varchar(39) not null default '',
    user_agent text not null,
    expired integer not null default 0,
    verification_method integer not null default 0,
    verified integer not null default 0
);

create table task (
    id integer primary key autoincrement,
    template_id integer not null references project__template(id) on delete cascade,
    status varchar(255) not null,
    playbook varchar(255) not null,
    environment text,
    created datetime,
    start datetime,
    `end` datetime,
    user_id integer references `user`(id),
    project_id integer references project(id),
    message varchar(250) not null default '',
    version varchar(20),
    commit_hash varchar(64),
    commit_message varchar(100) not null default '',
    build_task_id integer references task(id) on delete set null,
    arguments text,
    inventory_id integer references project__inventory(id) on delete set null,
    integration_id integer references project__integration(id) on delete set null,
    schedule_id integer references project__schedule(id) on delete set null,
    git_branch varchar(255),
    params text
);

create table task__output (
    id integer primary key autoincrement,
    task_id integer not null references task(id) on delete cascade,
    time datetime not null,
    output text not null
);

create table task__stage (
    id integer primary key autoincrement,
    task_id integer not null references task(id) on delete cascade,
    start datetime,
    start_output_id integer references task__output(id) on delete set null,
    `end` datetime,
    end_output_id integer references task__output(id) on delete set null,
    type varchar(100)
);

create table task__stage_result (
    id integer primary key autoincrement,
    task_id integer not null references task(id) on delete cascade,
    stage_id integer not null references task__stage(id) on delete cascade,
    json text
);

create table `user` (
    id integer primary key autoincrement,
    created datetime not null,
    username varchar(255) not null unique,
    name varchar(255) not null,
    email varchar(255) not null unique,
    password varchar(255) not null,
    alert integer not null default 0,
    external integer not null default 0,
    admin integer not null default 1,
    pro integer not null default 0
);

create table user__token (
    id varchar(44) not null primary key,
    created datetime not null,
    expired integer not null default 0,
    user_id integer not null references `user`(id) on delete cascade
);

create table user__totp (
    id integer primary key autoincrement,
    user_id integer not null unique references `user`(id) on delete cascade,
    url varchar(250) not null,
    recovery_hash varchar(250) not null,
    created datetime not null
);

create index project__environment__project__environment_project_id on project__environment (project_id);
create index project__view__project__view_project_id on project__view (project_id);
create index runner__runner__project_id on runner (project_id);
create index session__session__expired on session (expired);
create index session__session__user_id on session (user_id);
create index access_key__environment_id on access_key (environment_id);
create index access_key__project_id on access_key (project_id);
create index access_key__user_id on access_key (user_id);
create index event__project_id on event (project_id);
create index event__user_id on event (user_id);
create index event_backup_5784568__user_id on event_backup_5784568 (user_id);
create index project__repository__project_id on project__repository (project_id);
create index project__repository__ssh_key_id on project__repository (ssh_key_id);
create index project__inventory__become_key_id on project__inventory (become_key_id);
create index project__inventory__holder_id on project__inventory (template_id);
create index project__inventory__project_id on project__inventory (project_id);
create index project__inventory__repository_id on project__inventory (repository_id);
create index project__inventory__ssh_key_id on project__inventory (ssh_key_id);
create index project__template__build_template_id on project__template (build_template_id);
create index project__template__environment_id on project__template (environment_id);
create index project__template__inventory_id on project__template (inventory_id);
create index project__template__project_id on project__template (project_id);
create index project__template__repository_id on project__template (repository_id);
create index project__template__view_id on project__template (view_id);
create index project__integration__auth_secret_id on project__integration (auth_secret_id);
create index project__integration__project_id on project__integration (project_id);
create index project__integration__template_id on project__integration (template_id);
create index project__integration_alias__integration_id on project__integration_alias (integration_id);
create index project__integration_alias__project_id on project__integration_alias (project_id);
create index project__integration_extract_value__integration_id on project__integration_extract_value (integration_id);
create index project__integration_matcher__integration_id on project__integration_matcher (integration_id);
create index project__schedule__project_id on project__schedule (project_id);
create index project__schedule__repository_id on project__schedule (repository_id);
create index project__schedule__template_id on project__schedule (template_id);
create index project__template_vault__project_id on project__template_vault (project_id);
create index project__template_vault__vault_key_id on project__template_vault (vault_key_id);
create index project__terraform_inventory_alias__auth_key_id on project__terraform_inventory_alias (auth_key_id);
create index project__terraform_inventory_alias__inventory_id on project__terraform_inventory_alias (inventory_id);
create index project__terraform_inventory_alias__project_id on project__terraform_inventory_alias (project_id);
create index project__user__user_id on project__user (user_id);
create index task__integration_id on task (integration_id);
create index task__inventory_id on task (inventory_id);
create index task__project_id on task (project_id);
create index task__schedule_id on task (schedule_id);
create index task__template_id on task (template_id);
create index project__terraform_inventory_state__inventory_id on project__terraform_inventory_state (inventory_id);
create index project__terraform_inventory_state__project_id on project__terraform_inventory_state (project_id);
create index project__terraform_inventory_state__task_id on project__terraform_inventory_state (task_id);
create index task__output__task__output_time_idx on task__output (time);
create index task__output__task_id on task__output (task_id);
create index task__stage__end_output_id on task__stage (end_output_id);
create index task__stage__start_output_id on task__stage (start_output_id);
create index task__stage__task_id on task__stage (task_id);
create index task__stage_result__stage_id on task__stage_result (stage_id);
create index task__stage_result__task_id on task__stage_result (task_id);
create index user__token__user_id on user__token (user_id);
