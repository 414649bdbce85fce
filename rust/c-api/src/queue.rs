//! Results that wait until a thread of the host asks for them.

use crate::{
    event::{StaticLibsEvent, StaticLibsEventKind},
    ffi::{boxed, lock, taken_back},
    log_forwarding::{ForwardedLog, ForwardedLogLevel},
    readiness::Readiness,
    sleepers::{Sleepers, sleep},
};
use std::{
    collections::VecDeque,
    ffi::{c_int, c_void},
    io,
    mem::{self, ManuallyDrop},
    ptr,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Instant,
};

/// An event that nobody has taken yet.
pub(crate) struct Waiting(StaticLibsEvent);

// SAFETY: any thread can use and free what the fields point to.
unsafe impl Send for Waiting {}

impl Waiting {
    pub(crate) fn new(event: StaticLibsEvent) -> Self {
        Self(event)
    }

    /// The event. The receiver must free it.
    pub(crate) fn into_event(self) -> StaticLibsEvent {
        let waiting = ManuallyDrop::new(self);
        // SAFETY: `waiting` is neither used again nor dropped.
        unsafe { ptr::read(&raw const waiting.0) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // SAFETY: made by this library, and nobody else has seen it.
        unsafe { self.0.free() }
    }
}

/// Collects results until one of your threads takes them, instead of passing them to callbacks.
///
/// Lifecycle: create it with `temporal_static_libs_queue_new`. For each call, pass a
/// `temporal_static_libs_queue_tag` as `user_data` and the `temporal_static_libs_on_…` function for
/// that kind of call as the callback. Take each result with `temporal_static_libs_queue_next` or
/// `temporal_static_libs_queue_try_next`, and free it with `temporal_static_libs_event_free`. Free
/// the queue with `temporal_static_libs_queue_free`.
///
/// Several threads can use it at the same time. It needs no runtime, and any number of runtimes can
/// share it. You can free it while calls are in flight; their results are then freed when they
/// arrive.
pub struct StaticLibsQueue {
    pub(crate) queue: Arc<Queue>,
}

/// A queue, which exists as long as something can be put on it.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// How many of `waiting` are logs.
    logs: usize,
    /// How many logs were dropped since the last event about that.
    dropped_logs: u64,
    consumers: Sleepers,
    /// Created on first use.
    readiness: Option<Readiness>,
    closed: bool,
}

/// What `user_data` points to, for a call whose result goes to a queue.
struct Tag {
    queue: Arc<Queue>,
    tag: u64,
}

/// Creates the `user_data` of a call.
pub(crate) fn tag(queue: &Arc<Queue>, tag: u64) -> *mut c_void {
    let queue = queue.clone();
    boxed(Tag { queue, tag }).cast()
}

/// Puts a call's result on the queue that its `user_data` refers to, and frees `user_data`.
///
/// # Safety
/// `user_data` is NULL, or came from [`tag`] and is not used again. `event` owns what it points to.
pub(crate) unsafe fn put_result(user_data: *mut c_void, mut event: StaticLibsEvent) {
    // SAFETY: by this function's contract.
    match unsafe { taken_back(user_data.cast::<Tag>()) } {
        Some(Tag { queue, tag }) => {
            event.tag = tag;
            queue.put(event);
        }
        // Nobody can take it.
        None => drop(Waiting(event)),
    }
}

impl Queue {
    /// Adds an event. If the queue is closed, the event is freed.
    pub(crate) fn put(&self, event: StaticLibsEvent) {
        let event = Waiting(event);
        let state = lock(&self.state);
        if !state.closed {
            self.add(state, event);
        }
        // Otherwise it is freed here, after the lock is released: closing its handles may log.
    }

    /// Adds a log. If `most` logs are waiting already, it is dropped and counted.
    pub(crate) fn put_log(
        &self,
        tag: u64,
        level: ForwardedLogLevel,
        log: ForwardedLog,
        most: usize,
    ) {
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        if state.logs < most {
            state.logs += 1;
            let mut event = StaticLibsEvent::new(StaticLibsEventKind::Log, tag);
            event.log = boxed(log);
            event.log_level = level;
            return self.add(state, Waiting(event));
        }
        state.dropped_logs += 1;
        if state.dropped_logs == 1 {
            let notice = StaticLibsEvent::new(StaticLibsEventKind::LogsDropped, tag);
            self.add(state, Waiting(notice));
        }
    }

    fn add(&self, mut state: MutexGuard<'_, State>, event: Waiting) {
        state.waiting.push_back(event);
        if state.waiting.len() == 1
            && let Some(readiness) = &state.readiness
        {
            readiness.set();
        }
        if state.consumers.wake_one() {
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// The next event, if there is one.
    pub(crate) fn try_next(&self) -> Option<Waiting> {
        lock(&self.state).pop()
    }

    /// The next event; waits for it until `until`, or without a limit if that is None.
    pub(crate) fn next(&self, until: Option<Instant>) -> Option<Waiting> {
        let mut state = lock(&self.state);
        loop {
            if let Some(event) = state.pop() {
                return Some(event);
            }
            let (awake, was_woken) = sleep(
                &self.arrived,
                state,
                |state| &mut state.consumers,
                until,
                |_| false,
            );
            state = awake;
            if !was_woken {
                return state.pop();
            }
        }
    }

    /// A descriptor that is readable exactly while there is an event.
    ///
    /// # Errors
    /// The operating system's, if it has no free descriptors.
    pub(crate) fn descriptor(&self) -> io::Result<c_int> {
        let mut state = lock(&self.state);
        if let Some(readiness) = &state.readiness {
            return Ok(readiness.descriptor());
        }
        let readiness = Readiness::new()?;
        if !state.waiting.is_empty() {
            readiness.set();
        }
        Ok(state.readiness.insert(readiness).descriptor())
    }

    /// Frees the waiting events, and from now on every new one.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.readiness = None;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        // After the lock is released: closing their handles may log.
        drop(waiting);
    }
}

impl State {
    fn pop(&mut self) -> Option<Waiting> {
        let mut event = self.waiting.pop_front()?;
        match event.0.kind {
            StaticLibsEventKind::Log => self.logs -= 1,
            StaticLibsEventKind::LogsDropped => {
                event.0.count = mem::take(&mut self.dropped_logs);
            }
            _ => {}
        }
        if self.waiting.is_empty()
            && let Some(readiness) = &self.readiness
        {
            readiness.clear();
        }
        Some(event)
    }
}
