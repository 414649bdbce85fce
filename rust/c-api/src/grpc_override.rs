//! RPCs answered by the caller instead of a server.

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

/// Answers one RPC, on a thread where blocking is allowed: by calling
/// `temporal_core_client_grpc_override_request_respond` exactly once, then or later, from any
/// thread.
///
/// @param request   The callback's, until it is responded to.
/// @param user_data As in the connection's options.
pub type ClientGrpcOverrideCallback =
    Option<unsafe extern "C" fn(request: *mut ClientGrpcOverrideRequest, user_data: *mut c_void)>;

/// An RPC that the caller answers instead of a server.
///
/// Life: the connection's `grpc_override_callback` gets it, or an event of its `grpc_override_queue`; the
/// accessors
/// `temporal_core_client_grpc_override_request_service`, `…_rpc`, `…_headers` and `…_proto` read it;
/// `temporal_core_client_grpc_override_request_respond` answers and frees it, exactly once.
///
/// Any thread may read it or respond, in the callback or later. What the accessors give is valid until
/// the response.
pub struct ClientGrpcOverrideRequest {
    request: GrpcRequest,
    /// `name\nvalue`, as the accessor lends them.
    headers: Vec<Vec<u8>>,
    header_refs: Vec<ByteArrayRef>,
    respond: oneshot::Sender<Result<GrpcSuccessResponse, Status>>,
}

// SAFETY: `header_refs` point into `headers`, which nobody changes.
unsafe impl Send for ClientGrpcOverrideRequest {}

/// The answer to an RPC.
#[repr(C)]
pub struct ClientGrpcOverrideResponse {
    /// gRPC status; 0 = success.
    pub status_code: i32,
    /// Response headers; for success only.
    pub headers: MetadataRef,
    /// Response protobuf; for success only.
    pub success_proto: ByteArrayRef,
    /// Message; for failure only.
    pub fail_message: ByteArrayRef,
    /// `google.rpc.Status` protobuf; for failure only, may be empty.
    pub fail_details: ByteArrayRef,
}

/// A gRPC service that asks `callback`, where it may block.
pub(crate) fn override_service(
    callback: unsafe extern "C" fn(*mut ClientGrpcOverrideRequest, *mut c_void),
    user_data: *mut c_void,
) -> CallbackBasedGrpcService {
    let user_data = UserData(user_data);
    service(move |request| {
        tokio::task::spawn_blocking(move || {
            let user_data = user_data;
            // SAFETY: the connection's options gave function and pointer; the request now belongs to
            // the caller.
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

/// What the caller answers, as the client takes it.
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

/// The service that is called.
///
/// @param req NULL gives an empty range and an error log.
/// @return    Fully qualified, such as `temporal.api.workflowservice.v1.WorkflowService`; valid
///            until the request is responded to.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_service(
    req: Option<&ClientGrpcOverrideRequest>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(req, |req| req.request.service.as_bytes())
}

/// The RPC's name.
///
/// @param req NULL gives an empty range and an error log.
/// @return    Such as `StartWorkflowExecution`; valid until the request is responded to.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_rpc(
    req: Option<&ClientGrpcOverrideRequest>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(req, |req| req.request.rpc.as_bytes())
}

/// The request's headers.
///
/// @param req NULL gives none and an error log.
/// @return    As they would go over the wire; valid until the request is responded to.
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

/// The request itself.
///
/// @param req NULL gives an empty range and an error log.
/// @return    Its protobuf; valid until the request is responded to.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_core_client_grpc_override_request_proto(
    req: Option<&ClientGrpcOverrideRequest>,
) -> ByteArrayRef {
    ByteArrayRef::lend_part(req, |req| &req.request.proto)
}

/// Answers the RPC and frees the request. Exactly once a request, from any thread.
///
/// @param req  Not used again; NULL is a no-op.
/// @param resp Dropped by the caller once the call returns. An invalid header name or value, or a
///             message that is not UTF-8, becomes an internal error of that RPC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_client_grpc_override_request_respond(
    req: *mut ClientGrpcOverrideRequest,
    resp: ClientGrpcOverrideResponse,
) {
    guard_infallible((), || {
        // SAFETY: `boxed` gave the request to the callback, which gives it back once.
        let request = unsafe { taken_back(req) }.ok_or("req is NULL")?;
        // SAFETY: the response is live for this call, with the ranges in it.
        let response = unsafe { Lent::by_value(&resp, "resp") };
        // An error means that the RPC was given up (a timeout or a cancellation): nobody waits.
        let _ = request.respond.send(result(response));
        Ok(())
    });
}
