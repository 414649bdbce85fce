//! The panic boundary: every export runs inside it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs an export's body; a panic becomes what `on_panic` makes of its message.
///
/// Unwind safety is asserted because a panicking call only leaves behind state of libraries that
/// poison or restore it themselves; the handles here hold no half-updated state of their own.
pub(crate) fn guard<T>(on_panic: impl FnOnce(String) -> T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| on_panic(panic_text(payload)))
}

/// [`guard`] for exports that have no way to fail: what goes wrong is logged and `fallback` given.
pub(crate) fn guard_infallible<T>(
    function: &str,
    fallback: T,
    body: impl FnOnce() -> super::Checked<T>,
) -> T {
    guard(Err, body).unwrap_or_else(|message| {
        tracing::error!(target: "temporal_static_libs", "{function}: {message}");
        fallback
    })
}

/// `panic: …`, as the contract words it.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with no message");
    format!("panic: {message}")
}
