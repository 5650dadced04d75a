alter table project__schedule add run_at datetime null;
alter table project__schedule add type varchar(20) not null default '';
alter table project__schedule add delete_after_run boolean not null default false;
