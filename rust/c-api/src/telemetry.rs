//! Telemetry options: where logs and metrics go.

use crate::{
    byte_array::ByteArrayRef,
    console::console_subscriber,
    ffi::{Checked, Lent},
    log_forwarding::{DeliverLog, ForwardedLogCallback, LogForwarder, to_callback},
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
    /// A tracing filter, for example `temporalio_sdk_core=DEBUG,WARN`. A malformed one is an error.
    pub filter: ByteArrayRef,
    /// Receives the logs. If NULL, they go to the console: one line per log, or in the format that
    /// the environment variable `TEMPORAL_CORE_PRETTY_LOGS` selects.
    pub forward_to: ForwardedLogCallback,
}

/// Where logs and metrics go.
#[repr(C)]
pub struct TelemetryOptions {
    /// Logs; NULL = no logs.
    pub logging: *const LoggingOptions,
    /// Metrics; NULL = no metrics.
    pub metrics: *const MetricsOptions,
}

/// Where a runtime's logs go.
pub(crate) enum LogTarget {
    /// To the host. The forwarder opens when the runtime is running.
    Forwarded {
        filter: String,
        forwarder: Arc<LogForwarder>,
    },
    Console {
        filter: String,
    },
}

/// Where the options send logs, if anywhere. `to_queue` delivers them to a queue of the host.
pub(crate) fn log_target(
    options: Option<Lent<'_, TelemetryOptions>>,
    to_queue: Option<DeliverLog>,
) -> Checked<Option<LogTarget>> {
    let logging = options.and_then(|it| it.field("logging", |it| &it.logging).target());
    let Some(logging) = logging else {
        return match to_queue {
            None => Ok(None),
            Some(_) => Err(
                "extra.log_queue requires telemetry.logging, whose filter selects the logs for it"
                    .to_owned(),
            ),
        };
    };
    let filter = logging.field("logging.filter", |it| &it.filter).text()?;
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("logging.filter `{filter}` is malformed: {error}"))?;
    let filter = filter.to_owned();
    let deliver = match (logging.forward_to.map(to_callback), to_queue) {
        (Some(_), Some(_)) => {
            return Err(
                "logging.forward_to and extra.log_queue are both set; set only one of them"
                    .to_owned(),
            );
        }
        (to_callback, to_queue) => to_callback.or(to_queue),
    };
    Ok(Some(match deliver {
        Some(deliver) => LogTarget::Forwarded {
            filter,
            forwarder: LogForwarder::new(deliver),
        },
        None => LogTarget::Console { filter },
    }))
}

impl LogTarget {
    pub(crate) fn forwarder(&self) -> Option<&Arc<LogForwarder>> {
        match self {
            Self::Forwarded { forwarder, .. } => Some(forwarder),
            Self::Console { .. } => None,
        }
    }

    /// The subscriber that receives the logs from tracing.
    ///
    /// # Errors
    /// Core's, if it cannot create one.
    pub(crate) fn subscriber(self) -> Checked<Option<Arc<dyn Subscriber + Send + Sync>>> {
        let (filter, consumer) = match self {
            Self::Forwarded { filter, forwarder } => (filter, forwarder),
            Self::Console { filter } => return Ok(Some(console_subscriber(&filter))),
        };
        let options = CoreTelemetryOptions::builder()
            .logging(Logger::Push { filter, consumer })
            .build();
        let telemetry = telemetry_init(options).map_err(|error| format!("telemetry: {error:#}"))?;
        Ok(telemetry.trace_subscriber())
    }
}
