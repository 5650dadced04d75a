-- The schema at version 2.17.15, as the whole history of the reference leaves it.
-- Statements end with `;` at the end of a line. They can be run again after an interruption: MySQL commits each by itself.
create table if not exists migrations (
    version varchar(255) not null,
    upgraded_date datetime,
    notes text,
    primary key (version)
);
create table if not exists `option` (
    `key` varchar(255) not null,
    `value` varchar(1000) not null,
    primary key (`key`)
);
create table if not exists `session` (
    id int(11) not null auto_increment,
    user_id int(11) not null,
    created datetime not null,
    last_active datetime not null,
    ip varchar(39) not null default '',
    user_agent text not null,
    expired tinyint(1) not null default 0,
    verification_method int(11) not null default 0,
    verified tinyint(1) not null default 0,
    primary key (id),
    key expired (expired),
    key user_id (user_id)
);
create table if not exists `user` (
    id int(11) not null auto_increment,
    created datetime not null,
    username varchar(255) not null,
    `name` varchar(255) not null,
    email varchar(255) not null,
    password varchar(255) not null,
    alert tinyint(1) not null default 0,
    external tinyint(1) not null default 0,
    admin tinyint(1) not null default 1,
    pro tinyint(1) not null default 0,
    primary key (id),
    unique key username (username),
    unique key email (email)
);
create table if not exists event_backup_5784568 (
    project_id int(11),
    object_id int(11),
    object_type varchar(20) default '',
    description text,
    created datetime not null,
    user_id int(11),
    key user_id (user_id),
    constraint event_backup_5784568_ibfk_1 foreign key (user_id) references `user` (id)
);
create table if not exists user__email_otp (
    id int(11) not null auto_increment,
    user_id int(11) not null,
    code varchar(250) not null,
    created datetime not null,
    primary key (id),
    unique key code (code),
    key user_id (user_id),
    constraint user__email_otp_ibfk_1 foreign key (user_id) references `user` (id) on delete cascade
);
create table if not exists user__token (
    id varchar(44) not null,
    created datetime not null,
    expired tinyint(1) not null default 0,
    user_id int(11) not null,
    primary key (id),
    key user_id (user_id),
    constraint user__token_ibfk_1 foreign key (user_id) references `user` (id) on delete cascade
);
create table if not exists user__totp (
    id int(11) not null auto_increment,
    user_id int(11) not null,
    url varchar(250) not null,
    recovery_hash varchar(250) not null,
    created datetime not null,
    primary key (id),
    unique key user_id (user_id),
    constraint user__totp_ibfk_1 foreign key (user_id) references `user` (id) on delete cascade
);
create table if not exists event (
    id int(11) not null auto_increment,
    project_id int(11),
    object_id int(11),
    object_type varchar(20) default '',
    description text,
    created datetime not null,
    user_id int(11),
    primary key (id),
    key project_id (project_id),
    key user_id (user_id),
    constraint event_ibfk_2 foreign key (user_id) references `user` (id) on delete set null
);
create table if not exists project (
    id int(11) not null auto_increment,
    created datetime not null,
    `name` varchar(255) not null,
    alert tinyint(1) not null default 0,
    alert_chat varchar(30),
    max_parallel_tasks int(11) not null default 0,
    `type` varchar(20) default '',
    default_secret_storage_id int(11),
    primary key (id),
    key default_secret_storage_id (default_secret_storage_id)
);
create table if not exists project__invite (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    user_id int(11),
    email varchar(255),
    `role` varchar(50) not null,
    status varchar(50) not null default 'pending',
    token varchar(255) not null,
    inviter_user_id int(11) not null,
    created datetime not null,
    expires_at datetime,
    accepted_at datetime,
    primary key (id),
    unique key token (token),
    unique key project_id (project_id,user_id),
    unique key project_id_2 (project_id,email),
    key user_id (user_id),
    key inviter_user_id (inviter_user_id),
    constraint project__invite_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__invite_ibfk_2 foreign key (user_id) references `user` (id) on delete cascade,
    constraint project__invite_ibfk_3 foreign key (inviter_user_id) references `user` (id) on delete cascade
);
create table if not exists project__secret_storage (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    `name` varchar(100) not null,
    `type` varchar(20) not null,
    params text,
    readonly tinyint(1) not null default 0,
    primary key (id),
    key project_id (project_id),
    constraint project__secret_storage_ibfk_1 foreign key (project_id) references project (id) on delete cascade
);
create table if not exists project__environment (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    password varchar(255),
    json longtext not null,
    `name` varchar(255),
    env longtext,
    secret_storage_id int(11),
    secret_storage_key_prefix varchar(1000),
    primary key (id),
    key project_id (project_id),
    key secret_storage_id (secret_storage_id),
    constraint project__environment_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__environment_ibfk_2 foreign key (secret_storage_id) references project__secret_storage (id)
);
create table if not exists access_key (
    id int(11) not null auto_increment,
    `name` varchar(255) not null,
    `type` varchar(255) not null,
    project_id int(11),
    secret text,
    environment_id int(11),
    user_id int(11),
    owner varchar(20) not null default '',
    plain text,
    storage_id int(11),
    source_storage_id int(11),
    source_storage_key varchar(1000),
    source_storage_type varchar(10),
    primary key (id),
    key project_id (project_id),
    key environment_id (environment_id),
    key user_id (user_id),
    key storage_id (storage_id),
    key source_storage_id (source_storage_id),
    constraint access_key_ibfk_1 foreign key (project_id) references project (id) on delete set null,
    constraint access_key_ibfk_2 foreign key (environment_id) references project__environment (id) on delete cascade,
    constraint access_key_ibfk_3 foreign key (user_id) references `user` (id) on delete cascade,
    constraint access_key_ibfk_4 foreign key (storage_id) references project__secret_storage (id) on delete cascade,
    constraint access_key_ibfk_5 foreign key (source_storage_id) references project__secret_storage (id)
);
create table if not exists project__repository (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    git_url text not null,
    ssh_key_id int(11) not null,
    `name` varchar(255),
    git_branch varchar(255) not null default '',
    primary key (id),
    key project_id (project_id),
    key ssh_key_id (ssh_key_id),
    constraint project__repository_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__repository_ibfk_2 foreign key (ssh_key_id) references access_key (id)
);
create table if not exists project__user (
    project_id int(11) not null,
    user_id int(11) not null,
    `role` varchar(50) not null default 'manager',
    unique key project_id (project_id,user_id),
    key user_id (user_id),
    constraint project__user_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__user_ibfk_2 foreign key (user_id) references `user` (id) on delete cascade
);
create table if not exists project__view (
    id int(11) not null auto_increment,
    title varchar(100) not null,
    project_id int(11) not null,
    position int(11) not null,
    hidden tinyint(1) not null default 0,
    `type` varchar(20) not null default '',
    filter varchar(1000),
    sort_column varchar(100),
    sort_reverse tinyint(1) not null default 0,
    primary key (id),
    key project_id (project_id),
    constraint project__view_ibfk_1 foreign key (project_id) references project (id) on delete cascade
);
create table if not exists `role` (
    slug varchar(100) not null,
    `name` varchar(100) not null,
    permissions bigint(20) not null default 0,
    project_id int(11),
    primary key (slug),
    key project_id (project_id),
    constraint role_ibfk_1 foreign key (project_id) references project (id) on delete cascade
);
create table if not exists runner (
    id int(11) not null auto_increment,
    project_id int(11),
    token varchar(255) not null,
    webhook varchar(1000) not null default '',
    max_parallel_tasks int(11) not null default 0,
    `name` varchar(100) not null default '',
    active tinyint(1) not null default 1,
    public_key text,
    tag varchar(200) not null default '',
    touched datetime,
    cleaning_requested datetime,
    primary key (id),
    key project_id (project_id),
    constraint runner_ibfk_1 foreign key (project_id) references project (id) on delete cascade
);
create table if not exists project__integration_alias (
    id int(11) not null auto_increment,
    alias varchar(50) not null,
    project_id int(11) not null,
    integration_id int(11),
    primary key (id),
    unique key alias (alias),
    key project_id (project_id),
    key integration_id (integration_id),
    constraint project__integration_alias_ibfk_1 foreign key (project_id) references project (id) on delete cascade
);
create table if not exists project__integration_extract_value (
    id int(11) not null auto_increment,
    `name` varchar(255) not null,
    integration_id int(11) not null,
    value_source varchar(255) not null,
    body_data_type varchar(255),
    `key` varchar(255),
    variable varchar(255),
    variable_type varchar(255),
    primary key (id),
    key integration_id (integration_id)
);
create table if not exists project__integration_matcher (
    id int(11) not null auto_increment,
    `name` varchar(255) not null,
    integration_id int(11) not null,
    match_type varchar(255),
    method varchar(255),
    body_data_type varchar(255),
    `key` varchar(510),
    `value` varchar(510),
    primary key (id),
    key integration_id (integration_id)
);
create table if not exists project__inventory (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    `type` varchar(255) not null,
    inventory longtext not null,
    ssh_key_id int(11),
    `name` varchar(255),
    become_key_id int(11),
    template_id int(11),
    repository_id int(11),
    runner_tag varchar(255),
    primary key (id),
    key project_id (project_id),
    key ssh_key_id (ssh_key_id),
    key become_key_id (become_key_id),
    key holder_id (template_id),
    key repository_id (repository_id),
    constraint project__inventory_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__inventory_ibfk_3 foreign key (ssh_key_id) references access_key (id),
    constraint project__inventory_ibfk_4 foreign key (become_key_id) references access_key (id),
    constraint project__inventory_ibfk_6 foreign key (repository_id) references project__repository (id) on delete set null
);
create table if not exists project__task_params (
    id int(11) not null auto_increment,
    environment text,
    project_id int(11) not null,
    arguments text,
    inventory_id int(11),
    git_branch varchar(255),
    params text,
    version varchar(20),
    message varchar(250),
    primary key (id),
    key project_id (project_id),
    key inventory_id (inventory_id),
    constraint project__task_params_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__task_params_ibfk_2 foreign key (inventory_id) references project__inventory (id) on delete cascade
);
create table if not exists project__template (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    inventory_id int(11),
    repository_id int(11) not null,
    environment_id int(11),
    playbook varchar(255) not null,
    arguments text,
    `name` varchar(100) not null,
    description longtext,
    `type` varchar(10) not null default '',
    start_version varchar(20),
    build_template_id int(11),
    view_id int(11),
    survey_vars longtext,
    autorun tinyint(1) default 0,
    allow_override_args_in_task tinyint(1) not null default 0,
    suppress_success_alerts tinyint(1) not null default 0,
    app varchar(50) not null,
    tasks int(11) not null default 0,
    git_branch varchar(255),
    task_params text,
    runner_tag varchar(50),
    allow_override_branch_in_task tinyint(1) not null default 0,
    allow_parallel_tasks tinyint(1) not null default 0,
    primary key (id),
    key project_id (project_id),
    key inventory_id (inventory_id),
    key repository_id (repository_id),
    key environment_id (environment_id),
    key build_template_id (build_template_id),
    key view_id (view_id),
    constraint project__template_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__template_ibfk_3 foreign key (inventory_id) references project__inventory (id),
    constraint project__template_ibfk_4 foreign key (repository_id) references project__repository (id),
    constraint project__template_ibfk_5 foreign key (environment_id) references project__environment (id),
    constraint project__template_ibfk_7 foreign key (build_template_id) references project__template (id),
    constraint project__template_ibfk_8 foreign key (view_id) references project__view (id) on delete set null
);
create table if not exists project__integration (
    id int(11) not null auto_increment,
    `name` varchar(255) not null,
    project_id int(11) not null,
    template_id int(11) not null,
    auth_method varchar(15) not null default 'none',
    auth_secret_id int(11),
    auth_header varchar(255),
    searchable tinyint(1) not null default 0,
    task_params_id int(11),
    primary key (id),
    key project_id (project_id),
    key template_id (template_id),
    key auth_secret_id (auth_secret_id),
    key task_params_id (task_params_id),
    constraint project__integration_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__integration_ibfk_2 foreign key (template_id) references project__template (id) on delete cascade,
    constraint project__integration_ibfk_3 foreign key (auth_secret_id) references access_key (id) on delete set null,
    constraint project__integration_ibfk_4 foreign key (task_params_id) references project__task_params (id)
);
create table if not exists project__schedule (
    id int(11) not null auto_increment,
    template_id int(11) not null,
    project_id int(11) not null,
    cron_format varchar(255) not null,
    repository_id int(11),
    last_commit_hash varchar(64),
    `name` varchar(100) not null default '',
    active tinyint(1) not null default 1,
    task_params_id int(11),
    run_at datetime,
    `type` varchar(20) not null default '',
    delete_after_run tinyint(1) not null default 0,
    primary key (id),
    key template_id (template_id),
    key project_id (project_id),
    key repository_id (repository_id),
    key task_params_id (task_params_id),
    constraint project__schedule_ibfk_1 foreign key (template_id) references project__template (id) on delete cascade,
    constraint project__schedule_ibfk_2 foreign key (project_id) references project (id) on delete cascade,
    constraint project__schedule_ibfk_3 foreign key (repository_id) references project__repository (id),
    constraint project__schedule_ibfk_4 foreign key (task_params_id) references project__task_params (id)
);
create table if not exists project__template_role (
    id int(11) not null auto_increment,
    template_id int(11) not null,
    role_slug varchar(100) not null,
    project_id int(11) not null,
    permissions bigint(20) not null default 0,
    primary key (id),
    unique key template_id (template_id,role_slug),
    key role_slug (role_slug),
    key project_id (project_id),
    constraint project__template_role_ibfk_1 foreign key (template_id) references project__template (id) on delete cascade,
    constraint project__template_role_ibfk_2 foreign key (role_slug) references `role` (slug) on delete cascade,
    constraint project__template_role_ibfk_3 foreign key (project_id) references project (id) on delete cascade
);
create table if not exists project__template_vault (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    template_id int(11) not null,
    vault_key_id int(11),
    `name` varchar(255),
    `type` varchar(20) not null default 'password',
    script text,
    primary key (id),
    unique key template_id (template_id,vault_key_id,`name`),
    key project_id (project_id),
    key vault_key_id (vault_key_id),
    constraint project__template_vault_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__template_vault_ibfk_2 foreign key (template_id) references project__template (id) on delete cascade,
    constraint project__template_vault_ibfk_3 foreign key (vault_key_id) references access_key (id) on delete cascade
);
create table if not exists project__terraform_inventory_alias (
    alias varchar(100) not null,
    project_id int(11) not null,
    inventory_id int(11) not null,
    auth_key_id int(11) not null,
    primary key (alias),
    key project_id (project_id),
    key inventory_id (inventory_id),
    key auth_key_id (auth_key_id),
    constraint project__terraform_inventory_alias_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint project__terraform_inventory_alias_ibfk_2 foreign key (inventory_id) references project__inventory (id) on delete cascade,
    constraint project__terraform_inventory_alias_ibfk_3 foreign key (auth_key_id) references access_key (id)
);
create table if not exists task (
    id int(11) not null auto_increment,
    template_id int(11) not null,
    status varchar(255) not null,
    playbook varchar(255) not null,
    environment longtext,
    created datetime,
    `start` datetime,
    `end` datetime,
    user_id int(11),
    project_id int(11),
    message varchar(250) not null default '',
    version varchar(20),
    commit_hash varchar(64),
    commit_message varchar(100) not null default '',
    build_task_id int(11),
    arguments text,
    inventory_id int(11),
    integration_id int(11),
    schedule_id int(11),
    git_branch varchar(255),
    params text,
    primary key (id),
    key template_id (template_id),
    key project_id (project_id),
    key task_build_task_id_fk_y38rt (build_task_id),
    key inventory_id (inventory_id),
    key integration_id (integration_id),
    key schedule_id (schedule_id),
    constraint task_build_task_id_fk_y38rt foreign key (build_task_id) references task (id) on delete set null,
    constraint task_ibfk_1 foreign key (template_id) references project__template (id) on delete cascade,
    constraint task_ibfk_2 foreign key (project_id) references project (id),
    constraint task_ibfk_3 foreign key (inventory_id) references project__inventory (id) on delete set null,
    constraint task_ibfk_4 foreign key (integration_id) references project__integration (id) on delete set null,
    constraint task_ibfk_5 foreign key (schedule_id) references project__schedule (id) on delete set null
);
create table if not exists project__terraform_inventory_state (
    id int(11) not null auto_increment,
    project_id int(11) not null,
    inventory_id int(11) not null,
    state longtext not null,
    created datetime not null,
    task_id int(11),
    primary key (id),
    key task_id (task_id),
    key project_id (project_id),
    key inventory_id (inventory_id),
    constraint project__terraform_inventory_state_ibfk_1 foreign key (task_id) references task (id) on delete set null,
    constraint project__terraform_inventory_state_ibfk_2 foreign key (project_id) references project (id) on delete cascade,
    constraint project__terraform_inventory_state_ibfk_3 foreign key (inventory_id) references project__inventory (id) on delete cascade
);
create table if not exists task__ansible_error (
    id int(11) not null auto_increment,
    task_id int(11) not null,
    project_id int(11) not null,
    task varchar(250) not null,
    error varchar(1000) not null,
    host varchar(250),
    primary key (id),
    key project_id (project_id),
    key task_id (task_id),
    constraint task__ansible_error_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint task__ansible_error_ibfk_2 foreign key (task_id) references task (id) on delete cascade
);
create table if not exists task__ansible_host (
    id int(11) not null auto_increment,
    task_id int(11) not null,
    project_id int(11) not null,
    host varchar(250) not null,
    failed int(11) not null,
    ignored int(11) not null,
    changed int(11) not null,
    ok int(11) not null,
    rescued int(11) not null,
    skipped int(11) not null,
    unreachable int(11) not null,
    primary key (id),
    key project_id (project_id),
    key task_id (task_id),
    constraint task__ansible_host_ibfk_1 foreign key (project_id) references project (id) on delete cascade,
    constraint task__ansible_host_ibfk_2 foreign key (task_id) references task (id) on delete cascade
);
create table if not exists task__stage (
    id int(11) not null auto_increment,
    task_id int(11) not null,
    `start` datetime,
    `end` datetime,
    `type` varchar(100),
    primary key (id),
    key task_id (task_id),
    constraint task__stage_ibfk_1 foreign key (task_id) references task (id) on delete cascade
);
create table if not exists task__output (
    id bigint(20) not null auto_increment,
    task_id int(11) not null,
    `time` datetime not null,
    output longtext not null,
    stage_id int(11),
    primary key (id),
    key task_id (task_id),
    key task__output_time_idx (`time`),
    key stage_id (stage_id),
    constraint task__output_ibfk_1 foreign key (task_id) references task (id) on delete cascade,
    constraint task__output_ibfk_2 foreign key (stage_id) references task__stage (id)
);
create table if not exists task__stage_result (
    id int(11) not null auto_increment,
    task_id int(11) not null,
    stage_id int(11) not null,
    json text,
    primary key (id),
    key task_id (task_id),
    key stage_id (stage_id),
    constraint task__stage_result_ibfk_1 foreign key (task_id) references task (id) on delete cascade,
    constraint task__stage_result_ibfk_2 foreign key (stage_id) references task__stage (id) on delete cascade
);
alter table event add constraint event_ibfk_1 foreign key (project_id) references project (id) on delete cascade;
alter table project add constraint project_ibfk_1 foreign key (default_secret_storage_id) references project__secret_storage (id);
alter table project__integration_alias add constraint project__integration_alias_ibfk_2 foreign key (integration_id) references project__integration (id) on delete cascade;
alter table project__integration_extract_value add constraint project__integration_extract_value_ibfk_1 foreign key (integration_id) references project__integration (id) on delete cascade;
alter table project__integration_matcher add constraint project__integration_matcher_ibfk_1 foreign key (integration_id) references project__integration (id) on delete cascade;
alter table project__inventory add constraint project__inventory_ibfk_5 foreign key (template_id) references project__template (id) on delete set null;
