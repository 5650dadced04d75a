//! What types do not say about a route, one entry a handler: parameters of the query, statuses of its own, answers of any
//! shape.
//!
//! Not for what a type says: that would be said twice and could drift. Invariants, checked by the tests of [`super`]: each
//! entry names a handler of the routing table; a handler that reads the query or answers anything has an entry that says what.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use semaphore_model::remote::RunnerState;
use semaphore_model::{JobStage, Project, TaskOutput, TaskStage};

use Content::{Empty, Events, Media, Shape};

use super::describe::schema_of;
use crate::http::handlers::diagnostics::Health;

/// The values that a parameter of the query takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values {
    /// Any text.
    Text,
    /// A whole number.
    Number,
    /// One of these; anything else is as if it were absent.
    OneOf(&'static [&'static str]),
}

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    pub name: &'static str,
    pub values: Values,
    pub required: bool,
    pub about: &'static str,
}

/// What an answer consists of.
#[derive(Clone, Copy)]
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// This media type.
    Media(&'static str),
    /// Server-sent events; the schema is that of one event.
    Events,
    /// JSON.
    Shape(fn(&mut SchemaGenerator) -> Schema),
}

/// An entry.
#[derive(Clone, Copy)]
pub(super) struct Note {
    pub handler: &'static str,
    pub about: &'static str,
    pub query: &'static [Query],
    /// Answers; they replace what the type says, if there are any.
    pub answers: &'static [(u16, Content)],
    /// Refusals besides those that follow from the types.
    pub refusals: &'static [u16],
}

const fn on(handler: &'static str) -> Note {
    Note { handler, about: "", query: &[], answers: &[], refusals: &[] }
}

impl Note {
    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn query(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    const fn answers(self, answers: &'static [(u16, Content)]) -> Self {
        Self { answers, ..self }
    }

    const fn refusals(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}

const fn text(name: &'static str, about: &'static str) -> Query {
    Query { name, values: Values::Text, required: false, about }
}

const fn number(name: &'static str, about: &'static str) -> Query {
    Query { name, values: Values::Number, required: false, about }
}

const fn one_of(name: &'static str, values: &'static [&'static str], about: &'static str) -> Query {
    Query { name, values: Values::OneOf(values), required: false, about }
}

const fn flag(name: &'static str, about: &'static str) -> Query {
    one_of(name, &["true"], about)
}

const SORT: Query = text("sort", "Column to sort by, for example `name`.");
const ORDER: Query = one_of("order", &["asc", "desc"], "Direction of the sorting; `asc` if absent.");
const SORTED: &[Query] = &[SORT, ORDER];
const APP: Query = text("app", "Only what this app can use, for example `ansible` or `terraform`.");
const LAST: &[Query] = &[number("limit", "How many, from 1 to 200; anything else counts as 200.")];
const STATISTICS: &[Query] = &[
    text("start", "First day, as `2026-11-22`."),
    text("end", "The day after the last one, as `start`: what was made before it counts."),
    text("user_id", "Only tasks that this user started."),
];

/// Statuses of routes that reach the task queue: it is not there while the server starts or is read-only.
const QUEUE: &[u16] = &[503];
/// A log-in that is refused, waits for others, or failed too often.
const SIGN_IN: &[u16] = &[401, 429, 503];

pub(super) static NOTES: &[Note] = &[
    // System
    on("system::ping").answers(&[(200, Media("text/plain"))]),
    on("documentation::get_document")
        .about("This document.")
        .query(&[one_of("version", &["3.0", "3.1"], "Version of OpenAPI: 3.1 if absent, 3.0 for tools that know nothing newer.")])
        .answers(&[(200, Shape(schema_of::<serde_json::Value>))]),
    on("documentation::get_page").about("A page that shows this document.").answers(&[(200, Media("text/html"))]),
    on("documentation::get_page_file").answers(&[(200, Media("text/css")), (200, Media("text/javascript"))]).refusals(&[404]),
    on("metrics::get_metrics")
        .about("Numbers about the server in the format of OpenMetrics.")
        .answers(&[(200, Media("application/openmetrics-text"))])
        .refusals(QUEUE),
    on("diagnostics::is_alive").about("Whether the process answers."),
    on("diagnostics::is_ready")
        .about("Whether the server takes tasks and reaches its database; 503 with the reason if not.")
        .answers(&[(200, Shape(schema_of::<Health>)), (503, Shape(schema_of::<Health>))]),
    on("subscription::no_subscription").about("Always 404: there is no subscription, and nothing is locked.").refusals(&[404]),
    // Log-in
    on("auth::login").answers(&[(204, Empty)]).refusals(SIGN_IN),
    on("auth::login_by_email")
        .about("Sends a code to an address; the session that begins waits for it.")
        .answers(&[(204, Empty)])
        .refusals(&[401, 404, 429, 503]),
    on("auth::resend_email_code")
        .about("Sends the code once more that the session waits for.")
        .answers(&[(204, Empty)])
        .refusals(&[403, 429, 503]),
    on("jwt::get_keys")
        .about("The keys that check the tokens of this server, as a JSON Web Key Set.")
        .answers(&[(200, Shape(schema_of::<serde_json::Value>))]),
    on("auth::logout").answers(&[(204, Empty)]),
    on("auth::verify_session").answers(&[(200, Empty), (204, Empty)]).refusals(SIGN_IN),
    on("auth::recover_session").answers(&[(204, Empty)]).refusals(SIGN_IN),
    on("oidc::oidc_login")
        .about("Sends the browser to the provider, or to the log-in page if that fails.")
        .query(&[
            text("return", "Path of this server where the browser goes after the log-in."),
            text("return_to", "The same under another name."),
        ])
        .answers(&[(307, Empty)]),
    on("oidc::oidc_redirect")
        .about("Where the provider sends the browser back to.")
        .query(&[
            text("state", "What this server gave the browser on its way."),
            text("code", "What the provider lets this server ask with."),
            text("error", "Why the provider refused."),
            text("error_description", "The same in words."),
        ])
        .answers(&[(307, Empty)]),
    // Users
    on("user::get_users").query(&[text("s", "Only users whose login name or name begins so.")]),
    on("second_factor::get_totp_qr").about("The secret of the second factor as a QR code.").answers(&[(200, Media("image/png"))]).refusals(&[404]),
    on("second_factor::disable_totp").refusals(&[404]),
    // Projects
    on("project::get_projects").answers(&[(200, Shape(schema_of::<Vec<Project>>))]),
    on("project::send_test_notification")
        .about("Sends a test through every channel that is on. 409 if the project has alerts off; 503 with the reasons if a channel did not take it.")
        .refusals(&[409, 503]),
    on("alert::set_template_alerts")
        .about("The rules given take the place of all that the template had. A channel without a rule follows the Go server's."),
    on("project::delete_project").refusals(QUEUE),
    on("backup::get_backup")
        .query(&[flag("extended", "Also what the document of the Go server lacks.")])
        .refusals(&[403]),
    on("backup::restore_backup").answers(&[(200, Shape(schema_of::<Project>))]),
    on("member::get_project_users").query(SORTED),
    on("member::add_project_user").refusals(&[409]),
    on("invite::get_invites").query(SORTED),
    on("invite::create_invite").refusals(&[409]),
    on("invite::accept_invite").answers(&[]).refusals(&[403, 404, 409]),
    on("role::get_project_roles").query(&[one_of("mode", &["merge"], "`merge` for the roles of all projects as well.")]),
    // Objects of a project
    on("key::get_keys").query(SORTED),
    on("repository::get_repositories").query(SORTED),
    on("repository::get_repository_branches")
        .query(&[flag("extended", "Whole names; without it only the part behind the last slash.")])
        .answers(&[(200, Shape(schema_of::<Vec<String>>)), (400, Shape(schema_of::<serde_json::Value>))]),
    on("inventory::get_inventories").query(&[
        SORT,
        ORDER,
        APP,
        number("template_id", "Inventories of this template; without it those of no template."),
    ]),
    on("environment::get_environments").query(SORTED),
    on("template::get_templates").query(&[SORT, ORDER, APP]),
    on("view::get_view_templates").query(SORTED),
    on("integration::get_integrations").query(SORTED),
    on("integration_rule::get_values").query(SORTED),
    on("delivery::get_deliveries")
        .about("What came to an integration and what became of it, the newest first.")
        .query(&[
            number("before", "Only deliveries with a smaller id, to go on where a list ended."),
            number("limit", "How many, at most 200; 50 if absent."),
        ])
        .refusals(&[400]),
    on("delivery::get_delivery")
        .about("One of them with what the sender wrote. 409 if that was encrypted with another key than the configured one.")
        .refusals(&[409]),
    on("delivery::replay_delivery")
        .about("Does once more what the integration does with such a request, without asking for a proof, for a caller who may also run its template. Answers the new delivery. 409 for one whose body was not kept.")
        .refusals(&[409, 503]),
    on("schedule::validate_cron").about("Whether a text says when a schedule runs.").answers(&[(200, Empty)]),
    // Tasks
    on("ws::connect")
        .about("The WebSocket with the lines and the statuses of the tasks that the caller may see.")
        .query(&[
            flag("partial", "Also lines that are not finished yet."),
            text("v", "2 for numbered batches that go on where the client stopped; see docs/reference/websocket.md."),
            text("since", "With v=2: which line of which task was the last to be seen."),
        ])
        .answers(&[(101, Empty)])
        .refusals(&[400, 403]),
    on("task::create_task").refusals(&[409, 503]),
    on("task::get_last_tasks").query(LAST),
    on("task::get_last_template_tasks").query(LAST),
    on("task::delete_task").refusals(QUEUE),
    on("task::get_task_output")
        .query(&[
            number("limit", "At most so many lines from the beginning."),
            number("offset", "Without so many lines."),
            number("tail", "So many lines from the end; not together with `limit`."),
            number("since_id", "Only lines behind the one with this id."),
        ])
        .answers(&[(200, Shape(schema_of::<Vec<TaskOutput>>))]),
    on("task_events::get_task_events")
        .about("Lines and statuses as server-sent events, to the final status.")
        .query(&[number("since", "Number of the last line that was seen; Last-Event-ID counts first.")])
        .answers(&[(200, Events), (204, Empty)])
        .refusals(&[400]),
    on("task::get_task_raw_output").answers(&[(200, Media("text/plain"))]),
    on("output::search_task_output").query(&[
        Query { required: true, ..text("q", "The text that is looked for.") },
        flag("ignore_case", "Whether capitals count."),
        number("after_line", "Only behind this line."),
        number("limit", "At most so many lines."),
    ]),
    on("task::get_task_stages")
        .query(&[flag("extended", "What the job did from when to when.")])
        .answers(&[(200, Shape(schema_of::<Stages>))])
        .refusals(QUEUE),
    on("task::get_task_status").about("Why a task is as it is.").refusals(QUEUE),
    on("task::stop_task").refusals(&[409, 503]),
    on("task::stop_template_tasks").refusals(QUEUE),
    on("task::confirm_task").refusals(&[409, 503]),
    on("task::reject_task").refusals(&[409, 503]),
    on("task::get_active_tasks").refusals(QUEUE),
    on("task::stop_active_task").refusals(QUEUE),
    on("task::get_task_stats").query(STATISTICS),
    on("task::get_template_task_stats").query(STATISTICS),
    // Machines
    on("webhook::receive_integration")
        .about("Starts the templates of the integrations behind this address whose rules the request meets; headers name the tasks.")
        .answers(&[(200, Empty), (204, Empty)])
        .refusals(&[404]),
    on("runner_protocol::poll_runner")
        .answers(&[(200, Shape(schema_of::<RunnerState>)), (200, Media("application/octet-stream"))]),
    on("runner_protocol::take_runner_progress").refusals(QUEUE),
    on("terraform_backend::read_state")
        .about("The state; 204 before the first one was written.")
        .answers(&[(200, Shape(schema_of::<serde_json::Value>)), (204, Empty)]),
    on("terraform_backend::write_state")
        .query(&[text("ID", "The caller's lock.")])
        .answers(&[(200, Empty)])
        .refusals(&[409]),
    on("terraform_backend::lock_state").about("423 with what the holder said about itself, if there is another one.").answers(&[(200, Empty), (423, Shape(schema_of::<serde_json::Value>))]),
    on("terraform_backend::unlock_state").answers(&[(200, Empty)]).refusals(&[409]),
    on("terraform_state::get_latest_state").refusals(&[403]),
    on("terraform_state::get_state").refusals(&[403]),
];

/// Stages of a task: with `extended` the second kind.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "it is only looked at as a type")]
enum Stages {
    Results(Vec<TaskStage>),
    Parts(Vec<JobStage>),
}

/// The entry of a handler.
pub(super) fn note(handler: &str) -> Note {
    NOTES.iter().find(|note| note.handler == handler).copied().unwrap_or(on(""))
}
