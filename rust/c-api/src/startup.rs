//! Making a runtime.

#[cfg(unix)]
use crate::ffi::HostMask;
use crate::{
    byte_array::{ByteArray, ByteArrayRef},
    callbacks::CallbackThreads,
    ffi::{
        Checked, Lent, Range, boxed, c_enum, check_size, guard, panic_text, read_bool,
        with_sigpipe_blocked,
    },
    log_forwarding::DeliverLog,
    metric_export::metrics_config,
    queue::StaticLibsQueue,
    runtime::{Core, CoreParts, Runtime},
    telemetry::{LogTarget, TelemetryOptions, log_target},
    threads,
};
use libc::size_t;
use std::{mem::MaybeUninit, num::NonZeroUsize, ptr, sync::Arc, time::Duration};
use temporalio_common::{
    protos::temporal::api::worker::v1::environment_info::Runtime as ProtoRuntimeInfo,
    telemetry::set_trace_subscriber_for_current_thread,
};
use temporalio_sdk_core::CoreRuntime;
use tracing::Dispatch;

/// Most threads that a runtime can be told to have.
const MAX_THREADS: u32 = 1024;

/// How many logs may wait on a queue if nothing else is said.
const MAX_WAITING_LOGS: usize = 10_000;

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

/// More options of a runtime, for `temporal_static_libs_runtime_new`.
#[repr(C)]
pub struct StaticLibsRuntimeOptions {
    /// The struct's size, `sizeof(TemporalStaticLibsRuntimeOptions)`.
    pub size: size_t,
    /// Threads that calls run on, at most 1,024; 0 = as many as the process may use processors, by its
    /// affinity and quota.
    pub threads: u32,
    /// Most logs that wait on `log_queue`: what comes then is dropped, and an event says how many were.
    /// 0 = 10,000. Runtimes with the same queue count together.
    pub max_waiting_logs: u32,
    /// Gets the logs that `telemetry.logging.filter` selects, whose `forward_to` is NULL then. NULL: they
    /// go where `telemetry.logging` says. Taken at the start: may be freed at any time.
    pub log_queue: *const StaticLibsQueue,
    /// What the events of logs say as their tag.
    pub log_tag: u64,
    /// Callbacks that end a call may block, or wait for another call of this runtime: they run on threads
    /// of their own, as many as it takes. It costs a call 30 to 50 % more CPU. False: they run on the
    /// threads that calls run on, and may not.
    pub callbacks_may_block: MaybeUninit<bool>,
}

/// [`StaticLibsRuntimeOptions`], checked.
#[derive(Default)]
struct Extra {
    threads: Option<NonZeroUsize>,
    logs: Option<DeliverLog>,
    callbacks_may_block: bool,
}

impl Extra {
    fn read(extra: Lent<'_, StaticLibsRuntimeOptions>) -> Checked<Self> {
        check_size(extra, extra.size)?;
        if extra.threads > MAX_THREADS {
            return Err(format!(
                "extra.threads must be at most {MAX_THREADS}, not {}; 0 means one for each processor",
                extra.threads
            ));
        }
        let queue = extra.field("extra.log_queue", |it| &it.log_queue);
        // SAFETY: only `temporal_static_libs_queue_new` makes queues.
        let queue = unsafe { queue.target_handle() }?;
        let most = match extra.max_waiting_logs {
            0 => MAX_WAITING_LOGS,
            most => most as usize,
        };
        let tag = extra.log_tag;
        Ok(Self {
            threads: NonZeroUsize::new(extra.threads as usize),
            logs: queue.map(|queue| -> DeliverLog {
                let queue = queue.queue.clone();
                Box::new(move |level, log| queue.put_log(tag, level, log, most))
            }),
            callbacks_may_block: read_bool(&extra.callbacks_may_block),
        })
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
    made(options, || Ok(Extra::default()))
}

/// `temporal_core_runtime_new` with a number of threads, and a queue for logs.
///
/// @param options As for `temporal_core_runtime_new`.
/// @param extra   Dropped by the caller once the call returns; NULL = all zeros but for its size.
/// @return        As of `temporal_core_runtime_new`.
///
/// Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_runtime_new(
    options: *const RuntimeOptions,
    extra: *const StaticLibsRuntimeOptions,
) -> RuntimeOrFail {
    // SAFETY: options and `extra` are live for this call, with all they lead to.
    let (options, extra) = unsafe {
        (
            Lent::required(options, "options"),
            Lent::optional(extra, "extra"),
        )
    };
    made(options, || {
        extra.map_or_else(|| Ok(Extra::default()), Extra::read)
    })
}

/// An export's body.
fn made(
    options: Checked<Lent<'_, RuntimeOptions>>,
    extra: impl FnOnce() -> Checked<Extra>,
) -> RuntimeOrFail {
    guard(failed, || {
        match options.and_then(|options| new_core(options, extra)) {
            Ok(core) => RuntimeOrFail {
                runtime: boxed(Runtime::new(Ok(core))),
                fail: ptr::null(),
            },
            Err(message) => failed(format!("Invalid options: {message}")),
        }
    })
}

fn failed(message: String) -> RuntimeOrFail {
    RuntimeOrFail {
        fail: ByteArray::give(message.as_str()),
        runtime: boxed(Runtime::new(Err(message))),
    }
}

fn new_core(
    options: Lent<'_, RuntimeOptions>,
    extra: impl FnOnce() -> Checked<Extra>,
) -> Checked<Arc<Core>> {
    let telemetry = options.field("telemetry", |it| &it.telemetry).target();
    // Before what can fail, so that a custom meter is taken over whatever else is wrong.
    let metrics = telemetry
        .and_then(|telemetry| telemetry.field("metrics", |it| &it.metrics).target())
        .map(metrics_config)
        .transpose()?;
    let extra = extra()?;
    let logs = log_target(telemetry, extra.logs)?;
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
        let on_start = move || {
            if let Some(subscriber) = &for_threads {
                set_trace_subscriber_for_current_thread(subscriber.clone());
            }
        };
        let tokio = threads::start(extra.threads, on_start.clone())?;
        let callbacks = extra
            .callbacks_may_block
            .then(|| CallbackThreads::start(tokio.handle().clone(), on_start))
            .transpose()?;
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
            callbacks,
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
