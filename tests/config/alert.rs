//! The keys of alerts: each seen by what comes to a receiver of webhooks when a project's alerts are tested.

use semaphore_test_machine::{
    hook::{Hooks, Posted},
    smtp::{Kind, MailServer},
};
use semaphore_tests::{Server, mail_options};
use serde_json::{Value, json};

/// Tests the alerts of a project at a server with these keys; the status of the answer.
fn tested(config: Value) -> u16 {
    tested_at(&Server::with_config(config))
}

fn tested_at(server: &Server) -> u16 {
    let admin = server.admin();
    let mut user = admin.get("/api/user").expect(200).json();
    user["alert"] = true.into();
    admin.put(&format!("/api/users/{}", user["id"]), &user).expect(204);
    let project = admin.post("/api/projects", &json!({"name": "p", "alert": true})).expect(201).id();
    admin.post(&format!("/api/project/{project}/notifications/test"), &json!({})).status
}

/// What comes with these keys; `{}` in them is the receiver's address.
fn posted(keys: &Value) -> Vec<Posted> {
    let hooks = Hooks::start();
    let keys = keys.to_string().replace("{}", &hooks.address());
    assert_eq!(tested(serde_json::from_str(&keys).unwrap()), 204);
    hooks.posted("/")
}

/// A message comes to this path with the keys, and none without the one that turns the channel on.
fn turns_on(switch: &str, keys: &Value, path: &str) -> Posted {
    let mut off = keys.clone();
    off[switch] = false.into();
    assert!(posted(&off).is_empty(), "{switch} is off");
    let mut came = posted(keys);
    assert_eq!((came.len(), came[0].path.as_str()), (1, path));
    came.remove(0)
}

/// Without this key the channel has no address: nothing comes, and the log says what is missing.
fn is_needed(switch: &'static str, key: &'static str) {
    let server = Server::with_config(json!({switch: true}));
    assert_eq!(tested_at(&server), 204);
    assert!(server.log().contains(&format!("{switch} without {key}")), "{}", server.log());
}

fn telegram() -> Value {
    json!({"telegram_alert": true, "telegram_url": "{}/", "telegram_token": "1:a", "telegram_chat": "chat"})
}

fn gotify() -> Value {
    json!({"gotify_alert": true, "gotify_url": "{}/sub/", "gotify_token": "token"})
}

pub(crate) fn email() {
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    for (is_on, count) in [(false, 0), (true, 1)] {
        let server = Server::with(mail_options(&post, &json!({"email_alert": is_on})));
        assert_eq!((tested_at(&server), post.count()), (204, count));
    }
    is_needed("email_alert", "email_host");
}

pub(crate) fn telegram_alert() {
    turns_on("telegram_alert", &telegram(), "/bot1:a/sendMessage");
}

pub(crate) fn telegram_chat() {
    assert_eq!(posted(&telegram())[0].body["chat_id"], "chat");
    let mut keys = telegram();
    keys["telegram_chat"] = Value::Null;
    assert!(posted(&keys).is_empty(), "there is no chat to send to");
}

pub(crate) fn telegram_token() {
    let mut keys = telegram();
    keys["telegram_token"] = "2:b".into();
    assert_eq!(posted(&keys)[0].path, "/bot2:b/sendMessage");
    is_needed("telegram_alert", "telegram_token");
}

pub(crate) fn telegram_url() {
    let mut keys = telegram();
    keys["telegram_url"] = "{}/of/ours".into();
    assert_eq!(posted(&keys)[0].path, "/of/ours/bot1:a/sendMessage");
}

pub(crate) fn slack_alert() {
    let told = turns_on("slack_alert", &json!({"slack_alert": true, "slack_url": "{}/slack"}), "/slack");
    assert!(told.body["attachments"][0]["mrkdwn_in"].is_array());
}

pub(crate) fn slack_url() {
    assert_eq!(posted(&json!({"slack_alert": true, "slack_url": "{}/another?x=1"}))[0].path, "/another?x=1");
    is_needed("slack_alert", "slack_url");
    assert_eq!(tested(json!({"slack_alert": true, "slack_url": "http://127.0.0.1:1/"})), 503);
}

pub(crate) fn rocketchat_alert() {
    let keys = json!({"rocketchat_alert": true, "rocketchat_url": "{}/rocket"});
    assert!(turns_on("rocketchat_alert", &keys, "/rocket").body["text"].is_string());
}

pub(crate) fn rocketchat_url() {
    assert_eq!(posted(&json!({"rocketchat_alert": true, "rocketchat_url": "{}/another"}))[0].path, "/another");
    is_needed("rocketchat_alert", "rocketchat_url");
}

pub(crate) fn microsoft_teams_alert() {
    let keys = json!({"microsoft_teams_alert": true, "microsoft_teams_url": "{}/teams"});
    assert_eq!(turns_on("microsoft_teams_alert", &keys, "/teams").body["type"], "message");
}

pub(crate) fn microsoft_teams_url() {
    let keys = json!({"microsoft_teams_alert": true, "microsoft_teams_url": "{}/another"});
    assert_eq!(posted(&keys)[0].path, "/another");
    is_needed("microsoft_teams_alert", "microsoft_teams_url");
}

pub(crate) fn dingtalk_alert() {
    let keys = json!({"dingtalk_alert": true, "dingtalk_url": "{}/ding"});
    assert_eq!(turns_on("dingtalk_alert", &keys, "/ding").body["msgtype"], "markdown");
}

pub(crate) fn dingtalk_url() {
    assert_eq!(posted(&json!({"dingtalk_alert": true, "dingtalk_url": "{}/another"}))[0].path, "/another");
    is_needed("dingtalk_alert", "dingtalk_url");
}

pub(crate) fn gotify_alert() {
    let told = turns_on("gotify_alert", &gotify(), "/sub/message?token=token");
    assert!(told.body["extras"].is_object());
}

pub(crate) fn gotify_url() {
    let mut keys = gotify();
    keys["gotify_url"] = "{}".into();
    assert_eq!(posted(&keys)[0].path, "/message?token=token");
    is_needed("gotify_alert", "gotify_url");
}

pub(crate) fn gotify_token() {
    let mut keys = gotify();
    keys["gotify_token"] = "another".into();
    assert_eq!(posted(&keys)[0].path, "/sub/message?token=another");
}
