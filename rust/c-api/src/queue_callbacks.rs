//! Callbacks that put their result on a completion queue.

use crate::{
    byte_array::ByteArray,
    connection::Connection,
    ephemeral_server::EphemeralServer,
    event::{StaticLibsEvent, StaticLibsEventKind},
    ffi::guard_infallible,
    queue::put_result,
};
use std::ffi::c_void;

/// Puts a result on the queue that `user_data` refers to.
///
/// # Safety
/// As for [`put_result`]; `fill` passes to the event what the callback received.
unsafe fn put(
    user_data: *mut c_void,
    kind: StaticLibsEventKind,
    fill: impl FnOnce(&mut StaticLibsEvent),
) {
    guard_infallible((), || {
        let mut event = StaticLibsEvent::new(kind, 0);
        fill(&mut event);
        // SAFETY: by this function's contract.
        unsafe { put_result(user_data, event) };
        Ok(())
    });
}

/// The addresses of these callbacks.
pub(crate) fn addresses() -> [usize; 7] {
    [
        temporal_static_libs_on_client_connect as *const () as usize,
        temporal_static_libs_on_client_rpc_call as *const () as usize,
        temporal_static_libs_on_worker_poll as *const () as usize,
        temporal_static_libs_on_worker as *const () as usize,
        temporal_static_libs_on_ephemeral_server_start as *const () as usize,
        temporal_static_libs_on_ephemeral_server_shutdown as *const () as usize,
        temporal_static_libs_on_worker_ask_server as *const () as usize,
    ]
}

/// A `TemporalCoreClientConnectCallback` that puts the result on a queue.
///
/// @param user_data From `temporal_static_libs_queue_tag`.
/// @param success   As for the callback.
/// @param fail      As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_client_connect(
    user_data: *mut c_void,
    success: *mut Connection,
    fail: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(user_data, StaticLibsEventKind::ClientConnect, |event| {
            event.connection = success;
            event.fail = fail;
        });
    }
}

/// A `TemporalCoreClientRpcCallCallback` that puts the result on a queue.
///
/// @param user_data       From `temporal_static_libs_queue_tag`.
/// @param success         As for the callback.
/// @param status_code     As for the callback.
/// @param failure_message As for the callback.
/// @param failure_details As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_client_rpc_call(
    user_data: *mut c_void,
    success: *const ByteArray,
    status_code: u32,
    failure_message: *const ByteArray,
    failure_details: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(user_data, StaticLibsEventKind::ClientRpcCall, |event| {
            event.success = success;
            event.status_code = status_code;
            event.fail = failure_message;
            event.failure_details = failure_details;
        });
    }
}

/// A `TemporalCoreWorkerPollCallback` that puts the result on a queue.
///
/// @param user_data From `temporal_static_libs_queue_tag`.
/// @param success   As for the callback.
/// @param fail      As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_worker_poll(
    user_data: *mut c_void,
    success: *const ByteArray,
    fail: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(user_data, StaticLibsEventKind::WorkerPoll, |event| {
            event.success = success;
            event.fail = fail;
        });
    }
}

/// A `TemporalCoreWorkerCallback` that puts the result on a queue.
///
/// @param user_data From `temporal_static_libs_queue_tag`.
/// @param fail      As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_worker(
    user_data: *mut c_void,
    fail: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(user_data, StaticLibsEventKind::Worker, |event| {
            event.fail = fail
        })
    }
}

/// A `TemporalCoreEphemeralServerStartCallback` that puts the result on a queue.
///
/// @param user_data      From `temporal_static_libs_queue_tag`.
/// @param success        As for the callback.
/// @param success_target As for the callback.
/// @param fail           As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_ephemeral_server_start(
    user_data: *mut c_void,
    success: *mut EphemeralServer,
    success_target: *const ByteArray,
    fail: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(
            user_data,
            StaticLibsEventKind::EphemeralServerStart,
            |event| {
                event.server = success;
                event.success = success_target;
                event.fail = fail;
            },
        );
    }
}

/// A `TemporalCoreEphemeralServerShutdownCallback` that puts the result on a queue.
///
/// @param user_data From `temporal_static_libs_queue_tag`.
/// @param fail      As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_ephemeral_server_shutdown(
    user_data: *mut c_void,
    fail: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(
            user_data,
            StaticLibsEventKind::EphemeralServerShutdown,
            |event| {
                event.fail = fail;
            },
        );
    }
}

/// A `TemporalStaticLibsWorkerAskServerCallback` that puts the result on a queue.
///
/// @param user_data From `temporal_static_libs_queue_tag`.
/// @param success   As for the callback.
/// @param fail      As for the callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_on_worker_ask_server(
    user_data: *mut c_void,
    success: *const ByteArray,
    fail: *const ByteArray,
) {
    // SAFETY: the library calls it once, with the arguments of a callback.
    unsafe {
        put(user_data, StaticLibsEventKind::WorkerAskServer, |event| {
            event.success = success;
            event.fail = fail;
        });
    }
}
