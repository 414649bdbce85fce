//! Completion queues: results for a host that wants no callbacks.

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
/// @return To be freed with `temporal_static_libs_queue_free`; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn temporal_static_libs_queue_new() -> *mut StaticLibsQueue {
    guard_infallible(ptr::null_mut(), || {
        // What only adds to a queue need not run where callbacks may block.
        never_block(queue_callbacks::addresses());
        Ok(boxed(StaticLibsQueue {
            queue: Arc::default(),
        }))
    })
}

/// Frees the queue, its descriptor and the events that wait on it: connections are closed, servers
/// killed.
///
/// @param queue From `temporal_static_libs_queue_new`, not used again, and no other thread inside a
///              function of it; NULL is a no-op.
///
/// Calls in flight run on; what they give is freed when it comes. Any thread.
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

/// Makes the `user_data` of one call, whose result then goes to the queue.
///
/// @param queue Live for the call; NULL gives NULL and an error log.
/// @param tag   What the event says, for the caller to tell results apart.
/// @return      For exactly one call, with the `temporal_static_libs_on_…` function of its kind as its
///              callback. That frees it.
///
/// A host that calls such a function itself puts its own event on the queue, for example
/// `temporal_static_libs_on_worker(temporal_static_libs_queue_tag(queue, STOP), NULL)` to wake a thread that
/// waits. A tag whose call is never made is freed in the same way. Any thread.
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
/// @param queue          Live for the call.
/// @param timeout_millis How long to wait; 0 = not at all, negative = for ever.
/// @param event          Written to, whatever it holds but for its `size`; its `size` is set by the
///                       caller. To be freed with `temporal_static_libs_event_free`.
/// @return               Whether there is an event. False when the time is up, and with an error log for
///                       a NULL or an `event` of another size.
///
/// Any number of threads may wait; each event goes to one of them, in the order of their arrival.
/// Each call gives exactly one event, so there are never more of them than calls in flight, beside logs
/// and RPCs to answer. In a forked process each call gives an event of the kind
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

/// Gives the next event if there is one.
///
/// @param queue Live for the call.
/// @param event As for `temporal_static_libs_queue_next`.
/// @return      Whether there is an event.
///
/// Any thread.
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
    // Only its size: the rest may be memory that nobody has written to.
    // SAFETY: not NULL means live, by this function's own condition, and its size is set.
    let size = unsafe { (&raw const (*event).size).read() };
    check_size_of::<StaticLibsEvent>("event", size)?;
    // SAFETY: by this function's own condition.
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
    // SAFETY: not NULL means live, by this function's own condition. What was there is not dropped.
    unsafe { event.write(taken.into_event()) };
    Ok(true)
}

/// Gives a descriptor to wait for events with, such as by `epoll`, `kqueue`, `poll` or an event loop.
///
/// @param queue Live for the call.
/// @return      Readable, or signaled on Windows, exactly while `temporal_static_libs_queue_try_next`
///              would give an event. The queue's: not to be read, written or closed, and gone when the
///              queue is freed. Always the same. -1, and an error log, where the system has no
///              descriptor left, and in a forked process.
///
/// An eventfd on Linux, a pipe on macOS; close-on-exec and non-blocking. On Windows, the handle of an
/// event object, for `WaitForMultipleObjects`: cast it to `intptr_t`, then to `HANDLE`. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_queue_descriptor(queue: *mut StaticLibsQueue) -> i32 {
    guard_infallible(-1, || {
        // SAFETY: the queue is live for this call.
        let queue = unsafe { Lent::handle(queue, "queue") }?;
        let descriptor = queue.queue.descriptor();
        descriptor.map_err(|error| format!("no descriptor for the queue: {error}"))
    })
}
