//! Alerts about real tasks: what comes to a mail server and to the six chats, against what the Go server sent; when nothing
//! comes; and what a crash of the server means for them.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use semaphore_test_machine::{
    hook::Hooks,
    smtp::{Kind, MailServer},
};
use semaphore_tests::{Client, Project, Server, git_repository, mail_options, wait_until};
use serde_json::{Value, json};

/// Recorded from the Go server.
const RECORDED: &str = include_str!("../conformance/fixtures/alerts.json");

/// The chats, with where their messages are posted to.
const CHATS: [(&str, &str); 6] = [
    ("telegram", "/bot"),
    ("slack", "/slack"),
    ("rocketchat", "/rocketchat"),
    ("microsoft_teams", "/teams"),
    ("dingtalk", "/dingtalk"),
    ("gotify", "/gotify"),
];

/// The configuration of the recording, with our receiver in the place of its.
fn chats(hooks: &Hooks) -> Value {
    let at = |path: &str| format!("{}{path}", hooks.address());
    json!({
        "telegram_alert": true, "telegram_token": "123:abc", "telegram_chat": "chat1", "telegram_url": at(""),
        "slack_alert": true, "slack_url": at("/slack"), "rocketchat_alert": true, "rocketchat_url": at("/rocketchat"),
        "microsoft_teams_alert": true, "microsoft_teams_url": at("/teams"), "dingtalk_alert": true,
        "dingtalk_url": at("/dingtalk"), "gotify_alert": true, "gotify_url": at("/gotify"), "gotify_token": "gtoken",
    })
}

/// A project with alerts on, and the administrator Ann Admin, who wants them.
fn scene(server: &Server) -> (Client, Project) {
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("good.sh", "echo fine\n"), ("bad.sh", "exit 3\n")]);
    let admin = server.admin();
    let mut user = admin.get("/api/user").expect(200).json();
    (user["name"], user["alert"]) = (json!("Ann Admin"), json!(true));
    admin.put(&format!("/api/users/{}", user["id"]), &user).expect(204);
    let project = Project::create(&admin, repository.to_str().unwrap());
    set_project(&admin, &project, &json!({"alert": true}));
    (admin, project)
}

fn set_project(admin: &Client, project: &Project, fields: &Value) {
    let mut body = admin.get(&format!("/api/project/{}", project.id)).expect(200).json();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    admin.put(&format!("/api/project/{}", project.id), &body).expect(204);
}

/// A template of this name; its id.
fn template(admin: &Client, project: &Project, name: &str, script: &str, fields: &Value) -> i64 {
    let mut body = project.template_body("bash", script);
    body["name"] = name.into();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id()
}

/// Runs a task of the template to its end; its id.
fn run(admin: &Client, project: &Project, template: i64, fields: &Value) -> i64 {
    let mut body = json!({"template_id": template});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let task = admin.post(&format!("/api/project/{}/tasks", project.id), &body).expect(201).id();
    admin.wait_for_end(project.id, task);
    task
}

fn alerts(admin: &Client, project: &Project, task: i64) -> Vec<Value> {
    let found = admin.get(&format!("/api/project/{}/tasks/{task}/alerts", project.id)).expect(200).json();
    found.as_array().unwrap().clone()
}

#[test]
fn every_channel_is_told_what_the_go_server_tells_it() {
    let hooks = Hooks::start();
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let mut config = chats(&hooks);
    config["email_alert"] = true.into();
    config["web_host"] = "http://semaphore.test".into();
    let server = Server::with(mail_options(&post, &config));
    let (admin, project) = scene(&server);
    let make = |name: &str, script: &str, fields: Value| template(&admin, &project, name, script, &fields);
    let (broken, good) = (make("Broken", "bad.sh", json!({})), make("Good", "good.sh", json!({})));
    let quiet = make("Quiet", "good.sh", json!({"suppress_success_alerts": true}));
    let build = make("Build", "good.sh", json!({"type": "build", "start_version": "1.0.0"}));
    let deploy = make("Deploy", "good.sh", json!({"type": "deploy", "build_template_id": build}));

    admin.post(&format!("/api/project/{}/notifications/test", project.id), &json!({})).expect(204);
    for (_, path) in CHATS {
        assert_eq!(hooks.posted(path).len(), 1, "the answer comes after the sending");
    }
    // One after another, so that what comes is in a known order.
    run(&admin, &project, broken, &json!({"message": "because"}));
    run(&admin, &project, good, &json!({}));
    run(&admin, &project, quiet, &json!({}));
    let built = run(&admin, &project, build, &json!({}));
    let last = run(&admin, &project, deploy, &json!({"build_task_id": built}));

    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    for (channel, path) in CHATS {
        let came = hooks.wait_for(path, 5);
        let cases = ["test", "failed", "succeeded", "built", "deployed"];
        assert_eq!(came.len(), cases.len(), "{channel}");
        for (posted, case) in came.iter().zip(cases) {
            let expected = &recorded[case][channel];
            assert_eq!(posted.content_type, "application/json");
            assert_eq!(posted.path, expected["path"].as_str().unwrap(), "{channel}");
            assert_eq!(posted.body, expected["body"], "{case} by {channel}");
        }
    }
    for (number, case) in ["test", "failed"].into_iter().enumerate() {
        let (mail, expected) = (post.message(number), &recorded[case]["email"]);
        assert_eq!((&mail["subject"], &mail["text"]), (&expected["subject"], &Value::Null));
        let page = mail["html"].as_str().unwrap().replace("\r\n", "\n");
        assert_eq!(page.trim_end(), expected["html"].as_str().unwrap().trim_end());
    }
    wait_until("the last ones are written down", Duration::from_secs(10), || {
        let alerts = alerts(&admin, &project, last);
        (alerts.len() == 6 && alerts.iter().all(|alert| alert["sent"].is_string())).then_some(())
    });
    assert_eq!(post.count(), 2, "a success is told nobody by mail");
    let log = server.log();
    assert!(!log.contains("123:abc") && !log.contains("gtoken"), "{log}");
}

#[test]
fn switches_of_project_and_people_decide_and_names_stay_text() {
    let hooks = Hooks::start();
    let Some(post) = MailServer::start(Kind::Plain) else { return };
    let mut config = chats(&hooks);
    config["email_alert"] = true.into();
    let server = Server::with(mail_options(&post, &config));
    let (admin, project) = scene(&server);
    // Two more: a member who wants mail, and somebody who is no member.
    for (login, is_member) in [("bob", true), ("carol", false)] {
        let body = json!({"username": login, "name": login, "email": format!("{login}@example.com"), "password": "a password of theirs",
            "alert": true});
        let id = admin.post("/api/users", &body).expect(201).id();
        if is_member {
            let member = json!({"user_id": id, "role": "guest"});
            admin.post(&format!("/api/project/{}/users", project.id), &member).expect(204);
        }
    }
    let name = "a \"quoted\" <b>name</b> & co";
    let broken = template(&admin, &project, name, "bad.sh", &json!({}));

    set_project(&admin, &project, &json!({"alert": false}));
    run(&admin, &project, broken, &json!({}));
    admin.post(&format!("/api/project/{}/notifications/test", project.id), &json!({})).expect(409);
    set_project(&admin, &project, &json!({"alert": true, "alert_chat": "of project"}));
    let second = run(&admin, &project, broken, &json!({}));

    let told = hooks.wait_for("/bot", 1);
    assert_eq!(told[0].body["chat_id"], "of project");
    let text = told[0].body["text"].as_str().unwrap();
    assert!(text.contains("<code>a &quot;quoted&quot; &lt;b&gt;name&lt;/b&gt; &amp; co</code>"), "{text}");
    assert!(text.contains(&format!("#{second} ")), "nothing is told where the project has alerts off: {text}");
    assert_eq!(hooks.wait_for("/slack", 1)[0].body["attachments"][0]["title"], format!("Task: {name}"));
    let mut receivers: Vec<_> = (0..2).map(|number| post.message(number)["to"].as_str().unwrap().to_owned()).collect();
    receivers.sort();
    let own = admin.get("/api/user").expect(200).json()["email"].as_str().unwrap().to_owned();
    let mut expected = [own, "bob@example.com".to_owned()];
    expected.sort();
    assert_eq!(receivers, expected);
    assert!(post.message(0)["html"].as_str().unwrap().contains("&lt;b&gt;name&lt;/b&gt;"));
}

#[test]
fn what_was_not_taken_is_told_once_after_a_crash_and_what_was_is_not_told_again() {
    let (hooks, other) = (Hooks::start(), Hooks::start());
    let config = json!({
        "slack_alert": true, "slack_url": format!("{}/slack", hooks.address()),
        "dingtalk_alert": true, "dingtalk_url": format!("{}/dingtalk?access_token=secret-of-a-robot", other.address()),
        "rocketchat_alert": true, "rocketchat_url": format!("{}/rocketchat", other.address()),
    });
    let mut server = Server::with_config(config);
    let (admin, project) = scene(&server);
    let broken = template(&admin, &project, "Broken", "bad.sh", &json!({}));
    hooks.answer(503);
    let task = run(&admin, &project, broken, &json!({}));
    hooks.wait_for("/slack", 1);
    other.wait_for("/dingtalk", 1);
    wait_until("what came of the first attempts is known", Duration::from_secs(20), || {
        let alerts = alerts(&admin, &project, task);
        let is_so = |channel: &str, is_sent: bool| {
            let found = alerts.iter().find(|alert| alert["channel"] == channel).unwrap();
            found["sent"].is_string() == is_sent && (is_sent || found["failure"].is_string())
        };
        (is_so("dingtalk", true) && is_so("slack", false) && is_so("rocketchat", true)).then_some(())
    });
    server.crash();
    // As if the server had died while it sent by Rocket.Chat: claimed, and nothing written down.
    server.change_database(
        "update rs_alert_outbox set sent = null, claimed_by = 'another', claimed_until = '2020-01-01 00:00:00+00:00' \
         where channel = 'rocketchat'",
    );
    let before = hooks.posted("/slack").len();
    hooks.answer(200);
    server.start_again();
    let told = hooks.wait_for("/slack", before + 1);
    assert_eq!(told.last().unwrap().status, 200);
    let admin = server.admin();
    let rows = wait_until("the row is marked as given up", Duration::from_secs(20), || {
        let alerts = alerts(&admin, &project, task);
        let is_done = |alert: &Value| {
            alert["next_attempt"].is_null() && (alert["sent"].is_string() || alert["failure"].is_string())
        };
        alerts.iter().all(is_done).then_some(alerts)
    });
    let of = |channel: &str| rows.iter().find(|alert| alert["channel"] == channel).unwrap();
    assert!(of("rocketchat")["failure"].as_str().unwrap().contains("not sent again"), "{rows:?}");
    assert!(of("slack")["attempts"].as_i64().unwrap() >= 2, "{rows:?}");
    // The same servers once more: nothing is left to tell.
    server.restart();
    let admin = server.admin();
    let again = run(&admin, &project, broken, &json!({}));
    hooks.wait_for("/slack", before + 2);
    assert_eq!(hooks.posted("/slack").iter().filter(|posted| posted.status == 200).count(), 2);
    assert_eq!(other.wait_for("/dingtalk", 2).len(), 2);
    assert_eq!(other.wait_for("/rocketchat", 2).len(), 2);
    assert_eq!(alerts(&admin, &project, again).len(), 3);
    assert!(!server.log().contains("secret-of-a-robot"), "{}", server.log());
}

#[test]
fn rules_of_a_template_take_the_place_of_the_usual_ones() {
    let hooks = Hooks::start();
    let slack = format!("{}/slack", hooks.address());
    let gotify = json!({"gotify_alert": true, "gotify_url": hooks.address(), "gotify_token": "t"});
    let mut config = json!({"slack_alert": true, "slack_url": slack});
    config.as_object_mut().unwrap().extend(gotify.as_object().unwrap().clone());
    let server = Server::with_config(config);
    let (admin, project) = scene(&server);
    let id = template(&admin, &project, "Rules", "good.sh", &json!({}));
    let path = format!("/api/project/{}/templates/{id}", project.id);
    let rules =
        json!({"rules": [{"channel": "gotify", "occasion": "failure"}, {"channel": "slack", "occasion": "recovered"}]});
    admin.put(&format!("{path}/alerts"), &rules).expect(204);
    let turn = |script: &str| {
        let mut body = admin.get(&path).expect(200).json();
        body["playbook"] = script.into();
        admin.put(&path, &body).expect(204);
        let task = run(&admin, &project, id, &json!({}));
        let told = alerts(&admin, &project, task);
        told.iter().map(|alert| alert["channel"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(turn("good.sh"), [""; 0], "it never failed");
    let mut failed = turn("bad.sh");
    failed.sort();
    assert_eq!(failed, ["gotify", "slack"]);
    assert_eq!(turn("good.sh"), ["slack"], "it has recovered");
    assert_eq!(turn("good.sh"), [""; 0], "that was told already");
}

#[test]
fn a_test_says_which_channel_does_not_work() {
    let hooks = Hooks::start();
    hooks.answer(404);
    let config = json!({"slack_alert": true, "slack_url": format!("{}/secret-path", hooks.address())});
    let server = Server::with_config(config);
    let (admin, project) = scene(&server);
    let said = admin.post(&format!("/api/project/{}/notifications/test", project.id), &json!({})).expect(503).json();
    let said = said["error"].as_str().unwrap();
    assert!(said.contains("slack answered 404") && !said.contains("secret-path"), "{said}");
    assert!(!server.log().contains("secret-path"), "{}", server.log());
}

/// A server of this kind takes an alert, once; with other keys than it wants none comes, and why is told without the password.
fn by_mail_server(kind: Kind, wrong: &Value, reason: &str) {
    let Some(post) = MailServer::start(kind) else { return };
    let failed = |over: &Value| {
        let mut config = json!({"email_alert": true});
        config.as_object_mut().unwrap().extend(over.as_object().unwrap().clone());
        let server = Server::with(mail_options(&post, &config));
        let (admin, project) = scene(&server);
        let broken = template(&admin, &project, "Broken", "bad.sh", &json!({}));
        let task = run(&admin, &project, broken, &json!({}));
        let alert = wait_until("the first attempt is written down", Duration::from_secs(40), || {
            let found = alerts(&admin, &project, task);
            let is_known = |alert: &Value| {
                alert["sent"].is_string() || (alert["failure"].is_string() && alert["next_attempt"].is_string())
            };
            found.into_iter().find(is_known)
        });
        (server, alert)
    };
    let (server, alert) = failed(&json!({}));
    assert!(alert["sent"].is_string(), "{kind:?}: {alert} {}", server.log());
    let mail = post.message(0);
    assert_eq!((&mail["encrypted"], &mail["who"]), (&json!(true), &json!(semaphore_test_machine::smtp::USERNAME)));
    assert!(!server.log().contains(semaphore_test_machine::smtp::PASSWORD), "{}", server.log());

    let (server, alert) = failed(wrong);
    let told = alert["failure"].as_str().unwrap_or_default();
    assert!(alert["sent"].is_null() && told.contains(reason), "{kind:?} with {wrong}: {alert}");
    let log = server.log();
    assert!(log.contains("alert not sent; again in"), "{log}");
    for text in [semaphore_test_machine::smtp::PASSWORD, "a wrong password for mail"] {
        assert!(!log.contains(text) && !told.contains(text), "{text} is shown: {told} {log}");
    }
    assert_eq!(post.count(), 1, "{kind:?} with {wrong}");
}

#[test]
fn a_mail_server_that_turns_to_tls_takes_alerts_from_who_logs_in() {
    by_mail_server(Kind::StartTls, &json!({"email_password": "a wrong password for mail"}), "did not take the message");
}

#[test]
fn a_mail_server_that_begins_with_tls_takes_alerts_from_who_logs_in() {
    by_mail_server(Kind::Tls, &json!({"email_tls": false}), "does not answer as expected");
}

#[test]
fn a_mail_server_that_wants_a_log_in_takes_nothing_without_encryption() {
    by_mail_server(Kind::StartTls, &json!({"email_secure": false}), "did not take the message");
}

#[test]
fn what_a_mail_server_refuses_for_good_is_not_tried_again() {
    let Some(post) = MailServer::start(Kind::StartTls) else { return };
    let server = Server::with(mail_options(&post, &json!({"email_alert": true})));
    let (admin, project) = scene(&server);
    let mut user = admin.get("/api/user").expect(200).json();
    user["email"] = "nobody@refused.test".into();
    admin.put(&format!("/api/users/{}", user["id"]), &user).expect(204);
    let broken = template(&admin, &project, "Broken", "bad.sh", &json!({}));
    let task = run(&admin, &project, broken, &json!({}));
    let alert = wait_until("it is given up", Duration::from_secs(40), || {
        alerts(&admin, &project, task).into_iter().find(|alert| alert["failure"].is_string())
    });
    assert_eq!((&alert["attempts"], &alert["next_attempt"], &alert["sent"]), (&json!(1), &Value::Null, &Value::Null));
    let failure = alert["failure"].as_str().unwrap().to_lowercase();
    assert!(failure.contains("<the receiver>: nobody of that name") && !failure.contains("refused.test"), "{alert}");
    assert_eq!(post.count(), 0);
}

/// A mail server that takes one message and goes without a word; answers its port. What it was sent comes through the channel.
fn leaving_mail_server() -> (u16, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let mut say = |text: &str| connection.write_all(format!("{text}\r\n").as_bytes()).unwrap();
            say("220 here");
            while let Some(Ok(line)) = lines.next() {
                if line != "DATA" {
                    say("250 good");
                    continue;
                }
                say("354 go on");
                let message: Vec<_> = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                let _ = sender.send(message.join("\n"));
                break;
            }
        }
    });
    (port, receiver)
}

#[test]
fn what_a_mail_server_may_have_taken_is_not_sent_again() {
    let (port, taken) = leaving_mail_server();
    let server =
        Server::with_config(json!({"email_alert": true, "email_host": "127.0.0.1", "email_port": port.to_string(),
        "email_sender": "from@example.test"}));
    let (admin, project) = scene(&server);
    let broken = template(&admin, &project, "Broken", "bad.sh", &json!({}));
    let task = run(&admin, &project, broken, &json!({}));
    let message = taken.recv_timeout(Duration::from_secs(20)).expect("it is sent");
    assert!(message.contains("From: from@example.test"), "{message}");
    let alert = wait_until("it is given up", Duration::from_secs(40), || {
        alerts(&admin, &project, task).into_iter().find(|alert| alert["failure"].is_string())
    });
    assert_eq!((&alert["attempts"], &alert["next_attempt"], &alert["sent"]), (&json!(1), &Value::Null, &Value::Null));
    let told = alert["failure"].as_str().unwrap();
    assert!(told.contains("broke while it took the message") && told.contains("not sent again"), "{told}");
}
