//! Starting the threads of a runtime: either all of them, or an error.

use crate::ffi::{Checked, before_unwinding, lock, panic_text, with_signals_blocked};
use std::{
    any::Any,
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// How long a thread for blocking work, such as looking up names, waits for more work.
///
/// Practically forever: if there is no such thread and none can be started, blocking work panics. If
/// there is one, the work waits for it.
const KEEP_BLOCKING_THREADS: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Starts the threads of an async runtime and one for blocking work.
///
/// `threads` is their number, without that one; None means as many as the process can use processors.
/// Each of them first runs `on_start`.
pub(crate) fn start(
    threads: Option<NonZeroUsize>,
    on_start: impl Fn() + Send + Sync + 'static,
) -> Checked<Runtime> {
    let gate = Arc::new(Gate::default());
    let (for_threads, for_panic) = (gate.clone(), gate.clone());
    // If tokio cannot start a thread, it panics, and then waits for the threads that it has started,
    // which never end. So they wait until it is known whether all of them could be started.
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads.get());
    }
    let build = || {
        builder
            .enable_all()
            .thread_name("temporal-core")
            .thread_keep_alive(KEEP_BLOCKING_THREADS)
            .on_thread_start(move || {
                for_threads.pass();
                on_start();
            })
            .build()
    };
    let built = catch_unwind(AssertUnwindSafe(|| {
        before_unwinding(move || for_panic.decide(Verdict::Refused), build)
    }));
    let runtime = built
        .map_err(refused)?
        .map_err(|error| format!("the async runtime did not start: {error}"))?;
    gate.decide(Verdict::Started);
    let first = catch_unwind(AssertUnwindSafe(|| runtime.spawn_blocking(|| ())));
    if let Err(payload) = first {
        runtime.shutdown_background();
        return Err(refused(payload));
    }
    Ok(runtime)
}

/// Tokio's panic message if the operating system refuses a thread.
const NO_THREAD: &str = "OS can't spawn worker thread: ";

fn refused(payload: Box<dyn Any + Send>) -> String {
    let panic = panic_text(payload);
    match panic.split_once(NO_THREAD) {
        Some((_, reason)) => format!(
            "the async runtime did not start: the operating system refuses another thread: {reason}"
        ),
        None => panic,
    }
}

/// New threads wait here until it is known whether all could be started.
#[derive(Default)]
struct Gate {
    verdict: Mutex<Option<Verdict>>,
    decided: Condvar,
}

#[derive(Clone, Copy)]
enum Verdict {
    Started,
    Refused,
}

impl Gate {
    fn decide(&self, verdict: Verdict) {
        *lock(&self.verdict) = Some(verdict);
        self.decided.notify_all();
    }

    /// Waits for the verdict, and ends this thread if there is no runtime.
    fn pass(&self) {
        let verdict = *self
            .decided
            .wait_while(lock(&self.verdict), |verdict| verdict.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        if matches!(verdict, Some(Verdict::Refused)) {
            // Without a report: the failure to start a thread is reported already.
            resume_unwind(Box::new("the runtime did not start"));
        }
    }
}

/// Checks that this process can have `count` more threads, each with the descriptors of a small async
/// runtime. Core starts such threads for a worker, and panics if it cannot.
///
/// # Errors
/// The operating system's reason.
pub(crate) fn check_room_for(count: usize) -> Checked<()> {
    let refused = |error: io::Error| {
        format!("the operating system refuses another thread or descriptor: {error}")
    };
    let mut threads = Vec::new();
    let mut result = Ok(());
    for _ in 0..count {
        // The thread ends when its sender is dropped.
        let (end, ended) = mpsc::channel::<()>();
        let (report, reported) = mpsc::channel();
        let probe = move || {
            let _ = report.send(Builder::new_current_thread().enable_all().build().map(drop));
            let _ = ended.recv();
        };
        let spawned = with_signals_blocked(|| {
            thread::Builder::new()
                .name("temporal-startup".to_owned())
                .spawn(probe)
        });
        let started = spawned.and_then(|thread| {
            threads.push((end, thread));
            reported
                .recv()
                .unwrap_or_else(|_| Err(io::Error::other("no event queue")))
        });
        if let Err(error) = started {
            result = Err(refused(error));
            break;
        }
    }
    for (end, thread) in threads {
        drop(end);
        let _ = thread.join();
    }
    result
}
