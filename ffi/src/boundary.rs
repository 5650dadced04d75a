//! The panic boundary: every exported function runs inside [`guard`], every task of the engine's thread inside [`contained`].
//!
//! A panic becomes `SEMAPHORE_E_PANIC` and a PANIC frame in every open runtime; nothing is printed and the process goes on.
//! The panic hook that this needs is the library's own: in a host that is not Rust nothing else uses it, and in a Rust
//! process panics outside the boundary go to the hook that was there before.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Once,
    task::{Context, Poll},
};

use crate::{
    code::{SEMAPHORE_E_PANIC, SEMAPHORE_FRAME_PANIC},
    failure::Failure,
    memory::ErrorOut,
    objects,
};

thread_local! {
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
    #[cfg(test)]
    static INJECTED: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// A return type of an exported function that has a value for "failed".
pub trait Answer {
    /// The value for this status number.
    fn failed(code: i32) -> Self;
}

impl Answer for i32 {
    fn failed(code: i32) -> Self {
        code
    }
}

impl Answer for isize {
    fn failed(code: i32) -> Self {
        code as Self
    }
}

impl Answer for () {
    fn failed(_: i32) {}
}

/// Runs the body of an exported function: a failure is written to `error` and its number returned, a panic is contained.
pub fn guard<T: Answer>(operation: &'static str, error: ErrorOut, body: impl FnOnce() -> Result<T, Failure>) -> T {
    let body = || {
        #[cfg(test)]
        assert!(!INJECTED.take(), "injected into {operation}");
        #[cfg(feature = "sabotage")]
        crate::sabotage::obey(operation)?;
        body()
    };
    let failure = match enter(body) {
        Ok(Ok(answer)) => return answer,
        Ok(Err(failure)) => failure,
        Err(message) => {
            report(operation, &message);
            Failure::new(SEMAPHORE_E_PANIC, format!("a defect of the library was met: {message}"))
        }
    };
    error.set(operation, &failure);
    T::failed(failure.code)
}

/// A future that ends with the panic's message instead of unwinding into the executor.
pub fn contained<F: Future>(future: F) -> impl Future<Output = Result<F::Output, String>> {
    Contained(Box::pin(future))
}

struct Contained<F>(Pin<Box<F>>);

impl<F: Future> Future for Contained<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match enter(|| self.0.as_mut().poll(context)) {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(message) => Poll::Ready(Err(message)),
        }
    }
}

/// This thread is the library's: whatever panics on it, also in tasks that the engine starts itself, prints nothing.
pub fn belongs_to_library() {
    HOOK.call_once(install_hook);
    INSIDE.set(INSIDE.get() + 1);
}

/// Tells every open runtime about a panic.
pub fn report(operation: &str, message: &str) {
    for queue in objects::queues() {
        queue.push_event(SEMAPHORE_FRAME_PANIC, 0, 0, format!("{operation}: {message}").into_bytes(), None);
    }
}

fn enter<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(install_hook);
    INSIDE.set(INSIDE.get() + 1);
    // Unwind safe: objects are behind mutexes, whose poisoning makes later calls fail, or are not used again.
    let result = catch_unwind(AssertUnwindSafe(body));
    INSIDE.set(INSIDE.get() - 1);
    result.map_err(|payload| {
        let place = PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
        format!("{}{place}", message(payload.as_ref()))
    })
}

fn install_hook() {
    let previous = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |information| {
        if INSIDE.try_with(Cell::get).unwrap_or(0) == 0 {
            previous(information);
            return;
        }
        // Only the place is kept here: the queue may be locked by this very thread.
        let place = information.location().map(ToString::to_string);
        let _ = PLACE.try_with(|kept| *kept.borrow_mut() = place);
    }));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

/// Makes the next exported function of this thread panic.
#[cfg(test)]
pub(crate) fn inject_panic() {
    INJECTED.set(true);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_panic_becomes_a_status_and_the_next_call_works() {
        inject_panic();
        assert_eq!(guard("noop", ErrorOut::NONE, || Ok(0_i32)), SEMAPHORE_E_PANIC);
        assert_eq!(guard("noop", ErrorOut::NONE, || Ok(5_i32)), 5);
        assert_eq!(guard::<isize>("noop", ErrorOut::NONE, || Err(Failure::state("x"))), -3);
    }

    #[test]
    fn message_and_place_are_kept() {
        let text = enter(|| panic!("number {}", 7)).unwrap_err();
        assert!(text.starts_with("number 7 at ") && text.contains("boundary.rs"), "{text}");
        assert_eq!(enter(|| std::panic::panic_any(3)).unwrap_err().split(' ').next(), Some("unknown"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_panicking_task_ends_with_its_message() {
        let ended = contained(async {
            tokio::task::yield_now().await;
            panic!("in a task");
        })
        .await;
        assert!(ended.unwrap_err().starts_with("in a task at "));
    }
}
