-- The schema at version 2.17.15, as the whole history of the reference leaves it.
create table migrations (
    version varchar(255) not null,
    upgraded_date timestamp,
    notes text,
    constraint migrations_pkey primary key (version)
);
create table "option" (
    key varchar(255) not null,
    value varchar(1000) not null,
    constraint option_pkey primary key (key)
);
create table session (
    id serial,
    user_id integer not null,
    created timestamp not null,
    last_active timestamp not null,
    ip varchar(39) not null default '',
    user_agent text not null,
    expired boolean not null default false,
    verification_method integer not null default 0,
    verified boolean not null default false,
    constraint session_pkey1 primary key (id)
);
create table "user" (
    id serial,
    created timestamp not null,
    username varchar(255) not null,
    name varchar(255) not null,
    email varchar(255) not null,
    password varchar(255) not null,
    alert boolean not null default false,
    external boolean not null default false,
    admin boolean not null default true,
    pro boolean not null default false,
    constraint user_email_key unique (email),
    constraint user_username_key unique (username),
    constraint user_pkey primary key (id)
);
create table event_backup_5784568 (
    project_id integer,
    object_id integer,
    object_type varchar(20) default '',
    description text,
    created timestamp not null,
    user_id integer,
    constraint event_user_id_fkey foreign key (user_id) references "user"(id)
);
create table user__email_otp (
    id serial,
    user_id integer not null,
    code varchar(250) not null,
    created timestamp not null,
    constraint user__email_otp_code_key unique (code),
    constraint user__email_otp_pkey primary key (id),
    constraint user__email_otp_user_id_fkey foreign key (user_id) references "user"(id) on delete cascade
);
create table user__token (
    id varchar(44) not null,
    created timestamp not null,
    expired boolean not null default false,
    user_id integer not null,
    constraint user__token_pkey1 primary key (id),
    constraint user__token_user_id_fkey1 foreign key (user_id) references "user"(id) on delete cascade
);
create table user__totp (
    id serial,
    user_id integer not null,
    url varchar(250) not null,
    recovery_hash varchar(250) not null,
    created timestamp not null,
    constraint user__totp_user_id_key unique (user_id),
    constraint user__totp_pkey primary key (id),
    constraint user__totp_user_id_fkey foreign key (user_id) references "user"(id) on delete cascade
);
create table event (
    id serial,
    project_id integer,
    object_id integer,
    object_type varchar(20) default '',
    description text,
    created timestamp not null,
    user_id integer,
    constraint event_pkey primary key (id),
    constraint event_user_id_fkey1 foreign key (user_id) references "user"(id) on delete set null
);
create table project (
    id serial,
    created timestamp not null,
    name varchar(255) not null,
    alert boolean not null default false,
    alert_chat varchar(30) default '',
    max_parallel_tasks integer not null default 0,
    type varchar(20) default '',
    default_secret_storage_id integer,
    constraint project_pkey primary key (id)
);
create table project__invite (
    id serial,
    project_id integer not null,
    user_id integer,
    email varchar(255),
    role varchar(50) not null,
    status varchar(50) not null default 'pending',
    token varchar(255) not null,
    inviter_user_id integer not null,
    created timestamp not null,
    expires_at timestamp,
    accepted_at timestamp,
    constraint project__invite_project_id_email_key unique (project_id, email),
    constraint project__invite_project_id_user_id_key unique (project_id, user_id),
    constraint project__invite_token_key unique (token),
    constraint project__invite_pkey primary key (id),
    constraint project__invite_inviter_user_id_fkey foreign key (inviter_user_id) references "user"(id) on delete cascade,
    constraint project__invite_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__invite_user_id_fkey foreign key (user_id) references "user"(id) on delete cascade
);
create table project__secret_storage (
    id serial,
    project_id integer not null,
    name varchar(100) not null,
    type varchar(20) not null,
    params text,
    readonly boolean not null default false,
    constraint project__secret_storage_pkey primary key (id),
    constraint project__secret_storage_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table project__environment (
    id serial,
    project_id integer not null,
    password varchar(255),
    json text not null,
    name varchar(255),
    env text,
    secret_storage_id integer,
    secret_storage_key_prefix varchar(1000),
    constraint project__environment_pkey primary key (id),
    constraint project__environment_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__environment_secret_storage_id_fkey foreign key (secret_storage_id) references project__secret_storage(id)
);
create table access_key (
    id serial,
    name varchar(255) not null,
    type varchar(255) not null,
    project_id integer,
    secret text,
    environment_id integer,
    user_id integer,
    owner varchar(20) not null default '',
    plain text,
    storage_id integer,
    source_storage_id integer,
    source_storage_key varchar(1000),
    source_storage_type varchar(10),
    constraint access_key_pkey primary key (id),
    constraint access_key_environment_id_fkey foreign key (environment_id) references project__environment(id) on delete cascade,
    constraint access_key_project_id_fkey foreign key (project_id) references project(id) on delete set null,
    constraint access_key_source_storage_id_fkey foreign key (source_storage_id) references project__secret_storage(id),
    constraint access_key_storage_id_fkey foreign key (storage_id) references project__secret_storage(id) on delete cascade,
    constraint access_key_user_id_fkey foreign key (user_id) references "user"(id) on delete cascade
);
create table project__repository (
    id serial,
    project_id integer not null,
    git_url text not null,
    ssh_key_id integer not null,
    name varchar(255),
    git_branch varchar(255) not null default '',
    constraint project__repository_pkey primary key (id),
    constraint project__repository_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__repository_ssh_key_id_fkey foreign key (ssh_key_id) references access_key(id)
);
create table project__user (
    project_id integer not null,
    user_id integer not null,
    role varchar(50) not null default 'manager',
    constraint project__user_project_id_user_id_key unique (project_id, user_id),
    constraint project__user_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__user_user_id_fkey foreign key (user_id) references "user"(id) on delete cascade
);
create table project__view (
    id serial,
    title varchar(100) not null,
    project_id integer not null,
    position integer not null,
    hidden boolean not null default false,
    type varchar(20) not null default '',
    filter varchar(1000),
    sort_column varchar(100),
    sort_reverse boolean not null default false,
    constraint project__view_pkey primary key (id),
    constraint project__view_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table role (
    slug varchar(100) not null,
    name varchar(100) not null,
    permissions bigint not null default 0,
    project_id integer,
    constraint role_pkey primary key (slug),
    constraint role_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table runner (
    id serial,
    project_id integer,
    token varchar(255) not null,
    webhook varchar(1000) not null default '',
    max_parallel_tasks integer not null default 0,
    name varchar(100) not null default '',
    active boolean not null default true,
    public_key text,
    tag varchar(200) not null default '',
    touched timestamp,
    cleaning_requested timestamp,
    constraint runner_pkey primary key (id),
    constraint runner_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table project__integration_alias (
    id serial,
    alias varchar(50) not null,
    project_id integer not null,
    integration_id integer,
    constraint project__integration_alias_alias_key unique (alias),
    constraint project__integration_alias_pkey primary key (id),
    constraint project__integration_alias_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table project__integration_extract_value (
    id serial,
    name varchar(255) not null,
    integration_id integer not null,
    value_source varchar(255) not null,
    body_data_type varchar(255),
    key varchar(255),
    variable varchar(255),
    variable_type varchar(255),
    constraint project__integration_extract_value_pkey primary key (id)
);
create table project__integration_matcher (
    id serial,
    name varchar(255) not null,
    integration_id integer not null,
    match_type varchar(255),
    method varchar(255),
    body_data_type varchar(255),
    key varchar(510),
    value varchar(510),
    constraint project__integration_matcher_pkey primary key (id)
);
create table project__inventory (
    id serial,
    project_id integer not null,
    type varchar(255) not null,
    inventory text not null,
    ssh_key_id integer,
    name varchar(255),
    become_key_id integer,
    template_id integer,
    repository_id integer,
    runner_tag varchar(255),
    constraint project__inventory_pkey primary key (id),
    constraint project__inventory_become_key_id_fkey foreign key (become_key_id) references access_key(id),
    constraint project__inventory_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__inventory_repository_id_fkey foreign key (repository_id) references project__repository(id) on delete set null,
    constraint project__inventory_ssh_key_id_fkey foreign key (ssh_key_id) references access_key(id)
);
create table project__task_params (
    id serial,
    environment text,
    project_id integer not null,
    arguments text,
    inventory_id integer,
    git_branch varchar(255),
    params text,
    version varchar(20),
    message varchar(250),
    constraint project__task_params_pkey primary key (id),
    constraint project__task_params_inventory_id_fkey foreign key (inventory_id) references project__inventory(id) on delete cascade,
    constraint project__task_params_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table project__template (
    id serial,
    project_id integer not null,
    inventory_id integer,
    repository_id integer not null,
    environment_id integer,
    playbook varchar(255) not null,
    arguments text,
    name varchar(100) not null,
    description text,
    type varchar(10) not null default '',
    start_version varchar(20),
    build_template_id integer,
    view_id integer,
    survey_vars text,
    autorun boolean default false,
    allow_override_args_in_task boolean not null default false,
    suppress_success_alerts boolean not null default false,
    app varchar(50) not null default '',
    tasks integer not null default 0,
    git_branch varchar(255),
    task_params text,
    runner_tag varchar(50),
    allow_override_branch_in_task boolean not null default false,
    allow_parallel_tasks boolean not null default false,
    constraint project__template_pkey primary key (id),
    constraint project__template_build_template_id_fkey foreign key (build_template_id) references project__template(id),
    constraint project__template_environment_id_fkey foreign key (environment_id) references project__environment(id),
    constraint project__template_inventory_id_fkey foreign key (inventory_id) references project__inventory(id),
    constraint project__template_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__template_repository_id_fkey foreign key (repository_id) references project__repository(id),
    constraint project__template_view_id_fkey foreign key (view_id) references project__view(id) on delete set null
);
create table project__integration (
    id serial,
    name varchar(255) not null,
    project_id integer not null,
    template_id integer not null,
    auth_method varchar(15) not null default 'none',
    auth_secret_id integer,
    auth_header varchar(255),
    searchable boolean not null default false,
    task_params_id integer,
    constraint project__integration_pkey primary key (id),
    constraint project__integration_auth_secret_id_fkey foreign key (auth_secret_id) references access_key(id) on delete set null,
    constraint project__integration_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__integration_task_params_id_fkey foreign key (task_params_id) references project__task_params(id),
    constraint project__integration_template_id_fkey foreign key (template_id) references project__template(id) on delete cascade
);
create table project__schedule (
    id serial,
    template_id integer not null,
    project_id integer not null,
    cron_format varchar(255) not null,
    repository_id integer,
    last_commit_hash varchar(64),
    name varchar(100) not null default '',
    active boolean not null default true,
    task_params_id integer,
    run_at timestamp,
    type varchar(20) not null default '',
    delete_after_run boolean not null default false,
    constraint project__schedule_pkey1 primary key (id),
    constraint project__schedule_project_id_fkey1 foreign key (project_id) references project(id) on delete cascade,
    constraint project__schedule_repository_id_fkey1 foreign key (repository_id) references project__repository(id),
    constraint project__schedule_task_params_id_fkey foreign key (task_params_id) references project__task_params(id),
    constraint project__schedule_template_id_fkey1 foreign key (template_id) references project__template(id) on delete cascade
);
create table project__template_role (
    id serial,
    template_id integer not null,
    role_slug varchar(100) not null,
    project_id integer not null,
    permissions bigint not null default 0,
    constraint project__template_role_template_id_role_slug_key unique (template_id, role_slug),
    constraint project__template_role_pkey primary key (id),
    constraint project__template_role_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__template_role_role_slug_fkey foreign key (role_slug) references role(slug) on delete cascade,
    constraint project__template_role_template_id_fkey foreign key (template_id) references project__template(id) on delete cascade
);
create table project__template_vault (
    id serial,
    project_id integer not null,
    template_id integer not null,
    vault_key_id integer,
    name varchar(255),
    type varchar(20) not null default 'password',
    script text,
    constraint project__template_vault_template_id_vault_key_id_name_key unique (template_id, vault_key_id, name),
    constraint project__template_vault_pkey primary key (id),
    constraint project__template_vault_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__template_vault_template_id_fkey foreign key (template_id) references project__template(id) on delete cascade,
    constraint project__template_vault_vault_key_id_fkey foreign key (vault_key_id) references access_key(id) on delete cascade
);
create table project__terraform_inventory_alias (
    alias varchar(100) not null,
    project_id integer not null,
    inventory_id integer not null,
    auth_key_id integer not null,
    constraint project__terraform_inventory_alias_pkey primary key (alias),
    constraint project__terraform_inventory_alias_auth_key_id_fkey foreign key (auth_key_id) references access_key(id),
    constraint project__terraform_inventory_alias_inventory_id_fkey foreign key (inventory_id) references project__inventory(id) on delete cascade,
    constraint project__terraform_inventory_alias_project_id_fkey foreign key (project_id) references project(id) on delete cascade
);
create table task (
    id serial,
    template_id integer not null,
    status varchar(255) not null,
    playbook varchar(255) not null,
    environment text,
    created timestamp,
    start timestamp,
    "end" timestamp,
    user_id integer,
    project_id integer,
    message varchar(250) not null default '',
    version varchar(20),
    commit_hash varchar(64),
    commit_message varchar(100) not null default '',
    build_task_id integer,
    arguments text,
    inventory_id integer,
    integration_id integer,
    schedule_id integer,
    git_branch varchar(255),
    params text,
    constraint task_pkey primary key (id),
    constraint task_build_task_id_fk_y38rt foreign key (build_task_id) references task(id) on delete set null,
    constraint task_integration_id_fkey foreign key (integration_id) references project__integration(id) on delete set null,
    constraint task_inventory_id_fkey foreign key (inventory_id) references project__inventory(id) on delete set null,
    constraint task_project_id_fkey foreign key (project_id) references project(id),
    constraint task_schedule_id_fkey foreign key (schedule_id) references project__schedule(id) on delete set null,
    constraint task_template_id_fkey foreign key (template_id) references project__template(id) on delete cascade
);
create table project__terraform_inventory_state (
    id serial,
    project_id integer not null,
    inventory_id integer not null,
    state text not null,
    created timestamp not null,
    task_id integer,
    constraint project__terraform_inventory_state_pkey primary key (id),
    constraint project__terraform_inventory_state_inventory_id_fkey foreign key (inventory_id) references project__inventory(id) on delete cascade,
    constraint project__terraform_inventory_state_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint project__terraform_inventory_state_task_id_fkey foreign key (task_id) references task(id) on delete set null
);
create table task__ansible_error (
    id serial,
    task_id integer not null,
    project_id integer not null,
    task varchar(250) not null,
    error varchar(1000) not null,
    host varchar(250),
    constraint task__ansible_error_pkey primary key (id),
    constraint task__ansible_error_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint task__ansible_error_task_id_fkey foreign key (task_id) references task(id) on delete cascade
);
create table task__ansible_host (
    id serial,
    task_id integer not null,
    project_id integer not null,
    host varchar(250) not null,
    failed integer not null,
    ignored integer not null,
    changed integer not null,
    ok integer not null,
    rescued integer not null,
    skipped integer not null,
    unreachable integer not null,
    constraint task__ansible_host_pkey primary key (id),
    constraint task__ansible_host_project_id_fkey foreign key (project_id) references project(id) on delete cascade,
    constraint task__ansible_host_task_id_fkey foreign key (task_id) references task(id) on delete cascade
);
create table task__stage (
    id serial,
    task_id integer not null,
    start timestamp,
    "end" timestamp,
    type varchar(100),
    constraint task__stage_pkey primary key (id),
    constraint task__stage_task_id_fkey foreign key (task_id) references task(id) on delete cascade
);
create table task__output (
    id bigserial,
    task_id integer not null,
    time timestamp not null,
    output text not null,
    stage_id integer,
    constraint task__output_pkey primary key (id),
    constraint task__output_stage_id_fkey foreign key (stage_id) references task__stage(id),
    constraint task__output_task_id_fkey1 foreign key (task_id) references task(id) on delete cascade
);
create table task__stage_result (
    id serial,
    task_id integer not null,
    stage_id integer not null,
    json text,
    constraint task__stage_result_pkey primary key (id),
    constraint task__stage_result_stage_id_fkey foreign key (stage_id) references task__stage(id) on delete cascade,
    constraint task__stage_result_task_id_fkey foreign key (task_id) references task(id) on delete cascade
);
alter table event add constraint event_project_id_fkey foreign key (project_id) references project(id) on delete cascade;
alter table project add constraint project_default_secret_storage_id_fkey foreign key (default_secret_storage_id) references project__secret_storage(id);
alter table project__integration_alias add constraint project__integration_alias_integration_id_fkey foreign key (integration_id) references project__integration(id) on delete cascade;
alter table project__integration_extract_value add constraint project__integration_extract_value_integration_id_fkey foreign key (integration_id) references project__integration(id) on delete cascade;
alter table project__integration_matcher add constraint project__integration_matcher_integration_id_fkey foreign key (integration_id) references project__integration(id) on delete cascade;
alter table project__inventory add constraint project__inventory_holder_id_fkey foreign key (template_id) references project__template(id) on delete set null;
create index expired on session (expired);
create index task__output_task_id_idx on task__output (task_id);
create index task__output_time_idx on task__output ("time");
create index task_project_id_idx on task (project_id);
create index task_template_id_idx on task (template_id);
create index user_id on session (user_id);
-- Names that the history of the reference left behind.
alter sequence session_id_seq rename to session_id_seq1;
alter sequence project__schedule_id_seq rename to project__schedule_id_seq1;
