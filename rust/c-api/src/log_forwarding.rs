//! Logs that go to a callback of the caller instead of the console.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{c_enum, guard_infallible, lock, process},
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, OnceLock, PoisonError},
};
use temporalio_common::telemetry::{CoreLog, CoreLogConsumer};

/// Level of a log record.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum ForwardedLogLevel {
    /// The most detailed.
    Trace = 0,
    /// For debugging.
    Debug,
    /// Information.
    Info,
    /// Something needs attention.
    Warn,
    /// Something failed.
    Error,
}

c_enum!(ForwardedLogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error
});

/// Receives each log record, on the thread that logs.
///
/// @param level Level of the record.
/// @param log   Valid until the callback returns, as is everything its functions return.
///
/// It is not called before `temporal_core_runtime_new` has succeeded, nor after
/// `temporal_core_runtime_free` has returned, unless you called that inside a log callback. It must
/// not block or wait for another call: calls may run on the thread that logs, and it may hold a
/// lock. To handle log records slowly, send them to a queue: `log_queue` of
/// `TemporalStaticLibsRuntimeOptions`.
pub type ForwardedLogCallback =
    Option<unsafe extern "C" fn(level: ForwardedLogLevel, log: *const ForwardedLog)>;

/// A log record.
///
/// Lifecycle: the runtime's `forward_to` callback receives it, or it arrives in an event on the
/// runtime's `log_queue`. Read it with the `temporal_core_forwarded_log_…` functions. It is valid,
/// as is everything they return, until the callback returns or the event is freed.
///
/// Inside the callback, only its thread can use it; from an event, any thread can.
pub struct ForwardedLog {
    core: CoreLog,
    /// Built on first use.
    fields_json: OnceLock<String>,
}

/// Hands a log to the host.
pub(crate) type DeliverLog = Box<dyn Fn(ForwardedLogLevel, ForwardedLog) + Send + Sync>;

/// Hands logs to a callback. They are valid until it returns.
pub(crate) fn to_callback(
    callback: unsafe extern "C" fn(ForwardedLogLevel, *const ForwardedLog),
) -> DeliverLog {
    Box::new(move |level, log| {
        // SAFETY: the logging options require a function that any thread can call.
        unsafe { callback(level, &raw const log) }
    })
}

/// Delivers a runtime's logs while it is open, and counts the deliveries in progress, so that closing
/// can wait for them.
pub(crate) struct LogForwarder {
    deliver: DeliverLog,
    /// The process that made it. It delivers only in that process.
    process: u32,
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    in_flight: usize,
}

thread_local! {
    /// The forwarders whose callbacks are running on this thread, by address.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is delivering a log of any runtime.
pub(crate) fn is_inside_log_callback() -> bool {
    INSIDE.with_borrow(|inside| !inside.is_empty())
}

impl LogForwarder {
    pub(crate) fn new(deliver: DeliverLog) -> Arc<Self> {
        Arc::new(Self {
            deliver,
            process: process(),
            state: Mutex::default(),
            idle: Condvar::new(),
        })
    }

    /// Delivers from now on.
    pub(crate) fn open(&self) {
        self.lock().open = true;
    }

    /// Stops delivering, and returns when no callback is running. Inside a callback of this forwarder
    /// it does not wait, because it would wait for itself.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.open = false;
        if INSIDE.with_borrow(|inside| inside.contains(&self.address())) {
            return;
        }
        while state.in_flight > 0 {
            state = self
                .idle
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

impl std::fmt::Debug for LogForwarder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LogForwarder")
    }
}

impl CoreLogConsumer for LogForwarder {
    fn on_log(&self, log: CoreLog) {
        if self.process != process() {
            return;
        }
        {
            let mut state = self.lock();
            if !state.open {
                return;
            }
            state.in_flight += 1;
        }
        INSIDE.with_borrow_mut(|inside| inside.push(self.address()));
        let level = match log.level {
            tracing::Level::TRACE => ForwardedLogLevel::Trace,
            tracing::Level::DEBUG => ForwardedLogLevel::Debug,
            tracing::Level::INFO => ForwardedLogLevel::Info,
            tracing::Level::WARN => ForwardedLogLevel::Warn,
            tracing::Level::ERROR => ForwardedLogLevel::Error,
        };
        let log = ForwardedLog {
            core: log,
            fields_json: OnceLock::new(),
        };
        (self.deliver)(level, log);
        INSIDE.with_borrow_mut(|inside| inside.pop());
        let mut state = self.lock();
        state.in_flight -= 1;
        if state.in_flight == 0 {
            self.idle.notify_all();
        }
    }
}

/// Returns the module that logged.
///
/// @param log If NULL, the call logs an error and returns an empty range.
/// @return For example `temporalio_client::retry`. Valid as long as the log record.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_target(log: Option<&ForwardedLog>) -> ByteArrayRef {
    ByteArrayRef::lend_part(log, |log| log.core.target.as_bytes())
}

/// Returns the message.
///
/// @param log If NULL, the call logs an error and returns an empty range.
/// @return The message. Valid as long as the log record.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_message(log: Option<&ForwardedLog>) -> ByteArrayRef {
    ByteArrayRef::lend_part(log, |log| log.core.message.as_bytes())
}

/// Returns the time of the log record.
///
/// @param log If NULL, the call logs an error and returns 0.
/// @return Unix time in milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_timestamp_millis(log: Option<&ForwardedLog>) -> u64 {
    guard_infallible(0, || {
        let log = log.ok_or("log is NULL")?;
        Ok(u64::try_from(log.core.millis_since_epoch()).unwrap_or(u64::MAX))
    })
}

/// Returns the fields of the log record.
///
/// @param log If NULL, the call logs an error and returns an empty range.
/// @return A JSON object, built by the first call. Valid as long as the log record.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_fields_json(
    log: Option<&ForwardedLog>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(log, |log| {
        let fields_json = log.fields_json.get_or_init(|| {
            // Sorted, so that equal logs give equal text.
            let fields: BTreeMap<_, _> = log.core.fields.iter().collect();
            serde_json::to_string(&fields).unwrap_or_else(|_| "{}".to_owned())
        });
        fields_json.as_bytes()
    })
}
