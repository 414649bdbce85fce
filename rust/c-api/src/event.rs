//! Events: what a completion queue gives.

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

/// What an event tells.
#[repr(C)]
#[derive(Clone, Copy, PartialEq)]
pub enum StaticLibsEventKind {
    /// The queue cannot be used: `fail` says why. Only after a fork.
    Unusable = 0,
    /// A connection, or why there is none: `connection` XOR `fail`.
    ClientConnect,
    /// An RPC's end: `success`, `status_code`, `fail` and `failure_details` as for
    /// `TemporalCoreClientRpcCallCallback`.
    ClientRpcCall,
    /// A poll's end: `success` XOR `fail`; both NULL: stop polling for this kind.
    WorkerPoll,
    /// A worker's validation, completion or finalization has ended: `fail`, or NULL.
    Worker,
    /// A server serves, or why not: `server` and `success`, its address, XOR `fail`.
    EphemeralServerStart,
    /// A server has stopped: `fail`, or NULL.
    EphemeralServerShutdown,
    /// A log: `log` and `log_level`.
    Log,
    /// More logs waited than the queue takes: `count` of them were dropped.
    LogsDropped,
    /// An RPC to answer: `request`.
    ClientGrpcOverride,
    /// What the server says of a worker's task queue: `success`, JSON, XOR `fail`.
    WorkerAskServer,
}

/// What a queue gives. Which fields are set depends on `kind`; the others are 0.
///
/// All that the fields lead to belongs to the event, until
/// `temporal_static_libs_event_free` frees it. To keep something of it, a connection for example, take
/// the pointer and set the field to NULL. A log stays in its event, which alone frees it.
#[repr(C)]
pub struct StaticLibsEvent {
    /// The struct's size, `sizeof(TemporalStaticLibsEvent)`; set before the event is asked for.
    pub size: size_t,
    /// What it tells.
    pub kind: StaticLibsEventKind,
    /// gRPC status of an RPC; 0 for success and for an error of the bridge.
    pub status_code: u32,
    /// As given to `temporal_static_libs_queue_tag`, or with the queue in the options.
    pub tag: u64,
    /// A connection.
    pub connection: *mut Connection,
    /// A server.
    pub server: *mut EphemeralServer,
    /// An RPC to answer. Who answers it sets this to NULL, for the response frees it.
    pub request: *mut ClientGrpcOverrideRequest,
    /// An RPC's response, a task, a server's address, or what the server says.
    pub success: *const ByteArray,
    /// Why it failed; NULL: it did not.
    pub fail: *const ByteArray,
    /// `google.rpc.Status` protobuf, where the server said that the RPC failed.
    pub failure_details: *const ByteArray,
    /// A log, for the `temporal_core_forwarded_log_…` accessors.
    pub log: *const ForwardedLog,
    /// How many logs were dropped.
    pub count: u64,
    /// The level of a log.
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

    /// Frees what the fields lead to, and leaves them NULL.
    ///
    /// # Safety
    /// They are NULL, or as the library gave them and not used again.
    pub(crate) unsafe fn free(&mut self) {
        let connection = mem::replace(&mut self.connection, ptr::null_mut());
        let server = mem::replace(&mut self.server, ptr::null_mut());
        let request = mem::replace(&mut self.request, ptr::null_mut());
        let log = mem::replace(&mut self.log, ptr::null());
        // SAFETY: by this function's own condition; `boxed` made the handles.
        unsafe {
            drop(taken_back(connection));
            free_server(server);
            // Its RPC fails: there is no response.
            drop(taken_back(request));
            drop(taken_back(log.cast_mut()));
            for bytes in [&mut self.success, &mut self.fail, &mut self.failure_details] {
                ByteArray::free(mem::replace(bytes, ptr::null()));
            }
        }
    }
}

/// Frees what an event leads to, and sets its pointers to NULL.
///
/// @param event As `temporal_static_libs_queue_next` or `temporal_static_libs_queue_try_next` wrote it,
///              but for pointers that were set to NULL; NULL is a no-op.
///
/// Connections are closed, servers killed, and an RPC that was not answered fails. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_event_free(event: *mut StaticLibsEvent) {
    guard_infallible((), || {
        // SAFETY: the event is live for this call, and what it leads to is given back.
        unsafe {
            if let Some(event) = event.as_mut() {
                event.free();
            }
        }
        Ok(())
    });
}
