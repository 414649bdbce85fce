//! Telemetry options: where logs and metrics go.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{Checked, optional},
    log_forwarding::{ForwardedLogCallback, LogForwarder},
    metric_export::MetricsOptions,
};
use std::sync::Arc;
use temporalio_common::telemetry::Logger;
use tracing_subscriber::EnvFilter;

/// Where logs go.
#[repr(C)]
pub struct LoggingOptions {
    /// A tracing filter such as `temporalio_sdk_core=DEBUG,WARN`. A malformed one is an error.
    pub filter: ByteArrayRef,
    /// Receives the logs. If NULL, they go to the console: one line per log, or in the format that
    /// the environment variable `TEMPORAL_CORE_PRETTY_LOGS` selects.
    pub forward_to: ForwardedLogCallback,
}

/// Where logs and metrics go. NULL members: nowhere.
#[repr(C)]
pub struct TelemetryOptions {
    /// Logs, or NULL.
    pub logging: *const LoggingOptions,
    /// Metrics, or NULL.
    pub metrics: *const MetricsOptions,
}

/// A logger for the core, and the forwarder to open once the runtime is up.
pub(crate) type ConfiguredLogger = (Logger, Option<Arc<LogForwarder>>);

impl TelemetryOptions {
    /// # Safety
    /// The pointers within are NULL or live.
    pub(crate) unsafe fn logger(&self) -> Checked<Option<ConfiguredLogger>> {
        // SAFETY: the caller's promise.
        let Some(logging) = (unsafe { optional(self.logging) }) else {
            return Ok(None);
        };
        // SAFETY: the caller's promise.
        let filter = unsafe { logging.filter.text("logging.filter") }?.to_owned();
        EnvFilter::builder()
            .parse(&filter)
            .map_err(|error| format!("logging.filter `{filter}` is malformed: {error}"))?;
        if let Some(callback) = logging.forward_to {
            let forwarder = LogForwarder::new(callback);
            let consumer = forwarder.clone();
            return Ok(Some((Logger::Push { filter, consumer }, Some(forwarder))));
        }
        let logger = Logger::Console {
            filter,
            format: None,
        };
        Ok(Some((logger, None)))
    }
}
