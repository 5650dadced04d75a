//! Handlers, one file per resource: parse, one service call, shape the answer. Nothing else.

pub(crate) mod app;
pub(crate) mod auth;
pub(crate) mod environment;
pub(crate) mod event;
pub(crate) mod host_keys;
pub(crate) mod inventory;
pub(crate) mod jwt;
pub(crate) mod key;
pub(crate) mod member;
pub(crate) mod oidc;
pub(crate) mod option;
pub(crate) mod project;
pub(crate) mod repository;
pub(crate) mod system;
pub(crate) mod task;
pub(crate) mod template;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod view;
