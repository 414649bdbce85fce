//! The panic boundary: every export runs inside it.

use super::{Checked, panics};
use std::{
    any::{Any, type_name},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Runs an export's body; a panic becomes what `on_panic` makes of its message.
///
/// Unwind safety is asserted because a panicking call only leaves behind state of libraries that
/// poison or restore it themselves; the handles here hold no half-updated state of their own.
pub(crate) fn guard<T>(on_panic: impl FnOnce(String) -> T, body: impl FnOnce() -> T) -> T {
    panics::log_panics();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| on_panic(panic_text(payload)))
}

/// Gives the name of an export. Only called for a message: finding it takes longer than a short call.
pub(crate) type Export = fn() -> &'static str;

/// [`guard`] for exports that have no way to fail: what goes wrong is logged, with the name of the
/// export that `body` is written in, and `fallback` given.
pub(crate) fn guard_infallible<T, Body>(fallback: T, body: Body) -> T
where
    Body: FnOnce() -> Checked<T>,
{
    guard_named(export_of::<Body>, fallback, body)
}

/// [`guard_infallible`] for what several exports share.
pub(crate) fn guard_named<T>(export: Export, fallback: T, body: impl FnOnce() -> Checked<T>) -> T {
    guard(Err, body).unwrap_or_else(|message| {
        log_error(export, &message);
        fallback
    })
}

/// Logs what is wrong with a call that has no other way to report it.
pub(crate) fn log_error(export: Export, message: &str) {
    tracing::error!(target: "temporal_static_libs", "{}: {message}", export());
}

/// The name of the exported function that a closure is written in.
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

/// `panic: …`, as the contract words it, without what Rust's debug form adds, which the log has.
pub(crate) fn panic_text(payload: Box<dyn Any + Send>) -> String {
    let text = panics::text(payload.as_ref());
    // What unwrapping an error says before the error.
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

/// Where the words of a message end and an error in debug form, or a backtrace, begins.
const DEBUG_FORMS: [&str; 6] = [
    "Os {",
    "Custom {",
    "Any {",
    "Err(",
    "Error(",
    "Stack backtrace",
];
