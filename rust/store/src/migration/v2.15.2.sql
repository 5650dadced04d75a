create table user__email_otp (
    id integer primary key autoincrement,
    user_id int not null,
    code varchar(250) not null,
    created datetime not null,
    unique (code),
    foreign key (user_id) references `user`(id) on delete cascade
);
