//! Results that wait until a thread of the host's asks for them.

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

/// An event that nobody has asked for yet.
pub(crate) struct Waiting(StaticLibsEvent);

// SAFETY: what the fields lead to may be used and freed by any thread.
unsafe impl Send for Waiting {}

impl Waiting {
    pub(crate) fn new(event: StaticLibsEvent) -> Self {
        Self(event)
    }

    /// The event, for somebody who frees it.
    pub(crate) fn into_event(self) -> StaticLibsEvent {
        let waiting = ManuallyDrop::new(self);
        // SAFETY: not used again, as nothing drops it.
        unsafe { ptr::read(&raw const waiting.0) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // SAFETY: made by this library, and nobody else has seen it.
        unsafe { self.0.free() }
    }
}

/// Where results wait for a thread of the host's, instead of being given to a callback.
///
/// Life: `temporal_static_libs_queue_new`; for each call a `temporal_static_libs_queue_tag` as its
/// `user_data` and the `temporal_static_libs_on_…` function of its kind as its callback;
/// `temporal_static_libs_queue_next` or `temporal_static_libs_queue_try_next` and
/// `temporal_static_libs_event_free` for each result; `temporal_static_libs_queue_free`.
///
/// Any thread may use it, several at once. It needs no runtime, and serves any number of them. It may be
/// freed while calls are in flight: their results are freed when they come.
pub struct StaticLibsQueue {
    pub(crate) queue: Arc<Queue>,
}

/// A queue, as long as somebody may put something on it.
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
    /// How many logs were dropped since an event told of it last.
    dropped_logs: u64,
    consumers: Sleepers,
    /// Made when first asked for.
    readiness: Option<Readiness>,
    closed: bool,
}

/// What `user_data` leads to for a call whose result goes to a queue.
struct Tag {
    queue: Arc<Queue>,
    tag: u64,
}

/// Makes the `user_data` of a call.
pub(crate) fn tag(queue: &Arc<Queue>, tag: u64) -> *mut c_void {
    let queue = queue.clone();
    boxed(Tag { queue, tag }).cast()
}

/// Puts a call's result where its `user_data` says, which is freed.
///
/// # Safety
/// `user_data` is NULL, or came from [`tag`] and is not used again. What
/// `event` leads to is the library's.
pub(crate) unsafe fn put_result(user_data: *mut c_void, mut event: StaticLibsEvent) {
    // SAFETY: by this function's own condition.
    match unsafe { taken_back(user_data.cast::<Tag>()) } {
        Some(Tag { queue, tag }) => {
            event.tag = tag;
            queue.put(event);
        }
        // Nobody can ask for it.
        None => drop(Waiting(event)),
    }
}

impl Queue {
    /// Adds an event; what a closed queue gets is freed.
    pub(crate) fn put(&self, event: StaticLibsEvent) {
        let event = Waiting(event);
        let state = lock(&self.state);
        if !state.closed {
            self.add(state, event);
        }
        // Else it is freed, without the lock: what is closed may log.
    }

    /// Adds a log, unless so many wait already; then it counts as dropped.
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

    /// The next event, waiting for it until then; None: for ever.
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

    /// What is readable exactly while there is an event.
    ///
    /// # Errors
    /// The operating system's, where it has no descriptor left.
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

    /// Frees what waits, and from now on what comes.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.readiness = None;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        // Without the lock: what is closed may log.
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
