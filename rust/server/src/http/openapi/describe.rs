//! What the types of a handler say about its route: its arguments and its answer, collected without calling it.
//!
//! Invariant: a handler goes into the routing table only if each of its arguments is an [`Argument`] and what it returns is
//! an [`Answer`], so that no route and no body is without a description. What types cannot say stands in [`super::notes`].

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{RawQuery, Request, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

use crate::http::{
    access::{Admin, Member, Permission, ProjectAccess, Public, Session},
    client_address::ClientAddress,
    extract::{Body, PathId, PathIdentifier, PathTexts, QueryTexts, RawBody, SmallBody, WholeBody},
    machine_access::{RunnerAccess, StateAccess},
    object::Object,
    run_access::RunAccess,
    state::AppState,
};
use semaphore_model::Permissions;
use semaphore_service::owned::ProjectObject;

/// The version of OpenAPI that a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1: schemas are JSON Schema 2020-12.
    V31,
    /// 3.0.3, for tools that read nothing newer.
    V30,
}

/// How a caller proves who it is; names of `components.securitySchemes`.
pub(super) const USER: &[&str] = &["cookie", "bearer"];
pub(super) const RUNNER: &[&str] = &["runner"];
pub(super) const STATE: &[&str] = &["state"];

/// A request body.
#[derive(Debug)]
pub(super) enum RequestBody {
    /// JSON of this schema.
    Json(Schema),
    /// Whatever the route is for.
    Raw,
}

/// What the types say about one operation.
#[derive(Debug, Default)]
pub(super) struct Operation {
    /// Schemas of the path parameters that are not plain texts, by name.
    pub path: BTreeMap<&'static str, Schema>,
    /// Whether the query is looked at; which parameters, the notes say.
    pub reads_query: bool,
    /// Its body, if it reads one.
    pub body: Option<RequestBody>,
    /// Statuses of success, with the schema of the JSON; `None` for an answer that the notes describe.
    pub answer: Option<(u16, Option<Schema>)>,
    /// Statuses of refusals.
    pub refusals: BTreeSet<u16>,
    /// Ways to prove who one is; empty if none is asked for.
    pub security: &'static [&'static str],
}

/// Takes descriptions down; the schemas they refer to are kept once for all operations.
#[derive(Debug)]
pub(crate) struct Describer {
    pub(super) requests: SchemaGenerator,
    pub(super) answers: SchemaGenerator,
    operation: Operation,
}

impl Describer {
    pub(super) fn new(version: Version) -> Self {
        let settings = || match version {
            Version::V31 => SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            }),
            Version::V30 => SchemaSettings::openapi3(),
        };
        Self {
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
            operation: Operation::default(),
        }
    }

    /// What is written down by `describe`.
    pub(super) fn operation(&mut self, describe: fn(&mut Self)) -> Operation {
        self.operation = Operation::default();
        describe(self);
        std::mem::take(&mut self.operation)
    }

    fn refuses(&mut self, statuses: &[u16]) {
        self.operation.refusals.extend(statuses);
    }

    fn body<T: JsonSchema>(&mut self) {
        self.operation.body = Some(RequestBody::Json(schema_of::<T>(&mut self.requests)));
        self.refuses(&[400, 413]);
    }

    /// A number of the path under this name.
    pub(crate) fn path_number(&mut self, name: &'static str) {
        self.operation.path.insert(name, json_schema!({ "type": "integer", "format": "int32", "minimum": 1 }));
        self.refuses(&[400, 404]);
    }
}

/// The schema of a type in the generator's form. What is shared gets that form when it is taken out.
pub(super) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<T>();
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema
}

/// A part of a request that handlers take.
pub(crate) trait Argument {
    /// Writes down what it means for the route.
    fn describe(describer: &mut Describer);
}

/// What handlers return.
pub(crate) trait Answer {
    /// Writes down what it means for the route.
    fn describe(describer: &mut Describer);
}

/// Handlers whose arguments and answers are described. Implemented for functions; `T` is that of axum's `Handler`.
pub(crate) trait Described<T> {
    /// Writes down what the types say.
    fn describe(describer: &mut Describer);
}

macro_rules! described {
    ($($name:ident)*) => {
        impl<Function, Returned, Mark, $($name),*> Described<(Mark, $($name,)*)> for Function
        where
            Function: Fn($($name),*) -> Returned,
            Returned: Future,
            Returned::Output: Answer,
            $($name: Argument),*
        {
            fn describe(describer: &mut Describer) {
                $($name::describe(describer);)*
                Returned::Output::describe(describer);
            }
        }
    };
}
described!(T1);
described!(T1 T2);
described!(T1 T2 T3);
described!(T1 T2 T3 T4);
described!(T1 T2 T3 T4 T5);
described!(T1 T2 T3 T4 T5 T6);

/// Arguments that say nothing about the route.
macro_rules! silent {
    ($($argument:ty)*) => {$(
        impl Argument for $argument {
            fn describe(_: &mut Describer) {}
        }
    )*};
}
silent!(Public State<AppState> HeaderMap ClientAddress PathTexts);

/// Arguments through which the query can be read.
macro_rules! query {
    ($($argument:ty)*) => {$(
        impl Argument for $argument {
            fn describe(describer: &mut Describer) {
                describer.operation.reads_query = true;
            }
        }
    )*};
}
query!(QueryTexts RawQuery Uri);

impl Argument for Session {
    fn describe(describer: &mut Describer) {
        describer.operation.security = USER;
        describer.refuses(&[401]);
    }
}

impl Argument for Admin {
    fn describe(describer: &mut Describer) {
        describer.operation.security = USER;
        describer.refuses(&[401, 403]);
    }
}

impl<P: Permission> Argument for ProjectAccess<P> {
    fn describe(describer: &mut Describer) {
        describer.operation.security = USER;
        describer.path_number("project_id");
        describer.refuses(&[401]);
        if P::NEEDED != Permissions::NONE {
            describer.refuses(&[403]);
        }
    }
}

impl Argument for RunAccess {
    fn describe(describer: &mut Describer) {
        ProjectAccess::<Member>::describe(describer);
        describer.refuses(&[403]);
    }
}

impl Argument for RunnerAccess {
    fn describe(describer: &mut Describer) {
        describer.operation.security = RUNNER;
        describer.refuses(&[401, 404]);
    }
}

impl Argument for StateAccess {
    fn describe(describer: &mut Describer) {
        describer.operation.security = STATE;
        describer.refuses(&[401, 404, 503]);
    }
}

impl<T: PathIdentifier> Argument for PathId<T> {
    fn describe(describer: &mut Describer) {
        describer.path_number(T::NAME);
    }
}

impl<T> Argument for Object<T>
where
    T: ProjectObject,
    T::Id: PathIdentifier,
{
    fn describe(describer: &mut Describer) {
        describer.path_number(T::Id::NAME);
    }
}

impl<T: JsonSchema> Argument for Body<T> {
    fn describe(describer: &mut Describer) {
        describer.body::<T>();
    }
}

impl<T: JsonSchema> Argument for SmallBody<T> {
    fn describe(describer: &mut Describer) {
        describer.body::<T>();
    }
}

impl<T: JsonSchema> Argument for WholeBody<T> {
    fn describe(describer: &mut Describer) {
        describer.body::<T>();
    }
}

impl Argument for RawBody {
    fn describe(describer: &mut Describer) {
        describer.operation.body = Some(RequestBody::Raw);
        describer.refuses(&[400, 413]);
    }
}

/// The whole request, for handlers that read the body themselves.
impl Argument for Request {
    fn describe(describer: &mut Describer) {
        RawBody::describe(describer);
    }
}

/// An argument whose refusal the handler words itself.
impl<T: Argument, E> Argument for Result<T, E> {
    fn describe(describer: &mut Describer) {
        T::describe(describer);
    }
}

impl<T: JsonSchema> Answer for Json<T> {
    fn describe(describer: &mut Describer) {
        describer.operation.answer = Some((200, Some(schema_of::<T>(&mut describer.answers))));
    }
}

/// A status of the handler's choice beside JSON: 201 wherever the notes say nothing else.
impl<T: JsonSchema> Answer for (StatusCode, Json<T>) {
    fn describe(describer: &mut Describer) {
        describer.operation.answer = Some((201, Some(schema_of::<T>(&mut describer.answers))));
    }
}

/// A status alone: 204 wherever the notes say nothing else.
impl Answer for StatusCode {
    fn describe(describer: &mut Describer) {
        describer.operation.answer = Some((204, None));
    }
}

impl Answer for () {
    fn describe(describer: &mut Describer) {
        describer.operation.answer = Some((200, None));
    }
}

/// An answer of any shape: described by the notes.
impl Answer for Response {
    fn describe(_: &mut Describer) {}
}

impl<T: Answer, E> Answer for Result<T, E> {
    fn describe(describer: &mut Describer) {
        T::describe(describer);
        describer.refuses(&[400]);
    }
}
