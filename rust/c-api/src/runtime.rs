//! The runtime: Temporal's core, its threads and its telemetry.

#[cfg(unix)]
use crate::ffi::HostMask;
use crate::{
    callbacks::CallbackThreads,
    ffi::{
        Callback, Checked, Lent, Pending, guard_infallible, lock, panic_text, taken_back,
        with_signals_blocked,
    },
    log_forwarding::{LogForwarder, is_inside_log_callback},
};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use temporalio_sdk_core::CoreRuntime;
use tracing::Dispatch;

/// How long tearing a runtime down waits for blocking work, such as a DNS lookup, to end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// Temporal's core with its threads, logs and metrics.
///
/// Life: `temporal_core_runtime_new`; connections, workers, metric meters and test servers are made
/// with it; `temporal_core_runtime_free`. If `temporal_core_runtime_new` failed, the runtime only
/// serves to free the failure with, and is then freed itself.
///
/// Any thread may use it, several at once. What was made with it may be freed later: its threads stay
/// until the last of that is gone. It may be freed inside a callback.
pub struct Runtime {
    /// After a failed `runtime_new`, why it failed.
    core: Checked<Arc<Core>>,
}

/// What lives until the last handle and the last call that use the runtime are gone.
pub(crate) struct Core {
    /// Emptied by `drop` only.
    pub(crate) parts: Option<CoreParts>,
    pub(crate) handle: tokio::runtime::Handle,
    /// Where callbacks that may block run; None: they may not, and run where calls do.
    pub(crate) callbacks: Option<CallbackThreads>,
    pub(crate) dispatch: Option<Dispatch>,
    pub(crate) forwarder: Option<Arc<LogForwarder>>,
    /// What the thread that made the runtime had blocked.
    #[cfg(unix)]
    pub(crate) host_mask: HostMask,
}

pub(crate) struct CoreParts {
    pub(crate) core: CoreRuntime,
    pub(crate) tokio: tokio::runtime::Runtime,
}

impl Runtime {
    /// One that runs, or serves to free the failure with.
    pub(crate) fn new(core: Checked<Arc<Core>>) -> Self {
        Self { core }
    }

    /// The running core.
    pub(crate) fn core(runtime: Lent<'_, Self>) -> Checked<&Arc<Core>> {
        runtime.get().core.as_ref().map_err(|reason| {
            format!("runtime is the one of a failed temporal_core_runtime_new ({reason})")
        })
    }
}

impl Core {
    /// The core crate's own runtime.
    pub(crate) fn core_runtime(&self) -> &CoreRuntime {
        &self.parts.as_ref().expect("emptied by drop only").core
    }

    /// Runs `body` with this runtime's logs and async context, on whatever thread calls.
    ///
    /// Inside a log callback, what `body` logs goes nowhere: a thread that delivers a log cannot change
    /// its subscriber, and would otherwise log without end.
    pub(crate) fn enter<T>(&self, body: impl FnOnce() -> T) -> T {
        let _context = self.handle.enter();
        match &self.dispatch {
            Some(dispatch) if !is_inside_log_callback() => {
                tracing::dispatcher::with_default(dispatch, body)
            }
            _ => body(),
        }
    }

    /// Runs what may start threads on the host's thread, such as core's of a worker: with the signals
    /// blocked that the runtime's own threads have blocked.
    pub(crate) fn masked<T>(&self, body: impl FnOnce() -> T) -> T {
        #[cfg(unix)]
        return self.host_mask.with_blocked(body);
        #[cfg(not(unix))]
        body()
    }

    /// Runs a call on the runtime's threads and gives its answer to the callback, exactly once.
    /// All that the call holds is released before the callback runs.
    ///
    /// `call` makes the call's future on a thread of the runtime: it may have hundreds of kilobytes,
    /// which the stack of the host's thread need not have.
    pub(crate) fn spawn<C, Call>(
        self: &Arc<Self>,
        pending: Pending<C>,
        call: impl FnOnce() -> Call + Send + 'static,
    ) where
        C: Callback,
        Call: Future<Output = C::Answer> + Send + 'static,
    {
        self.spawn_small(pending, async move { boxed_future(call).await });
    }

    /// [`Core::spawn`] for a future of at most some kilobytes, which is made on the host's thread.
    pub(crate) fn spawn_small<C, Call>(self: &Arc<Self>, pending: Pending<C>, call: Call)
    where
        C: Callback,
        Call: Future<Output = C::Answer> + Send + 'static,
    {
        // Keeps the runtime up until the callback has run, also when all handles are freed.
        let core = self.clone();
        self.start(async move {
            let answer = AssertUnwindSafe(call)
                .catch_unwind()
                .await
                .unwrap_or_else(|payload| C::failure(panic_text(payload)));
            match &core.callbacks {
                Some(threads) if pending.may_block() => {
                    // Not by `core`, whose last owner the callback's thread is to be.
                    let callbacks = threads.queue();
                    callbacks.run(move || {
                        pending.answer(answer);
                        drop(core);
                    });
                }
                _ => {
                    pending.answer(answer);
                    drop(core);
                }
            }
        });
    }

    /// Runs work on the runtime's threads that answers nobody. `work` makes its future there.
    pub(crate) fn spawn_work<Work>(self: &Arc<Self>, work: impl FnOnce() -> Work + Send + 'static)
    where
        Work: Future<Output = ()> + Send + 'static,
    {
        let core = self.clone();
        self.start(async move {
            boxed_future(work).await;
            drop(core);
        });
    }

    /// Runs a task on the runtime's threads as long as they are there.
    ///
    /// Boxed, because the async runtime copies what it runs several times.
    pub(crate) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task: BoxFuture<'static, ()> = Box::pin(task);
        self.handle.spawn(task);
    }
}

/// Not inlined, so that the future's memory is no part of a frame that is copied.
#[inline(never)]
fn boxed_future<Call: Future>(call: impl FnOnce() -> Call) -> Pin<Box<Call>> {
    Box::pin(call())
}

impl Drop for Core {
    /// Tears down on a thread of its own: an async runtime must not be dropped on one of its own
    /// threads, where the last handle may well be freed, and the core crate touches the log
    /// subscriber of the thread that drops it.
    fn drop(&mut self) {
        let Some(CoreParts { core, tokio }) = self.parts.take() else {
            return;
        };
        let inside_async = tokio::runtime::Handle::try_current().is_ok();
        // Held by both sides, because a closure whose thread cannot be started is dropped with all
        // that it holds.
        let parts = Arc::new(Mutex::new(Some((core, tokio))));
        let for_teardown = parts.clone();
        let teardown = with_signals_blocked(|| {
            std::thread::Builder::new()
                .name("temporal-teardown".to_owned())
                .spawn(move || {
                    if let Some((core, tokio)) = lock(&for_teardown).take() {
                        let context = tokio.enter();
                        drop(core);
                        drop(context);
                        tokio.shutdown_timeout(SHUTDOWN_PATIENCE);
                    }
                })
        });
        match teardown {
            // So that create-and-free cycles do not pile up threads.
            Ok(teardown) if !inside_async => {
                let _ = teardown.join();
            }
            Ok(_) => {}
            Err(_) => {
                if let Some((core, tokio)) = lock(&parts).take() {
                    drop(core);
                    tokio.shutdown_background();
                }
            }
        }
    }
}

/// Frees the runtime.
///
/// @param runtime From `temporal_core_runtime_new`, not used again; NULL is a no-op.
///
/// Connections, workers and metric handles made with it may be freed later: the threads and the
/// metric exporters stay until the last of them, and the last call in flight, is gone. Once this
/// returns, logs are no longer forwarded; it waits for log callbacks that run on other threads, unless it is called inside a log callback.
/// Any thread, also inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_runtime_free(runtime: *mut Runtime) {
    guard_infallible((), || {
        // SAFETY: the runtime is live until it is freed, below.
        let handle = unsafe { Lent::optional_handle(runtime, "runtime") };
        // First, because a log callback on another thread may still use the handle.
        if let Ok(Some(handle)) = handle
            && let Ok(core) = &handle.get().core
            && let Some(forwarder) = &core.forwarder
        {
            forwarder.close();
        }
        // SAFETY: `temporal_core_runtime_new` boxed the runtime; this is its last use.
        drop(unsafe { taken_back(runtime) });
        Ok(())
    });
}
