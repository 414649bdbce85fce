//! Messages of failures: the text of errors and their causes, without Rust's debug form, which some of
//! core's errors contain.

use rustls::CertificateError;
use std::{error::Error, io};
use temporalio_client::errors::ClientConnectError;
use temporalio_sdk_core::{
    CompleteActivityError, CompleteNexusError, CompleteWfError, PollError, WorkerValidationError,
};
use tonic::Status;

/// Text of an error whose causes have all the information.
const EMPTY_WORDS: &str = "transport error";

/// The text of an error, and of its causes if they add something.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for error in causes(error) {
        let more = own_text(error);
        if let Some(advice) = tls_advice(error) {
            // Replaces the TLS library's text, which the errors above it repeat.
            text = text.replace(&more, "");
            text = format!("{}{advice}", separated(text.trim_end_matches([':', ' '])));
        } else if text == EMPTY_WORDS {
            text = more;
        } else if !text.contains(&more) {
            text = format!("{}{more}", separated(&text));
        }
    }
    text
}

/// A text that another one can follow.
fn separated(text: &str) -> String {
    if text.is_empty() || text == EMPTY_WORDS {
        String::new()
    } else {
        format!("{text}: ")
    }
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn own_text(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<Status>() {
        Some(status) => without_causes(status),
        None => error.to_string(),
    }
}

fn without_causes(status: &Status) -> String {
    // The code's name, such as NotFound; its description is about gRPC in general.
    let code = status.code();
    let (number, message) = (code as i32, status.message());
    if message.is_empty() {
        format!("status {number} ({code:?})")
    } else {
        format!("status {number} ({code:?}): {message}")
    }
}

/// What to do about a TLS error, to use instead of its text.
fn tls_advice(error: &(dyn Error + 'static)) -> Option<String> {
    if error.to_string() == "no native certs found" {
        return Some(
            "no CA certificates were found on this system; install ca-certificates or set tls_options.server_root_ca_cert"
                .to_owned(),
        );
    }
    // `source` of an `io::Error` does not return the error that it wraps.
    let inner = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .and_then(|inner| inner.downcast_ref());
    let advice = match inner.or_else(|| error.downcast_ref())? {
        rustls::Error::InvalidCertificate(problem) => certificate_advice(problem)?,
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS; for a connection without TLS use http:// and set tls_options to NULL"
                .to_owned()
        }
        _ => return None,
    };
    Some(advice)
}

fn certificate_advice(problem: &CertificateError) -> Option<String> {
    Some(match problem {
        CertificateError::UnknownIssuer => {
            "the server's certificate has an unknown issuer; set tls_options.server_root_ca_cert to the PEM of the CA that issued it"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            "the server's certificate is not valid for its name; set tls_options.domain to one that it is valid for"
                .to_owned()
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "the server's certificate is not valid for {}, only for {}; set tls_options.domain to a name that it is valid for",
            expected.to_str(),
            presented.iter().map(|name| plain_name(name)).collect::<Vec<_>>().join(", ")
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired; renew it, or correct this machine's clock"
                .to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; correct this machine's clock".to_owned()
        }
        _ => return None,
    })
}

/// The name in `DnsName("example.com")` or `IpAddress(127.0.0.1)`, the TLS library's form of a name in
/// a certificate.
fn plain_name(presented: &str) -> &str {
    let inside = presented
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.unwrap_or(presented).trim_matches('"')
}

/// Why there is no connection to `target`.
pub(crate) fn connect_failure(target: &str, error: &ClientConnectError) -> String {
    match error {
        ClientConnectError::TonicTransportError(error) => {
            format!("no connection to {target}: {}", with_causes(error))
        }
        // A status with a source was created by the client, not received from the server.
        ClientConnectError::SystemInfoCallError(status) if status.source().is_some() => {
            let hint = if target.starts_with("http:") {
                "; if the server expects TLS, use https:// and set tls_options"
            } else {
                ""
            };
            let reason = with_causes(status);
            format!("{target} did not answer GetSystemInfo: {reason}{hint}")
        }
        ClientConnectError::SystemInfoCallError(status) => {
            format!(
                "{target} answered GetSystemInfo with {}",
                with_causes(status)
            )
        }
        ClientConnectError::InvalidUri(error) => format!("target_url is malformed: {error}"),
        error => with_causes(error),
    }
}

/// Why a poll failed.
pub(crate) fn poll_failure(error: &PollError) -> String {
    match error {
        PollError::TonicError(status) => with_causes(status),
        error @ PollError::ShutDown => error.to_string(),
    }
}

/// Why a worker is not valid.
pub(crate) fn validation_failure(error: &WorkerValidationError) -> String {
    match error {
        WorkerValidationError::NamespaceDescribeError { source, namespace } => format!(
            "Namespace {namespace} was not found or otherwise could not be described: {}",
            with_causes(source)
        ),
    }
}

/// Why a worker could not be created, or could not use another connection.
pub(crate) fn registration_failure(error: &anyhow::Error) -> String {
    before(&format!("{error:#}"), ": SlotKey")
}

/// Why a workflow activation could not be completed.
pub(crate) fn workflow_failure(error: &CompleteWfError) -> String {
    before(&error.to_string(), " Commands: ")
}

/// Why an activity could not be completed.
pub(crate) fn activity_failure(error: &CompleteActivityError) -> String {
    match error {
        CompleteActivityError::MalformedActivityCompletion { reason, .. } => {
            format!("Lang SDK sent us a malformed activity completion: {reason}")
        }
        error @ CompleteActivityError::ActivityNotEnabled => error.to_string(),
    }
}

/// Why a Nexus task could not be completed.
pub(crate) fn nexus_failure(error: &CompleteNexusError) -> String {
    let text = error.to_string();
    let words = "to nexus failure";
    match text.find(words) {
        Some(start) => text[..start + words.len()].to_owned(),
        None => text,
    }
}

/// The text before a value in debug form.
fn before(text: &str, value: &str) -> String {
    text.split(value).next().unwrap_or(text).to_owned()
}
