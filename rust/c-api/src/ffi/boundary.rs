//! The panic boundary that every export runs inside.

use super::{Checked, panics};
use std::{
    any::{Any, type_name},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs the body of an export. After a panic, returns what `on_panic` makes of its message.
///
/// Unwind safety is asserted, because a panicking call only leaves state of libraries that poison or
/// restore it themselves; the handles here have no partly updated state.
pub(crate) fn guard<T>(on_panic: impl FnOnce(String) -> T, body: impl FnOnce() -> T) -> T {
    panics::log_panics();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| on_panic(panic_text(payload)))
}

/// Returns the name of an export. Only called for a message, because it takes longer than a short call.
pub(crate) type Export = fn() -> &'static str;

/// [`guard`] for exports that cannot report a failure: an error is logged, with the name of the export
/// that contains `body`, and `fallback` is returned.
pub(crate) fn guard_infallible<T, Body>(fallback: T, body: Body) -> T
where
    Body: FnOnce() -> Checked<T>,
{
    guard_named(export_of::<Body>, fallback, body)
}

/// [`guard_infallible`] for code that several exports share.
pub(crate) fn guard_named<T>(export: Export, fallback: T, body: impl FnOnce() -> Checked<T>) -> T {
    guard(Err, body).unwrap_or_else(|message| {
        log_error(export, &message);
        fallback
    })
}

/// Logs an error of a call that cannot report it.
pub(crate) fn log_error(export: Export, message: &str) {
    tracing::error!(target: "temporal_static_libs", "{}: {message}", export());
}

/// The name of the exported function that contains a closure.
pub(crate) fn export_of<Closure>() -> &'static str {
    // Such as `crate::module::temporal_core_random_new::{{closure}}`.
    let path = type_name::<Closure>();
    path.rsplit("::")
        .find(|part| {
            part.starts_with("temporal_core_")
                || part.starts_with("temporal_static_libs_") && *part != env!("CARGO_CRATE_NAME")
        })
        .unwrap_or(path)
}

/// [`export_of`] for a closure whose type has no name.
pub(crate) fn export_of_val<Closure>(_: &Closure) -> Export {
    export_of::<Closure>
}

/// `panic: …`, as the contract requires, without Rust's debug form, which is in the log.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = panics::text(payload.as_ref());
    // The text that unwrapping an error puts before the error.
    let text = text
        .split_once("` value: ")
        .map_or(text, |(_, error)| error);
    let end = DEBUG_FORMS
        .iter()
        .filter_map(|form| text.find(form))
        .min()
        .unwrap_or(text.len());
    match text[..end].trim_end_matches([':', ' ', '\n']) {
        "" => "panic: an error where none was expected".to_owned(),
        plain => format!("panic: {plain}"),
    }
}

/// The beginnings of an error in debug form or of a backtrace, where the text of a message ends.
const DEBUG_FORMS: [&str; 6] = [
    "Os {",
    "Custom {",
    "Any {",
    "Err(",
    "Error(",
    "Stack backtrace",
];
