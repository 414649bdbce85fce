//! How a worker's polls end: with a task, with a failure, or because there are no more tasks.

use crate::{
    byte_array::ByteArray,
    ffi::{Callback, Checked},
    threads::check_room_for,
};
use std::{
    ffi::c_void,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use temporalio_common::worker::WorkerTaskTypes;

/// `WorkerPollCallback`, not NULL.
pub(crate) type PollCallback =
    unsafe extern "C" fn(*mut c_void, *const ByteArray, *const ByteArray);

/// How a poll ended.
pub(crate) enum Polled {
    Task(Vec<u8>),
    ShutDown,
    Failed(String),
}

impl Callback for PollCallback {
    type Answer = Polled;

    fn failure(message: String) -> Self::Answer {
        Polled::Failed(message)
    }

    fn address(self) -> usize {
        self as usize
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        let (success, fail) = match answer {
            Polled::Task(bytes) => (ByteArray::give(bytes), ptr::null()),
            Polled::ShutDown => (ptr::null(), ptr::null()),
            Polled::Failed(message) => (ptr::null(), ByteArray::give(message)),
        };
        // SAFETY: by this function's contract; the callback owns what it is given.
        unsafe { self(user_data, success, fail) }
    }
}

/// Where a worker's tasks come from.
#[derive(Clone)]
pub(crate) enum Source {
    Server,
    /// Set when core knows that there are no more histories.
    Replay(Arc<AtomicBool>),
}

/// The reasons for which a worker's polls may end.
#[derive(Default)]
pub(crate) struct End {
    shutdown_asked: AtomicBool,
    /// For each kind, whether a poll has reported a failure.
    failure_reported: [AtomicBool; 3],
    /// Core's thread for workflows can be started, or is running.
    started: AtomicBool,
}

impl End {
    /// From now on, polls may end without a failure.
    pub(crate) fn ask_for_shutdown(&self) {
        self.shutdown_asked.store(true, Ordering::Release);
    }

    pub(crate) fn is_shutdown_asked(&self) -> bool {
        self.shutdown_asked.load(Ordering::Acquire)
    }

    /// Checks that core can start its thread for workflows, which it does in a worker's first call. If
    /// it cannot, core panics, in that call and in every later one.
    ///
    /// # Errors
    /// It cannot.
    pub(crate) fn check_start(&self) -> Checked<()> {
        if !self.started.load(Ordering::Acquire) && !self.is_shutdown_asked() {
            check_room_for(1)?;
            self.started.store(true, Ordering::Release);
        }
        Ok(())
    }
}

/// A kind of task, for polls.
#[derive(Clone, Copy)]
pub(crate) struct TaskKind {
    pub(crate) index: usize,
    /// The beginning of messages about a failed poll.
    pub(crate) failure: &'static str,
    is_enabled: fn(&WorkerTaskTypes) -> bool,
}

pub(crate) const WORKFLOWS: TaskKind = TaskKind {
    index: 0,
    failure: "Workflow polling failure",
    is_enabled: |types| types.enable_workflows,
};
pub(crate) const ACTIVITIES: TaskKind = TaskKind {
    index: 1,
    failure: "Activity polling failure",
    is_enabled: |types| types.enable_remote_activities || types.enable_local_activities,
};
pub(crate) const NEXUS: TaskKind = TaskKind {
    index: 2,
    failure: "Nexus polling failure",
    is_enabled: |types| types.enable_nexus,
};

/// Decides what a poll without a task and without a failure means.
pub(crate) struct EndOfPolls {
    kind: TaskKind,
    is_enabled: bool,
    source: Source,
    end: Arc<End>,
}

impl EndOfPolls {
    pub(crate) fn new(
        kind: TaskKind,
        types: &WorkerTaskTypes,
        source: &Source,
        end: &Arc<End>,
    ) -> Self {
        Self {
            kind,
            is_enabled: (kind.is_enabled)(types),
            source: source.clone(),
            end: end.clone(),
        }
    }

    /// Core also ends polls without a reason if its own threads have ended.
    pub(crate) fn without_reason(&self) -> Polled {
        let expected = !self.is_enabled
            || self.end.is_shutdown_asked()
            || matches!(&self.source, Source::Replay(ended) if ended.load(Ordering::Acquire));
        if expected || self.reported().load(Ordering::Acquire) {
            return Polled::ShutDown;
        }
        self.failed("core's threads for this worker have ended; see core's log for the reason, and check the limits of this process on threads and file descriptors")
    }

    /// Core panics again in each poll, so the second panic ends the polls.
    pub(crate) fn panicked(&self, message: &str) -> Polled {
        if self.reported().load(Ordering::Acquire) {
            return Polled::ShutDown;
        }
        self.failed(message)
    }

    pub(crate) fn failed(&self, reason: &str) -> Polled {
        self.reported().store(true, Ordering::Release);
        Polled::Failed(format!("{}: {reason}", self.kind.failure))
    }

    fn reported(&self) -> &AtomicBool {
        &self.end.failure_reported[self.kind.index]
    }
}
