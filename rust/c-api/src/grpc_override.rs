//! RPCs that the caller answers instead of a server.

use crate::{
    byte_array::{ByteArrayRef, ByteArrayRefArray, MetadataRef},
    ffi::{Checked, Lent, UserData, boxed, guard_infallible, taken_back},
};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    convert::Infallible,
    ffi::c_void,
    fmt::Display,
    future::{Future, ready},
    sync::Arc,
};
use temporalio_client::callback_based::{
    CallbackBasedGrpcService, GrpcRequest, GrpcSuccessResponse,
};
use tokio::sync::oneshot;
use tonic::{Code, Status};

/// Answers one RPC, by calling `temporal_core_client_grpc_override_request_respond` exactly once:
/// in the callback or later, on any thread. It runs on a thread where it may block.
///
/// @param request   Valid until you respond.
/// @param user_data What you set in the options of the connection.
pub type ClientGrpcOverrideCallback =
    Option<unsafe extern "C" fn(request: *mut ClientGrpcOverrideRequest, user_data: *mut c_void)>;

/// An RPC that you answer instead of a server.
///
/// Lifecycle: the connection's `grpc_override_callback` receives it, or it arrives in an event on
/// the `grpc_override_queue`. Read it with `temporal_core_client_grpc_override_request_service`,
/// `…_rpc`, `…_headers` and `…_proto`, then answer and free it, exactly once, with
/// `temporal_core_client_grpc_override_request_respond`.
///
/// Any thread can read or answer it, in the callback or later. What the functions return is valid
/// until you respond.
pub struct ClientGrpcOverrideRequest {
    request: GrpcRequest,
    /// `name\nvalue`, which the accessor lends.
    headers: Vec<Vec<u8>>,
    header_refs: Vec<ByteArrayRef>,
    respond: oneshot::Sender<Result<GrpcSuccessResponse, Status>>,
}

// SAFETY: `header_refs` point into `headers`, which never change.
unsafe impl Send for ClientGrpcOverrideRequest {}

/// The answer to an RPC.
#[repr(C)]
pub struct ClientGrpcOverrideResponse {
    /// gRPC status; 0 = success.
    pub status_code: i32,
    /// Response headers. Ignored on failure.
    pub headers: MetadataRef,
    /// Response protobuf. Ignored on failure.
    pub success_proto: ByteArrayRef,
    /// Error message. Ignored on success.
    pub fail_message: ByteArrayRef,
    /// `google.rpc.Status` protobuf; may be empty. Ignored on success.
    pub fail_details: ByteArrayRef,
}

/// A gRPC service that calls `callback`, on a thread where it may block.
pub(crate) fn override_service(
    callback: unsafe extern "C" fn(*mut ClientGrpcOverrideRequest, *mut c_void),
    user_data: *mut c_void,
) -> CallbackBasedGrpcService {
    let user_data = UserData(user_data);
    service(move |request| {
        tokio::task::spawn_blocking(move || {
            let user_data = user_data;
            // SAFETY: function and pointer come from the connection's options; the request now belongs
            // to the caller.
            unsafe { callback(boxed(request), user_data.0) }
        })
    })
}

/// A gRPC service whose requests go to `take`, which does not block.
pub(crate) fn queued_override_service(
    take: impl Fn(*mut ClientGrpcOverrideRequest) + Send + Sync + 'static,
) -> CallbackBasedGrpcService {
    service(move |request| {
        take(boxed(request));
        ready(Ok::<_, Infallible>(()))
    })
}

fn service<Asked, Error>(
    ask: impl Fn(ClientGrpcOverrideRequest) -> Asked + Send + Sync + 'static,
) -> CallbackBasedGrpcService
where
    Asked: Future<Output = Result<(), Error>> + Send + 'static,
    Error: Display,
{
    CallbackBasedGrpcService {
        callback: Arc::new(move |request| {
            let (respond, response) = oneshot::channel();
            let asked = ask(ClientGrpcOverrideRequest::new(request, respond));
            async move {
                if let Err(error) = asked.await {
                    return Err(Status::internal(format!("gRPC override: {error}")));
                }
                response
                    .await
                    .unwrap_or_else(|_| Err(Status::internal("gRPC override: no response")))
            }
            .boxed()
        }),
    }
}

impl ClientGrpcOverrideRequest {
    fn new(
        request: GrpcRequest,
        respond: oneshot::Sender<Result<GrpcSuccessResponse, Status>>,
    ) -> Self {
        let headers: Vec<Vec<u8>> = request
            .headers
            .iter()
            .map(|(name, value)| [name.as_str().as_bytes(), b"\n", value.as_bytes()].concat())
            .collect();
        let header_refs = headers.iter().map(|h| ByteArrayRef::lend(h)).collect();
        Self {
            request,
            headers,
            header_refs,
            respond,
        }
    }
}

/// The caller's answer, in the form that the client expects.
fn result(response: Lent<'_, ClientGrpcOverrideResponse>) -> Result<GrpcSuccessResponse, Status> {
    let invalid = |message| Status::internal(format!("gRPC override: {message}"));
    if response.status_code == 0 {
        return success(response).map_err(invalid);
    }
    let message = response.field("fail_message", |it| &it.fail_message);
    let details = response.field("fail_details", |it| &it.fail_details);
    Err(Status::with_details(
        Code::from(response.status_code),
        message.text().map_err(invalid)?,
        details.bytes().map_err(invalid)?.to_vec().into(),
    ))
}

fn success(response: Lent<'_, ClientGrpcOverrideResponse>) -> Checked<GrpcSuccessResponse> {
    let entries = response
        .field("headers", |it| &it.headers)
        .binary_metadata()?;
    let proto = response
        .field("success_proto", |it| &it.success_proto)
        .bytes()?;
    let mut headers = HeaderMap::with_capacity(entries.len());
    for (name, value) in entries {
        headers.insert(
            HeaderName::try_from(&name)
                .map_err(|error| format!("header name `{name}`: {error}"))?,
            HeaderValue::from_bytes(&value)
                .map_err(|error| format!("value of header `{name}`: {error}"))?,
        );
    }
    Ok(GrpcSuccessResponse {
        headers,
        proto: proto.to_vec(),
    })
}

/// Returns the name of the service.
///
/// @param req If NULL, the call logs an error and returns an empty range.
/// @return The full name, for example `temporal.api.workflowservice.v1.WorkflowService`. Valid
///         until you respond.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_service(
    req: Option<&ClientGrpcOverrideRequest>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(req, |req| req.request.service.as_bytes())
}

/// Returns the name of the RPC.
///
/// @param req If NULL, the call logs an error and returns an empty range.
/// @return For example `StartWorkflowExecution`. Valid until you respond.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_rpc(
    req: Option<&ClientGrpcOverrideRequest>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(req, |req| req.request.rpc.as_bytes())
}

/// Returns the headers of the request.
///
/// @param req If NULL, the call logs an error and returns no headers.
/// @return The headers as a server would receive them. Valid until you respond.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_headers(
    req: Option<&ClientGrpcOverrideRequest>,
) -> MetadataRef {
    let none = ByteArrayRefArray {
        data: std::ptr::null(),
        size: 0,
    };
    guard_infallible(none, || {
        let request = req.ok_or("req is NULL")?;
        debug_assert_eq!(request.headers.len(), request.header_refs.len());
        Ok(ByteArrayRefArray {
            data: request.header_refs.as_ptr(),
            size: request.header_refs.len(),
        })
    })
}

/// Returns the request.
///
/// @param req If NULL, the call logs an error and returns an empty range.
/// @return The protobuf of the request. Valid until you respond.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_proto(
    req: Option<&ClientGrpcOverrideRequest>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(req, |req| &req.request.proto)
}

/// Answers the RPC and frees the request. Call it exactly once for each request, from any thread.
///
/// @param req  Do not use it again. If NULL, the call has no effect.
/// @param resp The answer. If a header is invalid or the message is not UTF-8, the RPC ends with an
///             internal error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_grpc_override_request_respond(
    req: *mut ClientGrpcOverrideRequest,
    resp: ClientGrpcOverrideResponse,
) {
    guard_infallible((), || {
        // SAFETY: `boxed` made the request, and this is its last use.
        let request = unsafe { taken_back(req) }.ok_or("req is NULL")?;
        // SAFETY: the response is live for this call, with the ranges in it.
        let response = unsafe { Lent::by_value(&resp, "resp") };
        // An error means that the RPC has ended (a timeout or a cancellation), so nobody is waiting.
        let _ = request.respond.send(result(response));
        Ok(())
    });
}
