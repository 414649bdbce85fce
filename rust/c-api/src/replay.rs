//! Replay: recorded histories in, activations out, without a server.

use crate::{
    byte_array::{ByteArray, ByteArrayRef},
    decoding::with_stack_for,
    ffi::{Checked, Lent, boxed, guard, guard_infallible, taken_back},
    polls::Source,
    runtime::Runtime,
    threads::check_room_for,
    worker::Worker,
    worker_options::{WorkerOptions, worker_config},
};
use futures_util::stream::poll_fn;
use prost::Message;
use std::{
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};
use temporalio_common::protos::temporal::api::history::v1::{History, history_event::Attributes};
use temporalio_sdk_core::{
    init_replay_worker,
    replay::{HistoryForReplay, HistoryInfo, ReplayWorkerInput},
};
use tokio::sync::mpsc;

/// The beginning of messages about a replayer that cannot be created, or a history that is refused.
const INIT_FAILED: &str = "Worker replay init failed";

/// Passes histories to a replayer.
///
/// Lifecycle: `temporal_core_worker_replayer_new` creates it together with the worker. Call
/// `temporal_core_worker_replay_push` once for each history, then free it with
/// `temporal_core_worker_replay_pusher_free`. That ends the input: when the worker has replayed all
/// histories, its polls give both NULL.
///
/// Several threads can use it at the same time. You can free it before or after the worker and the
/// runtime.
pub struct WorkerReplayPusher {
    /// Unbounded: a push never waits for the worker.
    histories: mpsc::UnboundedSender<HistoryForReplay>,
}

/// A replayer. Either `worker` and `worker_replay_pusher` are set, or `fail` is.
#[repr(C)]
pub struct WorkerReplayerOrFail {
    /// The worker. Free it with `temporal_core_worker_free`.
    pub worker: *mut Worker,
    /// Its pusher. Free it with `temporal_core_worker_replay_pusher_free`.
    pub worker_replay_pusher: *mut WorkerReplayPusher,
    /// The error message. Free it with `temporal_core_byte_array_free`.
    pub fail: *const ByteArray,
}

/// Result of `temporal_core_worker_replay_push`.
#[repr(C)]
pub struct WorkerReplayPushResult {
    /// NULL on success, otherwise the error message. Free it with `temporal_core_byte_array_free`.
    pub fail: *const ByteArray,
}

/// Creates a worker that replays histories, one after the other, without a server.
///
/// @param runtime The runtime.
/// @param options As for `temporal_core_worker_new`. A replayer only runs workflows, one at a time,
///                regardless of the options.
/// @return The worker and its pusher, or `Invalid options: …` or `Worker replay init failed: …` in
///         `fail`.
///
/// Poll and complete workflow activations as with any worker. After each history, its run is
/// evicted; the reason of the eviction shows whether the replay failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_replayer_new(
    runtime: *mut Runtime,
    options: *const WorkerOptions,
) -> WorkerReplayerOrFail {
    let failed = |message: String| WorkerReplayerOrFail {
        worker: ptr::null_mut(),
        worker_replay_pusher: ptr::null_mut(),
        fail: ByteArray::give(message),
    };
    // SAFETY: the runtime and the options, with everything they reference, are live for this call.
    let (runtime, options) = unsafe {
        (
            Lent::handle(runtime, "runtime"),
            Lent::required(options, "options"),
        )
    };
    guard(failed, || match new_replayer(runtime, options) {
        Ok((worker, pusher)) => WorkerReplayerOrFail {
            worker: boxed(worker),
            worker_replay_pusher: boxed(pusher),
            fail: ptr::null(),
        },
        Err(message) => failed(message),
    })
}

fn new_replayer(
    runtime: Checked<Lent<'_, Runtime>>,
    options: Checked<Lent<'_, WorkerOptions>>,
) -> Checked<(Worker, WorkerReplayPusher)> {
    let invalid = |message| format!("Invalid options: {message}");
    // The options first, so that custom slot suppliers are taken over even if something else fails.
    let config = worker_config(options.map_err(invalid)?, true);
    let core = runtime.and_then(Runtime::core).map_err(invalid)?;
    let (config, slots) = config.map_err(invalid)?;
    let (histories, mut pushed) = mpsc::unbounded_channel();
    let ended = Arc::new(AtomicBool::new(false));
    let end = ended.clone();
    let stream = poll_fn(move |context| {
        let history = pushed.poll_recv(context);
        if matches!(history, Poll::Ready(None)) {
            end.store(true, Ordering::Release);
        }
        history
    });
    let input = ReplayWorkerInput::new(config, stream);
    check_room_for(1).map_err(|message| format!("{INIT_FAILED}: {message}"))?;
    core.enter(|| {
        let worker = core
            .masked(|| init_replay_worker(input))
            .map_err(|error| format!("{INIT_FAILED}: {error:#}"))?;
        Ok((
            Worker::new(core.clone(), worker, slots, Source::Replay(ended)),
            WorkerReplayPusher { histories },
        ))
    })
}

/// Ends the input of a replayer: when it has replayed the pushed histories, its polls give both
/// NULL.
///
/// @param worker_replay_pusher From `temporal_core_worker_replayer_new`; do not use it again. May
///                             be NULL.
///
/// You can call it before or after the worker is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_replay_pusher_free(
    worker_replay_pusher: *mut WorkerReplayPusher,
) {
    guard_infallible((), || {
        // SAFETY: `temporal_core_worker_replayer_new` boxed the pusher; this is its last use.
        drop(unsafe { taken_back(worker_replay_pusher) });
        Ok(())
    });
}

/// Adds a history to replay. Never blocks, however many are waiting.
///
/// @param worker               The replayer.
/// @param worker_replay_pusher Its pusher.
/// @param workflow_id          The workflow ID, which a history does not contain.
/// @param history              A `temporal.api.history.v1.History`.
/// @return Fails if the bytes cannot be decoded, if a replay cannot start from the history, or if
///         the worker is finalized.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_replay_push(
    worker: *mut Worker,
    worker_replay_pusher: *mut WorkerReplayPusher,
    workflow_id: ByteArrayRef,
    history: ByteArrayRef,
) -> WorkerReplayPushResult {
    // SAFETY: both handles and both ranges are live for this call.
    let (worker, pusher, workflow_id, history) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::handle(worker_replay_pusher, "worker_replay_pusher"),
            Lent::by_value(&workflow_id, "workflow_id"),
            Lent::by_value(&history, "history"),
        )
    };
    let result = guard(Err, || {
        worker
            .and_then(|_| push(pusher?, workflow_id, history))
            .map_err(|message| format!("{INIT_FAILED}: {message}"))
    });
    WorkerReplayPushResult {
        fail: ByteArray::give_optional(result.err()),
    }
}

fn push(
    pusher: Lent<'_, WorkerReplayPusher>,
    workflow_id: Lent<'_, ByteArrayRef>,
    history: Lent<'_, ByteArrayRef>,
) -> Checked<()> {
    let (workflow_id, history) = (workflow_id.text()?, history.bytes()?);
    let histories = &pusher.get().histories;
    with_stack_for(history, || {
        let history =
            History::decode(history).map_err(|error| format!("History decode failure: {error}"))?;
        check(&history).map_err(|message| format!("Invalid history: {message}"))?;
        histories
            .send(HistoryForReplay::new(history, workflow_id))
            .map_err(|_| "The replayer accepts no more histories: it is finalized".to_owned())
    })
}

/// Checks what core relies on when it starts a history. Otherwise core would panic in one of its
/// tasks, or never produce an activation.
fn check(history: &History) -> Checked<()> {
    let info =
        HistoryInfo::new_from_history(history, None).map_err(|error| format!("{error:#}"))?;
    let [first, .., last] = info.events() else {
        return Err("it has no event after the first: nothing to replay".to_owned());
    };
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = &first.attributes
    else {
        return Err("the first event is not WorkflowExecutionStarted".to_owned());
    };
    if started.task_queue.is_none() {
        return Err("the WorkflowExecutionStarted event has no task queue".to_owned());
    }
    if started.original_execution_run_id.is_empty() {
        return Err(
            "the WorkflowExecutionStarted event has no original_execution_run_id".to_owned(),
        );
    }
    if first.event_id > 1 {
        return Err(format!(
            "it begins in the middle, with event id {}",
            first.event_id
        ));
    }
    let started_event_id = info.as_poll_wft_response().started_event_id;
    if last.event_id < started_event_id {
        return Err(format!(
            "its last event, id {}, comes before the last workflow task, id {started_event_id}",
            last.event_id
        ));
    }
    Ok(())
}
