//! One function per kind of row of the routing table: what makes a route of a handler, and of its types a description.

#![expect(non_snake_case, reason = "the names are the methods as they stand in the table")]

use super::{AccessLevel, AppState, Described, Describer, Guarded, Handler, MethodRouter, not_found};
use axum::extract::Request;
use axum::response::Response;
use axum::routing;
use std::pin::Pin;
use std::sync::Arc;

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler without its type: what the router makes of one is then compiled once, not once for each row.
#[derive(Clone)]
struct Erased(Arc<dyn Fn(Request, AppState) -> Answer + Send + Sync>);

impl Handler<(), AppState> for Erased {
    type Future = Answer;

    fn call(self, request: Request, state: AppState) -> Answer {
        (self.0)(request, state)
    }
}

fn erase<H: Handler<T, AppState>, T: 'static>(handler: H) -> Erased {
    Erased(Arc::new(move |request, state| Box::pin(handler.clone().call(request, state))))
}

macro_rules! rows {
    ($($name:ident = $function:path;)*) => {$(
        pub(super) fn $name<A, H, T>(handler: H) -> MethodRouter<AppState>
        where
            A: AccessLevel,
            H: Handler<T, AppState>,
            T: Guarded<A> + 'static,
        {
            $function(erase(handler))
        }
    )*};
}

rows! {
    GET = routing::get;
    POST = routing::post;
    PUT = routing::put;
    DELETE = routing::delete;
    HEAD = routing::head;
    OPTIONS = routing::options;
    LOCK = routing::post;
    UNLOCK = routing::post;
}

pub(super) fn GET_ONLY<A, H, T>(handler: H) -> MethodRouter<AppState>
where
    A: AccessLevel,
    H: Handler<T, AppState>,
    T: Guarded<A> + 'static,
{
    routing::get(erase(handler)).head(not_found)
}

/// What the types of a row's handler say about it.
pub(super) const fn described_by<A, H, T>(_: &H) -> fn(&mut Describer)
where
    A: AccessLevel,
    H: Handler<T, AppState> + Described<T>,
    T: Guarded<A>,
{
    H::describe
}
