alter table project__view add hidden boolean not null default false;
alter table project__view add type varchar(20) not null default '';
alter table project__view add filter varchar(1000);
alter table project__view add sort_column varchar(100);
alter table project__view add sort_reverse boolean not null default false;

-- Every project gets a view of all its templates.
insert into project__view (project_id, title, position, hidden, type)
    select id, 'All', -1, false, 'all' from project
    where id not in (select project_id from project__view where type = 'all');
