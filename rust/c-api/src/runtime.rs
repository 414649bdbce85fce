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

/// How long the teardown of a runtime waits for blocking work, such as a DNS lookup.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// Temporal's core with its threads, logs and metrics.
///
/// Lifecycle: create it with `temporal_core_runtime_new`, use it to create connections, replayers,
/// metric meters and test servers, and free it with `temporal_core_runtime_free`. If
/// `temporal_core_runtime_new` fails, use the runtime only to free the error message, then free the
/// runtime.
///
/// Several threads can use it at the same time. You can free it inside a callback, and before what
/// was created with it: its threads exist until the last of that is freed.
pub struct Runtime {
    /// After a failed `runtime_new`, why it failed.
    core: Checked<Arc<Core>>,
}

/// The part that exists until the last handle and the last call that use the runtime are gone.
pub(crate) struct Core {
    /// Only emptied by `drop`.
    pub(crate) parts: Option<CoreParts>,
    pub(crate) handle: tokio::runtime::Handle,
    /// The threads for callbacks that may block. None: callbacks run where calls run, and must not
    /// block.
    pub(crate) callbacks: Option<CallbackThreads>,
    pub(crate) dispatch: Option<Dispatch>,
    pub(crate) forwarder: Option<Arc<LogForwarder>>,
    /// The signals that were blocked on the thread that made the runtime.
    #[cfg(unix)]
    pub(crate) host_mask: HostMask,
}

pub(crate) struct CoreParts {
    pub(crate) core: CoreRuntime,
    pub(crate) tokio: tokio::runtime::Runtime,
}

impl Runtime {
    /// One that runs, or one that only serves to free the failure with.
    pub(crate) fn new(core: Checked<Arc<Core>>) -> Self {
        Self { core }
    }

    /// The running core.
    pub(crate) fn core(runtime: Lent<'_, Self>) -> Checked<&Arc<Core>> {
        runtime.get().core.as_ref().map_err(|reason| {
            format!("runtime comes from a failed temporal_core_runtime_new ({reason})")
        })
    }
}

impl Core {
    /// The core crate's own runtime.
    pub(crate) fn core_runtime(&self) -> &CoreRuntime {
        &self.parts.as_ref().expect("emptied by drop only").core
    }

    /// Runs `body` with this runtime's logs and async context, on the current thread.
    ///
    /// Inside a log callback, what `body` logs is lost: a thread that delivers a log cannot change
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

    /// Runs `body`, which may start threads, such as core's for a worker, on a thread of the host.
    /// Blocks the signals meanwhile that are blocked on the runtime's own threads.
    pub(crate) fn masked<T>(&self, body: impl FnOnce() -> T) -> T {
        #[cfg(unix)]
        return self.host_mask.with_blocked(body);
        #[cfg(not(unix))]
        body()
    }

    /// Runs a call on the runtime's threads and passes its answer to the callback, exactly once.
    /// Everything that the call uses is released before the callback runs.
    ///
    /// `call` makes the call's future on a thread of the runtime. The future may have hundreds of
    /// kilobytes, which may be too much for the stack of the host's thread.
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

    /// [`Core::spawn`] for a future of a few kilobytes, which is made on the host's thread.
    pub(crate) fn spawn_small<C, Call>(self: &Arc<Self>, pending: Pending<C>, call: Call)
    where
        C: Callback,
        Call: Future<Output = C::Answer> + Send + 'static,
    {
        // Keeps the runtime running until the callback has returned, even if all handles are freed.
        let core = self.clone();
        self.start(async move {
            let answer = AssertUnwindSafe(call)
                .catch_unwind()
                .await
                .unwrap_or_else(|payload| C::failure(panic_text(payload)));
            match &core.callbacks {
                Some(threads) if pending.may_block() => {
                    // Not through `core`, because the callback's thread must become its last owner.
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

    /// Runs work without a callback on the runtime's threads. `work` makes its future there.
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

    /// Runs a task on the runtime's threads, as long as they exist.
    ///
    /// Boxed, because the async runtime copies a task several times.
    pub(crate) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task: BoxFuture<'static, ()> = Box::pin(task);
        self.handle.spawn(task);
    }
}

/// Not inlined, so that the future's memory is not part of a copied stack frame.
#[inline(never)]
fn boxed_future<Call: Future>(call: impl FnOnce() -> Call) -> Pin<Box<Call>> {
    Box::pin(call())
}

impl Drop for Core {
    /// Tears down on a separate thread: an async runtime must not be dropped on one of its threads,
    /// where the last handle may be freed, and the core crate changes the log subscriber of the
    /// thread that drops it.
    fn drop(&mut self) {
        let Some(CoreParts { core, tokio }) = self.parts.take() else {
            return;
        };
        let inside_async = tokio::runtime::Handle::try_current().is_ok();
        // Shared, because if the thread cannot be started, its closure is dropped with everything in
        // it.
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
            // So that threads do not accumulate if runtimes are created and freed repeatedly.
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
/// @param runtime From `temporal_core_runtime_new`; do not use it again. May be NULL.
///
/// You can free connections, workers and metric handles later. The threads and the metric exporters
/// exist until the last of these handles is freed and the last call in flight has ended.
///
/// When it returns, no more logs are forwarded: it waits for log callbacks on other threads, unless
/// you call it inside a log callback. You can call it inside any callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_runtime_free(runtime: *mut Runtime) {
    guard_infallible((), || {
        // SAFETY: the runtime is live until it is freed, below.
        let handle = unsafe { Lent::optional_handle(runtime, "runtime") };
        // First of all, because a log callback on another thread may still use the handle.
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
