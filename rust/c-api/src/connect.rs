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

/// How long connecting may take as a whole: the kernel sends SYN for 127 s, and the first call may
/// take 30 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// Ends `temporal_core_client_connect`: a connection XOR a failure, the other being NULL.
///
/// @param user_data As given to the call.
/// @param success   To be freed with `temporal_core_client_free`.
/// @param fail      A message, to be freed with `temporal_core_byte_array_free`.
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
        // SAFETY: by this function's own condition; the callback owns what it is given.
        unsafe { self(user_data, success, fail) }
    }
}

/// How to connect, for `temporal_static_libs_client_connect`.
#[repr(C)]
pub struct StaticLibsConnectOptions {
    /// The struct's size, `sizeof(TemporalStaticLibsConnectOptions)`.
    pub size: size_t,
    /// Longest time until the callback; 0 = 180,000.
    pub timeout_millis: u64,
    /// Cancels connecting, which then fails with `Cancelled`; NULL = nothing does. Taken at the start:
    /// may be freed at once.
    pub cancellation_token: *const CancellationToken,
    /// When set, no connection is made and every RPC becomes an event of this queue; then
    /// `grpc_override_callback` is NULL. NULL: not so. Taken at the start: may be freed at any time, and
    /// then the RPCs fail.
    pub grpc_override_queue: *const StaticLibsQueue,
    /// What these events say as their tag.
    pub grpc_override_tag: u64,
}

/// [`StaticLibsConnectOptions`], checked.
struct Extra {
    patience: Duration,
    token: Option<tokio_util::sync::CancellationToken>,
    service_override: Option<CallbackBasedGrpcService>,
}

/// Connects to a Temporal server and asks for its capabilities.
///
/// @param runtime   Live for the call.
/// @param options   Live, with all it references, until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Fires exactly once: on the caller's thread for an error found before any work
///                  starts (`Invalid options: …`), else on a runtime thread (`Connection failed:
///                  …`), at the latest after 180 seconds. NULL: nothing is done.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_connect(
    runtime: *mut Runtime,
    options: *const ConnectionOptions,
    user_data: *mut c_void,
    callback: ClientConnectCallback,
) {
    // SAFETY: the runtime is live for this call, the options with all they lead to until the
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

/// `temporal_core_client_connect` with a time limit, a cancellation token, and a queue for RPCs that the
/// caller answers.
///
/// @param runtime   Live for the call.
/// @param options   Live, with all it references, until the callback.
/// @param extra     Only needs to stay valid for the duration of the call; NULL = all zeros.
/// @param user_data Passed to the callback.
/// @param callback  As for `temporal_core_client_connect`. A cancelled call fails with exactly
///                  `Cancelled`.
///
/// Once it has ended, nothing of it is left: no socket, no task. Only a name that is still being
/// looked up keeps its thread until the system's resolver gives up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_client_connect(
    runtime: *mut Runtime,
    options: *const ConnectionOptions,
    extra: *const StaticLibsConnectOptions,
    user_data: *mut c_void,
    callback: ClientConnectCallback,
) {
    // SAFETY: the runtime, `extra` and the handles in it are live for this call, the options with all
    // they lead to until the callback.
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

/// An export's body; `extra` is written in it.
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
                "Connection failed: no connection to {target} within {} ms: the server, or a proxy before it, does not answer",
                self.patience.as_millis()
            )),
        }
    }
}
