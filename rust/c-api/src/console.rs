//! Logs on standard output, in core's formats.

use crate::ffi::{PerProcess, lock, process};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};
use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry};

/// Environment variable that selects the format with several lines per log.
const PRETTY: &str = "TEMPORAL_CORE_PRETTY_LOGS";

/// Writes the logs that pass `filter`.
///
/// Core's own console logger differs only in the writer: it uses Rust's `stdout`, which raises SIGPIPE
/// in the host when the reader is gone.
pub(crate) fn console_subscriber(filter: &str) -> Arc<dyn Subscriber + Send + Sync> {
    let process = process();
    let layer = fmt::layer()
        .with_writer(move || StandardOutput { process })
        .with_target(false);
    let filter = EnvFilter::new(filter);
    if std::env::var_os(PRETTY).is_some() {
        let format = fmt::format().pretty().with_source_location(false);
        Arc::new(registry().with(layer.event_format(format).with_filter(filter)))
    } else {
        let format = fmt::format().compact().with_source_location(false);
        Arc::new(registry().with(layer.event_format(format).with_filter(filter)))
    }
}

/// Standard output. Write errors are ignored: a host without standard output needs no logs there.
struct StandardOutput {
    /// The process that made the runtime. A forked child does not log, because a thread that does not
    /// exist in the child may have been writing a log.
    process: u32,
}

static WRITING: PerProcess<Mutex<()>> = PerProcess::new(Mutex::default);

impl Write for StandardOutput {
    fn write(&mut self, log: &[u8]) -> io::Result<usize> {
        if self.process == process() {
            let _one_at_a_time = lock(WRITING.get());
            #[cfg(unix)]
            crate::ffi::with_own_sigpipe_consumed(|| write_all(log));
            #[cfg(not(unix))]
            let _ = io::stdout().write_all(log);
        }
        Ok(log.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes without a buffer, so that nothing is lost when the process exits.
#[cfg(unix)]
fn write_all(mut log: &[u8]) -> io::Result<()> {
    while !log.is_empty() {
        // SAFETY: the range is that of the log.
        let written = unsafe { libc::write(libc::STDOUT_FILENO, log.as_ptr().cast(), log.len()) };
        match usize::try_from(written) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => log = &log[written..],
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
    Ok(())
}
