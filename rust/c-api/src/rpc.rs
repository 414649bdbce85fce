//! RPC calls: protobuf bytes in, protobuf bytes out.

use crate::{
    byte_array::{ByteArray, ByteArrayRef, MetadataRef},
    cancellation_token::CancellationToken,
    connection::Connection,
    ffi::{Callback, Checked, Lent, Pending, c_enum, guard_infallible, read_bool},
};
use futures_util::{FutureExt, future::BoxFuture};
use prost::Message;
use std::{ffi::c_void, mem::MaybeUninit, ptr, time::Duration};
use temporalio_client::{RetryOptions, request_extensions::RetryConfigForCall};
use tonic::{
    Request, Response, Status,
    metadata::{AsciiMetadataKey, AsciiMetadataValue, BinaryMetadataKey, BinaryMetadataValue},
};

/// The five services of a Temporal server.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum RpcService {
    /// `temporal.api.workflowservice.v1.WorkflowService`
    Workflow = 1,
    /// `temporal.api.operatorservice.v1.OperatorService`
    Operator,
    /// `temporal.api.cloud.cloudservice.v1.CloudService`
    Cloud,
    /// `temporal.api.testservice.v1.TestService`
    Test,
    /// `grpc.health.v1.Health`
    Health,
}

c_enum!(RpcService {
    Workflow,
    Operator,
    Cloud,
    Test,
    Health
});

/// One call. All that it references lives until the callback.
#[repr(C)]
pub struct RpcCallOptions {
    /// The service.
    pub service: MaybeUninit<RpcService>,
    /// The RPC's name as the service definition spells it, such as `StartWorkflowExecution`.
    pub rpc: ByteArrayRef,
    /// The request's protobuf.
    pub req: ByteArrayRef,
    /// Send again after failures that allow it; false sends once.
    pub retry: MaybeUninit<bool>,
    /// Headers of this call; they win over the connection's.
    pub metadata: MetadataRef,
    /// Binary headers (names end in `-bin`) of this call.
    pub binary_metadata: MetadataRef,
    /// Time an attempt may take; 0 = the client's default (30 s, long polls 70 s). When it is up,
    /// the call ends with status 1 (`Timeout expired`, the client's timer) or 4 (the server's).
    pub timeout_millis: u32,
    /// Cancels the call; NULL = nothing does. Taken at the start: may be freed at once.
    pub cancellation_token: *const CancellationToken,
}

/// Ends `temporal_core_client_rpc_call`.
///
/// Success: `success` set, `status_code` 0. Error of the server: `status_code` a gRPC status other
/// than 0, `failure_message` set, `failure_details` set (may be empty). Error of the bridge:
/// `status_code` 0, `failure_message` set, `failure_details` NULL. What is set belongs to the
/// callback, which frees it with `temporal_core_byte_array_free`.
///
/// @param user_data       As given to the call.
/// @param success         The response's protobuf, may be empty; NULL: the call failed.
/// @param status_code     gRPC status; 0 for success and for an error of the bridge.
/// @param failure_message NULL for success.
/// @param failure_details `google.rpc.Status` protobuf; NULL for success and for an error of the
///                        bridge.
pub type ClientRpcCallCallback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        success: *const ByteArray,
        status_code: u32,
        failure_message: *const ByteArray,
        failure_details: *const ByteArray,
    ),
>;

type RpcCallback =
    unsafe extern "C" fn(*mut c_void, *const ByteArray, u32, *const ByteArray, *const ByteArray);

/// How a call ended.
pub(crate) enum RpcAnswer {
    Success(Vec<u8>),
    Server(Status),
    Bridge(String),
}

impl Callback for RpcCallback {
    type Answer = RpcAnswer;

    fn failure(message: String) -> Self::Answer {
        RpcAnswer::Bridge(message)
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        let none = ptr::null();
        let (success, status_code, message, details) = match answer {
            RpcAnswer::Success(bytes) => (ByteArray::give(bytes), 0, none, none),
            RpcAnswer::Server(status) => (
                none,
                status.code() as u32,
                ByteArray::give(status.message()),
                ByteArray::give(status.details()),
            ),
            RpcAnswer::Bridge(message) => (none, 0, ByteArray::give(message), none),
        };
        // SAFETY: by this function's own condition; the callback owns what it is given.
        unsafe { self(user_data, success, status_code, message, details) }
    }
}

/// A call that is ready to be sent.
type ReadyCall = BoxFuture<'static, Result<Vec<u8>, Status>>;

/// What the generated table makes a [`ReadyCall`] of.
struct Call<'a> {
    client: temporalio_client::Connection,
    options: Lent<'a, RpcCallOptions>,
    request: &'a [u8],
}

impl Call<'_> {
    /// One row of the table: decodes the request now, sends it later.
    fn unary<Req, Resp, F>(self, method: F) -> Checked<ReadyCall>
    where
        Req: Message + Default + 'static,
        Resp: Message + 'static,
        F: for<'c> FnOnce(
                &'c mut temporalio_client::Connection,
                Request<Req>,
            ) -> BoxFuture<'c, Result<Response<Resp>, Status>>
            + Send
            + 'static,
    {
        let message = Req::decode(self.request)
            .map_err(|error| format!("Request decode failure: {error}"))?;
        let request = request(self.options, message)?;
        let mut client = self.client;
        Ok(async move {
            method(&mut client, request)
                .await
                .map(|response| response.into_inner().encode_to_vec())
        }
        .boxed())
    }
}

fn unknown(name: &str) -> Checked<ReadyCall> {
    Err(format!("Unknown RPC call {name}"))
}

fn streaming(name: &str) -> Checked<ReadyCall> {
    Err(format!(
        "{name} is a streaming RPC; only calls with one request and one response can be made"
    ))
}

mod table {
    //! `ready(service, name, call)`, written by build.rs from the service definitions.
    use super::{Call, Checked, ReadyCall, RpcService, streaming, unknown};
    use temporalio_client::{
        Connection,
        grpc::{CloudService, HealthService, OperatorService, TestService, WorkflowService},
    };

    include!(concat!(env!("OUT_DIR"), "/rpc_table.rs"));
}

/// The request with this call's headers, timeout and retry policy.
fn request<T>(options: Lent<'_, RpcCallOptions>, message: T) -> Checked<Request<T>> {
    let mut request = Request::new(message);
    let metadata = options.field("metadata", |it| &it.metadata);
    for entry in metadata.metadata_entries()? {
        let (name, value) = entry?;
        request.metadata_mut().insert(
            AsciiMetadataKey::from_bytes(name.as_bytes())
                .map_err(|error| format!("metadata name `{name}`: {error}"))?,
            AsciiMetadataValue::try_from(value)
                .map_err(|error| format!("metadata value of `{name}`: {error}"))?,
        );
    }
    let binary_metadata = options.field("binary_metadata", |it| &it.binary_metadata);
    for entry in binary_metadata.binary_metadata_entries()? {
        let (name, value) = entry?;
        request.metadata_mut().insert_bin(
            BinaryMetadataKey::from_bytes(name.as_bytes())
                .map_err(|error| format!("binary_metadata name `{name}`: {error}"))?,
            BinaryMetadataValue::from_bytes(value),
        );
    }
    if options.timeout_millis > 0 {
        request.set_timeout(Duration::from_millis(options.timeout_millis.into()));
    }
    if !read_bool(&options.retry) {
        request
            .extensions_mut()
            .insert(RetryConfigForCall(RetryOptions::no_retries()));
    }
    Ok(request)
}

/// Calls an RPC.
///
/// @param client    Live until the callback.
/// @param options   Live, with all it references, until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Fires exactly once: on the caller's thread for an error found before anything
///                  is sent, else on a runtime thread. NULL: nothing is done.
///
/// An unknown name fails with exactly `Unknown RPC call NAME`, a cancelled call with exactly
/// `Cancelled`. Any thread; calls may run side by side.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_rpc_call(
    client: *mut Connection,
    options: *const RpcCallOptions,
    user_data: *mut c_void,
    callback: ClientRpcCallCallback,
) {
    guard_infallible((), || {
        let pending = Pending::new(callback.ok_or("callback is NULL")?, user_data);
        // SAFETY: connection and options are live until the callback, with all they lead to; the
        // cancellation token is for this call.
        let (connection, options) = unsafe {
            (
                Lent::required(client, "client"),
                Lent::required(options, "options"),
            )
        };
        // Outside `Core::enter`, which would cost every call: until it is spawned, a call neither
        // logs nor needs the async context.
        let ready = connection
            .and_then(|connection| Ok((connection.core.clone(), ready(&connection, options?)?)));
        let (core, (call, token)) = match ready {
            Ok(ready) => ready,
            Err(message) => {
                pending.fail(message);
                return Ok(());
            }
        };
        // The callback may free the connection before this function returns: nothing of it is used
        // once the call is started.
        core.spawn(pending, async move {
            let result = match token {
                None => call.await,
                Some(token) => match token.run_until_cancelled_owned(call).await {
                    Some(result) => result,
                    None => return RpcAnswer::Bridge("Cancelled".to_owned()),
                },
            };
            result.map_or_else(RpcAnswer::Server, RpcAnswer::Success)
        });
        Ok(())
    });
}

fn ready(
    connection: &Connection,
    options: Lent<'_, RpcCallOptions>,
) -> Checked<(ReadyCall, Option<tokio_util::sync::CancellationToken>)> {
    let service = options.field("service", |it| &it.service).constant()?;
    let name = options.field("rpc", |it| &it.rpc).text()?;
    let call = Call {
        client: connection.client.clone(),
        options,
        request: options.field("req", |it| &it.req).bytes()?,
    };
    let token = options
        .field("cancellation_token", |it| &it.cancellation_token)
        .target();
    Ok((
        table::ready(service, name, call)?,
        token.map(|token| token.0.clone()),
    ))
}
