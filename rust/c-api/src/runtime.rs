//! The runtime: Temporal's core, its threads and its telemetry.

#[cfg(unix)]
use crate::ffi::HostMask;
use crate::{
    byte_array::{ByteArray, ByteArrayRef},
    ffi::{
        Callback, Checked, Lent, Pending, Range, boxed, c_enum, guard, guard_infallible, lock,
        panic_text, read_bool, taken_back, with_signals_blocked, with_sigpipe_blocked,
    },
    log_forwarding::{LogForwarder, is_inside_log_callback},
    metric_export::metrics_config,
    telemetry::{LogTarget, TelemetryOptions, log_target},
    threads,
};
use futures_util::FutureExt;
use libc::size_t;
use std::{
    future::Future,
    mem::MaybeUninit,
    panic::AssertUnwindSafe,
    pin::Pin,
    ptr,
    sync::{Arc, Mutex},
    time::Duration,
};
use temporalio_common::{
    protos::temporal::api::worker::v1::environment_info::Runtime as ProtoRuntimeInfo,
    telemetry::set_trace_subscriber_for_current_thread,
};
use temporalio_sdk_core::CoreRuntime;
use tracing::Dispatch;

/// How long tearing a runtime down waits for blocking work, such as a DNS lookup, to end.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

/// The language runtime that hosts this library, as worker heartbeats report it.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum RuntimeType {
    /// Not reported.
    Unspecified = 0,
    /// Java virtual machine.
    Jvm,
    /// CPython.
    Cpython,
    /// Node.js.
    Node,
    /// Bun.
    Bun,
    /// CRuby.
    Cruby,
    /// Go.
    Go,
    /// .NET Framework.
    DotnetFramework,
    /// .NET (Core).
    DotnetCore,
    /// No language runtime.
    Native,
    /// RoadRunner.
    Roadrunner,
}

c_enum!(RuntimeType {
    Unspecified,
    Jvm,
    Cpython,
    Node,
    Bun,
    Cruby,
    Go,
    DotnetFramework,
    DotnetCore,
    Native,
    Roadrunner,
});

/// One language runtime.
#[repr(C)]
pub struct RuntimeInfo {
    /// Its kind.
    pub runtime_type: MaybeUninit<RuntimeType>,
    /// Its version; may be empty.
    pub version: ByteArrayRef,
}

/// Language runtimes; may be empty.
#[repr(C)]
pub struct RuntimeInfoArray {
    /// First element; may be NULL when `size` is 0.
    pub data: *const RuntimeInfo,
    /// Number of elements.
    pub size: size_t,
}

// SAFETY: `data` leads to `size` of them; that is what the interface means by the array.
unsafe impl Range for RuntimeInfoArray {
    type Element = RuntimeInfo;

    fn range(&self) -> (*const RuntimeInfo, usize) {
        (self.data, self.size)
    }
}

/// Options of a runtime. All zeros is a legal value.
#[repr(C)]
pub struct RuntimeOptions {
    /// Where logs and metrics go; NULL = defaults (nowhere).
    pub telemetry: *const TelemetryOptions,
    /// 0 disables worker heartbeating; else 1,000 to 60,000.
    pub worker_heartbeat_interval_millis: u64,
    /// What worker heartbeats say about the language runtime; empty = nothing.
    pub runtime_info: RuntimeInfoArray,
    /// Worker heartbeats say nothing about runtime, hosting and platform.
    pub disable_environment_info: MaybeUninit<bool>,
}

/// A runtime, always; when `fail` is set, only to free `fail` with and then itself.
#[repr(C)]
pub struct RuntimeOrFail {
    /// To be freed with `temporal_core_runtime_free`.
    pub runtime: *mut Runtime,
    /// NULL on success; else to be freed with `temporal_core_byte_array_free`, before `runtime`.
    pub fail: *const ByteArray,
}

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
    parts: Option<CoreParts>,
    handle: tokio::runtime::Handle,
    dispatch: Option<Dispatch>,
    forwarder: Option<Arc<LogForwarder>>,
    /// What the thread that made the runtime had blocked.
    #[cfg(unix)]
    pub(crate) host_mask: HostMask,
}

struct CoreParts {
    core: CoreRuntime,
    tokio: tokio::runtime::Runtime,
}

impl Runtime {
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
        self.handle.spawn(async move {
            let answer = AssertUnwindSafe(call)
                .catch_unwind()
                .await
                .unwrap_or_else(|payload| C::failure(panic_text(payload)));
            pending.answer(answer);
            drop(core);
        });
    }

    /// Runs work on the runtime's threads that answers nobody. `work` makes its future there.
    pub(crate) fn spawn_work<Work>(self: &Arc<Self>, work: impl FnOnce() -> Work + Send + 'static)
    where
        Work: Future<Output = ()> + Send + 'static,
    {
        let core = self.clone();
        self.handle.spawn(async move {
            boxed_future(work).await;
            drop(core);
        });
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

/// Creates a runtime.
///
/// @param options Dropped by the caller once the call returns; NULL is an error.
/// @return A runtime, always. If `fail` is set (`Invalid options: …`) the caller frees `fail` with
///         that runtime, then the runtime, and does nothing else with it.
///
/// Several runtimes may live in one process, each with its own threads, logs and metrics. Any
/// thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_runtime_new(
    options: *const RuntimeOptions,
) -> RuntimeOrFail {
    // SAFETY: the options are live for this call, with all they lead to.
    let options = unsafe { Lent::required(options, "options") };
    guard(failed, || match options.and_then(new_core) {
        Ok(core) => RuntimeOrFail {
            runtime: boxed(Runtime { core: Ok(core) }),
            fail: ptr::null(),
        },
        Err(message) => failed(format!("Invalid options: {message}")),
    })
}

fn failed(message: String) -> RuntimeOrFail {
    RuntimeOrFail {
        fail: ByteArray::give(message.as_str()),
        runtime: boxed(Runtime { core: Err(message) }),
    }
}

fn new_core(options: Lent<'_, RuntimeOptions>) -> Checked<Arc<Core>> {
    let telemetry = options.field("telemetry", |it| &it.telemetry).target();
    // Before what can fail, so that a custom meter is taken over whatever else is wrong.
    let metrics = telemetry
        .and_then(|telemetry| telemetry.field("metrics", |it| &it.metrics).target())
        .map(metrics_config)
        .transpose()?;
    let logs = telemetry.map(log_target).transpose()?.flatten();
    let forwarder = logs.as_ref().and_then(LogTarget::forwarder).cloned();
    let runtimes = runtimes(options.field("runtime_info", |it| &it.runtime_info))?;
    let heartbeat = match options.worker_heartbeat_interval_millis {
        0 => None,
        millis @ 1_000..=60_000 => Some(Duration::from_millis(millis)),
        millis => {
            return Err(format!(
                "worker_heartbeat_interval_millis must be 0 (off) or between 1000 and 60000, not {millis}"
            ));
        }
    };
    let disable_environment_info = read_bool(&options.disable_environment_info);
    let opened = forwarder.clone();
    #[cfg(unix)]
    let host_mask = HostMask::of_this_thread();
    let build = move || -> Checked<Core> {
        let mut telemetry_options =
            temporalio_common::telemetry::TelemetryOptions::builder().build();
        if let Some(metrics) = &metrics {
            telemetry_options.attach_service_name = metrics.attach_service_name;
            telemetry_options
                .metric_prefix
                .clone_from(&metrics.metric_prefix);
        }
        // Made here rather than by the core runtime, which would tell too late for the threads.
        let subscriber = logs.map(LogTarget::subscriber).transpose()?.flatten();
        telemetry_options.subscriber_override = subscriber.clone();

        let for_threads = subscriber.clone();
        let tokio = threads::start(move || {
            if let Some(subscriber) = &for_threads {
                set_trace_subscriber_for_current_thread(subscriber.clone());
            }
        })?;
        let context = tokio.enter();
        let core_options = temporalio_sdk_core::RuntimeOptions::builder()
            .telemetry_options(telemetry_options)
            .heartbeat_interval(heartbeat)
            .disable_environment_info(disable_environment_info)
            .build()?
            .with_runtimes(runtimes);
        let mut core =
            CoreRuntime::new_assume_tokio(core_options).map_err(|error| format!("{error:#}"))?;
        if let Some(metrics) = metrics {
            core.telemetry_mut()
                .attach_late_init_metrics(metrics.start()?);
        }
        drop(context);
        Ok(Core {
            handle: tokio.handle().clone(),
            parts: Some(CoreParts { core, tokio }),
            dispatch: subscriber.map(Dispatch::new),
            forwarder,
            #[cfg(unix)]
            host_mask,
        })
    };
    // The core crate sets the log subscriber of the thread that creates a runtime, where the first
    // one would win over all later ones: never on the caller's thread.
    // All of the runtime's threads come from this one, and inherit that SIGPIPE is blocked in it.
    let startup = with_sigpipe_blocked(|| {
        std::thread::Builder::new()
            .name("temporal-startup".to_owned())
            .spawn(build)
    });
    let core = startup
        .map_err(|error| format!("no thread to start on: {error}"))?
        .join()
        .map_err(panic_text)??;
    if let Some(forwarder) = opened {
        forwarder.open();
    }
    Ok(Arc::new(core))
}

fn runtimes(array: Lent<'_, RuntimeInfoArray>) -> Checked<Vec<ProtoRuntimeInfo>> {
    array
        .each()?
        .map(|info| {
            let kind = info
                .field("runtime_info.runtime_type", |it| &it.runtime_type)
                .constant()?;
            let version = info
                .field("runtime_info.version", |it| &it.version)
                .text()?;
            Ok(ProtoRuntimeInfo {
                // The C enum's values are those of the protobuf enum.
                r#type: kind as i32,
                version: version.to_owned(),
            })
        })
        .collect()
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
