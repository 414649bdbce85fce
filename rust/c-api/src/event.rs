//! Events: the entries of a completion queue.

use crate::{
    byte_array::ByteArray,
    connection::Connection,
    ephemeral_server::{EphemeralServer, free_server},
    ffi::{guard_infallible, taken_back},
    grpc_override::ClientGrpcOverrideRequest,
    log_forwarding::{ForwardedLog, ForwardedLogLevel},
};
use libc::size_t;
use std::{mem, ptr};

/// What an event is about.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub enum StaticLibsEventKind {
    /// The queue cannot be used; `fail` gives the reason. Occurs only after a fork.
    Unusable = 0,
    /// The result of connecting: `connection` or `fail`.
    ClientConnect,
    /// The result of an RPC: `success`, `status_code`, `fail` and `failure_details`, as for
    /// `TemporalCoreClientRpcCallCallback`.
    ClientRpcCall,
    /// The result of a poll: `success` or `fail`. If both are NULL, stop polling for this kind of
    /// task.
    WorkerPoll,
    /// The result of a worker's validation, completion or finalization: `fail`, or NULL on success.
    Worker,
    /// The result of a start: `server` and `success`, its address, or `fail`.
    EphemeralServerStart,
    /// A server has stopped: `fail`, or NULL on success.
    EphemeralServerShutdown,
    /// A log record: `log` and `log_level`.
    Log,
    /// Too many log records were waiting, so `count` of them were dropped.
    LogsDropped,
    /// An RPC for you to answer: `request`.
    ClientGrpcOverride,
    /// What the server knows of a worker's task queue: `success`, as JSON, or `fail`.
    WorkerAskServer,
}

/// An event on a queue. `kind` determines which fields are set; the others are 0.
///
/// The event owns everything its fields point to, until you free it with
/// `temporal_static_libs_event_free`. To keep something, for example a connection, copy the pointer
/// and set the field to NULL. A log record cannot be kept: only freeing its event frees it.
#[repr(C)]
pub struct StaticLibsEvent {
    /// Size of the struct: `sizeof(TemporalStaticLibsEvent)`. Set it before you ask for an event.
    pub size: size_t,
    /// What the event is about.
    pub kind: StaticLibsEventKind,
    /// gRPC status of an RPC; 0 on success and for an error of the library.
    pub status_code: u32,
    /// What you passed to `temporal_static_libs_queue_tag`, or set in the options together with the
    /// queue.
    pub tag: u64,
    /// The connection.
    pub connection: *mut Connection,
    /// The server.
    pub server: *mut EphemeralServer,
    /// The RPC to answer. Set it to NULL when you respond, because responding frees it.
    pub request: *mut ClientGrpcOverrideRequest,
    /// The response of an RPC, a task, a server's address, or the server's answer.
    pub success: *const ByteArray,
    /// The error message; NULL on success.
    pub fail: *const ByteArray,
    /// `google.rpc.Status` protobuf, if the server reported that the RPC failed.
    pub failure_details: *const ByteArray,
    /// The log record, for the `temporal_core_forwarded_log_…` functions.
    pub log: *const ForwardedLog,
    /// How many log records were dropped.
    pub count: u64,
    /// Level of the log record.
    pub log_level: ForwardedLogLevel,
}

impl StaticLibsEvent {
    pub(crate) fn new(kind: StaticLibsEventKind, tag: u64) -> Self {
        Self {
            size: size_of::<Self>(),
            kind,
            status_code: 0,
            tag,
            connection: ptr::null_mut(),
            server: ptr::null_mut(),
            request: ptr::null_mut(),
            success: ptr::null(),
            fail: ptr::null(),
            failure_details: ptr::null(),
            log: ptr::null(),
            count: 0,
            log_level: ForwardedLogLevel::Trace,
        }
    }

    /// Frees what the fields point to, and sets them to NULL.
    ///
    /// # Safety
    /// Each field is NULL, or unchanged since the library set it and not used again.
    pub(crate) unsafe fn free(&mut self) {
        let connection = mem::replace(&mut self.connection, ptr::null_mut());
        let server = mem::replace(&mut self.server, ptr::null_mut());
        let request = mem::replace(&mut self.request, ptr::null_mut());
        let log = mem::replace(&mut self.log, ptr::null());
        // SAFETY: by this function's contract; `boxed` made the handles.
        unsafe {
            drop(taken_back(connection));
            free_server(server);
            // Its RPC fails, because there is no response.
            drop(taken_back(request));
            drop(taken_back(log.cast_mut()));
            for bytes in [&mut self.success, &mut self.fail, &mut self.failure_details] {
                ByteArray::free(mem::replace(bytes, ptr::null()));
            }
        }
    }
}

/// Frees everything an event points to, and sets its pointers to NULL.
///
/// @param event From `temporal_static_libs_queue_next` or `temporal_static_libs_queue_try_next`.
///              You may have set pointers in it to NULL. May be NULL.
///
/// Connections are closed, servers are killed, and an RPC that was not answered fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_event_free(event: *mut StaticLibsEvent) {
    guard_infallible((), || {
        // SAFETY: the event is live for this call, and the caller gives back what it points to.
        unsafe {
            if let Some(event) = event.as_mut() {
                event.free();
            }
        }
        Ok(())
    });
}
