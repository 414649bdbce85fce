//! Metrics options: who receives core's metrics.

use crate::{
    byte_array::{ByteArrayRef, NewlineDelimitedMapRef},
    custom_meter::{CustomMeter, CustomMetricMeter},
    ffi::{Checked, Lent, c_enum, panic_text, read_bool},
    metric_naming::{Naming, label_name},
    threads::check_room_for,
};
use http::{HeaderName, HeaderValue};
use std::{
    collections::HashMap,
    fmt::Display,
    mem::MaybeUninit,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    str::FromStr,
    sync::Arc,
    thread,
    time::Duration,
};
use temporalio_common::telemetry::{
    HistogramBucketOverrides, METRIC_PREFIX, MetricTemporality, OtelCollectorOptions, OtlpProtocol,
    PrometheusExporterOptions, build_otlp_metric_exporter,
    metrics::{CoreMeter, WORKFLOW_E2E_LATENCY_HISTOGRAM_NAME},
    start_prometheus_metric_exporter,
};
use url::Url;

/// How long the system may still count threads that have ended.
const END_OF_THREADS: Duration = Duration::from_millis(10);

/// What the data points of an export count from.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum OpenTelemetryMetricTemporality {
    /// Totals since the start.
    Cumulative = 1,
    /// Differences since the previous export.
    Delta,
}

c_enum!(OpenTelemetryMetricTemporality { Cumulative, Delta });

/// OTLP transport.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum OpenTelemetryProtocol {
    /// OTLP over gRPC.
    Grpc = 1,
    /// OTLP over HTTP, with protobuf bodies.
    Http,
}

c_enum!(OpenTelemetryProtocol { Grpc, Http });

/// Options of exporting to an OpenTelemetry collector.
#[repr(C)]
pub struct OpenTelemetryOptions {
    /// URL of the collector, with the scheme `http` or `https`; for gRPC also `grpc`, `grpcs` and,
    /// except on Windows, `unix`. For HTTP, the complete URL, for example
    /// `http://localhost:4318/v1/metrics`.
    pub url: ByteArrayRef,
    /// Headers to send.
    pub headers: NewlineDelimitedMapRef,
    /// Time between exports; 0 = the default of one second.
    pub metric_periodicity_millis: u32,
    /// Temporality of the data points.
    pub metric_temporality: MaybeUninit<OpenTelemetryMetricTemporality>,
    /// Export durations as seconds in floats, not milliseconds in integers.
    pub durations_as_seconds: MaybeUninit<bool>,
    /// OTLP transport.
    pub protocol: MaybeUninit<OpenTelemetryProtocol>,
    /// Bucket bounds for metrics: the key is part of their name, the value is the bounds, separated
    /// by commas, finite and increasing.
    pub histogram_bucket_overrides: NewlineDelimitedMapRef,
}

/// Options of serving a Prometheus endpoint.
#[repr(C)]
pub struct PrometheusOptions {
    /// `ip:port` to listen on.
    pub bind_address: ByteArrayRef,
    /// Let the names of counters end in `_total`.
    pub counters_total_suffix: MaybeUninit<bool>,
    /// Let the names of histograms end in their unit.
    pub unit_suffix: MaybeUninit<bool>,
    /// Export durations as seconds in floats, not milliseconds in integers.
    pub durations_as_seconds: MaybeUninit<bool>,
    /// Bucket bounds for metrics: the key is part of their name, the value is the bounds, separated
    /// by commas, finite and increasing.
    pub histogram_bucket_overrides: NewlineDelimitedMapRef,
}

/// Where metrics go. Set exactly one of `opentelemetry`, `prometheus` and `custom_meter`.
#[repr(C)]
pub struct MetricsOptions {
    /// Export to an OpenTelemetry collector. When the runtime ends, it exports the rest, and waits
    /// at most five seconds for that.
    pub opentelemetry: *const OpenTelemetryOptions,
    /// Serve a Prometheus endpoint.
    pub prometheus: *const PrometheusOptions,
    /// Call a meter that you implement.
    pub custom_meter: *const CustomMetricMeter,
    /// Attach a `service_name` attribute to all metrics. With Prometheus, a global tag of that name
    /// replaces it.
    pub attach_service_name: MaybeUninit<bool>,
    /// Attributes of all metrics. Not used for a custom meter, which can attach its own.
    pub global_tags: NewlineDelimitedMapRef,
    /// Prefix of core's own metrics; empty = `temporal_`.
    pub metric_prefix: ByteArrayRef,
}

/// Checked metrics options. Exporters need the async runtime, so they are started later.
pub(crate) struct MetricsConfig {
    pub(crate) attach_service_name: bool,
    pub(crate) metric_prefix: String,
    exporter: Exporter,
}

enum Exporter {
    OpenTelemetry(OtelCollectorOptions),
    Prometheus(PrometheusExporterOptions),
    Custom(CustomMeter),
}

/// Checks the options, and takes over the custom meter, if there is one.
pub(crate) fn metrics_config(options: Lent<'_, MetricsOptions>) -> Checked<MetricsConfig> {
    // First, so that `meter_free` is called after every failure below and later.
    let custom = options
        .field("custom_meter", |it| &it.custom_meter)
        .target()
        .map(CustomMeter::take);
    let opentelemetry = options
        .field("opentelemetry", |it| &it.opentelemetry)
        .target();
    let prometheus = options.field("prometheus", |it| &it.prometheus).target();
    let global_tags = options
        .field("metrics.global_tags", |it| &it.global_tags)
        .newline_map()?;
    let exporter = match (opentelemetry, prometheus, custom) {
        (Some(options), None, None) => {
            Exporter::OpenTelemetry(opentelemetry_options(options, global_tags)?)
        }
        (None, Some(options), None) => {
            Exporter::Prometheus(prometheus_options(options, global_tags)?)
        }
        (None, None, Some(meter)) => Exporter::Custom(meter.complete()?),
        (None, None, None) => {
            return Err(
                "metrics needs one of opentelemetry, prometheus, custom_meter; none is set"
                    .to_owned(),
            );
        }
        (opentelemetry, prometheus, custom) => {
            let set = [
                ("opentelemetry", opentelemetry.is_some()),
                ("prometheus", prometheus.is_some()),
                ("custom_meter", custom.is_some()),
            ];
            let names: Vec<_> = set.iter().filter(|s| s.1).map(|s| s.0).collect();
            return Err(format!(
                "metrics takes one of opentelemetry, prometheus, custom_meter; {} are set",
                names.join(" and ")
            ));
        }
    };
    let metric_prefix = options.field("metrics.metric_prefix", |it| &it.metric_prefix);
    let metric_prefix = match metric_prefix.line()? {
        "" => METRIC_PREFIX,
        prefix => prefix,
    };
    if let Some(naming) = exporter.naming() {
        let example = format!("{metric_prefix}{WORKFLOW_E2E_LATENCY_HISTOGRAM_NAME}");
        naming
            .check_name(&example)
            .map_err(|reason| format!("metrics.metric_prefix `{metric_prefix}`: {reason}"))?;
    }
    // Prometheus rejects a whole page if two labels have the same name.
    let tag_names_service = matches!(
        &exporter,
        Exporter::Prometheus(options) if options.global_tags.contains_key("service_name")
    );
    Ok(MetricsConfig {
        attach_service_name: read_bool(&options.attach_service_name) && !tag_names_service,
        metric_prefix: metric_prefix.to_owned(),
        exporter,
    })
}

impl Exporter {
    /// The rules for names. Custom meters accept any name.
    fn naming(&self) -> Option<Naming> {
        match self {
            Self::OpenTelemetry(_) => Some(Naming::OpenTelemetry),
            Self::Prometheus(_) => Some(Naming::Prometheus),
            Self::Custom(_) => None,
        }
    }
}

fn opentelemetry_options(
    options: Lent<'_, OpenTelemetryOptions>,
    global_tags: HashMap<String, String>,
) -> Checked<OtelCollectorOptions> {
    let protocol = options.field("opentelemetry.protocol", |it| &it.protocol);
    let protocol = match protocol.constant()? {
        OpenTelemetryProtocol::Grpc => OtlpProtocol::Grpc,
        OpenTelemetryProtocol::Http => OtlpProtocol::Http,
    };
    let url = options.field("opentelemetry.url", |it| &it.url).line()?;
    let url = collector_url(url, protocol, cfg!(unix))?;
    let periodicity = match options.metric_periodicity_millis {
        0 => None,
        millis => Some(Duration::from_millis(millis.into())),
    };
    let temporality = options.field("opentelemetry.metric_temporality", |it| {
        &it.metric_temporality
    });
    let temporality = match temporality.constant()? {
        OpenTelemetryMetricTemporality::Cumulative => MetricTemporality::Cumulative,
        OpenTelemetryMetricTemporality::Delta => MetricTemporality::Delta,
    };
    let headers = options
        .field("opentelemetry.headers", |it| &it.headers)
        .newline_map()?;
    for (name, value) in &headers {
        // Checked here, because the HTTP exporter silently ignores malformed ones.
        HeaderName::from_str(name)
            .map_err(|error| format!("opentelemetry.headers name `{name}`: {error}"))?;
        HeaderValue::from_str(value)
            .map_err(|error| format!("opentelemetry.headers value of `{name}`: {error}"))?;
    }
    let overrides = options.field("histogram_bucket_overrides", |it| {
        &it.histogram_bucket_overrides
    });
    Ok(OtelCollectorOptions::builder()
        .url(url)
        .headers(headers)
        .maybe_metric_periodicity(periodicity)
        .metric_temporality(temporality)
        .global_tags(global_tags)
        .use_seconds_for_durations(read_bool(&options.durations_as_seconds))
        .histogram_bucket_overrides(bucket_overrides(overrides)?)
        .protocol(protocol)
        .build())
}

/// The collector's URL, with a scheme that the exporter supports.
///
/// Without `unix_sockets`, as on Windows, the exporter would accept `unix`, and lose every export.
fn collector_url(url: &str, protocol: OtlpProtocol, unix_sockets: bool) -> Checked<Url> {
    let parse = |text: &str| {
        Url::parse(text).map_err(|error| format!("opentelemetry.url `{url}` is malformed: {error}"))
    };
    let parsed = parse(url)?;
    match (protocol, parsed.scheme()) {
        (OtlpProtocol::Grpc, "unix") if !unix_sockets => Err(format!(
            "opentelemetry.url `{url}` begins with unix:, which is unavailable on Windows; use http://, https://, grpc:// or grpcs://"
        )),
        (_, "http" | "https") | (OtlpProtocol::Grpc, "unix") => Ok(parsed),
        // The exporter would accept `grpcs`, and then not use TLS.
        (OtlpProtocol::Grpc, "grpc" | "grpcs") if parsed.has_host() => {
            parse(&parsed.as_str().replacen("grpc", "http", 1))
        }
        (OtlpProtocol::Grpc, _) => Err(format!(
            "opentelemetry.url `{url}` does not begin with http://, https://, grpc://, grpcs:// or unix:"
        )),
        (OtlpProtocol::Http, _) => Err(format!(
            "opentelemetry.url `{url}` does not begin with http:// or https://"
        )),
    }
}

fn prometheus_options(
    options: Lent<'_, PrometheusOptions>,
    global_tags: HashMap<String, String>,
) -> Checked<PrometheusExporterOptions> {
    let address = options
        .field("prometheus.bind_address", |it| &it.bind_address)
        .text()?;
    let socket_addr: SocketAddr = address.parse().map_err(|error| {
        format!("prometheus.bind_address `{address}` is not `ip:port`: {error}")
    })?;
    let global_tags = global_tags
        .into_iter()
        .map(|(name, value)| Ok((label_name(&name)?, value)))
        .collect::<Checked<HashMap<_, _>>>()?;
    let overrides = options.field("histogram_bucket_overrides", |it| {
        &it.histogram_bucket_overrides
    });
    Ok(PrometheusExporterOptions::builder()
        .socket_addr(socket_addr)
        .global_tags(global_tags)
        .counters_total_suffix(read_bool(&options.counters_total_suffix))
        .unit_suffix(read_bool(&options.unit_suffix))
        .use_seconds_for_durations(read_bool(&options.durations_as_seconds))
        .histogram_bucket_overrides(bucket_overrides(overrides)?)
        .build())
}

fn bucket_overrides(map: Lent<'_, NewlineDelimitedMapRef>) -> Checked<HistogramBucketOverrides> {
    let map = map.newline_map()?;
    let overrides = map
        .into_iter()
        .map(|(metric, bounds)| {
            let context = format!("histogram_bucket_overrides of `{metric}`");
            if metric.is_empty() {
                return Err(format!("{context}: the metric's name is empty"));
            }
            let mut bounds = bounds
                .split(',')
                .map(|bound| {
                    let parsed = bound.trim().parse::<f64>();
                    parsed.map_err(|error| format!("{context}: `{bound}`: {error}"))
                })
                .collect::<Checked<Vec<_>>>()?;
            if bounds.len() > 1 && bounds.last() == Some(&f64::INFINITY) {
                // Every histogram implies it.
                bounds.pop();
            }
            // With other bounds, OpenTelemetry panics when a metric is made, and Prometheus drops its values.
            if !bounds.iter().all(|bound| bound.is_finite()) || !bounds.is_sorted_by(|a, b| a < b) {
                return Err(format!("{context}: bounds must be finite and increasing"));
            }
            Ok((metric, bounds))
        })
        .collect::<Checked<_>>()?;
    Ok(HistogramBucketOverrides { overrides })
}

impl MetricsConfig {
    /// Starts the exporter. Needs the async runtime's context.
    pub(crate) fn start(self) -> Checked<Arc<dyn CoreMeter>> {
        match self.exporter {
            Exporter::OpenTelemetry(options) => {
                let failed = |reason: &dyn Display| {
                    format!("the OpenTelemetry exporter did not start: {reason}")
                };
                // One thread that reads the metrics, and for HTTP one that sends them: if they cannot
                // be started, the exporter reports nothing for the first and panics for the second.
                // One more, because a thread that has just ended may still count.
                let threads = match options.protocol {
                    OtlpProtocol::Grpc => 2,
                    OtlpProtocol::Http => 3,
                };
                check_room_for(threads).map_err(|reason| failed(&reason))?;
                thread::sleep(END_OF_THREADS);
                catch_unwind(AssertUnwindSafe(|| build_otlp_metric_exporter(options)))
                    .map_err(|payload| failed(&panic_text(payload)))?
                    .map(|meter| Arc::new(meter) as Arc<dyn CoreMeter>)
                    .map_err(|error| failed(&format_args!("{error:#}")))
            }
            Exporter::Prometheus(options) => {
                let address = options.socket_addr;
                start_prometheus_metric_exporter(options)
                    .map(|server| server.meter as Arc<dyn CoreMeter>)
                    .map_err(|error| {
                        format!("the Prometheus endpoint did not start on {address}: {error:#}")
                    })
            }
            Exporter::Custom(meter) => Ok(Arc::new(meter)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_refused_only_where_there_are_none() {
        let url = "unix:///run/collector.sock";
        assert!(collector_url(url, OtlpProtocol::Grpc, true).is_ok());
        assert_eq!(
            collector_url(url, OtlpProtocol::Grpc, false),
            Err("opentelemetry.url `unix:///run/collector.sock` begins with unix:, which is unavailable on Windows; use http://, https://, grpc:// or grpcs://".to_owned())
        );
        assert!(collector_url("http://localhost:4317", OtlpProtocol::Grpc, false).is_ok());
    }
}
