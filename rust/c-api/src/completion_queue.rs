//! Completion queues: results for hosts that do not want callbacks.

use crate::{
    byte_array::ByteArray,
    event::{StaticLibsEvent, StaticLibsEventKind},
    ffi::{Checked, Lent, boxed, check_size_of, guard_infallible, never_block, taken_back},
    queue::{self, Queue, StaticLibsQueue, Waiting},
    queue_callbacks,
};
use std::{
    ffi::c_void,
    ptr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Creates a completion queue.
///
/// @return Never NULL. Free it with `temporal_static_libs_queue_free`.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_queue_new() -> *mut StaticLibsQueue {
    guard_infallible(ptr::null_mut(), || {
        // These only add to a queue, so they need not run on the threads for blocking callbacks.
        never_block(queue_callbacks::addresses());
        Ok(boxed(StaticLibsQueue {
            queue: Arc::default(),
        }))
    })
}

/// Frees the queue, its descriptor and the events still on it: their connections are closed and
/// their servers killed.
///
/// @param queue From `temporal_static_libs_queue_new`; do not use it again. No other thread may be
///              using it. May be NULL.
///
/// Calls in flight continue. Their results are freed when they arrive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_queue_free(queue: *mut StaticLibsQueue) {
    guard_infallible((), || {
        // SAFETY: `temporal_static_libs_queue_new` boxed the queue; this is its last use.
        if let Some(queue) = unsafe { taken_back(queue) } {
            queue.queue.close();
        }
        Ok(())
    });
}

/// Creates the `user_data` of one call whose result goes to the queue.
///
/// @param queue If NULL, the call logs an error and returns NULL.
/// @param tag   Copied to the event, so that you can tell results apart.
/// @return For exactly one call, together with the `temporal_static_libs_on_…` function for that
///         kind of call as its callback. The function frees it.
///
/// To put your own event on the queue, call one of these functions yourself. For example,
/// `temporal_static_libs_on_worker(temporal_static_libs_queue_tag(queue, STOP), NULL)` wakes a
/// waiting thread. If you do not make the call after all, free its tag the same way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_queue_tag(
    queue: *mut StaticLibsQueue,
    tag: u64,
) -> *mut c_void {
    guard_infallible(ptr::null_mut(), || {
        // SAFETY: the queue is live for this call.
        let queue = unsafe { Lent::handle(queue, "queue") }?;
        Ok(queue::tag(&queue.queue, tag))
    })
}

/// Waits for the next event.
///
/// @param queue          The queue.
/// @param timeout_millis Longest time to wait. 0 does not wait; a negative value waits forever.
/// @param event          Where to write the event. You only set its `size`; the rest is
///                       overwritten. Free it with `temporal_static_libs_event_free`.
/// @return Whether there is an event. False if the time is up; also false, with an error log, if an
///         argument is NULL or `event` has another size.
///
/// Any number of threads can wait; each event goes to one of them. Events come in the order of
/// their arrival. Each call in flight puts exactly one event on the queue; only logs and RPCs to
/// answer add more. In a forked process, this always gives an event of the kind
/// `TemporalStaticLibsEventKind_Unusable`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_queue_next(
    queue: *mut StaticLibsQueue,
    timeout_millis: i64,
    event: *mut StaticLibsEvent,
) -> bool {
    let until = || match u64::try_from(timeout_millis) {
        Err(_) => None,
        Ok(millis) => Instant::now().checked_add(Duration::from_millis(millis)),
    };
    guard_infallible(false, || {
        // SAFETY: queue and event are live for this call.
        unsafe { next(queue, event, |queue| queue.next(until())) }
    })
}

/// Takes the next event if there is one, without waiting.
///
/// @param queue The queue.
/// @param event As for `temporal_static_libs_queue_next`.
/// @return Whether there is an event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_queue_try_next(
    queue: *mut StaticLibsQueue,
    event: *mut StaticLibsEvent,
) -> bool {
    guard_infallible(false, || {
        // SAFETY: queue and event are live for this call.
        unsafe { next(queue, event, Queue::try_next) }
    })
}

/// # Safety
/// Both pointers are NULL or live.
unsafe fn next(
    queue: *mut StaticLibsQueue,
    event: *mut StaticLibsEvent,
    take: impl FnOnce(&Queue) -> Option<Waiting>,
) -> Checked<bool> {
    if event.is_null() {
        return Err("event is NULL".to_owned());
    }
    // Reads only the size: the rest may be uninitialized memory.
    // SAFETY: by this function's contract, a non-NULL event is live and its size is set.
    let size = unsafe { (&raw const (*event).size).read() };
    check_size_of::<StaticLibsEvent>("event", size)?;
    // SAFETY: by this function's contract.
    let taken = match unsafe { Lent::handle(queue, "queue") } {
        Ok(queue) => take(&queue.queue),
        Err(message) if queue.is_null() => return Err(message),
        Err(message) => {
            let mut unusable = StaticLibsEvent::new(StaticLibsEventKind::Unusable, 0);
            unusable.fail = ByteArray::give(message);
            Some(Waiting::new(unusable))
        }
    };
    let Some(taken) = taken else {
        return Ok(false);
    };
    // SAFETY: by this function's contract, a non-NULL event is live. Its old content is not dropped.
    unsafe { event.write(taken.into_event()) };
    Ok(true)
}

/// Returns a descriptor that tells you when there is an event, for `epoll`, `kqueue`, `poll` or an
/// event loop.
///
/// @param queue The queue.
/// @return Readable (on Windows: signaled) exactly while an event is on the queue. Every call
///         returns the same descriptor. The queue owns it and closes it when it is freed: do not
///         read, write or close it. -1, with an error log, if the system has no free descriptors,
///         and in a forked process.
///
/// On Linux it is an eventfd, on macOS a pipe; both are close-on-exec and non-blocking. On Windows
/// it is the handle of an event object, for `WaitForMultipleObjects`: cast it to `intptr_t`, then
/// to `HANDLE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_queue_descriptor(queue: *mut StaticLibsQueue) -> i32 {
    guard_infallible(-1, || {
        // SAFETY: the queue is live for this call.
        let queue = unsafe { Lent::handle(queue, "queue") }?;
        let descriptor = queue.queue.descriptor();
        descriptor.map_err(|error| format!("no descriptor for the queue: {error}"))
    })
}
