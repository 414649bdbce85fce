//! The threads that run the callbacks of calls, if callbacks may block or wait for another call.
//!
//! Such callbacks cannot run on a thread of the async runtime, because the tasks queued on that thread
//! would wait, too. If all of these threads are inside callbacks that do not return, more are started.

use crate::{
    ffi::{Checked, lock},
    sleepers::{Sleepers, sleep},
};
use std::{
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// How long callbacks wait for a thread before the need for more threads is checked.
const PATIENCE: Duration = Duration::from_millis(5);
/// How long a thread waits for the next callback before it ends. The last thread stays.
const KEEP: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The callback threads of a runtime. They end when it is dropped.
pub(crate) struct CallbackThreads(Arc<CallbackQueue>);

/// The queue that they take callbacks from.
pub(crate) struct CallbackQueue {
    state: Mutex<State>,
    work: Condvar,
    runtime: Handle,
    on_start: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// How many callbacks have begun.
    begun: u64,
    threads: Vec<JoinHandle<()>>,
    running: usize,
    idle: Sleepers,
    /// Threads that were started and have not looked for work yet.
    starting: usize,
    /// Whether a task is watching `waiting`.
    watched: bool,
    closed: bool,
}

impl CallbackThreads {
    /// Starts the first thread. `on_start` runs in each of them first.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub(crate) fn start(
        runtime: Handle,
        on_start: impl Fn() + Send + Sync + 'static,
    ) -> Checked<Self> {
        let queue = Arc::new(CallbackQueue {
            state: Mutex::default(),
            work: Condvar::new(),
            runtime,
            on_start: Box::new(on_start),
        });
        queue
            .add_thread(&mut lock(&queue.state))
            .map_err(|error| format!("the operating system refuses another thread: {error}"))?;
        Ok(Self(queue))
    }

    pub(crate) fn queue(&self) -> Arc<CallbackQueue> {
        self.0.clone()
    }
}

impl Drop for CallbackThreads {
    /// Waits until the threads have ended, except this one if it is one of them.
    fn drop(&mut self) {
        let threads = {
            let mut state = lock(&self.0.state);
            state.closed = true;
            std::mem::take(&mut state.threads)
        };
        self.0.work.notify_all();
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl CallbackQueue {
    /// Runs `job` on one of the threads, soon.
    pub(crate) fn run(self: Arc<Self>, job: impl FnOnce() + Send + 'static) {
        let job = Box::new(job);
        let mut state = lock(&self.state);
        state.waiting.push_back(job);
        if state.idle.wake_one() {
            drop(state);
            self.work.notify_one();
        } else if !state.watched {
            state.watched = true;
            drop(state);
            let runtime = self.runtime.clone();
            runtime.spawn(self.watch());
        }
    }

    /// Adds threads while callbacks wait and those that run do not return.
    async fn watch(self: Arc<Self>) {
        let mut begun = lock(&self.state).begun;
        loop {
            tokio::time::sleep(PATIENCE).await;
            let mut state = lock(&self.state);
            if state.waiting.is_empty() {
                state.watched = false;
                return;
            }
            // If callbacks return, even slowly, add one thread. Otherwise add one for each waiting
            // callback, because the running ones may be waiting for them.
            let wanted = if state.begun == begun {
                state
                    .waiting
                    .len()
                    .saturating_sub(state.idle.woken() + state.starting)
            } else {
                1
            };
            begun = state.begun;
            for _ in 0..wanted {
                // If no more threads can be started, continue with the existing ones.
                if self.add_thread(&mut state).is_err() {
                    break;
                }
            }
        }
    }

    fn add_thread(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        state.threads.retain(|thread| !thread.is_finished());
        let queue = self.clone();
        let thread = thread::Builder::new()
            .name("temporal-callback".to_owned())
            .spawn(move || queue.work())?;
        state.threads.push(thread);
        state.running += 1;
        state.starting += 1;
        Ok(())
    }

    /// The main loop of a thread.
    fn work(&self) {
        (self.on_start)();
        let mut state = lock(&self.state);
        state.starting -= 1;
        loop {
            while let Some(job) = state.waiting.pop_front() {
                state.begun += 1;
                drop(state);
                // The panic hook has logged it. The thread continues.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = lock(&self.state);
            }
            let (awake, was_woken) = sleep(
                &self.work,
                state,
                |state| &mut state.idle,
                Some(Instant::now() + KEEP),
                |state| state.closed,
            );
            state = awake;
            if !was_woken && (state.closed || state.running > 1) {
                state.running -= 1;
                return;
            }
        }
    }
}
