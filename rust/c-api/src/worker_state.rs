//! What a worker is doing, to find out why it gets no tasks.

use crate::{
    byte_array::ByteArray,
    ffi::{Checked, Lent, guard},
    polls::{ACTIVITIES, NEXUS, WORKFLOWS},
    slot_watch::{Counts, KindSlots},
    task_watch::Tasks,
    worker::{About, Worker},
};
use serde_json::{Value, json};
use std::{
    ptr,
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use temporalio_sdk_core::WorkerVersioningStrategy;

/// A worker's state. Exactly one of `state` and `fail` is set.
#[repr(C)]
pub struct StaticLibsWorkerStateOrFail {
    /// JSON, described by `share/worker-state.schema.json` in the Python package. Free it with
    /// `temporal_core_byte_array_free`.
    pub state: *const ByteArray,
    /// The error message. Free it with `temporal_core_byte_array_free`.
    pub fail: *const ByteArray,
}

/// Returns what the worker is doing: polls, tasks and slots of each kind.
///
/// @param worker The worker, which may be finalized.
/// @return The state, as this process knows it; to ask the server, use
///         `temporal_static_libs_worker_ask_server`. Fails only if `worker` is NULL, and in a
///         forked process.
///
/// It does not wait for anything. It does not include the errors of polls that core retries, which
/// are only in core's log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_worker_state(
    worker: *mut Worker,
) -> StaticLibsWorkerStateOrFail {
    // SAFETY: the worker is live for this call.
    let worker = unsafe { Lent::handle(worker, "worker") };
    let state = guard(Err, || -> Checked<String> { Ok(state(worker?.get())) });
    match state {
        Ok(state) => StaticLibsWorkerStateOrFail {
            state: ByteArray::give(state),
            fail: ptr::null(),
        },
        Err(message) => StaticLibsWorkerStateOrFail {
            state: ptr::null(),
            fail: ByteArray::give(message),
        },
    }
}

fn state(worker: &Worker) -> String {
    let now = Instant::now();
    let About {
        namespace,
        task_queue,
        identity,
        versioning,
        max_cached_workflows,
        types,
    } = &*worker.about;
    let (activations, slots) = (&worker.activations, &worker.slots);
    let workflow = worker.tasks.tasks(WORKFLOWS);
    let activity = worker.tasks.tasks(ACTIVITIES);
    let nexus = worker.tasks.tasks(NEXUS);
    let kind = |enabled: bool, slots: &KindSlots, tasks: &Tasks, not_completed: usize| {
        json!({
            "enabled": enabled,
            "slots": slots_of(slots, now),
            "polls": {
                "waiting": tasks.polls.len(),
                "longest_millis": tasks.polls.iter().min().map(|&since| millis(now, since)),
            },
            "tasks": {
                "handed_out": tasks.handed_out,
                "not_completed": not_completed,
                "last_handed_out_unix_millis": tasks.last_handed_out.map(unix_millis),
            },
        })
    };
    json!({
        "namespace": namespace,
        "task_queue": task_queue,
        "identity": identity,
        "versioning": versioning_of(versioning),
        "is_replayer": worker.is_replayer(),
        "shutdown_requested": worker.end.is_shutdown_asked(),
        "finalized": worker.calls.is_taken(),
        "max_cached_workflows": max_cached_workflows,
        "cached_workflows": activations.cached(),
        "workflow": kind(
            types.enable_workflows,
            &slots.workflow,
            &workflow,
            activations.count(),
        ),
        "activity": kind(
            types.enable_remote_activities,
            &slots.activity,
            &activity,
            activity.open - activity.open_local,
        ),
        "local_activity": kind(
            types.enable_local_activities,
            &slots.local_activity,
            &activity,
            activity.open_local,
        ),
        "nexus": kind(types.enable_nexus, &slots.nexus, &nexus, nexus.open),
    })
    .to_string()
}

fn slots_of(slots: &KindSlots, now: Instant) -> Value {
    let snapshot = slots.snapshot();
    let counts = |counts: Counts| json!({"reserved": counts.reserved, "used": counts.used});
    let waiting: Vec<Value> = snapshot
        .waiting
        .iter()
        .map(|it| json!({"sticky": it.is_sticky, "millis": millis(now, it.since)}))
        .collect();
    json!({
        "supplier": slots.supplier,
        "limit": slots.limit,
        "normal": counts(snapshot.normal),
        "sticky": counts(snapshot.sticky),
        "waiting": waiting,
        "held_back_by_cache_millis": snapshot.full_since.map(|since| millis(now, since)),
    })
}

fn versioning_of(strategy: &WorkerVersioningStrategy) -> Value {
    match strategy {
        WorkerVersioningStrategy::None { build_id } => json!({
            "strategy": "none",
            "build_id": build_id,
        }),
        WorkerVersioningStrategy::WorkerDeploymentBased(options) => json!({
            "strategy": "deployment",
            "deployment_name": options.version.deployment_name,
            "build_id": options.version.build_id,
            "use_worker_versioning": options.use_worker_versioning,
        }),
        WorkerVersioningStrategy::LegacyBuildIdBased { build_id } => json!({
            "strategy": "legacy-build-id",
            "build_id": build_id,
        }),
    }
}

fn millis(now: Instant, since: Instant) -> u64 {
    let passed = now.saturating_duration_since(since).as_millis();
    u64::try_from(passed).unwrap_or(u64::MAX)
}

fn unix_millis(time: SystemTime) -> u64 {
    let passed = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}
