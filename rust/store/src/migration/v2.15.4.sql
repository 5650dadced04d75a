alter table task__ansible_error add host varchar(250);
