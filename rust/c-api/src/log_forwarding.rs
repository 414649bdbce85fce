//! Logs that go to a callback of the caller's instead of the console.

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

/// Level of a forwarded log.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum ForwardedLogLevel {
    /// Finest.
    Trace = 0,
    /// For debugging.
    Debug,
    /// Of general interest.
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

c_enum!(ForwardedLogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error
});

/// Receives each log, on whichever thread logs. None comes before `temporal_core_runtime_new`
/// succeeds, nor after `temporal_core_runtime_free` returns, unless that was called inside a log
/// callback. May not block, nor wait for another call: the thread that logs may be one that calls run on,
/// and may hold a lock. Logs that take long to handle go to a queue, `log_queue` of
/// `TemporalStaticLibsRuntimeOptions`.
///
/// @param level Of the log.
/// @param log   Valid until the callback returns, and so is all that its accessors give.
pub type ForwardedLogCallback =
    Option<unsafe extern "C" fn(level: ForwardedLogLevel, log: *const ForwardedLog)>;

/// A log that is forwarded.
///
/// Life: the runtime's `forward_to` callback gets it, or an event of the runtime's `log_queue`; the
/// `temporal_core_forwarded_log_…` accessors read it. It ends when the callback returns, or the event is
/// freed, with all that the accessors gave.
///
/// Only the thread of the callback may use it; that of an event, any thread.
pub struct ForwardedLog {
    core: CoreLog,
    /// Made when first asked for.
    fields_json: OnceLock<String>,
}

/// Hands a log to the host.
pub(crate) type DeliverLog = Box<dyn Fn(ForwardedLogLevel, ForwardedLog) + Send + Sync>;

/// Hands logs to a callback, for the time that it runs.
pub(crate) fn to_callback(
    callback: unsafe extern "C" fn(ForwardedLogLevel, *const ForwardedLog),
) -> DeliverLog {
    Box::new(move |level, log| {
        // SAFETY: the options of logging gave a function of this signature, which any thread may call.
        unsafe { callback(level, &raw const log) }
    })
}

/// Delivers a runtime's logs while the runtime is open, and knows which threads are delivering, so that
/// closing can wait for them.
pub(crate) struct LogForwarder {
    deliver: DeliverLog,
    /// The process that made it, to which alone it delivers.
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
    /// The forwarders whose callbacks this thread is inside of, by address.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is delivering a log, of whichever runtime.
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

    /// Delivers no more, and returns when no callback runs; except inside a callback of this
    /// forwarder, where waiting could be waiting for oneself.
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

/// The module that logged.
///
/// @param log NULL gives an empty range and an error log.
/// @return    Such as `temporalio_client::retry`; valid as long as the log.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_target(log: Option<&ForwardedLog>) -> ByteArrayRef {
    ByteArrayRef::lend_part(log, |log| log.core.target.as_bytes())
}

/// What the log says.
///
/// @param log NULL gives an empty range and an error log.
/// @return    The message; valid as long as the log.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_message(log: Option<&ForwardedLog>) -> ByteArrayRef {
    ByteArrayRef::lend_part(log, |log| log.core.message.as_bytes())
}

/// When it was logged.
///
/// @param log NULL gives 0 and an error log.
/// @return    Milliseconds of Unix time.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_timestamp_millis(log: Option<&ForwardedLog>) -> u64 {
    guard_infallible(0, || {
        let log = log.ok_or("log is NULL")?;
        Ok(u64::try_from(log.core.millis_since_epoch()).unwrap_or(u64::MAX))
    })
}

/// The log's fields.
///
/// @param log NULL gives an empty range and an error log.
/// @return    A JSON object, built on the first call; valid as long as the log.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_forwarded_log_fields_json(
    log: Option<&ForwardedLog>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(log, |log| {
        let fields_json = log.fields_json.get_or_init(|| {
            // Sorted, so that equal logs read equal.
            let fields: BTreeMap<_, _> = log.core.fields.iter().collect();
            serde_json::to_string(&fields).unwrap_or_else(|_| "{}".to_owned())
        });
        fields_json.as_bytes()
    })
}
