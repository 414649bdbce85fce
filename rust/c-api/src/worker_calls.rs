//! The calls that are using a worker, because finalizing needs it exclusively.
//!
//! Calls with a callback are counted: their caller knows when they end, and finalizing before that is
//! an error. Calls without one end when they return. No other thread can know when that is, so
//! finalizing waits for them.

use crate::ffi::{Checked, lock};
use std::{
    ops::Deref,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};
use temporalio_sdk_core::Worker as CoreWorker;
use tokio::sync::Notify;

/// A worker and the calls that use it.
pub(crate) struct WorkerCalls {
    state: Mutex<State>,
    /// A call without a callback has returned.
    returned: Notify,
}

struct State {
    /// None once the worker is finalized or freed.
    worker: Option<Arc<CoreWorker>>,
    with_callback: usize,
    /// The threads inside a call without a callback; a thread is listed once for each such call.
    without_callback: Vec<ThreadId>,
}

/// How a call ends.
#[derive(Clone, Copy)]
enum Ends {
    ByCallback,
    ByReturning(ThreadId),
}

/// A worker in use by one call.
pub(crate) struct WorkerCall {
    /// Only emptied by `drop`.
    worker: Option<Arc<CoreWorker>>,
    calls: Arc<WorkerCalls>,
    ends: Ends,
}

/// A worker that no new call can use.
pub(crate) struct TakenWorker {
    worker: Arc<CoreWorker>,
    calls: Arc<WorkerCalls>,
}

impl WorkerCalls {
    pub(crate) fn new(worker: CoreWorker) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                worker: Some(Arc::new(worker)),
                with_callback: 0,
                without_callback: Vec::new(),
            }),
            returned: Notify::new(),
        })
    }

    /// Begins a call that ends before its callback runs.
    pub(crate) fn with_callback(self: &Arc<Self>) -> Checked<WorkerCall> {
        self.begin(Ends::ByCallback)
    }

    /// Begins a call that ends when it returns, on this thread.
    pub(crate) fn without_callback(self: &Arc<Self>) -> Checked<WorkerCall> {
        self.begin(Ends::ByReturning(thread::current().id()))
    }

    fn begin(self: &Arc<Self>, ends: Ends) -> Checked<WorkerCall> {
        let mut state = lock(&self.state);
        let worker = state.worker.clone().ok_or("The worker is finalized")?;
        match ends {
            Ends::ByCallback => state.with_callback += 1,
            Ends::ByReturning(thread) => state.without_callback.push(thread),
        }
        Ok(WorkerCall {
            worker: Some(worker),
            calls: self.clone(),
            ends,
        })
    }

    /// Takes the worker in order to finalize it. No call can begin afterwards.
    ///
    /// `open_activations` counts the workflow activations that are not completed.
    pub(crate) fn take(
        self: &Arc<Self>,
        open_activations: impl FnOnce() -> usize,
    ) -> Checked<TakenWorker> {
        let mut state = lock(&self.state);
        if state.worker.is_none() {
            return Err("Cannot finalize, the worker is finalized already".to_owned());
        }
        let open = open_activations();
        if open > 0 {
            return Err(format!(
                "Cannot finalize, {open} workflow activations are not completed; complete them and try again"
            ));
        }
        if state.with_callback > 0 {
            return Err(format!(
                "Cannot finalize, the worker is in use: {} calls in flight; wait for their callbacks and try again",
                state.with_callback
            ));
        }
        if state.without_callback.contains(&thread::current().id()) {
            return Err(
                "Cannot finalize inside another call on the same worker, such as in a log or slot supplier callback of temporal_core_worker_initiate_shutdown; try again when that call has returned"
                    .to_owned(),
            );
        }
        Ok(TakenWorker {
            worker: state.worker.take().expect("checked above"),
            calls: self.clone(),
        })
    }

    /// Whether the worker was taken, so that no call can begin.
    pub(crate) fn is_taken(&self) -> bool {
        lock(&self.state).worker.is_none()
    }

    /// Takes the worker in order to free it, even if it is in use. None if it is finalized.
    pub(crate) fn abandon(&self) -> Option<Arc<CoreWorker>> {
        lock(&self.state).worker.take()
    }
}

impl Deref for WorkerCall {
    type Target = CoreWorker;

    fn deref(&self) -> &CoreWorker {
        self.worker.as_ref().expect("emptied by drop only")
    }
}

impl Drop for WorkerCall {
    fn drop(&mut self) {
        // Before the call counts as ended, so that finalizing finds no other reference. Outside the
        // lock, because if the worker was freed, this may be the last reference.
        drop(self.worker.take());
        let mut state = lock(&self.calls.state);
        match self.ends {
            Ends::ByCallback => state.with_callback -= 1,
            Ends::ByReturning(thread) => {
                if let Some(index) = state.without_callback.iter().position(|&id| id == thread) {
                    state.without_callback.swap_remove(index);
                }
                drop(state);
                self.calls.returned.notify_waiters();
            }
        }
    }
}

impl TakenWorker {
    pub(crate) fn worker(&self) -> &CoreWorker {
        &self.worker
    }

    /// Waits until the calls of other threads have returned.
    pub(crate) async fn alone(self) -> Checked<CoreWorker> {
        loop {
            let returned = self.calls.returned.notified();
            if lock(&self.calls.state).without_callback.is_empty() {
                break;
            }
            returned.await;
        }
        Arc::into_inner(self.worker)
            .ok_or_else(|| "Cannot finalize, the worker is shared".to_owned())
    }
}
