//! Connecting to a Temporal server.

use crate::{
    byte_array::ByteArray,
    cancellation_token::CancellationToken,
    connection::Connection,
    connection_options::{ConnectionOptions, core_options},
    event::{StaticLibsEvent, StaticLibsEventKind},
    failures::connect_failure,
    ffi::{Callback, Checked, Lent, Pending, boxed, check_size, export_of, guard_named},
    grpc_override::queued_override_service,
    queue::StaticLibsQueue,
    runtime::{Core, Runtime},
};
use libc::size_t;
use std::{ffi::c_void, ptr, sync::Arc, time::Duration};
use temporalio_client::callback_based::CallbackBasedGrpcService;
use tokio::time::timeout;

/// Time limit for connecting as a whole: the kernel retries SYN for 127 s, and the first call can
/// take 30 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// Receives the result of `temporal_core_client_connect`: exactly one of `success` and `fail` is
/// set.
///
/// @param user_data What you passed to the call.
/// @param success   The connection. Free it with `temporal_core_client_free`.
/// @param fail      The error message. Free it with `temporal_core_byte_array_free`.
pub type ClientConnectCallback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, success: *mut Connection, fail: *const ByteArray),
>;

type ConnectCallback = unsafe extern "C" fn(*mut c_void, *mut Connection, *const ByteArray);

impl Callback for ConnectCallback {
    type Answer = Checked<Connection>;

    fn failure(message: String) -> Self::Answer {
        Err(message)
    }

    fn address(self) -> usize {
        self as usize
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        let (success, fail) = match answer {
            Ok(connection) => (boxed(connection), ptr::null()),
            Err(message) => (ptr::null_mut(), ByteArray::give(message)),
        };
        // SAFETY: by this function's contract; the callback owns what it is given.
        unsafe { self(user_data, success, fail) }
    }
}

/// More options for `temporal_static_libs_client_connect`.
#[repr(C)]
pub struct StaticLibsConnectOptions {
    /// Size of the struct: `sizeof(TemporalStaticLibsConnectOptions)`.
    pub size: size_t,
    /// Longest time until the callback runs; 0 = 180,000.
    pub timeout_millis: u64,
    /// Cancels connecting, which then fails with `Cancelled`. NULL = no cancellation. You can free
    /// it when the call returns.
    pub cancellation_token: *const CancellationToken,
    /// If set, no connection is made and every RPC becomes an event on this queue;
    /// `grpc_override_callback` must then be NULL. NULL = no queue. You can free the queue at any
    /// time; later RPCs then fail.
    pub grpc_override_queue: *const StaticLibsQueue,
    /// Tag of these events.
    pub grpc_override_tag: u64,
}

/// [`StaticLibsConnectOptions`], checked.
struct Extra {
    patience: Duration,
    token: Option<tokio_util::sync::CancellationToken>,
    service_override: Option<CallbackBasedGrpcService>,
}

/// Connects to a Temporal server and reads its capabilities.
///
/// @param runtime   The runtime.
/// @param options   Must stay valid, with everything it references, until the callback.
/// @param user_data Passed to the callback.
/// @param callback  If the options are wrong (`Invalid options: …`), called on your thread;
///                  otherwise on a runtime thread, after at most 180 seconds. A failed connection
///                  gives `Connection failed: …`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_connect(
    runtime: *mut Runtime,
    options: *const ConnectionOptions,
    user_data: *mut c_void,
    callback: ClientConnectCallback,
) {
    // SAFETY: the runtime is live for this call, the options and everything they reference until the
    // callback.
    let (runtime, options) = unsafe {
        (
            Lent::handle(runtime, "runtime"),
            Lent::required(options, "options"),
        )
    };
    connect(
        runtime,
        options,
        || Ok(Extra::default()),
        user_data,
        callback,
    );
}

/// Like `temporal_core_client_connect`, with a time limit, a cancellation token, and a queue for
/// RPCs that you answer yourself.
///
/// @param runtime   The runtime.
/// @param options   Must stay valid, with everything it references, until the callback.
/// @param extra     Only needs to stay valid for the duration of the call. NULL = all zeros.
/// @param user_data Passed to the callback.
/// @param callback  As for `temporal_core_client_connect`. If canceled, the call fails with
///                  exactly `Cancelled`.
///
/// When the callback runs, the call has released everything it used: sockets and tasks. The only
/// exception is a name lookup, which occupies its thread until the system's resolver gives up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_client_connect(
    runtime: *mut Runtime,
    options: *const ConnectionOptions,
    extra: *const StaticLibsConnectOptions,
    user_data: *mut c_void,
    callback: ClientConnectCallback,
) {
    // SAFETY: the runtime, `extra` and the handles in it are live for this call, the options and
    // everything they reference until the callback.
    let (runtime, options, extra) = unsafe {
        (
            Lent::handle(runtime, "runtime"),
            Lent::required(options, "options"),
            Lent::optional(extra, "extra"),
        )
    };
    let extra = || extra.map_or_else(|| Ok(Extra::default()), Extra::read);
    connect(runtime, options, extra, user_data, callback);
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            patience: PATIENCE,
            token: None,
            service_override: None,
        }
    }
}

impl Extra {
    fn read(extra: Lent<'_, StaticLibsConnectOptions>) -> Checked<Self> {
        check_size(extra, extra.size)?;
        let token = extra.field("extra.cancellation_token", |it| &it.cancellation_token);
        // SAFETY: only `temporal_core_cancellation_token_new` makes tokens.
        let token = unsafe { token.target_handle() }?;
        let queue = extra.field("extra.grpc_override_queue", |it| &it.grpc_override_queue);
        // SAFETY: only `temporal_static_libs_queue_new` makes queues.
        let queue = unsafe { queue.target_handle() }?;
        Ok(Self {
            patience: match extra.timeout_millis {
                0 => PATIENCE,
                millis => Duration::from_millis(millis),
            },
            token: token.map(|token| token.0.clone()),
            service_override: queue.map(|queue| {
                let (queue, tag) = (queue.queue.clone(), extra.grpc_override_tag);
                queued_override_service(move |request| {
                    let mut event =
                        StaticLibsEvent::new(StaticLibsEventKind::ClientGrpcOverride, tag);
                    event.request = request;
                    queue.put(event);
                })
            }),
        })
    }
}

/// The body of an export, which contains the closure `extra`.
fn connect<Read>(
    runtime: Checked<Lent<'_, Runtime>>,
    options: Checked<Lent<'_, ConnectionOptions>>,
    extra: Read,
    user_data: *mut c_void,
    callback: ClientConnectCallback,
) where
    Read: FnOnce() -> Checked<Extra>,
{
    guard_named(export_of::<Read>, (), || {
        let pending =
            Pending::<ConnectCallback>::new(callback.ok_or("callback is NULL")?, user_data);
        // The callback may free the runtime before this function returns.
        let core = runtime.and_then(Runtime::core).cloned();
        let prepared = core.and_then(|core| {
            let read = || -> Checked<_> {
                let mut extra = extra()?;
                let service_override = extra.service_override.take();
                Ok((core_options(&core, options?, service_override)?, extra))
            };
            let (options, extra) = core.enter(read)?;
            Ok((core, options, extra))
        });
        match prepared {
            Err(message) => pending.fail(format!("Invalid options: {message}")),
            Ok((core, options, extra)) => {
                let connection_core = core.clone();
                core.spawn(pending, || extra.within(connection_core, options));
            }
        }
        Ok(())
    });
}

impl Extra {
    async fn within(
        self,
        core: Arc<Core>,
        options: temporalio_client::ConnectionOptions,
    ) -> Checked<Connection> {
        let retry = options.retry_options.clone();
        let headers = options.headers.clone().unwrap_or_default();
        let target = match options.service_override {
            Some(_) => "the gRPC override".to_owned(),
            None => options.target.origin().ascii_serialization(),
        };
        let connecting = timeout(
            self.patience,
            temporalio_client::Connection::connect(options),
        );
        let ended = match self.token {
            None => connecting.await,
            Some(token) => match token.run_until_cancelled_owned(connecting).await {
                Some(ended) => ended,
                None => return Err("Cancelled".to_owned()),
            },
        };
        match ended {
            Ok(Ok(client)) => Ok(Connection::new(core, client, retry, &headers)),
            Ok(Err(error)) => Err(format!(
                "Connection failed: {}",
                connect_failure(&target, &error)
            )),
            Err(_) => Err(format!(
                "Connection failed: no connection to {target} within {} ms: the server, or a proxy in front of it, does not answer",
                self.patience.as_millis()
            )),
        }
    }
}
