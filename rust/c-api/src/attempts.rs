//! The attempts of an RPC call: how long each can take, and which failures are retried.
//!
//! Core's own retries leave the time limit of an attempt to the transport, whose timer stops at the
//! response's headers. So each attempt is sent without core's retries and limited here. The rules for
//! what is retried, and when, are those of core's `retry` module.

use crate::failures::with_causes;
use std::{
    error::Error,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use temporalio_client::{RetryOptions, jittered};
use tokio::time::{sleep, timeout};
use tonic::{Code, Status, transport};

/// Time limit of an attempt if the call sets none.
const DEFAULT: Duration = Duration::from_secs(30);
/// The same for long polls, which the server answers when something has happened.
const LONG_POLL: Duration = Duration::from_secs(70);
/// Added to the time limit, so that the transport's timer, which also counts failures in metrics,
/// ends the attempt first whenever it can.
const GRACE: Duration = Duration::from_millis(50);

/// gRPC's header for the time limit of a call.
pub(crate) const TIMEOUT_HEADER: &str = "grpc-timeout";

const RETRYABLE: [Code; 7] = [
    Code::DataLoss,
    Code::Internal,
    Code::Unknown,
    Code::ResourceExhausted,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unavailable,
];

/// How the message of `ResourceExhausted` begins if a retry cannot help.
const TOO_LARGE: [&str; 3] = [
    "grpc: received message larger than max",
    "grpc: message after decompression larger than max",
    "grpc: received message after decompression larger than max",
];

/// Time limit of an attempt that sets none.
pub(crate) fn default_time(is_long_poll: bool) -> Duration {
    if is_long_poll { LONG_POLL } else { DEFAULT }
}

/// The value of a `grpc-timeout` header, in gRPC's form: up to eight digits and a unit.
pub(crate) fn stated_time(header: &str) -> Option<Duration> {
    let (digits, unit) = header.split_at_checked(header.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 60 * 60),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// Ends an attempt when its time is up, as the transport's timer does.
pub(crate) async fn within<T>(
    time: Duration,
    attempt: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    timeout(time + GRACE, attempt)
        .await
        .unwrap_or_else(|_| Err(Status::cancelled("Timeout expired")))
}

/// Retries a call after failures that allow it.
pub(crate) struct Retries {
    rpc: &'static str,
    options: Arc<RetryOptions>,
    started: Instant,
    attempts: usize,
    /// Created at the first failure, which most calls do not have.
    waits: Option<Box<Waits>>,
}

struct Waits {
    usual: Wait,
    /// After `ResourceExhausted`.
    throttled: Wait,
}

impl Waits {
    fn new(options: &RetryOptions) -> Self {
        Self {
            usual: Wait {
                last: None,
                first: options.initial_interval,
                multiplier: options.multiplier,
                longest: options.max_interval,
                jitter: options.randomization_factor,
            },
            throttled: Wait {
                last: None,
                first: Duration::from_secs(1),
                multiplier: 2.0,
                longest: Duration::from_secs(10),
                jitter: 0.2,
            },
        }
    }
}

impl Retries {
    pub(crate) fn new(rpc: &'static str, options: Arc<RetryOptions>) -> Self {
        Self {
            rpc,
            options,
            started: Instant::now(),
            attempts: 0,
            waits: None,
        }
    }

    /// Waits until the call can be retried.
    ///
    /// # Errors
    /// The failure, if it does not allow a retry or there were enough attempts.
    pub(crate) async fn wait_after(&mut self, failure: Status) -> Result<(), Status> {
        self.attempts += 1;
        match self.next_wait(&failure) {
            None => Err(failure),
            Some(wait) => {
                self.log(&failure);
                sleep(wait).await;
                Ok(())
            }
        }
    }

    fn next_wait(&mut self, failure: &Status) -> Option<Duration> {
        let most = self.options.max_retries;
        if most > 0 && self.attempts >= most {
            return None;
        }
        let exhausted = failure.code() == Code::ResourceExhausted;
        let too_large = exhausted
            && TOO_LARGE
                .iter()
                .any(|beginning| failure.message().starts_with(beginning));
        let retryable = RETRYABLE.contains(&failure.code()) || is_cancelled_by_transport(failure);
        if too_large || !retryable {
            return None;
        }
        let waits = self
            .waits
            .get_or_insert_with(|| Box::new(Waits::new(&self.options)));
        let wait = waits.usual.next();
        if let Some(longest) = self.options.max_elapsed_time
            && self.started.elapsed() + wait > longest
        {
            return None;
        }
        Some(if exhausted {
            wait.max(waits.throttled.next())
        } else {
            wait
        })
    }

    /// Uses core's target and levels, because log filters may name them.
    fn log(&self, failure: &Status) {
        let (rpc, attempts, most) = (self.rpc, self.attempts, self.options.max_retries);
        let error = with_causes(failure);
        macro_rules! log {
            ($level:ident, $($what:tt)+) => {
                tracing::$level!(target: "temporalio_client::retry", error, $($what)+)
            };
        }
        if attempts == 1 {
            log!(debug, "gRPC call {rpc} failed on first attempt");
        } else if most == 0 && attempts > 15 {
            log!(error, "gRPC call {rpc} retried {attempts} times");
        } else if most == 0 && attempts > 5 || most > 0 && attempts * 2 >= most {
            log!(warn, "gRPC call {rpc} retried {attempts} times");
        }
    }
}

/// Waits that grow from one to the next, up to `longest`. Only `first` can be longer.
struct Wait {
    last: Option<Duration>,
    first: Duration,
    multiplier: f64,
    longest: Duration,
    jitter: f64,
}

impl Wait {
    fn next(&mut self) -> Duration {
        let wait = match self.last {
            None => self.first,
            Some(last) if last < self.longest => {
                Duration::try_from_secs_f64(last.as_secs_f64() * self.multiplier)
                    .unwrap_or(self.longest)
                    .min(self.longest)
            }
            Some(_) => self.longest,
        };
        self.last = Some(wait);
        jittered(wait, self.jitter)
    }
}

/// Whether a broken connection canceled the call, and not the server or its timer.
fn is_cancelled_by_transport(failure: &Status) -> bool {
    failure.code() == Code::Cancelled
        && failure
            .source()
            .and_then(|error| error.downcast_ref::<transport::Error>())
            .and_then(Error::source)
            .is_some_and(|error| error.is::<hyper::Error>())
}
