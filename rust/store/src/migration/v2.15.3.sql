create table task__ansible_error (
    id integer primary key autoincrement,
    task_id int not null,
    project_id int not null,
    task varchar(250) not null,
    error varchar(1000) not null,
    foreign key (project_id) references project(id) on delete cascade,
    foreign key (task_id) references task(id) on delete cascade
);

create table task__ansible_host (
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
);
