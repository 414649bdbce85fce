//! How panics are reported: in the log, not on the host's standard error.

use std::{
    any::Any,
    cell::RefCell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

type Action = Box<dyn FnOnce()>;

thread_local! {
    static BEFORE_UNWINDING: RefCell<Option<Action>> = const { RefCell::new(None) };
}

/// Logs panics instead of printing them. This archive has its own copy of Rust's standard library, so a
/// host written in Rust keeps its hook.
pub(crate) fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Failures of unit tests must stay visible.
        #[cfg(test)]
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            report(info);
            #[cfg(test)]
            shown(info);
        }));
    });
}

fn report(info: &PanicHookInfo<'_>) {
    if let Some(action) = BEFORE_UNWINDING.take() {
        action();
    }
    let message = text(info.payload());
    let location = info
        .location()
        .map_or_else(String::new, |location| format!(" at {location}"));
    tracing::error!(target: "temporal_static_libs", "panic: {message}{location}");
}

/// Runs `body`. If it panics, `action` runs before anything is dropped.
pub(crate) fn before_unwinding<T>(action: impl FnOnce() + 'static, body: impl FnOnce() -> T) -> T {
    BEFORE_UNWINDING.set(Some(Box::new(action)));
    let value = body();
    BEFORE_UNWINDING.set(None);
    value
}

/// The message of a panic.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with no message")
}
