//! What the server knows about a worker's task queue, to find out why a worker gets no tasks.

use crate::{
    byte_array::ByteArray,
    ffi::{Callback, Checked, Lent, export_of_val},
    worker::{About, Worker, start, unless_freed},
};
use serde_json::{Map, Value, json};
use std::{ffi::c_void, ptr, time::Duration};
use temporalio_client::{Connection, grpc::WorkflowService};
use temporalio_common::protos::temporal::api::{
    deployment::v1::WorkerDeploymentVersion,
    enums::v1::{TaskQueueKind, TaskQueueType},
    taskqueue::v1::{PollerInfo, TaskQueue},
    workflowservice::v1::{
        DescribeTaskQueueRequest, DescribeTaskQueueResponse, DescribeWorkerDeploymentRequest,
    },
};
use temporalio_sdk_core::WorkerVersioningStrategy;
use tokio::time::timeout;
use tonic::{Code, Request, Status};

/// Time limit for all answers together.
const PATIENCE: Duration = Duration::from_secs(60);

/// Receives the result of `temporal_static_libs_worker_ask_server`: exactly one of `success` and
/// `fail` is set.
///
/// @param user_data What you passed to the call.
/// @param success   JSON, described by `share/worker-server.schema.json` in the Python package.
///                  Free it with `temporal_core_byte_array_free`.
/// @param fail      The error message. Free it with `temporal_core_byte_array_free`.
pub type StaticLibsWorkerAskServerCallback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, success: *const ByteArray, fail: *const ByteArray),
>;

/// The callback, not NULL. A separate type, because the callback of a poll has the same parameters.
#[derive(Clone, Copy)]
struct AskServerCallback(unsafe extern "C" fn(*mut c_void, *const ByteArray, *const ByteArray));

impl Callback for AskServerCallback {
    type Answer = Checked<String>;

    fn failure(message: String) -> Self::Answer {
        Err(message)
    }

    fn address(self) -> usize {
        self.0 as usize
    }

    unsafe fn call(self, user_data: *mut c_void, answer: Self::Answer) {
        let (success, fail) = match answer {
            Ok(text) => (ByteArray::give(text), ptr::null()),
            Err(message) => (ptr::null(), ByteArray::give(message)),
        };
        // SAFETY: by this function's contract; the callback owns what it is given.
        unsafe { (self.0)(user_data, success, fail) }
    }
}

/// Asks the server who polls the worker's task queue, how many tasks wait there, and which version
/// is current if the worker is versioned.
///
/// @param worker    Must stay valid until the callback. A replayer or a finalized worker is an
///                  error.
/// @param user_data Passed to the callback.
/// @param callback  Called after at most 60 seconds.
///
/// The answer covers the kinds of tasks that are enabled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_static_libs_worker_ask_server(
    worker: *mut Worker,
    user_data: *mut c_void,
    callback: StaticLibsWorkerAskServerCallback,
) {
    // SAFETY: the worker is live until the callback.
    let worker = unsafe { Lent::handle(worker, "worker") };
    let prepare = |worker: &Worker| {
        if worker.is_replayer() {
            return Err("a replayer has no server to ask".to_owned());
        }
        let call = worker.calls.with_callback()?;
        let connection = call
            .get_client_connection()
            .ok_or("the worker has no connection")?;
        let (about, freed) = (worker.about.clone(), worker.freed.clone());
        Ok(move || async move {
            let asked = timeout(PATIENCE, ask(connection, &about));
            let answer = match unless_freed(freed, asked).await? {
                Ok(answer) => answer,
                Err(_) => Err(format!(
                    "the server did not answer within {} s",
                    PATIENCE.as_secs()
                )),
            };
            drop(call);
            answer.map_err(|reason| format!("Asking the server failed: {reason}"))
        })
    };
    start(
        export_of_val(&prepare),
        worker,
        user_data,
        callback.map(AskServerCallback),
        prepare,
    );
}

async fn ask(mut connection: Connection, about: &About) -> Checked<String> {
    let mut answer = Map::new();
    answer.insert("namespace".to_owned(), json!(about.namespace));
    answer.insert("task_queue".to_owned(), json!(about.task_queue));
    let types = &about.types;
    for (kind, is_enabled, queue_type) in [
        ("workflow", types.enable_workflows, TaskQueueType::Workflow),
        (
            "activity",
            types.enable_remote_activities,
            TaskQueueType::Activity,
        ),
        ("nexus", types.enable_nexus, TaskQueueType::Nexus),
    ] {
        if is_enabled {
            let described = describe(&mut connection, about, queue_type).await;
            let described = described.map_err(|status| said("DescribeTaskQueue", &status))?;
            answer.insert(kind.to_owned(), described);
        }
    }
    answer.insert(
        "deployment".to_owned(),
        deployment(&mut connection, about).await?,
    );
    Ok(Value::Object(answer).to_string())
}

fn said(rpc: &str, status: &Status) -> String {
    format!("{rpc}: {}", status.message())
}

async fn describe(
    connection: &mut Connection,
    about: &About,
    queue_type: TaskQueueType,
) -> Result<Value, Status> {
    let request = DescribeTaskQueueRequest {
        namespace: about.namespace.clone(),
        task_queue: Some(TaskQueue {
            name: about.task_queue.clone(),
            kind: TaskQueueKind::Normal as i32,
            ..Default::default()
        }),
        task_queue_type: queue_type as i32,
        report_stats: true,
        ..Default::default()
    };
    let response = connection
        .describe_task_queue(Request::new(request))
        .await?;
    let DescribeTaskQueueResponse { pollers, stats, .. } = response.into_inner();
    let backlog = stats.map(|stats| {
        json!({
            "approximate_count": stats.approximate_backlog_count,
            "approximate_age_millis": stats.approximate_backlog_age.map(|age| {
                age.seconds * 1000 + i64::from(age.nanos) / 1_000_000
            }),
        })
    });
    let pollers: Vec<Value> = pollers.iter().map(poller).collect();
    Ok(json!({"pollers": pollers, "backlog": backlog}))
}

fn poller(info: &PollerInfo) -> Value {
    let version = info.deployment_options.as_ref();
    json!({
        "identity": info.identity,
        "last_access_unix_millis": info.last_access_time.as_ref().map(|time| {
            time.seconds * 1000 + i64::from(time.nanos) / 1_000_000
        }),
        "deployment_name": version.map(|it| &it.deployment_name),
        "build_id": version.map(|it| &it.build_id),
    })
}

/// What the server knows about the worker's version; null if the worker is not versioned.
async fn deployment(connection: &mut Connection, about: &About) -> Checked<Value> {
    let WorkerVersioningStrategy::WorkerDeploymentBased(options) = &about.versioning else {
        return Ok(Value::Null);
    };
    if !options.use_worker_versioning {
        return Ok(Value::Null);
    }
    let (name, build_id) = (&options.version.deployment_name, &options.version.build_id);
    let request = DescribeWorkerDeploymentRequest {
        namespace: about.namespace.clone(),
        deployment_name: name.clone(),
    };
    let described = connection
        .describe_worker_deployment(Request::new(request))
        .await;
    let info = match described {
        Ok(response) => response.into_inner().worker_deployment_info,
        // No worker of this deployment has polled yet.
        Err(status) if status.code() == Code::NotFound => None,
        Err(status) => return Err(said("DescribeWorkerDeployment", &status)),
    };
    let routing = info.as_ref().and_then(|info| info.routing_config.as_ref());
    let of =
        |version: &Option<WorkerDeploymentVersion>| version.as_ref().map(|it| it.build_id.clone());
    let current = routing.and_then(|it| of(&it.current_deployment_version));
    let ramping = routing.and_then(|it| of(&it.ramping_deployment_version));
    let known = info.as_ref().is_some_and(|info| {
        info.version_summaries
            .iter()
            .any(|it| of(&it.deployment_version).as_ref() == Some(build_id))
    });
    Ok(json!({
        "name": name,
        "build_id": build_id,
        "is_known": known,
        "is_current": current.as_ref() == Some(build_id),
        "current_build_id": current,
        "ramping_build_id": ramping,
        "ramping_percentage": routing.map(|it| it.ramping_version_percentage),
    }))
}
