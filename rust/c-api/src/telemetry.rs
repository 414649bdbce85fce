//! Telemetry options: where logs and metrics go.

use crate::{
    byte_array::ByteArrayRef,
    console::console_subscriber,
    ffi::{Checked, Lent},
    log_forwarding::{ForwardedLogCallback, LogForwarder},
    metric_export::MetricsOptions,
};
use std::sync::Arc;
use temporalio_common::telemetry::{
    Logger, TelemetryOptions as CoreTelemetryOptions, telemetry_init,
};
use tracing::Subscriber;
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

/// Where a runtime's logs go.
pub(crate) enum LogTarget {
    /// To a callback; the forwarder opens once the runtime is up.
    Callback {
        filter: String,
        forwarder: Arc<LogForwarder>,
    },
    Console {
        filter: String,
    },
}

/// Where the options send logs, if anywhere.
pub(crate) fn log_target(options: Lent<'_, TelemetryOptions>) -> Checked<Option<LogTarget>> {
    let Some(logging) = options.field("logging", |it| &it.logging).target() else {
        return Ok(None);
    };
    let filter = logging.field("logging.filter", |it| &it.filter).text()?;
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("logging.filter `{filter}` is malformed: {error}"))?;
    let filter = filter.to_owned();
    Ok(Some(match logging.forward_to {
        Some(callback) => LogTarget::Callback {
            filter,
            forwarder: LogForwarder::new(callback),
        },
        None => LogTarget::Console { filter },
    }))
}

impl LogTarget {
    pub(crate) fn forwarder(&self) -> Option<&Arc<LogForwarder>> {
        match self {
            Self::Callback { forwarder, .. } => Some(forwarder),
            Self::Console { .. } => None,
        }
    }

    /// What tracing sends the logs to.
    ///
    /// # Errors
    /// Core's, of making one.
    pub(crate) fn subscriber(self) -> Checked<Option<Arc<dyn Subscriber + Send + Sync>>> {
        let (filter, consumer) = match self {
            Self::Callback { filter, forwarder } => (filter, forwarder),
            Self::Console { filter } => return Ok(Some(console_subscriber(&filter))),
        };
        let options = CoreTelemetryOptions::builder()
            .logging(Logger::Push { filter, consumer })
            .build();
        let telemetry = telemetry_init(options).map_err(|error| format!("telemetry: {error:#}"))?;
        Ok(telemetry.trace_subscriber())
    }
}
