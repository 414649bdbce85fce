//! Workers: they give out tasks and take completions.

use crate::{
    byte_array::{ByteArray, ByteArrayRef},
    connection::Connection,
    decoding::decode,
    failures::{
        activity_failure, nexus_failure, poll_failure, registration_failure, validation_failure,
        workflow_failure,
    },
    ffi::{
        Callback, Checked, Export, Lent, Pending, boxed, export_of, export_of_val, guard,
        guard_infallible, guard_named, lock, panic_text, taken_back,
    },
    open_activations::OpenActivations,
    polls::{
        ACTIVITIES, End, EndOfPolls, NEXUS, PollCallback, Polled, Source, TaskKind, WORKFLOWS,
    },
    results::DoneCallback,
    runtime::Core,
    slot_watch::SlotWatch,
    task_watch::{Handed, TaskWatch},
    threads::check_room_for,
    worker_calls::{WorkerCall, WorkerCalls},
    worker_options::{WorkerOptions, worker_config},
};
use futures_util::FutureExt;
use prost::Message;
use std::{
    ffi::c_void,
    fmt::Display,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use temporalio_common::{
    protos::coresdk::{
        ActivityHeartbeat, ActivityTaskCompletion, nexus::NexusTaskCompletion,
        workflow_completion::WorkflowActivationCompletion,
    },
    worker::WorkerTaskTypes,
};
use temporalio_sdk_core::{PollError, Worker as CoreWorker, WorkerVersioningStrategy, init_worker};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a worker may take to end if it is freed without being finalized.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between checks whether polls have waited a long time for a slot.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);

/// Time limit for describing the worker's namespace, including all retries.
const VALIDATION_PATIENCE: Duration = Duration::from_secs(180);

/// Receives the result of a poll: a task or an error message.
///
/// If both are NULL, stop polling for this kind of task: you initiated the shutdown, the kind is
/// not enabled, all histories are replayed, or an earlier poll reported a failure.
///
/// @param user_data What you passed to the call.
/// @param success   Protobuf of the task. Free it with `temporal_core_byte_array_free`.
/// @param fail      The error message. Free it with `temporal_core_byte_array_free`.
pub type WorkerPollCallback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, success: *const ByteArray, fail: *const ByteArray),
>;

/// Called when a call without a result has ended.
///
/// @param user_data What you passed to the call.
/// @param fail      NULL on success, otherwise the error message. Free it with
///                  `temporal_core_byte_array_free`.
pub type WorkerCallback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, fail: *const ByteArray)>;

/// A worker. Exactly one of `worker` and `fail` is set.
#[repr(C)]
pub struct WorkerOrFail {
    /// The worker. Free it with `temporal_core_worker_free`.
    pub worker: *mut Worker,
    /// The error message. Free it with `temporal_core_byte_array_free`.
    pub fail: *const ByteArray,
}

/// Runs the tasks of a task queue, or replays histories.
///
/// Lifecycle:
///
/// - Create it with `temporal_core_worker_new` or `temporal_core_worker_replayer_new`.
/// - Call `temporal_core_worker_validate`; optional for a replayer.
/// - Poll with the `temporal_core_worker_poll_…` functions, and complete each task with a
///   `temporal_core_worker_complete_…` function.
/// - To stop, call `temporal_core_worker_initiate_shutdown`, and continue until the polls of each
///   kind give both NULL.
/// - Call `temporal_core_worker_finalize_shutdown`, then `temporal_core_worker_free`.
///
/// Several threads can use it at the same time, including inside callbacks, with one poll of each
/// kind and any number of completions at a time. You can free it inside a callback, and before or
/// after its connection and runtime.
pub struct Worker {
    core: Arc<Core>,
    pub(crate) about: Arc<About>,
    pub(crate) calls: Arc<WorkerCalls>,
    pub(crate) activations: Arc<OpenActivations>,
    pub(crate) tasks: Arc<TaskWatch>,
    pub(crate) slots: Arc<SlotWatch>,
    /// Runtimes of the connections in use, which must exist as long as the worker.
    connection_cores: Mutex<Vec<Arc<Core>>>,
    /// Ends the calls that would wait forever after the handle is freed.
    pub(crate) freed: CancellationToken,
    source: Source,
    pub(crate) end: Arc<End>,
}

/// A worker's options that are still needed.
pub(crate) struct About {
    pub(crate) namespace: String,
    pub(crate) task_queue: String,
    pub(crate) identity: String,
    pub(crate) versioning: WorkerVersioningStrategy,
    pub(crate) max_cached_workflows: usize,
    pub(crate) types: WorkerTaskTypes,
}

// Core starts a worker's thread in the worker's first call, whatever it is. So all exports that call
// core on the host's thread do it in `Core::masked`.

impl Worker {
    pub(crate) fn new(
        core: Arc<Core>,
        worker: CoreWorker,
        slots: SlotWatch,
        source: Source,
    ) -> Self {
        let config = worker.get_config();
        let identity = config.client_identity_override.clone().or_else(|| {
            let connection = worker.get_client_connection()?;
            Some(connection.identity().to_owned())
        });
        let about = About {
            namespace: config.namespace.clone(),
            task_queue: config.task_queue.clone(),
            identity: identity.unwrap_or_default(),
            versioning: config.versioning_strategy.clone(),
            max_cached_workflows: config.max_cached_workflows,
            types: config.task_types,
        };
        let worker = Self {
            core,
            about: Arc::new(about),
            calls: WorkerCalls::new(worker),
            activations: Arc::default(),
            tasks: Arc::default(),
            slots: Arc::new(slots),
            connection_cores: Mutex::default(),
            freed: CancellationToken::new(),
            source,
            end: Arc::default(),
        };
        worker.watch_slots();
        worker
    }

    pub(crate) fn is_replayer(&self) -> bool {
        matches!(self.source, Source::Replay(_))
    }

    /// Logs polls that wait a long time for a slot, until the worker is freed.
    fn watch_slots(&self) {
        if self.is_replayer() {
            return;
        }
        let (slots, freed) = (self.slots.clone(), self.freed.clone());
        self.core.start(async move {
            loop {
                if timeout(BETWEEN_LOOKS, freed.cancelled()).await.is_ok() {
                    return;
                }
                slots.log_long_waits(Instant::now());
            }
        });
    }
}

/// Makes a worker's connection forget it, so that another worker can replace it.
fn unregistration(worker: &CoreWorker) -> impl FnOnce() + use<> {
    let worker_key = worker.worker_instance_key();
    let connection = worker.get_client_connection();
    move || {
        if let Some(connection) = connection {
            let workers = connection.workers();
            // Errors mean that it is not registered, which is the goal.
            let _ = workers.unregister_slot_provider(worker_key);
            let _ = workers.finalize_unregister(worker_key);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end.ask_for_shutdown();
        self.freed.cancel();
        let Some(worker) = self.calls.abandon() else {
            return;
        };
        // Keeps the runtimes running until the worker has ended.
        let cores = (
            self.core.clone(),
            std::mem::take(&mut *lock(&self.connection_cores)),
        );
        unregistration(&worker)();
        self.core.enter(|| {
            // Without this, core's pollers would continue for a worker that no longer exists. It panics
            // for a worker whose threads could not be started, but that has no pollers.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                self.core.masked(|| worker.initiate_shutdown());
            }));
        });
        let given_back = self.activations.give_back(worker.clone());
        self.core.spawn_work(move || async move {
            let end = async {
                given_back().await;
                // Not if a completion still uses it, which then drops it.
                if let Ok(worker) = Arc::try_unwrap(worker) {
                    shut_down(worker).await;
                }
            };
            let _ = timeout(PATIENCE, AssertUnwindSafe(end).catch_unwind()).await;
            drop(cores);
        });
    }
}

/// Starts an asynchronous call on a worker: `prepare` checks the arguments on this thread, and
/// makes the call.
pub(crate) fn start<C, Call, Make>(
    export: Export,
    worker: Checked<Lent<'_, Worker>>,
    user_data: *mut c_void,
    callback: Option<C>,
    prepare: impl FnOnce(&Worker) -> Checked<Make>,
) where
    C: Callback,
    Call: Future<Output = C::Answer> + Send + 'static,
    Make: FnOnce() -> Call + Send + 'static,
{
    guard_named(export, (), || {
        let pending = Pending::new(callback.ok_or("callback is NULL")?, user_data);
        match worker {
            Err(message) => pending.fail(message),
            Ok(worker) => {
                // The callback may free the worker before this function returns, so the worker is not
                // used after the call has started.
                let core = worker.core.clone();
                core.enter(|| match prepare(&worker) {
                    Ok(call) => core.spawn(pending, call),
                    Err(message) => pending.fail(message),
                });
            }
        }
        Ok(())
    });
}

/// Shuts down an idle worker, and waits for what is still running inside.
async fn shut_down(worker: CoreWorker) {
    worker.initiate_shutdown();
    // Core's activities end only after a poll has returned the shutdown. If the polls have been
    // drained, this has no effect; otherwise the wait below would never end.
    let _ = worker.poll_activity_task().await;
    worker.finalize_shutdown().await;
}

/// A call that ends when the handle is freed.
pub(crate) async fn unless_freed<T>(
    freed: CancellationToken,
    call: impl Future<Output = T>,
) -> Checked<T> {
    freed
        .run_until_cancelled_owned(call)
        .await
        .ok_or_else(|| "The worker was freed before the call ended".to_owned())
}

fn poll<Task, Poll, Start, Make>(
    worker: Checked<Lent<'_, Worker>>,
    user_data: *mut c_void,
    callback: WorkerPollCallback,
    kind: TaskKind,
    poll: Make,
) where
    Task: Message + Handed + 'static,
    Poll: Future<Output = Result<Task, PollError>> + Send + 'static,
    Start: FnOnce() -> Poll + Send + 'static,
    Make: FnOnce(&Worker, WorkerCall) -> Start,
{
    let export = export_of::<Make>;
    start::<PollCallback, _, _>(export, worker, user_data, callback, |worker| {
        let failed = |reason| format!("{}: {reason}", kind.failure);
        let call = worker.calls.with_callback().map_err(failed)?;
        worker.end.check_start().map_err(failed)?;
        let end = EndOfPolls::new(kind, &worker.about.types, &worker.source, &worker.end);
        let freed = worker.freed.clone();
        let waiting = worker.tasks.poll(kind);
        let poll = poll(worker, call);
        Ok(move || async move {
            let poll = AssertUnwindSafe(unless_freed(freed, poll())).catch_unwind();
            let polled = poll.await;
            let waiting = waiting;
            match polled {
                Ok(Ok(Ok(task))) => {
                    waiting.hand_out(&task);
                    Polled::Task(task.encode_to_vec())
                }
                Ok(Ok(Err(PollError::ShutDown))) => end.without_reason(),
                Ok(Ok(Err(error))) => end.failed(&poll_failure(&error)),
                Ok(Err(freed)) => Polled::Failed(format!("{}: {freed}", kind.failure)),
                Err(payload) => end.panicked(&panic_text(payload)),
            }
        })
    });
}

/// The beginning of messages about a failed completion, and the text for core's error.
struct CompletionMessages<Error> {
    decode_failure: &'static str,
    failure: &'static str,
    reason: fn(&Error) -> String,
}

fn complete<Completion, Done, Start, Error, Make>(
    worker: Checked<Lent<'_, Worker>>,
    completion: Lent<'_, ByteArrayRef>,
    user_data: *mut c_void,
    callback: WorkerCallback,
    what: CompletionMessages<Error>,
    complete: Make,
) where
    Completion: Message + Default + 'static,
    Done: Future<Output = Result<(), Error>> + Send + 'static,
    Error: 'static,
    Start: FnOnce() -> Done + Send + 'static,
    Make: FnOnce(&Worker, WorkerCall, Completion) -> Start,
{
    let export = export_of::<Make>;
    start::<DoneCallback, _, _>(export, worker, user_data, callback, |worker| {
        let failed = move |reason: &str| format!("{}: {reason}", what.failure);
        let completion = decoded(completion, what.decode_failure)?;
        let call = worker.calls.with_callback().map_err(|it| failed(&it))?;
        let done = complete(worker, call, completion);
        Ok(move || async move { done().await.map_err(|error| failed(&(what.reason)(&error))) })
    });
}

fn decoded<T: Message + Default + 'static>(
    range: Lent<'_, ByteArrayRef>,
    failure: &str,
) -> Checked<T> {
    decode(range.bytes()?).map_err(|error| format!("{failure}: {error}"))
}

/// Creates a worker. It sends nothing to the server before its first poll or its validation.
///
/// @param client  The connection. You can free it while the worker exists.
/// @param options The options. Custom slot suppliers in them belong to the library from now on,
///                even if the call fails.
/// @return The worker, or `Invalid options: …` or `Worker start failed: …` in `fail`. The latter
///         happens, for example, if a connection already has a worker for the same tasks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_new(
    client: *mut Connection,
    options: *const WorkerOptions,
) -> WorkerOrFail {
    let failed = |message: String| WorkerOrFail {
        worker: ptr::null_mut(),
        fail: ByteArray::give(message),
    };
    // SAFETY: the connection and the options, with everything they reference, are live for this call.
    let (client, options) = unsafe {
        (
            Lent::handle(client, "client"),
            Lent::required(options, "options"),
        )
    };
    guard(failed, || match new_worker(client, options) {
        Ok(worker) => WorkerOrFail {
            worker: boxed(worker),
            fail: ptr::null(),
        },
        Err(message) => failed(message),
    })
}

fn new_worker(
    client: Checked<Lent<'_, Connection>>,
    options: Checked<Lent<'_, WorkerOptions>>,
) -> Checked<Worker> {
    let invalid = |message| format!("Invalid options: {message}");
    let failed = |message| format!("Worker start failed: {message}");
    // The options first, so that custom slot suppliers are taken over even if something else fails.
    let options = options.map_err(invalid)?;
    let read = || -> Checked<_> {
        let (config, slots) = worker_config(options, false)?;
        for (option, text) in [
            ("namespace_", &config.namespace),
            ("task_queue", &config.task_queue),
        ] {
            if text.is_empty() {
                return Err(format!("{option} is empty"));
            }
        }
        Ok((config, slots))
    };
    let config = match &client {
        Ok(client) => client.core.masked(|| client.core.enter(read)),
        Err(_) => read(),
    };
    let (client, (config, slots)) = (client.map_err(invalid)?, config.map_err(invalid)?);
    if config.client_identity_override.is_none() && client.client.identity().is_empty() {
        return Err(invalid(
            "identity_override is empty, and so is the connection's identity; set one of them"
                .to_owned(),
        ));
    }
    let core = client.core.clone();
    // Core starts a thread for workflows, which panics if it gets no descriptor.
    check_room_for(1).map_err(failed)?;
    core.enter(|| {
        let worker = core
            .masked(|| init_worker(core.core_runtime(), config, client.client.clone()))
            .map_err(|error| failed(registration_failure(&error)))?;
        Ok(Worker::new(core.clone(), worker, slots, Source::Server))
    })
}

/// Frees the worker.
///
/// @param worker From `temporal_core_worker_new` or `temporal_core_worker_replayer_new`; do not use
///               it again. May be NULL.
///
/// If the worker was not finalized, it stops polling: polls in flight end, completions in flight
/// continue, and workflow tasks that were not completed fail, so that the server gives them to
/// another worker.
///
/// You can call it inside a callback, and before or after the runtime and the connection are freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_free(worker: *mut Worker) {
    guard_infallible((), || {
        // SAFETY: `worker_new` or `worker_replayer_new` boxed the worker; this is its last use.
        drop(unsafe { taken_back(worker) });
        Ok(())
    });
}

/// Checks that the namespace exists, and reads what the server supports. Call it before the first
/// poll.
///
/// @param worker    Must stay valid until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Called after at most 180 seconds. Fails if the namespace cannot be described.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_validate(
    worker: *mut Worker,
    user_data: *mut c_void,
    callback: WorkerCallback,
) {
    // SAFETY: the worker is live until the callback.
    let worker = unsafe { Lent::handle(worker, "worker") };
    let prepare = |worker: &Worker| {
        let failed = |reason: &dyn Display| format!("Worker validation failed: {reason}");
        let call = worker.calls.with_callback().map_err(|it| failed(&it))?;
        worker.end.check_start().map_err(|it| failed(&it))?;
        let freed = worker.freed.clone();
        Ok(move || async move {
            let validation = timeout(VALIDATION_PATIENCE, async move { call.validate().await });
            match unless_freed(freed, validation).await {
                Ok(Ok(valid)) => valid
                    .map(drop)
                    .map_err(|error| failed(&validation_failure(&error))),
                Ok(Err(_)) => Err(failed(&format!(
                    "the server did not answer within {} s",
                    VALIDATION_PATIENCE.as_secs()
                ))),
                Err(freed) => Err(failed(&freed)),
            }
        })
    };
    start::<DoneCallback, _, _>(
        export_of_val(&prepare),
        worker,
        user_data,
        callback,
        prepare,
    );
}

/// Makes the worker use another connection, from its next request on.
///
/// @param worker     The worker. A replayer is an error.
/// @param new_client The connection. You can free it when the call returns.
/// @return NULL on success, otherwise the error message. Free it with
///         `temporal_core_byte_array_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_replace_client(
    worker: *mut Worker,
    new_client: *mut Connection,
) -> *const ByteArray {
    // SAFETY: worker and connection are live for this call.
    let (worker, client) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::handle(new_client, "new_client"),
        )
    };
    answer_now(|| {
        let (worker, client) = (worker?, client?);
        let failed = |reason: String| format!("Replace client failed: {reason}");
        if worker.is_replayer() {
            return Err(failed("a replayer has no connection to replace".to_owned()));
        }
        worker.core.enter(|| {
            let call = worker.calls.without_callback().map_err(failed)?;
            worker
                .core
                .masked(|| call.replace_client(client.client.clone()))
                .map_err(|error| failed(registration_failure(&error)))?;
            let mut cores = lock(&worker.connection_cores);
            if !cores.iter().any(|core| Arc::ptr_eq(core, &client.core)) {
                cores.push(client.core.clone());
            }
            Ok(())
        })
    })
}

/// The body of a synchronous call: NULL on success.
fn answer_now(body: impl FnOnce() -> Checked<()>) -> *const ByteArray {
    ByteArray::give_optional(guard(Err, body).err())
}

/// Polls for a workflow activation.
///
/// @param worker    Must stay valid until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Receives a `coresdk.workflow_activation.WorkflowActivation`. Evictions are
///                  also activations.
///
/// Make one such poll at a time. Core polls the server as often as the worker's options say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_poll_workflow_activation(
    worker: *mut Worker,
    user_data: *mut c_void,
    callback: WorkerPollCallback,
) {
    // SAFETY: the worker is live until the callback.
    let worker = unsafe { Lent::handle(worker, "worker") };
    poll(worker, user_data, callback, WORKFLOWS, |handle, worker| {
        let activations = handle.activations.clone();
        move || async move { activations.poll(&worker).await }
    });
}

/// Polls for an activity task. Local activities come first.
///
/// @param worker    Must stay valid until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Receives a `coresdk.activity_task.ActivityTask`. Cancellations are also tasks.
///
/// Make one such poll at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_poll_activity_task(
    worker: *mut Worker,
    user_data: *mut c_void,
    callback: WorkerPollCallback,
) {
    // SAFETY: the worker is live until the callback.
    let worker = unsafe { Lent::handle(worker, "worker") };
    poll(worker, user_data, callback, ACTIVITIES, |_, worker| {
        move || async move { worker.poll_activity_task().await }
    });
}

/// Polls for a Nexus task.
///
/// @param worker    Must stay valid until the callback.
/// @param user_data Passed to the callback.
/// @param callback  Receives a `coresdk.nexus.NexusTask`. Cancellations are also tasks.
///
/// Make one such poll at a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_poll_nexus_task(
    worker: *mut Worker,
    user_data: *mut c_void,
    callback: WorkerPollCallback,
) {
    // SAFETY: the worker is live until the callback.
    let worker = unsafe { Lent::handle(worker, "worker") };
    poll(worker, user_data, callback, NEXUS, |_, worker| {
        move || async move { worker.poll_nexus_task().await }
    });
}

/// Completes a workflow activation. Complete every activation, including evictions.
///
/// @param worker     Must stay valid until the callback.
/// @param completion A `coresdk.workflow_completion.WorkflowActivationCompletion`.
/// @param user_data  Passed to the callback.
/// @param callback   If the bytes cannot be decoded (`… decode failure: …`), called on your thread;
///                   otherwise on a runtime thread.
///
/// You can complete several tasks at the same time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_complete_workflow_activation(
    worker: *mut Worker,
    completion: ByteArrayRef,
    user_data: *mut c_void,
    callback: WorkerCallback,
) {
    // SAFETY: the worker is live until the callback, the completion for this call.
    let (worker, completion) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::by_value(&completion, "completion"),
        )
    };
    complete(
        worker,
        completion,
        user_data,
        callback,
        CompletionMessages {
            decode_failure: "Workflow task decode failure",
            failure: "Workflow completion failure",
            reason: workflow_failure,
        },
        |handle, worker, completion: WorkflowActivationCompletion| {
            let activations = handle.activations.clone();
            move || async move { activations.complete(&worker, completion).await }
        },
    );
}

/// Completes an activity task, local or not.
///
/// @param worker     Must stay valid until the callback.
/// @param completion A `coresdk.ActivityTaskCompletion`.
/// @param user_data  Passed to the callback.
/// @param callback   If the bytes cannot be decoded (`… decode failure: …`), called on your thread;
///                   otherwise on a runtime thread.
///
/// You can complete several tasks at the same time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_complete_activity_task(
    worker: *mut Worker,
    completion: ByteArrayRef,
    user_data: *mut c_void,
    callback: WorkerCallback,
) {
    // SAFETY: the worker is live until the callback, the completion for this call.
    let (worker, completion) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::by_value(&completion, "completion"),
        )
    };
    complete(
        worker,
        completion,
        user_data,
        callback,
        CompletionMessages {
            decode_failure: "Activity task decode failure",
            failure: "Activity completion failure",
            reason: activity_failure,
        },
        |handle, worker, completion: ActivityTaskCompletion| {
            let tasks = handle.tasks.clone();
            move || async move {
                let token = completion.task_token.clone();
                worker.complete_activity_task(completion).await?;
                tasks.completed_activity(&token);
                Ok(())
            }
        },
    );
}

/// Completes a Nexus task.
///
/// @param worker     Must stay valid until the callback.
/// @param completion A `coresdk.nexus.NexusTaskCompletion`.
/// @param user_data  Passed to the callback.
/// @param callback   If the bytes cannot be decoded (`… decode failure: …`), called on your thread;
///                   otherwise on a runtime thread.
///
/// You can complete several tasks at the same time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_complete_nexus_task(
    worker: *mut Worker,
    completion: ByteArrayRef,
    user_data: *mut c_void,
    callback: WorkerCallback,
) {
    // SAFETY: the worker is live until the callback, the completion for this call.
    let (worker, completion) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::by_value(&completion, "completion"),
        )
    };
    complete(
        worker,
        completion,
        user_data,
        callback,
        CompletionMessages {
            decode_failure: "Nexus task decode failure",
            failure: "Nexus completion failure",
            reason: nexus_failure,
        },
        |handle, worker, completion: NexusTaskCompletion| {
            let tasks = handle.tasks.clone();
            move || async move {
                let token = completion.task_token.clone();
                worker.complete_nexus_task(completion).await?;
                tasks.completed_nexus(&token);
                Ok(())
            }
        },
    );
}

/// Records a heartbeat of an activity. It does not wait for the server: core sends heartbeats as
/// often as the worker's options say.
///
/// @param worker    The worker.
/// @param heartbeat A `coresdk.ActivityHeartbeat`.
/// @return NULL on success, otherwise the error message. Free it with
///         `temporal_core_byte_array_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_record_activity_heartbeat(
    worker: *mut Worker,
    heartbeat: ByteArrayRef,
) -> *const ByteArray {
    // SAFETY: worker and heartbeat are live for this call.
    let (worker, heartbeat) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::by_value(&heartbeat, "heartbeat"),
        )
    };
    answer_now(|| {
        let worker = worker?;
        let heartbeat: ActivityHeartbeat = decoded(heartbeat, "Activity heartbeat decode failure")?;
        worker.core.enter(|| {
            let call = worker.calls.without_callback()?;
            worker
                .core
                .masked(|| call.record_activity_heartbeat(heartbeat));
            Ok(())
        })
    })
}

/// Requests the eviction of a workflow run from the cache. An activation with the eviction follows.
///
/// @param worker If NULL or finalized, the call logs an error and has no effect.
/// @param run_id The run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_request_workflow_eviction(
    worker: *mut Worker,
    run_id: ByteArrayRef,
) {
    // SAFETY: worker and run id are live for this call.
    let (worker, run_id) = unsafe {
        (
            Lent::handle(worker, "worker"),
            Lent::by_value(&run_id, "run_id"),
        )
    };
    run_or_log(worker, |worker| {
        let run_id = run_id.text()?;
        let call = worker.calls.without_callback()?;
        worker
            .core
            .masked(|| call.request_workflow_eviction(run_id));
        Ok(())
    });
}

/// Starts the shutdown: the worker stops polling the server. Continue to poll and to complete tasks
/// until the polls of each kind give both NULL, then call `temporal_core_worker_finalize_shutdown`.
///
/// @param worker If it is NULL, shutting down or finalized, the call has no effect.
///
/// You can call it inside a callback.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_initiate_shutdown(worker: *mut Worker) {
    // SAFETY: the worker is live for this call.
    let worker = unsafe { Lent::handle(worker, "worker") };
    run_or_log(worker, |worker| {
        worker.end.ask_for_shutdown();
        if let Ok(call) = worker.calls.without_callback() {
            worker.core.masked(|| call.initiate_shutdown());
        }
        Ok(())
    });
}

/// The body of a call that cannot report a failure: errors are logged.
fn run_or_log<Body>(worker: Checked<Lent<'_, Worker>>, body: Body)
where
    Body: FnOnce(&Worker) -> Checked<()>,
{
    let export = export_of::<Body>;
    match worker {
        Ok(worker) => {
            let core = worker.core.clone();
            core.enter(|| guard_named(export, (), || body(&worker)));
        }
        Err(message) => guard_named(export, (), || Err(message)),
    }
}

/// Completes the shutdown, once: waits for what is still running inside, and releases the worker's
/// slots.
///
/// @param worker    Must stay valid until the callback. After success, polls and completions fail;
///                  free it.
/// @param user_data Passed to the callback.
/// @param callback  If calls are in flight, or workflow activations are not completed, called at
///                  once on your thread with `Cannot finalize, …`; the worker is unchanged, and you
///                  can try again. Inside the callback of the last of these calls, finalizing
///                  succeeds.
///
/// It waits for activities and Nexus tasks that are not completed, and for calls on other threads
/// that have no callback, such as `temporal_core_worker_initiate_shutdown`. If you call it inside
/// such a call, in a callback for logs or of a slot supplier, it fails immediately.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_core_worker_finalize_shutdown(
    worker: *mut Worker,
    user_data: *mut c_void,
    callback: WorkerCallback,
) {
    // SAFETY: the worker is live until the callback.
    let worker = unsafe { Lent::handle(worker, "worker") };
    let prepare = |worker: &Worker| {
        let freed = worker.freed.clone();
        let taken = worker.calls.take(|| worker.activations.count())?;
        worker.end.ask_for_shutdown();
        let unregister = unregistration(taken.worker());
        Ok(move || async move {
            let end = unless_freed(freed, async move {
                shut_down(taken.alone().await?).await;
                Ok(())
            });
            // A panic becomes the call's failure, as always, but first the connection forgets the worker.
            let ended = AssertUnwindSafe(end).catch_unwind().await;
            if !matches!(&ended, Ok(Ok(Ok(())))) {
                unregister();
            }
            ended
                .unwrap_or_else(|payload| resume_unwind(payload))
                .and_then(|finalized| finalized)
        })
    };
    start::<DoneCallback, _, _>(
        export_of_val(&prepare),
        worker,
        user_data,
        callback,
        prepare,
    );
}
