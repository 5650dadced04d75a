//! Writes the description of all routes as an OpenAPI document.

use std::collections::HashSet;

use axum::http::StatusCode;
use semaphore_model::Permissions;
use serde_json::{Map, Value, json};

use super::{
    describe::{Describer, Operation, RequestBody, Version},
    notes::{Content, Note, Query, Values, note},
    schemas,
};
use crate::http::{
    access::Access,
    routes::{RouteInfo, routes},
};

/// Media type of JSON.
const JSON: &str = "application/json";

/// What the document as a whole says.
const ABOUT: &str = "The REST API of Semaphore, written from the routing table and the types of this server.\n\n\
A refusal carries `{\"error\": ...}`, or it has an empty body and its reason in the header `X-Semaphore-Error`. Names of members in \
request bodies match whatever their capitals are, unknown ones are passed over, and `null` counts as absent. A route with GET \
answers HEAD as well, unless it has `x-head: false`. `x-access` says who may call a route: `project:` is followed by what a \
role has to allow. Methods that OpenAPI has no place for stand in `x-operations`.";

/// The document of this version.
pub(super) fn document(version: Version) -> Value {
    let mut describer = Describer::new(version);
    let mut paths: Map<String, Value> = Map::new();
    let mut names = HashSet::new();
    let mut tags: Vec<&str> = Vec::new();
    for route in routes() {
        let operation = describer.operation(route.describe);
        let note = note(route.handler);
        let tag = tag(route);
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        let name = operation_name(route, &mut names);
        let described = write_operation(&mut describer, route, operation, note, &name);
        let path = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        let is_known = !matches!(route.method, "LOCK" | "UNLOCK");
        if is_known {
            path[route.method.to_lowercase()] = described;
        } else {
            path["x-operations"][route.method] = described;
        }
    }
    let mut document = json!({
        "openapi": match version { Version::V31 => "3.1.1", Version::V30 => "3.0.3" },
        "info": { "title": "Semaphore", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT, "license": { "name": "MIT" } },
        // Relative to the address of the document, so that it is right below any `web_host`.
        "servers": [{ "url": ".." }],
        "tags": tags.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": { "securitySchemes": security_schemes(), "responses": refusals() },
    });
    schemas::finish(&mut document, &mut describer);
    document
}

fn tag(route: &RouteInfo) -> &'static str {
    route.handler.split_once("::").map_or(route.handler, |(module, _)| module)
}

/// `template::get_templates` becomes `getTemplates`. A handler with several rows has the end of the path, or the method, added.
fn operation_name(route: &RouteInfo, names: &mut HashSet<String>) -> String {
    let words = route.handler.rsplit("::").next().unwrap_or_default().split('_');
    let name: String =
        words.enumerate().map(|(index, word)| if index == 0 { word.to_owned() } else { capital(word) }).collect();
    let end: String =
        route.path.rsplit('/').next().unwrap_or_default().split(['_', '{', '}', '*']).map(capital).collect();
    let method = capital(&route.method.to_lowercase());
    let candidates = [name.clone(), format!("{name}{method}"), format!("{name}{end}"), format!("{name}{end}{method}")];
    candidates.into_iter().find(|name| names.insert(name.clone())).unwrap_or_default()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn summary(route: &RouteInfo) -> String {
    let words = route.handler.rsplit("::").next().unwrap_or_default().replace('_', " ");
    capital(&words)
}

fn write_operation(
    describer: &mut Describer,
    route: &RouteInfo,
    mut operation: Operation,
    note: Note,
    name: &str,
) -> Value {
    let mut out = json!({ "operationId": name, "summary": summary(route), "tags": [tag(route)], "x-access": access(route.access) });
    if !note.about.is_empty() {
        out["description"] = note.about.into();
    }
    if route.method == "GET" && !route.answers_head {
        out["x-head"] = false.into();
    }
    out["security"] = operation.security.iter().map(|scheme| json!({ *scheme: [] })).collect();
    let parameters = parameters(route, &operation, note.query);
    if !parameters.is_empty() {
        out["parameters"] = parameters.into();
    }
    let has_body = !matches!(route.method, "GET" | "HEAD");
    match operation.body.take() {
        Some(RequestBody::Json(schema)) => {
            out["requestBody"] =
                json!({ "required": true, "content": { JSON: { "schema": schemas::of_request(&schema) } } });
        }
        Some(RequestBody::Raw) if has_body => {
            out["requestBody"] = json!({ "content": { "*/*": { "schema": {} } } });
        }
        _ => {}
    }
    out["responses"] = responses(describer, route, &operation, note);
    out
}

fn access(access: Access) -> String {
    const NAMES: [(Permissions, &str); 4] = [
        (Permissions::RUN_TASKS, "run_tasks"),
        (Permissions::UPDATE_PROJECT, "update_project"),
        (Permissions::MANAGE_RESOURCES, "manage_resources"),
        (Permissions::MANAGE_USERS, "manage_users"),
    ];
    match access {
        Access::Public => "public".to_owned(),
        Access::Session => "session".to_owned(),
        Access::Admin => "admin".to_owned(),
        Access::Secret => "secret".to_owned(),
        Access::Project(needed) => {
            let names: Vec<_> = NAMES.iter().filter(|(one, _)| needed.contains(*one)).map(|(_, name)| *name).collect();
            format!("project:{}", if names.is_empty() { "member".to_owned() } else { names.join("+") })
        }
    }
}

fn parameters(route: &RouteInfo, operation: &Operation, query: &[Query]) -> Vec<Value> {
    let in_path =
        route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')).map(|name| {
            let name = name.trim_start_matches('*');
            let schema = operation
                .path
                .get(name)
                .map_or_else(|| json!({ "type": "string", "minLength": 1 }), |schema| json!(schema));
            let example = if schema["type"] == "integer" { json!(1) } else { json!(name) };
            json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": example })
        });
    let in_query = query.iter().map(|parameter| {
        let schema = match parameter.values {
            Values::Text => json!({ "type": "string" }),
            Values::Number => json!({ "type": "integer", "minimum": 0 }),
            Values::OneOf(values) => json!({ "type": "string", "enum": values }),
        };
        let mut out = json!({ "name": parameter.name, "in": "query", "required": parameter.required, "description": parameter.about, "schema": schema });
        if parameter.required {
            // Tools that send one request of each kind need a value.
            out["example"] = parameter.name.into();
        }
        out
    });
    in_path.chain(in_query).collect()
}

fn responses(describer: &mut Describer, route: &RouteInfo, operation: &Operation, note: Note) -> Value {
    let mut out = Map::new();
    let mut answer = |status: u16, media: Option<(&str, Value)>| {
        let response = out.entry(status.to_string()).or_insert_with(|| json!({ "description": reason(status) }));
        if let Some((media, schema)) = media {
            response["content"][media] = json!({ "schema": schema });
        }
    };
    if note.answers.is_empty()
        && let Some((status, schema)) = &operation.answer
    {
        answer(*status, schema.as_ref().map(|schema| (JSON, schemas::of_answer(schema))));
    }
    for (status, content) in note.answers {
        answer(
            *status,
            match content {
                Content::Empty => None,
                Content::Media(media) => Some((*media, json!({ "type": "string" }))),
                Content::Events => Some(("text/event-stream", event_schema())),
                Content::Shape(shape) => Some((JSON, schemas::of_answer(&shape(&mut describer.answers)))),
            },
        );
    }
    let mut refused = operation.refusals.clone();
    refused.extend(note.refusals);
    if route.method != "GET" && route.method != "HEAD" && route.path.starts_with("/api") {
        // A page of another origin, or a server that only rehearses.
        refused.insert(403);
    }
    if route.path.contains('{') {
        refused.insert(404);
    }
    for status in refused {
        out.entry(status.to_string()).or_insert_with(|| json!({ "$ref": format!("#/components/responses/{status}") }));
    }
    out.into()
}

/// One server-sent event. OpenAPI 3.1 has no word for a sequence: what reads it takes the schema as that of each event.
fn event_schema() -> Value {
    json!({
        "type": "object",
        "required": ["event", "id", "data"],
        "properties": {
            "event": { "enum": ["line", "status"] },
            "id": { "type": "string", "description": "For Last-Event-ID." },
            "data": { "type": "string", "description": "JSON." },
        },
    })
}

fn reason(status: u16) -> &'static str {
    StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Answer")
}

/// The refusals that all routes share, by status.
fn refusals() -> Value {
    let mut out = Map::new();
    for status in [400_u16, 401, 403, 404, 409, 413, 429, 503] {
        let mut content = json!({ JSON: { "schema": { "$ref": "#/components/schemas/Error" } } });
        if matches!(status, 400 | 403 | 404) {
            // A path that is in no row, and what is refused before anything is routed.
            content["text/plain"] = json!({ "schema": { "type": "string" } });
        }
        out.insert(status.to_string(), json!({
            "description": format!("{}. The body may be empty.", reason(status)),
            "headers": { "X-Semaphore-Error": { "description": "The reason, if the body is empty.", "schema": { "type": "string" } } },
            "content": content,
        }));
    }
    out.into()
}

fn security_schemes() -> Value {
    json!({
        "cookie": { "type": "apiKey", "in": "cookie", "name": semaphore_service::crypto::cookie::COOKIE_NAME, "description": "The session of POST /api/auth/login." },
        "bearer": { "type": "http", "scheme": "bearer", "description": "An API token, or a token of POST /api/auth/token." },
        "runner": { "type": "apiKey", "in": "header", "name": "X-Runner-Token", "description": "The token of a remote runner." },
        "state": { "type": "http", "scheme": "basic", "description": "The login and the password of the key that belongs to the address of a Terraform state." },
    })
}
