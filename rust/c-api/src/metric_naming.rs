//! The names that exporters of metrics accept.

use crate::ffi::Checked;
use temporalio_common::telemetry::metrics::{MetricAttributes, MetricParameters};

/// An exporter's rules for names. It drops metrics that break them.
pub(crate) enum Naming {
    OpenTelemetry,
    Prometheus,
}

impl Naming {
    pub(crate) fn check_name(&self, name: &str) -> Checked<()> {
        let (first, others): (fn(u8) -> bool, _) = match self {
            Self::OpenTelemetry => (|byte| byte.is_ascii_alphabetic(), "_.-/"),
            // The exporter replaces a dash by an underscore.
            Self::Prometheus => (
                |byte| byte.is_ascii_alphabetic() || b"_:-".contains(&byte),
                "_:-",
            ),
        };
        let bytes = name.as_bytes();
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || others.as_bytes().contains(byte);
        match self {
            Self::OpenTelemetry if bytes.len() > 255 => {
                Err("OpenTelemetry metric names have at most 255 bytes".to_owned())
            }
            _ if bytes.first().copied().is_some_and(first) && bytes.iter().all(allowed) => Ok(()),
            Self::OpenTelemetry => Err(format!(
                "OpenTelemetry metric names begin with an ASCII letter and consist of ASCII letters, digits and {others}"
            )),
            Self::Prometheus => Err(format!(
                "Prometheus metric names consist of ASCII letters, digits and {others}, and do not begin with a digit"
            )),
        }
    }

    fn check_unit(&self, unit: &str) -> Checked<()> {
        match self {
            Self::OpenTelemetry if unit.len() > 63 || !unit.is_ascii() => {
                Err("OpenTelemetry units are ASCII of at most 63 bytes".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Checks that the exporter to which the attributes belong accepts a metric.
pub(crate) fn check_metric(
    attributes: &MetricAttributes,
    metric: &MetricParameters,
) -> Checked<()> {
    let naming = match attributes {
        MetricAttributes::OTel { .. } => Naming::OpenTelemetry,
        MetricAttributes::Prometheus { .. } => Naming::Prometheus,
        _ => return Ok(()),
    };
    naming
        .check_name(&metric.name)
        .and_then(|()| naming.check_unit(&metric.unit))
        .map_err(|reason| format!("metric `{}`: {reason}", metric.name))
}

/// The Prometheus label for a global tag. The exporter converts the labels of single metrics like this,
/// but prints global tags unchanged, and a malformed one makes every scrape fail.
pub(crate) fn label_name(tag: &str) -> Checked<String> {
    let name = tag.replace('-', "_");
    let well_formed = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty();
    if !well_formed {
        return Err(format!(
            "metrics.global_tags name `{tag}`: Prometheus label names consist of ASCII letters, digits and _, and do not begin with a digit"
        ));
    }
    Ok(name)
}
