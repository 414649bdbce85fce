//! Telemetry options: where logs and metrics go.

use crate::{
    byte_array::ByteArrayRef,
    ffi::{Checked, Lent},
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

/// The logger that the options ask for, if any.
pub(crate) fn logger(options: Lent<'_, TelemetryOptions>) -> Checked<Option<ConfiguredLogger>> {
    let Some(logging) = options.field("logging", |it| &it.logging).target() else {
        return Ok(None);
    };
    let filter = logging.field("logging.filter", |it| &it.filter).text()?;
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("logging.filter `{filter}` is malformed: {error}"))?;
    let filter = filter.to_owned();
    Ok(Some(match logging.forward_to {
        Some(callback) => {
            let forwarder = LogForwarder::new(callback);
            let consumer = forwarder.clone();
            (Logger::Push { filter, consumer }, Some(forwarder))
        }
        None => (
            Logger::Console {
                filter,
                format: None,
            },
            None,
        ),
    }))
}
