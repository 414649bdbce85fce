//! Creating a runtime.

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

/// Largest number of threads that can be set for a runtime.
const MAX_THREADS: u32 = 1024;

/// How many logs can wait on a queue by default.
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

/// A language runtime.
#[repr(C)]
pub struct RuntimeInfo {
    /// Kind of the runtime.
    pub runtime_type: MaybeUninit<RuntimeType>,
    /// Version of the runtime; may be empty.
    pub version: ByteArrayRef,
}

/// An array of language runtimes; may be empty.
#[repr(C)]
pub struct RuntimeInfoArray {
    /// First element. May be NULL if `size` is 0.
    pub data: *const RuntimeInfo,
    /// Number of elements.
    pub size: size_t,
}

// SAFETY: by the interface, `data` points to `size` elements.
unsafe impl Range for RuntimeInfoArray {
    type Element = RuntimeInfo;

    fn range(&self) -> (*const RuntimeInfo, usize) {
        (self.data, self.size)
    }
}

/// Options of a runtime. All zeros are valid.
#[repr(C)]
pub struct RuntimeOptions {
    /// Where logs and metrics go; NULL = nowhere.
    pub telemetry: *const TelemetryOptions,
    /// Time between worker heartbeats, 1,000 to 60,000; 0 = no heartbeats.
    pub worker_heartbeat_interval_millis: u64,
    /// What worker heartbeats report about the language runtime; empty = nothing.
    pub runtime_info: RuntimeInfoArray,
    /// Let worker heartbeats report nothing about the runtime, hosting and platform.
    pub disable_environment_info: MaybeUninit<bool>,
}

/// A runtime, and an error message if it could not be created. `runtime` is always set.
#[repr(C)]
pub struct RuntimeOrFail {
    /// The runtime. Free it with `temporal_core_runtime_free`. If `fail` is set, do nothing else
    /// with it.
    pub runtime: *mut Runtime,
    /// NULL on success, otherwise the error message. Free it with `temporal_core_byte_array_free`,
    /// before `runtime`.
    pub fail: *const ByteArray,
}

/// More options for `temporal_static_libs_runtime_new`.
#[repr(C)]
pub struct StaticLibsRuntimeOptions {
    /// Size of the struct: `sizeof(TemporalStaticLibsRuntimeOptions)`.
    pub size: size_t,
    /// Number of threads that run calls, at most 1,024; 0 = as many as the process can use
    /// processors, by its affinity and quota.
    pub threads: u32,
    /// How many log records can wait on `log_queue`; 0 = 10,000. Further ones are dropped, and an
    /// event gives their number. Runtimes that share a queue share the limit.
    pub max_waiting_logs: u32,
    /// Receives the log records that `telemetry.logging.filter` selects;
    /// `telemetry.logging.forward_to` must then be NULL. NULL = they go where `telemetry.logging`
    /// sends them. You can free the queue at any time.
    pub log_queue: *const StaticLibsQueue,
    /// Tag of the events with log records.
    pub log_tag: u64,
    /// Whether callbacks that end a call may block or wait for another call of this runtime. If
    /// true, they run on separate threads, as many as necessary, and each call needs 30 to 50 %
    /// more CPU. If false, they run on the threads that run calls, and must not block.
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
/// @param options NULL is an error.
/// @return Always a runtime. If `fail` is set (`Invalid options: …`), free `fail` with that
///         runtime, then free the runtime, and do nothing else with it.
///
/// A process can have several runtimes, each with its own threads, logs and metrics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_runtime_new(
    options: *const RuntimeOptions,
) -> RuntimeOrFail {
    // SAFETY: the options, with everything they reference, are live for this call.
    let options = unsafe { Lent::required(options, "options") };
    made(options, || Ok(Extra::default()))
}

/// Like `temporal_core_runtime_new`, with a number of threads, a queue for logs, and callbacks that
/// may block.
///
/// @param options As for `temporal_core_runtime_new`.
/// @param extra   Only needs to stay valid for the duration of the call. NULL = all zeros except
///                `size`.
/// @return As for `temporal_core_runtime_new`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_runtime_new(
    options: *const RuntimeOptions,
    extra: *const StaticLibsRuntimeOptions,
) -> RuntimeOrFail {
    // SAFETY: the options and `extra`, with everything they reference, are live for this call.
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

/// The body of both exports.
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
    // Before everything that can fail, so that a custom meter is taken over even if something fails.
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
        // Created here and not by the core runtime, because the threads need it earlier.
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
    // Never on the caller's thread, because the core crate sets the log subscriber of the thread that
    // creates a runtime, and the first one would stay.
    // This thread starts all of the runtime's threads, so they inherit that SIGPIPE is blocked.
    let startup = with_sigpipe_blocked(|| {
        std::thread::Builder::new()
            .name("temporal-startup".to_owned())
            .spawn(build)
    });
    let core = startup
        .map_err(|error| format!("the operating system refuses another thread: {error}"))?
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
