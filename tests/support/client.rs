//! An API client as a browser is one: JSON over HTTP with the session cookie of its login.

use std::{sync::Mutex, time::Duration};

use serde_json::{Value, json};
use ureq::{Agent, Body, http};

use crate::wait_until;

/// Somebody who talks to the server; logged in or not.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    cookie: Mutex<Option<String>>,
}

/// One answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub request: String,
    /// HTTP status.
    pub status: u16,
    /// Content type, if there was one.
    pub content_type: Option<String>,
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Answer {
    /// The same answer if it has this status; panics with the body otherwise.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "often only the check is wanted")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.request, self.body);
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.request, self.body))
    }

    /// The `id` of the object in the body.
    #[track_caller]
    pub fn id(&self) -> i64 {
        self.json()["id"].as_i64().unwrap_or_else(|| panic!("{}: no id in {}", self.request, self.body))
    }
}

impl Client {
    /// A client without a session for `http://127.0.0.1:<port>`.
    pub fn new(port: u16) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .proxy(None)
            .timeout_global(Some(Duration::from_mins(1)))
            .build()
            .into();
        Self { agent, base: format!("http://127.0.0.1:{port}"), cookie: Mutex::new(None) }
    }

    /// Logs in with a password and keeps the cookie.
    #[track_caller]
    pub fn login(&self, login: &str, password: &str) {
        self.post("/api/auth/login", &json!({"auth": login, "password": password})).expect(204);
        assert!(self.cookie().is_some(), "the login gave no cookie");
    }

    /// The cookie header that the next request carries.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.lock().unwrap().clone()
    }

    /// Sends one request; `body` goes out as it is, with content type JSON.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: Option<&str>) -> Answer {
        self.send_with(method, path, body, &[])
    }

    /// Sends one request with more headers; one of them may be a cookie or a bearer token of somebody else.
    #[track_caller]
    pub fn send_with(&self, method: &str, path: &str, body: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        let request = format!("{method} {path}");
        let mut builder = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Accept", "application/json");
        if let Some(cookie) = self.cookie() {
            builder = builder.header("Cookie", cookie);
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let answer = match body {
            Some(body) => {
                self.agent.run(builder.header("Content-Type", "application/json").body(body.to_owned()).unwrap())
            }
            None if matches!(method, "POST" | "PUT") => self.agent.run(builder.body(String::new()).unwrap()),
            None => self.agent.run(builder.body(()).unwrap()),
        };
        self.read(request, answer)
    }

    #[track_caller]
    fn read(&self, request: String, answer: Result<http::Response<Body>, ureq::Error>) -> Answer {
        let mut answer = answer.unwrap_or_else(|e| panic!("{request}: {e}"));
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap_or_default().to_owned();
            let is_empty = pair.split_once('=').is_none_or(|(_, value)| value.is_empty());
            *self.cookie.lock().unwrap() = if is_empty { None } else { Some(pair) };
        }
        let content_type = answer.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
        let bytes =
            answer.body_mut().with_config().limit(256 << 20).read_to_vec().unwrap_or_else(|e| panic!("{request}: {e}"));
        Answer {
            request,
            status: answer.status().as_u16(),
            content_type,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None)
    }

    /// POST of a JSON body.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(&body.to_string()))
    }

    /// PUT of a JSON body.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, Some(&body.to_string()))
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None)
    }

    /// Waits until the task has ended (its `end` is set) and returns it.
    #[track_caller]
    pub fn wait_for_end(&self, project: i64, task: i64) -> Value {
        wait_until(&format!("task {task} ends"), Duration::from_mins(2), || {
            let row = self.get(&format!("/api/project/{project}/tasks/{task}")).expect(200).json();
            (!row["end"].is_null()).then_some(row)
        })
    }

    /// Waits until the task has one of the statuses and returns it.
    #[track_caller]
    pub fn wait_for_status(&self, project: i64, task: i64, statuses: &[&str]) -> Value {
        wait_until(&format!("task {task} becomes {statuses:?}"), Duration::from_mins(1), || {
            let row = self.get(&format!("/api/project/{project}/tasks/{task}")).expect(200).json();
            statuses.contains(&row["status"].as_str().unwrap_or_default()).then_some(row)
        })
    }

    /// The stored output lines of a task, in the order in which the API gives them.
    #[track_caller]
    pub fn output(&self, project: i64, task: i64) -> Vec<String> {
        let rows = self.get(&format!("/api/project/{project}/tasks/{task}/output")).expect(200).json();
        rows.as_array().expect("an array").iter().map(|r| r["output"].as_str().expect("text").to_owned()).collect()
    }
}
