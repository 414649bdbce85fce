//! RPC calls: protobuf bytes in, protobuf bytes out.

use crate::{
    attempts::{Retries, TIMEOUT_HEADER, default_time, stated_time, within},
    byte_array::{ByteArray, ByteArrayRef, MetadataRef},
    cancellation_token::CancellationToken,
    connection::Connection,
    decoding::with_stack_for,
    ffi::{Callback, Checked, Lent, Pending, c_enum, guard_infallible, read_bool},
};
use futures_util::{FutureExt, future::BoxFuture};
use prost::Message;
use std::{ffi::c_void, mem::MaybeUninit, ptr, time::Duration};
use temporalio_common::protos::temporal::api::workflowservice::v1::GetWorkflowExecutionHistoryRequest;
use tonic::{
    Extensions, Request, Response, Status,
    metadata::{
        AsciiMetadataKey, AsciiMetadataValue, BinaryMetadataKey, BinaryMetadataValue, MetadataMap,
    },
};

/// The services of a Temporal server.
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

/// Options of one call. Everything they reference must stay valid until the callback.
#[repr(C)]
pub struct RpcCallOptions {
    /// The service.
    pub service: MaybeUninit<RpcService>,
    /// Name of the RPC, as in the service definition, for example `StartWorkflowExecution`.
    pub rpc: ByteArrayRef,
    /// Protobuf of the request.
    pub req: ByteArrayRef,
    /// Whether to retry failures that allow it. If false, the request is sent once.
    pub retry: MaybeUninit<bool>,
    /// Headers of this call. They override the connection's.
    pub metadata: MetadataRef,
    /// Binary headers of this call; their names end in `-bin`.
    pub binary_metadata: MetadataRef,
    /// Time limit of each attempt, including the wait for a connection; 0 = 30 seconds, or 70
    /// seconds for long polls. After it, the attempt ends with status 1 (`Timeout expired`, from
    /// the client) or 4 (from the server).
    pub timeout_millis: u32,
    /// Cancels the call. NULL = no cancellation. You can free it when the call returns.
    pub cancellation_token: *const CancellationToken,
}

/// Receives the result of `temporal_core_client_rpc_call`.
///
/// - Success: `success` is set, and `status_code` is 0.
/// - Error from the server: `status_code` is a gRPC status other than 0, and `failure_message` and
///   `failure_details` are set; the details may be empty.
/// - Error in the library: `status_code` is 0, `failure_message` is set, and `failure_details` is
///   NULL.
///
/// @param user_data       What you passed to the call.
/// @param success         Protobuf of the response, may be empty; NULL on failure.
/// @param status_code     gRPC status; 0 on success and for an error in the library.
/// @param failure_message The error message; NULL on success.
/// @param failure_details `google.rpc.Status` protobuf; NULL on success and for an error in the
///                        library.
///
/// Free what is set with `temporal_core_byte_array_free`.
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

    fn address(self) -> usize {
        self as usize
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
        // SAFETY: by this function's contract; the callback owns what it is given.
        unsafe { self(user_data, success, status_code, message, details) }
    }
}

/// An attempt that is ready to be sent.
struct Attempt {
    call: BoxFuture<'static, Result<Vec<u8>, Status>>,
    /// Its time limit. Not applied inside `call`, which is compiled once for each RPC.
    time: Duration,
}

/// A row of the generated table.
#[derive(Clone, Copy)]
struct Rpc {
    name: &'static str,
    ready: fn(Call<'_>) -> Checked<Attempt>,
}

/// The parts of an [`Attempt`].
struct Call<'a> {
    client: temporalio_client::Connection,
    request: &'a [u8],
    metadata: MetadataMap,
    time: CallTime,
}

/// The time limit of an attempt.
#[derive(Clone, Copy)]
struct CallTime {
    time: Duration,
    /// The headers do not contain it yet.
    is_to_be_stated: bool,
}

impl Call<'_> {
    /// One row of the table: decodes the request now, sends it later.
    fn unary<Req, Resp, F>(self, method: F) -> Checked<Attempt>
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
        let mut request = Request::from_parts(self.metadata, Extensions::new(), message);
        let CallTime {
            time,
            is_to_be_stated,
        } = self.time;
        if is_to_be_stated {
            request.set_timeout(time);
        }
        let mut client = self.client;
        let call = async move {
            method(&mut client, request)
                .await
                .map(|response| response.into_inner().encode_to_vec())
        };
        Ok(Attempt {
            call: call.boxed(),
            time,
        })
    }
}

/// Whether a request is a long poll, which the server answers when something has happened. These
/// are core's rules, which give such calls more time.
fn waits_for_events(service: RpcService, rpc: &str, request: &[u8]) -> bool {
    match (service, rpc) {
        (RpcService::Workflow, "GetWorkflowExecutionHistory") => {
            GetWorkflowExecutionHistoryRequest::decode(request).is_ok_and(|it| it.wait_new_event)
        }
        (
            RpcService::Workflow,
            "UpdateWorkflowExecution"
            | "ExecuteMultiOperation"
            | "PollWorkflowExecutionTimeSkipping",
        ) => true,
        _ => false,
    }
}

fn unknown(name: &str) -> Checked<Rpc> {
    Err(format!("Unknown RPC call {name}"))
}

fn streaming(name: &str) -> Checked<Rpc> {
    Err(format!(
        "{name} is a streaming RPC; only RPCs with one request and one response are supported"
    ))
}

mod table {
    //! `find(service, name)`, written by build.rs from the service definitions.
    use super::{Checked, Rpc, RpcService, streaming, unknown};
    use temporalio_client::{
        Connection,
        grpc::{CloudService, HealthService, OperatorService, TestService, WorkflowService},
    };

    include!(concat!(env!("OUT_DIR"), "/rpc_table.rs"));
}

/// The call's headers.
fn headers(options: Lent<'_, RpcCallOptions>) -> Checked<MetadataMap> {
    let mut headers = MetadataMap::new();
    if options.metadata.size == 0 && options.binary_metadata.size == 0 {
        return Ok(headers);
    }
    let metadata = options.field("metadata", |it| &it.metadata);
    for entry in metadata.metadata_entries()? {
        let (name, value) = entry?;
        headers.insert(
            AsciiMetadataKey::from_bytes(name.as_bytes())
                .map_err(|error| format!("metadata name `{name}`: {error}"))?,
            AsciiMetadataValue::try_from(value)
                .map_err(|error| format!("metadata value of `{name}`: {error}"))?,
        );
    }
    let binary_metadata = options.field("binary_metadata", |it| &it.binary_metadata);
    for entry in binary_metadata.binary_metadata_entries()? {
        let (name, value) = entry?;
        headers.insert_bin(
            BinaryMetadataKey::from_bytes(name.as_bytes())
                .map_err(|error| format!("binary_metadata name `{name}`: {error}"))?,
            BinaryMetadataValue::from_bytes(value),
        );
    }
    Ok(headers)
}

/// Calls an RPC.
///
/// @param client    Must stay valid until the callback.
/// @param options   Must stay valid, with everything it references, until the callback.
/// @param user_data Passed to the callback.
/// @param callback  If an error prevents the request from being sent, called on your thread;
///                  otherwise on a runtime thread.
///
/// If the name is unknown, the call fails with exactly `Unknown RPC call NAME`; if it was
/// canceled, with exactly `Cancelled`. You can make several calls at the same time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_rpc_call(
    client: *mut Connection,
    options: *const RpcCallOptions,
    user_data: *mut c_void,
    callback: ClientRpcCallCallback,
) {
    guard_infallible((), || {
        let pending = Pending::new(callback.ok_or("callback is NULL")?, user_data);
        // SAFETY: the connection and the options, with everything they reference, are live until the
        // callback; the cancellation token is live for this call.
        let (connection, options) = unsafe {
            (
                Lent::handle(client, "client"),
                Lent::required(options, "options"),
            )
        };
        // Outside `Core::enter`, which would slow down every call: until it is spawned, a call neither
        // logs nor needs the async context.
        let ready = connection
            .and_then(|connection| Ok((connection.core.clone(), ready(&connection, options?)?)));
        let (core, ready) = match ready {
            Ok(ready) => ready,
            Err(message) => {
                pending.fail(message);
                return Ok(());
            }
        };
        // The callback may free the connection before this function returns, so the connection is not
        // used after the call has started.
        core.spawn_small(pending, async move {
            let call = finish(ready.attempt, ready.again);
            let result = match ready.token {
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

/// A call that is ready to be sent.
struct Ready {
    attempt: Attempt,
    again: Option<Box<Again>>,
    token: Option<tokio_util::sync::CancellationToken>,
}

/// What is needed to retry a call.
struct Again {
    rpc: Rpc,
    retries: Retries,
    client: temporalio_client::Connection,
    request: Vec<u8>,
    /// None if there is none, as for most calls.
    metadata: Option<MetadataMap>,
    time: CallTime,
}

impl Again {
    fn attempt(&self) -> Checked<Attempt> {
        let call = Call {
            client: self.client.clone(),
            request: &self.request,
            metadata: self.metadata.clone().unwrap_or_default(),
            time: self.time,
        };
        (self.rpc.ready)(call)
    }
}

fn ready(connection: &Connection, options: Lent<'_, RpcCallOptions>) -> Checked<Ready> {
    let service = options.field("service", |it| &it.service).constant()?;
    let name = options.field("rpc", |it| &it.rpc).text()?;
    let request = options.field("req", |it| &it.req).bytes()?;
    let metadata = headers(options)?;
    let token = options.field("cancellation_token", |it| &it.cancellation_token);
    // SAFETY: only `temporal_core_cancellation_token_new` makes tokens.
    let token = unsafe { token.target_handle() }?;
    let time = if options.timeout_millis > 0 {
        CallTime {
            time: Duration::from_millis(options.timeout_millis.into()),
            is_to_be_stated: true,
        }
    } else {
        // A lookup parses the name, even in an empty map.
        let header = (!metadata.is_empty())
            .then(|| metadata.get(TIMEOUT_HEADER))
            .flatten()
            .and_then(|value| value.to_str().ok());
        let stated = header.and_then(stated_time).or(connection.timeout());
        CallTime {
            time: stated.unwrap_or_else(|| default_time(waits_for_events(service, name, request))),
            is_to_be_stated: false,
        }
    };
    let rpc = table::find(service, name)?;
    let again = read_bool(&options.retry).then(|| {
        Box::new(Again {
            rpc,
            retries: Retries::new(rpc.name, connection.retry.clone()),
            client: connection.without_retries.clone(),
            request: request.to_vec(),
            metadata: (!metadata.is_empty()).then(|| metadata.clone()),
            time,
        })
    });
    let call = Call {
        client: connection.without_retries.clone(),
        request,
        metadata,
        time,
    };
    Ok(Ready {
        attempt: with_stack_for(request, || (rpc.ready)(call))?,
        again,
        token: token.map(|token| token.0.clone()),
    })
}

/// Sends the call until it succeeds or must not be retried.
async fn finish(mut attempt: Attempt, mut again: Option<Box<Again>>) -> Result<Vec<u8>, Status> {
    loop {
        let result = within(attempt.time, attempt.call).await;
        let (Err(failure), Some(again)) = (&result, again.as_mut()) else {
            return result;
        };
        again.retries.wait_after(failure.clone()).await?;
        attempt = again.attempt().map_err(Status::internal)?;
    }
}
