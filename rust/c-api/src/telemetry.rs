//! Telemetry options: where logs and metrics go.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{Checked, c_enum, optional, read_enum},
    log_forwarding::{ForwardedLogCallback, LogForwarder},
    metric_export::MetricsOptions,
};
use std::{mem::MaybeUninit, sync::Arc};
use temporalio_common::telemetry::{Logger, LoggerFormat};
use tracing_subscriber::EnvFilter;

/// How console logs look.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum ConsoleLogFormat {
    /// Compact, or what the environment variable `TEMPORAL_CORE_PRETTY_LOGS` selects.
    Unspecified = 0,
    /// One line a log.
    Compact,
    /// Several lines a log, for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

c_enum!(ConsoleLogFormat {
    Unspecified,
    Compact,
    Pretty,
    Json
});

/// Where logs go.
#[repr(C)]
pub struct LoggingOptions {
    /// A tracing filter such as `temporalio_sdk_core=DEBUG,WARN`. A malformed one is an error.
    pub filter: ByteArrayRef,
    /// For console logs; ignored when `forward_to` is set.
    pub format: MaybeUninit<ConsoleLogFormat>,
    /// Receives the logs instead of the console, unless NULL.
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
        let format = match read_enum(&logging.format, "logging.format")? {
            ConsoleLogFormat::Unspecified => None,
            ConsoleLogFormat::Compact => Some(LoggerFormat::Compact),
            ConsoleLogFormat::Pretty => Some(LoggerFormat::Pretty),
            ConsoleLogFormat::Json => Some(LoggerFormat::Json),
        };
        Ok(Some((Logger::Console { filter, format }, None)))
    }
}
